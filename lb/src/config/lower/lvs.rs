//! `virtual_server_group`, `virtual_server` and `real_server`.

pub(in crate::config) mod group;
pub(in crate::config) mod method;
pub(in crate::config) mod real_server;
pub(in crate::config) mod virtual_server;

use std::{net::IpAddr, time::Duration};

use super::{Lowered, value};
use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, quote},
    model::Micros,
    source::Spanned,
};

/// What a level of `virtual_server`, `real_server`, checker says about timing.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::config) struct Timing {
    pub(in crate::config) delay_loop: Option<Duration>,
    pub(in crate::config) jitter: Option<Micros>,
    pub(in crate::config) connect_timeout: Option<Duration>,
    pub(in crate::config) retry: Option<u32>,
    pub(in crate::config) delay_before_retry: Option<Duration>,
    pub(in crate::config) rise: Option<u32>,
    pub(in crate::config) fall: Option<u32>,
    pub(in crate::config) warmup: Option<Duration>,
}

impl Timing {
    /// What this level says, else what the level above says.
    pub(super) fn or(self, above: Self) -> Self {
        Self {
            delay_loop: self.delay_loop.or(above.delay_loop),
            jitter: self.jitter.or(above.jitter),
            connect_timeout: self.connect_timeout.or(above.connect_timeout),
            retry: self.retry.or(above.retry),
            delay_before_retry: self.delay_before_retry.or(above.delay_before_retry),
            rise: self.rise.or(above.rise),
            fall: self.fall.or(above.fall),
            warmup: self.warmup.or(above.warmup),
        }
    }
}

/// keepalived's default.
pub(super) const DELAY_LOOP: Duration = Duration::from_secs(60);

/// `ADDRESS [PORT]`; port 0 is the same as none.
fn address_and_port(
    words: &[Word],
    name: &str,
    report: &mut Report,
) -> Option<(Spanned<IpAddr>, Option<Spanned<u16>>)> {
    let (address, rest) = words.split_first()?;
    let address = value::address(address, name, report);
    let port = match rest.first() {
        None => None,
        Some(word) => {
            let port: Spanned<u16> = value::number(word, "port", 0..=65_535, report)?.convert()?;
            Some(port).filter(|port| port.value > 0)
        }
    };
    Some((address?, port))
}

fn report_no_address(statement: &Statement, expected: &str, report: &mut Report) {
    let name = &*statement.keyword.text;
    report
        .error(
            Kind::Missing,
            statement.keyword.span,
            format!("{} needs an address", quote(name)),
        )
        .expected(format_args!("`{name} {expected} {{`"));
}

/// Applies what `global_defs` says to whoever says nothing; it may stand anywhere in the file.
pub(super) fn apply_global(lowered: &mut Lowered) {
    let global = &lowered.global;
    let alert = global.mail.alert_checker.or(global.mail.alert);
    let logs_all = global.lvs.log_all_failures;
    if alert.is_none() && !logs_all {
        return;
    }
    for placed in &mut lowered.servers {
        let (server, own) = (&mut placed.value, &placed.at.own);
        if let (Some(alert), false) = (alert, own.alert) {
            server.smtp_alert = alert;
        }
        for (index, real) in server.real_servers.iter_mut().enumerate() {
            if let Some(alert) = alert
                && !own.alerts.contains(&index)
            {
                real.smtp_alert = alert;
            }
            for (check, schedule) in real.checks.iter_mut().enumerate() {
                if let Some(schedule) = schedule.schedule_mut()
                    && !own.logs.contains(&(index, check))
                {
                    schedule.log_all_failures |= logs_all;
                }
            }
        }
    }
}
