//! Checkers.

pub(in crate::config) mod dns;
pub(in crate::config) mod grpc;
pub(in crate::config) mod http;
pub(in crate::config) mod keepalive;
pub(in crate::config) mod program;
pub(in crate::config) mod smtp;
pub(in crate::config) mod track;
pub(in crate::config) mod udp;

use std::{net::IpAddr, time::Duration};

use self::{
    http::HttpDraft,
    program::MiscDraft,
    smtp::SmtpDraft,
    track::{BfdDraft, FileDraft},
};
use super::{
    lvs::{DELAY_LOOP, Timing, real_server::RealServerDraft},
    value,
};
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report, quote},
    keyword::{Table, check::network},
    model::{
        Check, Connection, Family, InterfaceName, Schedule,
        check::{Dns, Grpc, Origin, Probe, Udp},
    },
    source::{Span, Spanned},
};
use crate::tcp_keepalive::values::Guarded;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);

/// A check as written.
#[derive(Debug)]
pub(in crate::config) enum CheckDraft {
    Tcp(Span, ConnectionDraft),
    Ping(ConnectionDraft),
    Http(Span, Box<ProbeDraft<HttpDraft>>),
    Ssl(Span, Box<ProbeDraft<HttpDraft>>),
    Udp(Span, Box<ProbeDraft<Udp>>),
    Smtp(Span, Box<ProbeDraft<SmtpDraft>>),
    Dns(Span, Box<ProbeDraft<Dns>>),
    Grpc(Span, Box<ProbeDraft<Grpc>>),
    Keepalive(Span, Box<ProbeDraft<Guarded>>),
    Misc(Box<MiscDraft>),
    File(Box<FileDraft>),
    Bfd(Box<BfdDraft>),
}

/// What checks over a connection have in common, as written.
#[derive(Clone, Debug, Default)]
pub(in crate::config) struct ConnectionDraft {
    pub(in crate::config) address: Option<Spanned<IpAddr>>,
    pub(in crate::config) port: Option<u16>,
    pub(in crate::config) origin: Option<Box<OriginDraft>>,
    pub(in crate::config) schedule: ScheduleDraft,
}

/// Where a check's connection comes from, as written.
#[derive(Clone, Debug, Default)]
pub(in crate::config) struct OriginDraft {
    pub(in crate::config) address: Option<Spanned<IpAddr>>,
    pub(in crate::config) port: Option<u16>,
    pub(in crate::config) interface: Option<Spanned<InterfaceName>>,
    pub(in crate::config) fwmark: u32,
}

/// When a check runs, as written.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::config) struct ScheduleDraft {
    pub(in crate::config) timing: Timing,
    pub(in crate::config) alpha: Option<bool>,
    pub(in crate::config) log_all_failures: Option<bool>,
}

/// A check over a connection with settings of its own, as written.
#[derive(Debug, Default)]
pub(in crate::config) struct ProbeDraft<T> {
    pub(in crate::config) connection: ConnectionDraft,
    pub(in crate::config) settings: T,
}

/// Reads a block of such a check.
fn read_probe<T: Default, M>(
    table: &Table<ProbeDraft<T>, M>,
    make: fn(Span, Box<ProbeDraft<T>>) -> CheckDraft,
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    let mut check = Box::default();
    table.read(statement.statements(), &mut *check, report);
    draft.checks.push(make(statement.keyword.span, check));
}

/// What a real server says about its checks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Above<'s> {
    pub(super) server: Span,
    pub(super) address: IpAddr,
    /// 0 where it has none.
    pub(super) port: u16,
    pub(super) timing: Timing,
    pub(super) alpha: bool,
    pub(super) virtualhost: Option<&'s str>,
}

/// A name that a check refers to.
#[derive(Debug)]
pub(in crate::config) struct Named {
    pub(in crate::config) what: Referent,
    pub(in crate::config) name: String,
    pub(in crate::config) span: Span,
}

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Referent {
    TrackFile,
    BfdInstance,
    Interface,
    /// The certificate of the server: the name is that of the check, and `SSL` should have `ca`.
    Certificate,
}

impl Named {
    fn certificate(check: &str, span: Span) -> Self {
        Self {
            what: Referent::Certificate,
            name: check.to_owned(),
            span,
        }
    }
}

