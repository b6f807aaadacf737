//! Mail.

use std::net::IpAddr;

use crate::config::{
    System,
    diagnostic::{Kind, Report, quote},
    lower::Lowered,
    need::{Need, SecretKind},
};

/// A password in clear text is everybody's on the way; on this host there is no way.
pub(super) fn passwords_travel_within_tls(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let mail = &lowered.global.mail;
    let Some(server) = mail.server.as_ref().filter(|_| mail.starttls.is_none()) else {
        return;
    };
    let address = server.host.parse::<IpAddr>();
    if server.host == "localhost" || address.is_ok_and(|address| address.is_loopback()) {
        return;
    }
    let mut secrets = lowered.needs.iter().filter(|need| {
        let Need::SecretFile { secret, .. } = &need.value else {
            return false;
        };
        *secret == SecretKind::MailPassword
    });
    // Of several the last one counts.
    if let Some(need) = secrets.next_back() {
        let host = quote(&server.host);
        report
            .warning(
                Kind::Conflict,
                need.span,
                format!("the password of `smtp_auth` goes to {host} in clear text"),
            )
            .help("write `smtp_starttls`");
    }
}
