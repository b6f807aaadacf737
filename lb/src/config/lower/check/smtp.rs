//! `SMTP_CHECK`, which may have several `host` blocks: each is a check of its own.

use super::{
    Above, CONNECTS, CheckDraft, ConnectionDraft, Named, ProbeDraft, RealServerDraft, read_probe,
};
use crate::config::{
    ast::Statement,
    diagnostic::Report,
    keyword::check::network,
    lower::value,
    model::{
        Check,
        check::{Probe, Smtp},
    },
    source::Span,
};

/// A `SMTP_CHECK` as written.
#[derive(Debug, Default)]
pub(in crate::config) struct SmtpDraft {
    pub(in crate::config) helo_name: Option<String>,
    hosts: Vec<(Span, ConnectionDraft)>,
}

pub(in crate::config) fn read(
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    read_probe(&network::SMTP, CheckDraft::Smtp, draft, statement, report);
}

pub(in crate::config) fn read_host(
    draft: &mut ProbeDraft<SmtpDraft>,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    let mut host = ConnectionDraft::default();
    network::HOST.read(statement.statements(), &mut host, report);
    draft.settings.hosts.push((statement.keyword.span, host));
}

pub(super) fn finish(
    draft: ProbeDraft<SmtpDraft>,
    at: Span,
    above: &Above<'_>,
    into: &mut Vec<Check>,
    names: &mut Vec<Named>,
    report: &mut Report,
) {
    let ProbeDraft {
        connection,
        settings: SmtpDraft { helo_name, hosts },
    } = draft;
    let hosts = if hosts.is_empty() {
        vec![(at, connection)]
    } else {
        let hosts = hosts.into_iter();
        hosts.map(|(at, host)| (at, host.or(&connection))).collect()
    };
    for (at, host) in hosts {
        let connection = host.finish(at, CONNECTS, above, names, report);
        let settings = Smtp {
            helo_name: helo_name.clone(),
        };
        into.push(Check::Smtp(Box::new(Probe {
            connection,
            settings,
        })));
    }
}

impl ConnectionDraft {
    /// What the host says, else what its check says.
    fn or(mut self, check: &Self) -> Self {
        self.schedule.timing = self.schedule.timing.or(check.schedule.timing);
        self.schedule.alpha = self.schedule.alpha.or(check.schedule.alpha);
        let logs = check.schedule.log_all_failures;
        self.schedule.log_all_failures = self.schedule.log_all_failures.or(logs);
        self.address = self.address.or(check.address);
        self.port = self.port.or(check.port);
        self.origin = self.origin.or_else(|| check.origin.clone());
        self
    }
}
