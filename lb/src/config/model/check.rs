//! Checks: what a real server must answer to be up.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Command, InterfaceName, InvalidValue, Micros, Word, exact, words};
use crate::tcp_keepalive::values::Guarded;

words!(HttpProtocol { V10 = "1.0", V10Close = "1.0C", V11 = "1.1", V2 = "2" });
words!(DnsType {
    A = "A",
    Ns = "NS",
    Cname = "CNAME",
    Soa = "SOA",
    Mx = "MX",
    Txt = "TXT",
    Aaaa = "AAAA",
    Rrsig = "RRSIG",
    Dnskey = "DNSKEY",
});
words!(RegexOption {
    AllowEmptyClass = "allow_empty_class",
    AltBsux = "alt_bsux",
    AutoCallout = "auto_callout",
    Caseless = "caseless",
    DollarEndonly = "dollar_endonly",
    Dotall = "dotall",
    Dupnames = "dupnames",
    Extended = "extended",
    Firstline = "firstline",
    MatchUnsetBackref = "match_unset_backref",
    Multiline = "multiline",
    NeverUcp = "never_ucp",
    NeverUtf = "never_utf",
    NoAutoCapture = "no_auto_capture",
    NoAutoPossess = "no_auto_possess",
    NoDotstarAnchor = "no_dotstar_anchor",
    NoStartOptimize = "no_start_optimize",
    Ucp = "ucp",
    Ungreedy = "ungreedy",
    Utf = "utf",
    NeverBackslashC = "never_backslash_c",
    AltCircumflex = "alt_circumflex",
    AltVerbnames = "alt_verbnames",
    UseOffsetLimit = "use_offset_limit",
});

/// A check of a real server. All but the two of every second configuration are boxed, as there may be a million.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Check {
    /// `TCP_CHECK`: connect() completes.
    Tcp(Connection),
    /// `PING_CHECK`: an echo is answered; ports mean nothing.
    Ping(Connection),
    /// `HTTP_GET`.
    Http(Box<Probe<Http>>),
    /// `SSL_GET`: the same over TLS.
    Ssl(Box<Probe<Http>>),
    /// `UDP_CHECK`.
    Udp(Box<Probe<Udp>>),
    /// `SMTP_CHECK`; one for each `host` block of the old form.
    Smtp(Box<Probe<Smtp>>),
    /// `DNS_CHECK`.
    Dns(Box<Probe<Dns>>),
    /// `GRPC_CHECK` (extension).
    Grpc(Box<Probe<Grpc>>),
    /// `KEEPALIVE_CHECK`: a connection that lasts (extension).
    Keepalive(Box<Probe<Guarded>>),
    /// `MISC_CHECK`.
    Misc(Box<Misc>),
    /// `FILE_CHECK`.
    File(Box<FileCheck>),
    /// `BFD_CHECK`.
    Bfd(Box<BfdCheck>),
}

impl Check {
    /// The keyword of its block.
    #[must_use]
    pub const fn keyword(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "TCP_CHECK",
            Self::Ping(_) => "PING_CHECK",
            Self::Http(_) => "HTTP_GET",
            Self::Ssl(_) => "SSL_GET",
            Self::Udp(_) => "UDP_CHECK",
            Self::Smtp(_) => "SMTP_CHECK",
            Self::Dns(_) => "DNS_CHECK",
            Self::Grpc(_) => "GRPC_CHECK",
            Self::Keepalive(_) => "KEEPALIVE_CHECK",
            Self::Misc(_) => "MISC_CHECK",
            Self::File(_) => "FILE_CHECK",
            Self::Bfd(_) => "BFD_CHECK",
        }
    }

    /// Where it connects to, if it does.
    #[must_use]
    pub const fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Tcp(connection) | Self::Ping(connection) => Some(connection),
            Self::Http(probe) | Self::Ssl(probe) => Some(&probe.connection),
            Self::Udp(probe) => Some(&probe.connection),
            Self::Smtp(probe) => Some(&probe.connection),
            Self::Dns(probe) => Some(&probe.connection),
            Self::Grpc(probe) => Some(&probe.connection),
            Self::Keepalive(probe) => Some(&probe.connection),
            Self::Misc(_) | Self::File(_) | Self::Bfd(_) => None,
        }
    }

    /// When it runs, for those that run.
    #[must_use]
    pub const fn schedule(&self) -> Option<&Schedule> {
        match self {
            Self::Tcp(connection) | Self::Ping(connection) => Some(&connection.schedule),
            Self::Http(probe) | Self::Ssl(probe) => Some(&probe.connection.schedule),
            Self::Udp(probe) => Some(&probe.connection.schedule),
            Self::Smtp(probe) => Some(&probe.connection.schedule),
            Self::Dns(probe) => Some(&probe.connection.schedule),
            Self::Grpc(probe) => Some(&probe.connection.schedule),
            Self::Keepalive(probe) => Some(&probe.connection.schedule),
            Self::Misc(misc) => Some(&misc.schedule),
            Self::File(_) | Self::Bfd(_) => None,
        }
    }

    /// As [`Self::schedule`], to be changed.
    pub(in crate::config) const fn schedule_mut(&mut self) -> Option<&mut Schedule> {
        match self {
            Self::Tcp(connection) | Self::Ping(connection) => Some(&mut connection.schedule),
            Self::Http(probe) | Self::Ssl(probe) => Some(&mut probe.connection.schedule),
            Self::Udp(probe) => Some(&mut probe.connection.schedule),
            Self::Smtp(probe) => Some(&mut probe.connection.schedule),
            Self::Dns(probe) => Some(&mut probe.connection.schedule),
            Self::Grpc(probe) => Some(&mut probe.connection.schedule),
            Self::Keepalive(probe) => Some(&mut probe.connection.schedule),
            Self::Misc(misc) => Some(&mut misc.schedule),
            Self::File(_) | Self::Bfd(_) => None,
        }
    }
}

