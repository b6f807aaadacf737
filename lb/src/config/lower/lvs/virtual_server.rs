//! `virtual_server`: read, and finished at once, so that no draft waits for the end of the file.

mod finish;

use std::{net::IpAddr, time::Duration};

use super::{
    super::{Draft, value},
    Timing, address_and_port,
    real_server::RealServerDraft,
    report_no_address,
};
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report, quote},
    keyword::{Seen, lvs::virtual_server::TABLE},
    model::{
        Family, ForwardMethod, Micros, PrefixLength, Protocol, Scheduler, VirtualServer, Weight,
        lvs::{Notify, PersistenceEngine, SchedulerFlags},
    },
    source::{Span, Spanned},
};

/// 31 days, the longest that IPVS takes.
const LONGEST_TIMEOUT: i64 = 2_678_400;
/// Persistence by the bare word, and of a service of all ports.
const PERSISTENCE: Duration = Duration::from_secs(360);

/// A `virtual_server` as written.
#[derive(Debug)]
pub(in crate::config) struct VirtualServerDraft {
    span: Span,
    service: ServiceDraft,
    pub(in crate::config) family: Option<Spanned<Family>>,
    pub(in crate::config) protocol: Option<Spanned<Protocol>>,
    pub(in crate::config) scheduler: Option<Scheduler>,
    pub(in crate::config) flags: Vec<FlagDraft>,
    pub(in crate::config) one_packet: Option<Span>,
    pub(in crate::config) method: Option<ForwardMethod>,
    persistence: Option<Duration>,
    granularity: Option<Spanned<Granularity>>,
    pub(in crate::config) engine: Option<Spanned<PersistenceEngine>>,
    pub(in crate::config) timing: Timing,
    pub(in crate::config) weight: Option<Weight>,
    pub(in crate::config) slow_start: Option<Micros>,
    pub(in crate::config) ha_suspend: Option<Span>,
    pub(in crate::config) inhibit_on_failure: bool,
    pub(in crate::config) alpha: bool,
    pub(in crate::config) omega: bool,
    pub(in crate::config) quorum: Option<Spanned<u32>>,
    pub(in crate::config) hysteresis: Option<Spanned<u32>>,
    pub(in crate::config) notify: Notify,
    pub(in crate::config) smtp_alert: Option<bool>,
    pub(in crate::config) virtualhost: Option<Box<str>>,
    pub(in crate::config) snmp_name: Option<Box<str>>,
    pub(in crate::config) sorry: SorryDraft,
    pub(super) real_servers: Vec<RealServerDraft>,
    /// Whether a `real_server` was refused: then the sum of the weights says nothing.
    pub(super) has_refused_server: bool,
    seen: Seen,
}

/// What follows `virtual_server`.
#[derive(Debug)]
enum ServiceDraft {
    Address { address: IpAddr, port: u16 },
    Fwmark(u32),
    Group(String),
}

/// A flag of the scheduler, which may be named after it.
#[derive(Debug)]
pub(in crate::config) struct FlagDraft {
    pub(in crate::config) name: &'static str,
    pub(in crate::config) span: Span,
    /// Whether the scheduler has the flag.
    pub(in crate::config) is_of: fn(Scheduler) -> bool,
    pub(in crate::config) set: fn(&mut SchedulerFlags),
}

/// `persistence_granularity` as written: the form tells the family.
#[derive(Clone, Copy, Debug)]
struct Granularity {
    family: Family,
    length: PrefixLength,
}

/// A `sorry_server` as written.
#[derive(Debug, Default)]
pub(in crate::config) struct SorryDraft {
    address: Option<Spanned<IpAddr>>,
    port: Option<Spanned<u16>>,
    pub(in crate::config) inhibit: Option<Span>,
    pub(in crate::config) method: Option<Spanned<ForwardMethod>>,
}

pub(in crate::config) fn read(draft: &mut Draft, statement: &Statement, report: &mut Report) {
    value::warn_of_rest(statement, 2, report);
    let Some((service, span)) = read_service(statement, report) else {
        return;
    };
    let mut server = VirtualServerDraft {
        span,
        service,
        family: None,
        protocol: None,
        scheduler: None,
        flags: Vec::new(),
        one_packet: None,
        method: None,
        persistence: None,
        granularity: None,
        engine: None,
        timing: Timing::default(),
        weight: None,
        slow_start: None,
        ha_suspend: None,
        inhibit_on_failure: false,
        alpha: false,
        omega: false,
        quorum: None,
        hysteresis: None,
        notify: Notify::default(),
        smtp_alert: None,
        virtualhost: None,
        snmp_name: None,
        sorry: SorryDraft::default(),
        real_servers: Vec::new(),
        has_refused_server: false,
        seen: Seen::default(),
    };
    server.seen = TABLE.read(statement.statements(), &mut server, report);
    if let Some(server) = server.finish(report) {
        draft.servers.push(server);
    }
}