/// Defaults of a kind of check.
#[derive(Clone, Copy)]
struct Defaults {
    retry: u32,
    /// `None` is `delay_loop`.
    delay_before_retry: Option<Duration>,
}

const CONNECTS: Defaults = Defaults {
    retry: 1,
    delay_before_retry: Some(SECOND),
};
const HTTP: Defaults = Defaults {
    retry: 1,
    delay_before_retry: Some(Duration::from_secs(3)),
};
const DNS: Defaults = Defaults {
    retry: 3,
    delay_before_retry: None,
};
/// A connection that died is no failure to be forgiven: keepalive has asked several times.
const LASTS: Defaults = Defaults {
    retry: 0,
    delay_before_retry: Some(SECOND),
};
const MISC: Defaults = Defaults {
    retry: 0,
    delay_before_retry: Some(SECOND),
};

pub(in crate::config) fn read_tcp(
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    let mut check = ConnectionDraft::default();
    network::TCP.read(statement.statements(), &mut check, report);
    let check = CheckDraft::Tcp(statement.keyword.span, check);
    draft.checks.push(check);
}

pub(in crate::config) fn read_ping(
    draft: &mut RealServerDraft,
    statement: &Statement,
    report: &mut Report,
) {
    value::warn_of_rest(statement, 0, report);
    let mut check = ConnectionDraft::default();
    network::PING.read(statement.statements(), &mut check, report);
    let check = CheckDraft::Ping(check);
    draft.checks.push(check);
}

impl CheckDraft {
    /// Whether it says itself if all failures are logged.
    pub(super) fn says_logs(&self) -> bool {
        let schedule = match self {
            Self::Tcp(_, connection) | Self::Ping(connection) => &connection.schedule,
            Self::Http(_, probe) | Self::Ssl(_, probe) => &probe.connection.schedule,
            Self::Udp(_, probe) => &probe.connection.schedule,
            Self::Smtp(_, probe) => &probe.connection.schedule,
            Self::Dns(_, probe) => &probe.connection.schedule,
            Self::Grpc(_, probe) => &probe.connection.schedule,
            Self::Keepalive(_, probe) => &probe.connection.schedule,
            Self::Misc(misc) => &misc.schedule,
            Self::File(_) | Self::Bfd(_) => return false,
        };
        schedule.log_all_failures.is_some()
    }

    /// Applies the defaults. Nothing is pushed where something required is missing, which is reported.
    pub(super) fn finish(
        self,
        above: &Above<'_>,
        into: &mut Vec<Check>,
        names: &mut Vec<Named>,
        report: &mut Report,
    ) {
        let check = match self {
            Self::Tcp(at, connection) => {
                Check::Tcp(connection.finish(at, CONNECTS, above, names, report))
            }
            Self::Ping(connection) => {
                let port = connection.port;
                let mut connection = connection.finish_without_port(CONNECTS, above, names, report);
                connection.port = port.unwrap_or(above.port);
                Check::Ping(connection)
            }
            Self::Http(at, probe) | Self::Ssl(at, probe) if probe.settings.urls.is_empty() => {
                http::report_no_url(at, report);
                return;
            }
            Self::Http(at, probe) => Check::Http(http::finish(*probe, at, above, names, report)),
            Self::Ssl(at, probe) => {
                names.push(Named::certificate("SSL_GET", at));
                Check::Ssl(http::finish(*probe, at, above, names, report))
            }
            Self::Udp(at, probe) => {
                udp::warn_of_lengths(&probe.settings, at, report);
                Check::Udp(Box::new(Probe {
                    connection: probe.connection.finish(at, CONNECTS, above, names, report),
                    settings: probe.settings,
                }))
            }
            Self::Smtp(at, probe) => {
                smtp::finish(*probe, at, above, into, names, report);
                return;
            }
            Self::Dns(at, probe) => Check::Dns(Box::new(Probe {
                connection: probe.connection.finish(at, DNS, above, names, report),
                settings: probe.settings,
            })),
            Self::Grpc(at, probe) => Check::Grpc(grpc::finish(*probe, at, above, names, report)),
            Self::Keepalive(at, probe) => Check::Keepalive(Box::new(Probe {
                connection: probe.connection.finish(at, LASTS, above, names, report),
                settings: probe.settings,
            })),
            Self::Misc(misc) => match misc.finish(above, report) {
                Some(misc) => Check::Misc(Box::new(misc)),
                None => return,
            },
            Self::File(file) => match file.finish(names, report) {
                Some(file) => Check::File(Box::new(file)),
                None => return,
            },
            Self::Bfd(bfd) => match bfd.finish(above, into, names, report) {
                Some(bfd) => Check::Bfd(Box::new(bfd)),
                None => return,
            },
        };
        into.push(check);
    }
}

