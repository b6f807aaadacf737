//! `MISC_CHECK`.

use std::time::Duration;

use super::{Above, CheckDraft, MISC, RealServerDraft, ScheduleDraft};
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report},
    keyword::check::program::TABLE,
    lower::{command, value},
    model::{Command, check::Misc, global::Owner},
    need::Runner,
    source::Span,
};

/// A `MISC_CHECK` as written.
#[derive(Debug)]
pub(in crate::config) struct MiscDraft {
    span: Span,
    has_path: bool,
    pub(in crate::config) words: Option<Vec<String>>,
    pub(in crate::config) owner: Option<Owner>,
    pub(in crate::config) timeout: Option<Duration>,
    pub(in crate::config) dynamic: bool,
    pub(in crate::config) schedule: ScheduleDraft,
}

pub(in crate::config) fn read(
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    let mut check = Box::new(MiscDraft {
        span: statement.keyword.span,
        has_path: false,
        words: None,
        owner: None,
        timeout: None,
        dynamic: false,
        schedule: ScheduleDraft::default(),
    });
    let seen = TABLE.read(statement.statements(), &mut *check, report);
    check.has_path = seen.has("misc_path");
    let words = check.words.as_deref().unwrap_or_default();
    let owner = check.owner.as_ref();
    command::note_program(
        ["misc_path", "user"],
        words,
        owner,
        Runner::Check,
        &seen,
        report,
    );
    draft.checks.push(CheckDraft::Misc(check));
}

impl MiscDraft {
    pub(super) fn finish(self, above: &Above<'_>, report: &mut Report) -> Option<Misc> {
        if !self.has_path {
            report
                .error(
                    Kind::Missing,
                    self.span,
                    "MISC_CHECK has no `misc_path`: nothing would be checked".to_owned(),
                )
                .help("write `misc_path \"PROGRAM ARGUMENTS\"` in its block");
        }
        let schedule = self.schedule.finish(MISC, above);
        Some(Misc {
            command: Command {
                words: self.words?,
                owner: self.owner,
            },
            timeout: self
                .timeout
                .filter(|time| !time.is_zero())
                .unwrap_or(schedule.delay_loop),
            dynamic: self.dynamic,
            schedule,
        })
    }
}