/// `ADDRESS [PORT]`, `fwmark MARK` or `group NAME`.
fn read_service(statement: &Statement, report: &mut Report) -> Option<(ServiceDraft, Span)> {
    const EXPECTED: &str = "ADDRESS [PORT] or fwmark MARK or group NAME";
    let Some(first) = statement.arguments.first() else {
        report_no_address(statement, EXPECTED, report);
        return None;
    };
    let kind = &*first.text;
    if !matches!(kind, "fwmark" | "group") {
        let (address, port) = address_and_port(&statement.arguments, "virtual_server", report)?;
        let span = port.map_or(address.span, |port| address.span.to(port.span));
        let service = ServiceDraft::Address {
            address: address.value,
            port: port.map_or(0, |port| port.value),
        };
        return Some((service, span));
    }
    let Some(word) = statement.arguments.get(1) else {
        report
            .error(
                Kind::Missing,
                first.span,
                format!("{} needs a value", quote(&format!("virtual_server {kind}"))),
            )
            .expected(format_args!("`virtual_server {EXPECTED} {{`"));
        return None;
    };
    let service = if kind == "group" {
        ServiceDraft::Group(word.text.to_string())
    } else {
        let mark = value::number(word, kind, 1..=0xffff_ffff, report)?;
        ServiceDraft::Fwmark(mark.value.try_into().ok()?)
    };
    Some((service, first.span.to(word.span)))
}

pub(in crate::config) fn read_persistence_timeout(
    draft: &mut VirtualServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 1, report);
    draft.persistence = match statement.arguments.first() {
        None => Some(PERSISTENCE),
        Some(word) => value::number(word, "persistence_timeout", 1..=LONGEST_TIMEOUT, report)
            .map(|seconds| Duration::from_secs(seconds.value.unsigned_abs())),
    };
}

/// A netmask in IPv4, the length of a prefix in IPv6, as keepalived reads it.
pub(in crate::config) fn read_granularity(
    draft: &mut VirtualServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    const EXPECTED: &str =
        "a netmask such as 255.255.255.0 for IPv4, or the length of a prefix, 1 to 128, for IPv6";
    value::warn_of_rest(statement, 1, report);
    let name = "persistence_granularity";
    let Some(word) = statement.arguments.first() else {
        report
            .error(
                Kind::Missing,
                statement.keyword.span,
                format!("{} needs a value", quote(name)),
            )
            .expected(EXPECTED);
        return;
    };
    let mask = word.text.parse::<std::net::Ipv4Addr>().ok();
    let (family, length) = match mask.map(std::net::Ipv4Addr::to_bits) {
        Some(mask) if mask.leading_ones() + mask.trailing_zeros() == 32 => {
            (Family::V4, Some(mask.leading_ones()))
        }
        Some(_) => (Family::V4, None),
        None => (Family::V6, word.text.parse().ok()),
    };
    let length = length.filter(|length| (1..=128).contains(length));
    match length.and_then(|length| PrefixLength::try_from(i64::from(length)).ok()) {
        Some(length) => {
            let granularity = Granularity { family, length };
            draft.granularity = Some(Spanned::new(granularity, word.span));
        }
        None => {
            value::report_illegal(word, name, report).expected(EXPECTED);
        }
    }
}

pub(in crate::config) fn show_granularity(server: &VirtualServer) -> Vec<String> {
    let persistence = server.persistence.iter();
    let line = |length: PrefixLength| match server.service.family() {
        Family::V4 => {
            let host_bits = 32_u32.saturating_sub(length.get().into());
            let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
            std::net::Ipv4Addr::from_bits(mask).to_string()
        }
        Family::V6 => length.to_string(),
    };
    persistence.map(|given| line(given.granularity)).collect()
}

pub(in crate::config) fn read_sorry_server(
    draft: &mut VirtualServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 2, report);
    if statement.arguments.is_empty() {
        report
            .error(
                Kind::Missing,
                statement.keyword.span,
                "`sorry_server` needs an address".to_owned(),
            )
            .expected("ADDRESS [PORT]");
        return;
    }
    if let Some((address, port)) = address_and_port(&statement.arguments, "sorry_server", report) {
        draft.sorry.address = Some(address);
        draft.sorry.port = port;
    }
}
