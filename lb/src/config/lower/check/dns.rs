//! `DNS_CHECK`.

use super::{CheckDraft, ProbeDraft, RealServerDraft, read_probe};
use crate::config::{
    ast::Statement,
    diagnostic::Report,
    keyword::check::network,
    lower::value,
    model::{
        Word as _,
        check::{Dns, DnsType, DomainName},
    },
};

pub(in crate::config) fn read(
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    read_probe(&network::DNS, CheckDraft::Dns, draft, statement, report);
}

/// In any letter case, as in keepalived.
pub(in crate::config) fn read_type(
    draft: &mut ProbeDraft<Dns>,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
    let expected = format!("one of {}", DnsType::WORDS.join(" "));
    let Some(word) = value::required(statement, &expected, report) else {
        return;
    };
    let mut words = DnsType::WORDS.iter();
    let place = words.position(|known| known.eq_ignore_ascii_case(&word.text));
    match place.and_then(DnsType::at) {
        Some(kind) => draft.settings.kind = kind,
        None => {
            value::report_illegal(word, "type", report).expected(expected);
        }
    }
}

pub(in crate::config) fn read_name(
    draft: &mut ProbeDraft<Dns>,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
    let Some(word) = value::required(statement, "a domain name", report) else {
        return;
    };
    match DomainName::try_from(word.text.to_string()) {
        Ok(name) => draft.settings.name = name,
        Err(invalid) => {
            value::report_illegal(word, "name", report).expected(invalid.legal);
        }
    }
}
