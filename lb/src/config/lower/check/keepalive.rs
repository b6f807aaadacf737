//! `KEEPALIVE_CHECK`.

use std::time::Duration;

use super::{CheckDraft, ProbeDraft, RealServerDraft, read_probe};
use crate::{
    config::{
        ast::Statement,
        diagnostic::Report,
        keyword::check::network,
        lower::value::{self, SECONDS},
        show,
    },
    tcp_keepalive::values::{Guarded, UserTimeout, UserTimeoutChoice},
};

const LEAST: Duration = Duration::from_millis(UserTimeout::LEAST as u64);
const MOST: Duration = Duration::from_millis(UserTimeout::MOST as u64);

pub(in crate::config) fn read(
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    read_probe(
        &network::KEEPALIVE,
        CheckDraft::Keepalive,
        draft,
        statement,
        report,
    );
}

pub(in crate::config) fn read_user_timeout(
    draft: &mut ProbeDraft<Guarded>,
    statement: &Statement,
    report: &mut Report,
) {
    let Some(word) = value::required(statement, "seconds, auto or none", report) else {
        return;
    };
    value::warn_of_rest(statement, 1, report);
    draft.settings.user_timeout = match &*word.text {
        "auto" => UserTimeoutChoice::Auto,
        "none" => UserTimeoutChoice::None,
        _ => {
            let time = value::time(word, "user_timeout", &SECONDS, LEAST..=MOST, report);
            let Some(time) = time.and_then(|time| UserTimeout::try_from(time.value).ok()) else {
                return;
            };
            UserTimeoutChoice::After(time)
        }
    };
}

pub(in crate::config) fn show_user_timeout(choice: UserTimeoutChoice) -> String {
    match choice {
        UserTimeoutChoice::Auto | UserTimeoutChoice::None => choice.to_string(),
        UserTimeoutChoice::After(time) => show::seconds(time.time()),
    }
}