/// When a check runs, and what its answers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// `retry`: failures after the first before the real server is down.
    pub retry: u32,
    /// `delay_before_retry`.
    pub delay_before_retry: Duration,
    /// `rise`: rounds that pass in a row before it is up again (extension).
    pub rise: u32,
    /// `fall`: rounds that fail in a row, each with its retries, before it has failed (extension).
    pub fall: u32,
    /// `delay_loop`; the virtual server's by default.
    pub delay_loop: Duration,
    /// `jitter`: how much sooner or later than `delay_loop` says (extension).
    pub jitter: Micros,
    /// `warmup`: the first check starts at a random time within it.
    pub warmup: Duration,
    /// `alpha`: failed until it passes.
    pub alpha: bool,
    /// `log_all_failures`, also those that are forgiven.
    pub log_all_failures: bool,
}

/// Where a check connects to, from where, and when: all there is to `TCP_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// `connect_ip`; the real server's address by default.
    pub address: IpAddr,
    /// `connect_port`; the real server's port by default.
    pub port: u16,
    /// `connect_timeout`.
    pub timeout: Duration,
    /// When it runs.
    pub schedule: Schedule,
    /// Where it comes from; the kernel's choice by default.
    pub origin: Option<Box<Origin>>,
}

impl Connection {
    /// Where it goes.
    #[must_use]
    pub const fn target(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

/// Where the connection of a check comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `bindto`.
    pub address: Option<IpAddr>,
    /// `bind_port`.
    pub port: Option<u16>,
    /// `bind_if`.
    pub interface: Option<InterfaceName>,
    /// `fwmark` of its packets; 0 is none.
    pub fwmark: u32,
}

/// A check over a connection, and what it does there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe<T> {
    /// Where to and when.
    pub connection: Connection,
    /// What it says and expects.
    pub settings: T,
}

/// `HTTP_GET` and `SSL_GET`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http {
    /// `http_protocol`.
    pub protocol: HttpProtocol,
    /// `enable_sni`.
    pub sni: bool,
    /// `sni_name`; the host's name of the request by default.
    pub sni_name: Option<String>,
    /// `fast_recovery`: no delay between the urls of a real server that is to come up.
    pub fast_recovery: bool,
    /// `url` blocks in the order of the file, at least one.
    #[serde(deserialize_with = "exact")]
    pub urls: Vec<Url>,
}

/// `http_protocol`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpProtocol {
    /// `1.0`.
    #[default]
    V10,
    /// `1.0C`: with `Connection: close`.
    V10Close,
    /// `1.1`.
    V11,
    /// `2` (extension).
    V2,
}

/// `url`: a request and what its answer must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url {
    /// `path`.
    pub path: String,
    /// `status_code`: any of these.
    #[serde(deserialize_with = "exact")]
    pub status: Vec<StatusCodes>,
    /// `digest`: MD5 of the body.
    pub digest: Option<[u8; 16]>,
    /// `virtualhost`: the Host header; the check's, the real server's or the virtual server's by default, and
    /// address and port where none has one.
    pub virtualhost: Option<String>,
    /// `regex` and its options: what the answer must hold.
    pub regex: Option<Regex>,
    /// `tls_compliant`: an end without close_notify is a failure.
    pub tls_compliant: bool,
}

impl Url {
    /// The path, with any success.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            status: vec![StatusCodes::SUCCESS],
            digest: None,
            virtualhost: None,
            regex: None,
            tls_compliant: false,
        }
    }
}

/// Status codes from one to another, within 100 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusCodes {
    /// The lowest.
    pub first: u16,
    /// The highest, at least `first`.
    pub last: u16,
}

impl StatusCodes {
    /// The default: any success.
    pub const SUCCESS: Self = Self {
        first: 200,
        last: 299,
    };
}

/// Prints as `200` or `200-299`.
impl fmt::Display for StatusCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// A regular expression of PCRE2 and how it is applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regex {
    /// `regex`.
    pub pattern: String,
    /// `regex_no_match`: a match is a failure.
    pub no_match: bool,
    /// `regex_options`.
    pub options: Vec<RegexOption>,
    /// `regex_min_offset`, in bytes.
    pub min_offset: u64,
    /// `regex_max_offset`, in bytes, of the start of the match.
    pub max_offset: Option<u64>,
    /// `regex_stack`: first and largest size of the JIT's stack, in bytes.
    pub stack: Option<(u64, u64)>,
}

