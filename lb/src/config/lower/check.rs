//! `virtual_server`, `real_server` and checkers.

use std::{net::IpAddr, time::Duration};

use super::{Draft, Placed, PlacedRealServer, RealServerPlaces, ServerPlaces, value};
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report, Withheld, quote},
    keyword::{
        Seen,
        check::{REAL_SERVER, TCP_CHECK, VIRTUAL_SERVER},
    },
    model::{ForwardMethod, Protocol, RealServer, Scheduler, TcpCheck, VirtualServer, Weight},
    source::{Span, Spanned},
};

/// What a level of `virtual_server`, `real_server`, checker says about timing.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::config) struct Timing {
    pub(in crate::config) delay_loop: Option<Duration>,
    pub(in crate::config) connect_timeout: Option<Duration>,
    pub(in crate::config) retry: Option<u32>,
    pub(in crate::config) delay_before_retry: Option<Duration>,
    pub(in crate::config) warmup: Option<Duration>,
}

impl Timing {
    /// What this level says, else what the level above says.
    fn or(self, above: Self) -> Self {
        Self {
            delay_loop: self.delay_loop.or(above.delay_loop),
            connect_timeout: self.connect_timeout.or(above.connect_timeout),
            retry: self.retry.or(above.retry),
            delay_before_retry: self.delay_before_retry.or(above.delay_before_retry),
            warmup: self.warmup.or(above.warmup),
        }
    }
}

/// keepalived's defaults.
const DELAY_LOOP: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const RETRY: u32 = 1;
const DELAY_BEFORE_RETRY: Duration = Duration::from_secs(1);

/// A `virtual_server` as written.
#[derive(Debug)]
pub(in crate::config) struct VirtualServerDraft {
    span: Span,
    address: IpAddr,
    port: u16,
    pub(in crate::config) protocol: Option<Protocol>,
    pub(in crate::config) scheduler: Option<Scheduler>,
    pub(in crate::config) method: Option<ForwardMethod>,
    pub(in crate::config) timing: Timing,
    pub(in crate::config) weight: Option<Weight>,
    real_servers: Vec<RealServerDraft>,
    seen: Seen,
    withheld: Withheld,
}

/// A `real_server` as written.
#[derive(Debug)]
pub(in crate::config) struct RealServerDraft {
    span: Span,
    address: IpAddr,
    port: Spanned<u16>,
    pub(in crate::config) weight: Option<Weight>,
    pub(in crate::config) timing: Timing,
    checks: Vec<TcpCheckDraft>,
}

/// A `TCP_CHECK` as written.
#[derive(Debug, Default)]
pub(in crate::config) struct TcpCheckDraft {
    pub(in crate::config) address: Option<IpAddr>,
    pub(in crate::config) port: Option<u16>,
    pub(in crate::config) timing: Timing,
}

pub(in crate::config) fn read_virtual_server(
    draft: &mut Draft,
    statement: &Statement,
    report: &mut Report,
) {
    if let Some(word) = statement.arguments.first()
        && matches!(&*word.text, "fwmark" | "group")
    {
        report.not_carried(word.span, &quote(&format!("virtual_server {}", word.text)));
        return;
    }
    let Some((address, port)) = value::address_and_port(statement, report) else {
        return;
    };
    let mut server = VirtualServerDraft {
        span: address.span.to(port.span),
        address: address.value,
        port: port.value,
        protocol: None,
        scheduler: None,
        method: None,
        timing: Timing::default(),
        weight: None,
        real_servers: Vec::new(),
        seen: Seen::default(),
        withheld: Withheld::new(),
    };
    server.withheld = report.withheld_by(|report| {
        server.seen = VIRTUAL_SERVER.read(statement.statements(), &mut server, report);
    });
    draft.servers.push(server);
}

pub(in crate::config) fn read_real_server(
    draft: &mut VirtualServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    let Some((address, port)) = value::address_and_port(statement, report) else {
        return;
    };
    let mut server = RealServerDraft {
        span: address.span.to(port.span),
        address: address.value,
        port,
        weight: None,
        timing: Timing::default(),
        checks: Vec::new(),
    };
    REAL_SERVER.read(statement.statements(), &mut server, report);
    draft.real_servers.push(server);
}

