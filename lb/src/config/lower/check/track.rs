//! `FILE_CHECK` and `BFD_CHECK`.

use super::{Above, CheckDraft, Named, RealServerDraft, Referent};
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report, quote},
    keyword::check::track::{BFD, FILE},
    lower::value,
    model::{
        Check,
        check::{BfdCheck, FileCheck, FileWeight},
    },
    source::{Span, Spanned},
};

const MAX_WEIGHT: i64 = 0x7fff_ffff;

/// A `FILE_CHECK` as written.
#[derive(Debug)]
pub(in crate::config) struct FileDraft {
    span: Span,
    pub(in crate::config) name: Option<Spanned<String>>,
    weight: Option<FileWeight>,
}

/// A `BFD_CHECK` as written.
#[derive(Debug)]
pub(in crate::config) struct BfdDraft {
    span: Span,
    pub(in crate::config) name: Option<Spanned<String>>,
    pub(in crate::config) alpha: Option<bool>,
}

pub(in crate::config) fn read_file(
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    let mut check = Box::new(FileDraft {
        span: statement.keyword.span,
        name: None,
        weight: None,
    });
    FILE.read(statement.statements(), &mut *check, report);
    draft.checks.push(CheckDraft::File(check));
}

pub(in crate::config) fn read_bfd(
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    let mut check = Box::new(BfdDraft {
        span: statement.keyword.span,
        name: None,
        alpha: None,
    });
    BFD.read(statement.statements(), &mut *check, report);
    draft.checks.push(CheckDraft::Bfd(check));
}

pub(in crate::config) fn read_weight(
    draft: &mut FileDraft,
    statement: &Statement,
    report: &mut Report,
) {
    const EXPECTED: &str = "a whole number from -2147483647 to 2147483647, [reverse]";
    value::warn_of_rest(statement, 2, report);
    let Some(word) = value::required(statement, EXPECTED, report) else {
        return;
    };
    let reverse = match statement.arguments.get(1) {
        None => false,
        Some(word) if &*word.text == "reverse" => true,
        Some(word) => {
            value::report_illegal(word, "weight", report).expected(EXPECTED);
            return;
        }
    };
    let weight = value::number(word, "weight", -MAX_WEIGHT..=MAX_WEIGHT, report);
    let multiplier = weight.and_then(|weight| weight.value.try_into().ok());
    draft.weight = multiplier.map(|multiplier| FileWeight {
        multiplier,
        reverse,
    });
}

pub(in crate::config) fn show_weight(file: &FileCheck) -> Vec<String> {
    let line = |weight: FileWeight| {
        let reverse = if weight.reverse { " reverse" } else { "" };
        format!("{}{reverse}", weight.multiplier)
    };
    file.weight.map(line).into_iter().collect()
}

impl FileDraft {
    pub(super) fn finish(self, names: &mut Vec<Named>, report: &mut Report) -> Option<FileCheck> {
        let Some(name) = self.name else {
            report
                .error(
                    Kind::Missing,
                    self.span,
                    "FILE_CHECK has no `track_file`: nothing would be checked".to_owned(),
                )
                .help("write `track_file NAME` in its block");
            return None;
        };
        names.push(Named {
            what: Referent::TrackFile,
            name: name.value.clone(),
            span: name.span,
        });
        Some(FileCheck {
            track_file: name.value,
            weight: self.weight,
        })
    }
}

impl BfdDraft {
    /// keepalived drops the second check of one session.
    pub(super) fn finish(
        self,
        above: &Above<'_>,
        others: &[Check],
        names: &mut Vec<Named>,
        report: &mut Report,
    ) -> Option<BfdCheck> {
        let Some(name) = self.name else {
            report
                .error(
                    Kind::Missing,
                    self.span,
                    "BFD_CHECK has no `name`: nothing would be checked".to_owned(),
                )
                .help("write the `name` of a bfd_instance in its block");
            return None;
        };
        let is_same =
            |check: &Check| matches!(check, Check::Bfd(other) if other.instance == name.value);
        if others.iter().any(is_same) {
            report
                .warning(
                    Kind::Duplicate,
                    name.span,
                    format!(
                        "the real server follows {} already; the second check is dropped, as in keepalived",
                        quote(&name.value)
                    ),
                )
                .help("remove one of them");
            return None;
        }
        names.push(Named {
            what: Referent::BfdInstance,
            name: name.value.clone(),
            span: name.span,
        });
        Some(BfdCheck {
            instance: name.value,
            alpha: self.alpha.unwrap_or(above.alpha),
        })
    }
}