/// `regex_options`, by the names of PCRE2's compile options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "pcre2api(3) explains each")]
pub enum RegexOption {
    AllowEmptyClass,
    AltBsux,
    AutoCallout,
    Caseless,
    DollarEndonly,
    Dotall,
    Dupnames,
    Extended,
    Firstline,
    MatchUnsetBackref,
    Multiline,
    NeverUcp,
    NeverUtf,
    NoAutoCapture,
    NoAutoPossess,
    NoDotstarAnchor,
    NoStartOptimize,
    Ucp,
    Ungreedy,
    Utf,
    NeverBackslashC,
    AltCircumflex,
    AltVerbnames,
    UseOffsetLimit,
}

/// `UDP_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Udp {
    /// `payload`; random bytes by default.
    pub payload: Option<Vec<u8>>,
    /// `require_reply`.
    pub reply: Reply,
    /// `min_reply_length`, in bytes.
    pub min_reply: u16,
    /// `max_reply_length`, in bytes.
    pub max_reply: u16,
}

impl Default for Udp {
    fn default() -> Self {
        Self {
            payload: None,
            reply: Reply::NotRequired,
            min_reply: 0,
            max_reply: 255,
        }
    }
}

/// `require_reply`: what the answer to a datagram must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// None is fine; an ICMP error is not.
    NotRequired,
    /// Any will do.
    Any,
    /// It starts with these bytes.
    Matching(Vec<MaskedByte>),
}

/// A byte of which only some bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedByte {
    /// The bits expected; those outside the mask are 0.
    pub value: u8,
    /// The bits that count: both halves, one or none.
    pub mask: u8,
}

/// `SMTP_CHECK`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smtp {
    /// `helo_name`; `smtp_helo_name` by default.
    pub helo_name: Option<String>,
}

/// `DNS_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dns {
    /// `type`.
    pub kind: DnsType,
    /// `name`.
    pub name: DomainName,
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            kind: DnsType::Soa,
            name: DomainName::root(),
        }
    }
}

/// `GRPC_CHECK`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grpc {
    /// `service`: whom the server is asked about; itself, if empty.
    pub service: String,
    /// `tls`.
    pub tls: bool,
    /// `virtualhost`: whom the server takes itself for, and its name in the TLS handshake; the real server's or the virtual server's by
    /// default, and address and port where none has one.
    pub virtualhost: Option<String>,
}

/// Type of a DNS question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "RFC 1035 and its successors explain each")]
pub enum DnsType {
    A,
    Ns,
    Cname,
    Soa,
    Mx,
    Txt,
    Aaaa,
    Rrsig,
    Dnskey,
}

/// A name of the DNS: labels of 1 to 63 bytes, at most 253 bytes in all, or `.` (RFC 1035 §2.3.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

impl DomainName {
    /// The name `.`.
    #[must_use]
    pub fn root() -> Self {
        Self(".".to_owned())
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for DomainName {
    type Error = InvalidValue;

    fn try_from(value: String) -> Result<Self, InvalidValue> {
        if matches!(&*value, "" | ".") {
            return Ok(Self::root());
        }
        let name = value.strip_suffix('.').unwrap_or(&value);
        let legal = name.len() <= 253
            && name.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && !label.contains(|c: char| c.is_whitespace() || c.is_control())
            });
        if legal {
            Ok(Self(value))
        } else {
            let legal = "labels of 1 to 63 bytes with dots in between, 253 bytes in all";
            Err(InvalidValue::new("domain name", value, legal))
        }
    }
}

impl From<DomainName> for String {
    fn from(value: DomainName) -> Self {
        value.0
    }
}

/// `MISC_CHECK`: a program that exits with 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misc {
    /// `misc_path` and `user`.
    pub command: Command,
    /// `misc_timeout`; `delay_loop` by default.
    pub timeout: Duration,
    /// `misc_dynamic`: the exit code is a weight.
    pub dynamic: bool,
    /// When it runs.
    pub schedule: Schedule,
}

/// `FILE_CHECK`: the number in a file adds to the weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCheck {
    /// `track_file`: name of its block.
    pub track_file: String,
    /// `weight`: what the number is multiplied by; that of the `track_file` by default.
    pub weight: Option<FileWeight>,
}

/// `weight` of a `FILE_CHECK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileWeight {
    /// -2147483647 to 2147483647; with 0 any number but 0 is a failure.
    pub multiplier: i32,
    /// `reverse`: the sign is turned around.
    pub reverse: bool,
}

/// `BFD_CHECK`: a BFD session is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BfdCheck {
    /// `name`: of the `bfd_instance`.
    pub instance: String,
    /// `alpha`: failed until the session is up.
    pub alpha: bool,
}
