//! `real_server`.

use std::net::IpAddr;

use super::{
    super::{Placed, RealServerPlaces, value},
    Timing, address_and_port, report_no_address,
    virtual_server::VirtualServerDraft,
};
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report, quote},
    keyword::lvs::real_server::TABLE,
    lower::check::{Above, CheckDraft, Named},
    model::{
        ForwardMethod, Micros, RealServer, Weight,
        lvs::{Notify, QuicServerId, Thresholds},
    },
    source::{Span, Spanned},
};

/// A `real_server` as written.
#[derive(Debug)]
pub(in crate::config) struct RealServerDraft {
    pub(super) span: Span,
    pub(super) address: IpAddr,
    /// Not 0.
    pub(super) port: Option<Spanned<u16>>,
    pub(in crate::config) weight: Option<Weight>,
    pub(in crate::config) method: Option<ForwardMethod>,
    pub(in crate::config) thresholds: Thresholds,
    pub(in crate::config) inhibit_on_failure: Option<bool>,
    pub(in crate::config) alpha: Option<bool>,
    pub(in crate::config) timing: Timing,
    pub(in crate::config) notify: Notify,
    pub(in crate::config) smtp_alert: Option<bool>,
    pub(in crate::config) virtualhost: Option<Box<str>>,
    pub(in crate::config) snmp_name: Option<Box<str>>,
    pub(in crate::config) slow_start: Option<Micros>,
    pub(in crate::config) quic_server_id: Option<Box<QuicServerId>>,
    pub(in crate::config) checks: Vec<CheckDraft>,
}

pub(in crate::config) fn read(
    draft: &mut VirtualServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 2, report);
    let name = "real_server";
    if statement.arguments.is_empty() {
        report_no_address(statement, "ADDRESS [PORT]", report);
    }
    let Some((address, port)) = address_and_port(&statement.arguments, name, report) else {
        draft.has_refused_server = true;
        return;
    };
    let mut server = RealServerDraft {
        span: port.map_or(address.span, |port| address.span.to(port.span)),
        address: address.value,
        port,
        weight: None,
        method: None,
        thresholds: Thresholds::default(),
        inhibit_on_failure: None,
        alpha: None,
        timing: Timing::default(),
        notify: Notify::default(),
        smtp_alert: None,
        virtualhost: None,
        snmp_name: None,
        slow_start: None,
        quic_server_id: None,
        checks: Vec::new(),
    };
    TABLE.read(statement.statements(), &mut server, report);
    draft.real_servers.push(server);
}

/// What `quic_server_id` takes.
pub(in crate::config) const QUIC_SERVER_ID: &str = "2 to 16 hexadecimal digits, two for each byte";

pub(in crate::config) fn read_quic_server_id(
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
    let Some(word) = value::required(statement, QUIC_SERVER_ID, report) else {
        return;
    };
    draft.quic_server_id = QuicServerId::parse(&word.text).map(Box::new);
    if draft.quic_server_id.is_none() {
        value::report_illegal(word, "server id", report).expected(QUIC_SERVER_ID);
    }
}

/// What a virtual server says about its real servers.
pub(super) struct FromServer<'s> {
    /// 0 where the packets keep theirs.
    pub(super) port: u16,
    /// Packets are told by their mark alone, whatever their ports.
    pub(super) is_marked: bool,
    pub(super) method: ForwardMethod,
    pub(super) weight: Option<Weight>,
    pub(super) slow_start: Option<Micros>,
    pub(super) inhibit_on_failure: bool,
    pub(super) alpha: bool,
    pub(super) timing: Timing,
    pub(super) virtualhost: Option<&'s str>,
}

/// Applies the defaults. `logs` gets the checks that say themselves whether they log all failures, `names` what
/// they refer to.
pub(super) fn finish(
    draft: RealServerDraft,
    above: &FromServer<'_>,
    logs: &mut Vec<usize>,
    names: &mut Vec<Named>,
    report: &mut Report,
) -> Placed<RealServer, RealServerPlaces> {
    let alpha = draft.alpha.unwrap_or(above.alpha);
    let method = draft.method.unwrap_or(above.method);
    let port = finish_port(&draft, method, above, report);
    let from_real = Above {
        server: draft.span,
        address: draft.address,
        port: draft.port.map_or(above.port, |port| port.value),
        timing: draft.timing.or(above.timing),
        alpha,
        virtualhost: draft.virtualhost.as_deref().or(above.virtualhost),
    };
    let mut checks = Vec::with_capacity(draft.checks.len());
    for check in draft.checks {
        let (says_logs, from) = (check.says_logs(), checks.len());
        check.finish(&from_real, &mut checks, names, report);
        if says_logs {
            logs.extend(from..checks.len());
        }
    }
    Placed {
        at: RealServerPlaces {
            server: draft.span,
            port: draft.port.map_or(draft.span, |port| port.span),
        },
        value: RealServer {
            address: draft.address,
            port,
            weight: draft.weight.or(above.weight).unwrap_or(Weight::ONE),
            method,
            thresholds: draft.thresholds,
            inhibit_on_failure: draft.inhibit_on_failure.unwrap_or(above.inhibit_on_failure),
            alpha,
            smtp_alert: draft.smtp_alert.unwrap_or(true),
            notify: draft.notify,
            virtualhost: draft.virtualhost,
            snmp_name: draft.snmp_name,
            slow_start: draft.slow_start.or(above.slow_start).unwrap_or_default(),
            quic_server_id: draft.quic_server_id,
            checks,
        },
    }
}

/// Every port may be checked, whatever packets are sent to.
fn finish_port(
    draft: &RealServerDraft,
    method: ForwardMethod,
    above: &FromServer<'_>,
    report: &mut Report,
) -> u16 {
    match draft.port {
        Some(port) if above.is_marked && !method.is_nat() => {
            report
                .warning(
                    Kind::Conflict,
                    port.span,
                    format!(
                        "port {} is ignored, as in keepalived: packets with a firewall mark that are not translated keep theirs",
                        port.value
                    ),
                )
                .help("remove it, and write `connect_port` in the checks");
            0
        }
        Some(port) => port.value,
        None if method.is_nat() && above.port > 0 => {
            report
                .warning(
                    Kind::Missing,
                    draft.span,
                    format!(
                        "real_server {} has no port: the virtual server's is used, {}",
                        quote(&draft.address.to_string()),
                        above.port
                    ),
                )
                .help("write the port after the address");
            above.port
        }
        None => above.port,
    }
}