pub(in crate::config) fn read_tcp_check(
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    let mut check = TcpCheckDraft::default();
    TCP_CHECK.read(statement.statements(), &mut check, report);
    draft.checks.push(check);
}

/// Applies the defaults; `None` when something required is missing, which is reported. keepalived drops a
/// server without real servers, with a message.
pub(super) fn finish(
    draft: &VirtualServerDraft,
    report: &mut Report,
) -> Option<Placed<VirtualServer, ServerPlaces>> {
    report_missing(draft, report);
    if !draft.seen.has("real_server") {
        return None;
    }
    let what = quote(&format!("virtual_server {} {}", draft.address, draft.port));
    let withheld = report.leave_out(&what, &draft.withheld);
    let (values, real_servers) = draft
        .real_servers
        .iter()
        .map(|server| finish_real_server(server, draft))
        .map(|placed| (placed.value, placed.at))
        .unzip();
    Some(Placed {
        at: ServerPlaces {
            server: draft.span,
            real_servers,
        },
        value: VirtualServer {
            address: draft.address,
            port: draft.port,
            protocol: draft.protocol.unwrap_or(Protocol::Udp),
            scheduler: draft.scheduler?,
            method: draft.method?,
            delay_loop: draft.timing.delay_loop.unwrap_or(DELAY_LOOP),
            real_servers: values,
            withheld,
        },
    })
}

fn report_missing(draft: &VirtualServerDraft, report: &mut Report) {
    let name = quote(&format!("virtual_server {} {}", draft.address, draft.port));
    if !draft.seen.has("real_server") {
        report
            .warning(
                Kind::Missing,
                draft.span,
                format!("{name} has no real_server and is left out, as in keepalived"),
            )
            .help("write `real_server ADDRESS PORT { … }` in its block");
    }
    let required = [
        ("lb_algo", "wlc", "`lb_algo rr` or `lb_algo mh`"),
        ("lb_kind", "NAT", "`lb_kind NAT` or `lb_kind DR`"),
    ];
    for (keyword, default, write) in required {
        if !draft.seen.has(keyword) {
            report
                .error(
                    Kind::Missing,
                    draft.span,
                    format!(
                        "{name} has no `{keyword}`; keepalived would complain and take {default}"
                    ),
                )
                .help(format!("write {write}"));
        }
    }
    if !draft.seen.has("protocol") {
        report
            .warning(
                Kind::Missing,
                draft.span,
                format!("{name} has no `protocol`: UDP is used, as in keepalived"),
            )
            .help("write `protocol TCP` or `protocol UDP`");
    }
}

fn finish_real_server(draft: &RealServerDraft, above: &VirtualServerDraft) -> PlacedRealServer {
    let timing = draft.timing.or(above.timing);
    let checks = draft
        .checks
        .iter()
        .map(|check| finish_tcp_check(check, draft, timing));
    Placed {
        at: RealServerPlaces {
            server: draft.span,
            port: draft.port.span,
        },
        value: RealServer {
            address: draft.address,
            port: draft.port.value,
            weight: draft.weight.or(above.weight).unwrap_or(Weight::ONE),
            checks: checks.collect(),
        },
    }
}

fn finish_tcp_check(draft: &TcpCheckDraft, server: &RealServerDraft, above: Timing) -> TcpCheck {
    let timing = draft.timing.or(above);
    let delay_loop = timing.delay_loop.unwrap_or(DELAY_LOOP);
    TcpCheck {
        address: draft.address.unwrap_or(server.address),
        port: draft.port.unwrap_or(server.port.value),
        connect_timeout: timing.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
        retry: timing.retry.unwrap_or(RETRY),
        delay_before_retry: timing.delay_before_retry.unwrap_or(DELAY_BEFORE_RETRY),
        delay_loop,
        warmup: timing.warmup.unwrap_or(delay_loop),
    }
}