impl ConnectionDraft {
    fn finish(
        self,
        at: Span,
        defaults: Defaults,
        above: &Above<'_>,
        names: &mut Vec<Named>,
        report: &mut Report,
    ) -> Connection {
        let port = self.port.unwrap_or(above.port);
        if port == 0 {
            report
                .error(
                    Kind::Missing,
                    at,
                    "the check has no port to connect to: the real server has none".to_owned(),
                )
                .related(above.server, "real server")
                .help("write `connect_port PORT` in the check");
        }
        let connection = self.finish_without_port(defaults, above, names, report);
        Connection { port, ..connection }
    }

    fn finish_without_port(
        self,
        defaults: Defaults,
        above: &Above<'_>,
        names: &mut Vec<Named>,
        report: &mut Report,
    ) -> Connection {
        let span = self.address.map_or(above.server, |address| address.span);
        let address = self.address.map_or(above.address, |address| address.value);
        let timing = self.schedule.timing.or(above.timing);
        let interface = self
            .origin
            .as_ref()
            .map(|origin| origin.interface.is_some());
        if is_link_local_v6(address) && interface != Some(true) {
            report
                .error(
                    Kind::Missing,
                    span,
                    format!(
                        "{} is a link-local address: a check needs the interface",
                        quote(&address.to_string())
                    ),
                )
                .help("write `bind_if INTERFACE` in the check");
        }
        Connection {
            address,
            port: 0,
            timeout: timing.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
            schedule: self.schedule.finish(defaults, above),
            origin: self
                .origin
                .and_then(|origin| origin.finish(address, names, report)),
        }
    }
}

/// Reports a name of a server that HTTP/2 has no way to say.
fn check_authority(host: Option<&str>, at: Span, report: &mut Report) {
    if let Some(host) = host
        && host.parse::<::http::uri::Authority>().is_err()
    {
        report
            .error(
                Kind::Value,
                at,
                format!("virtualhost {} is no name of a server", quote(host)),
            )
            .expected("a host name or an address, which may be followed by `:` and a port");
    }
}

fn is_link_local_v6(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

impl OriginDraft {
    fn finish(
        self,
        target: IpAddr,
        names: &mut Vec<Named>,
        report: &mut Report,
    ) -> Option<Box<Origin>> {
        let is_alike = |address: &Spanned<IpAddr>| Family::of(address.value) == Family::of(target);
        if let Some(address) = self.address.filter(|address| !is_alike(address)) {
            report.warning(
                Kind::Conflict,
                address.span,
                format!(
                    "bindto {} is ignored, as in keepalived: {target} is of another address family",
                    address.value
                ),
            );
        }
        if let Some(interface) = &self.interface {
            names.push(Named {
                what: Referent::Interface,
                name: interface.value.to_string(),
                span: interface.span,
            });
        }
        let origin = Origin {
            address: self.address.filter(is_alike).map(|address| address.value),
            port: self.port,
            interface: self.interface.map(|interface| interface.value),
            fwmark: self.fwmark,
        };
        (origin != Origin::default()).then(|| Box::new(origin))
    }
}

impl ScheduleDraft {
    fn finish(&self, defaults: Defaults, above: &Above<'_>) -> Schedule {
        let timing = self.timing.or(above.timing);
        let delay_loop = timing.delay_loop.unwrap_or(DELAY_LOOP);
        let delay = defaults.delay_before_retry.unwrap_or(delay_loop);
        Schedule {
            retry: timing.retry.unwrap_or(defaults.retry),
            delay_before_retry: timing.delay_before_retry.unwrap_or(delay),
            rise: timing.rise.unwrap_or(1),
            fall: timing.fall.unwrap_or(1),
            delay_loop,
            jitter: timing.jitter.unwrap_or_default(),
            warmup: timing.warmup.unwrap_or(delay_loop),
            alpha: self.alpha.unwrap_or(above.alpha),
            log_all_failures: self.log_all_failures.unwrap_or(false),
        }
    }
}
