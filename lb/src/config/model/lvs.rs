//! Virtual servers: what is served, how it is spread, and by whom.

mod quic;

use std::{fmt, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

pub use self::quic::QuicServerId;
use super::{Check, Command, Family, Micros, PrefixLength, Weight, Word, exact, words};

words!(Protocol { Tcp = "TCP", Udp = "UDP", Sctp = "SCTP" });
words!(Scheduler {
    RoundRobin = "rr",
    WeightedRoundRobin = "wrr",
    LeastConnections = "lc",
    WeightedLeastConnections = "wlc",
    LocalityBased = "lblc",
    LocalityBasedReplicated = "lblcr",
    SourceHash = "sh",
    DestinationHash = "dh",
    MaglevHash = "mh",
    Failover = "fo",
    Overflow = "ovf",
    ShortestExpectedDelay = "sed",
    NeverQueue = "nq",
    TwoChoices = "twos",
});
words!(PersistenceEngine { Sip = "sip" });
words!(Family { V4 = "inet", V6 = "inet6" });

/// `virtual_server`: a service and its real servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualServer {
    /// What packets are its.
    pub service: VirtualService,
    /// `protocol`; without meaning for a firewall mark.
    pub protocol: Protocol,
    /// `lb_algo`.
    pub scheduler: Scheduler,
    /// Options of the scheduler.
    pub flags: SchedulerFlags,
    /// `ops`: every datagram is scheduled anew.
    pub one_packet: bool,
    /// `lb_kind`; a real server may have its own.
    pub method: ForwardMethod,
    /// `persistence_timeout` and its options; `None` where flows of a client are spread.
    pub persistence: Option<Box<Persistence>>,
    /// `delay_loop`: time between two checks.
    pub delay_loop: Duration,
    /// `ha_suspend`: no checks while the address is not on this node.
    pub ha_suspend: bool,
    /// `inhibit_on_failure`; a real server may have its own.
    pub inhibit_on_failure: bool,
    /// `alpha`: real servers are down until a check passes.
    pub alpha: bool,
    /// `omega`: at the end `notify_down` and `quorum_down` run.
    pub omega: bool,
    /// How many real servers are enough.
    pub quorum: Quorum,
    /// `smtp_alert`: mail when the quorum is lost or gained.
    pub smtp_alert: bool,
    /// `virtualhost`: default of HTTP checks, which have it applied.
    pub virtualhost: Option<Box<str>>,
    /// `snmp_name`.
    pub snmp_name: Option<Box<str>>,
    /// `sorry_server`: who answers without a quorum.
    pub sorry_server: Option<Box<SorryServer>>,
    /// `real_server` blocks in the order of the file.
    #[serde(deserialize_with = "exact")]
    pub real_servers: Vec<RealServer>,
}

impl VirtualServer {
    /// A virtual server of an address with every default and no real server.
    #[must_use]
    pub const fn new(
        address: IpAddr,
        port: u16,
        protocol: Protocol,
        scheduler: Scheduler,
        method: ForwardMethod,
    ) -> Self {
        Self {
            service: VirtualService::Address { address, port },
            protocol,
            scheduler,
            flags: SchedulerFlags::NONE,
            one_packet: false,
            method,
            persistence: None,
            delay_loop: Duration::from_secs(60),
            ha_suspend: false,
            inhibit_on_failure: false,
            alpha: false,
            omega: false,
            quorum: Quorum::ONE,
            smtp_alert: false,
            virtualhost: None,
            snmp_name: None,
            sorry_server: None,
            real_servers: Vec::new(),
        }
    }
}

/// What a virtual server serves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VirtualService {
    /// `ADDRESS [PORT]`.
    Address {
        /// Virtual address.
        address: IpAddr,
        /// Virtual port; 0 is every port.
        port: u16,
    },
    /// `fwmark MARK`: packets that the firewall marked.
    Fwmark {
        /// The mark, not 0.
        mark: u32,
        /// `ip_family`; by default that of the first real server.
        family: Family,
    },
    /// `group NAME`: every member of a `virtual_server_group`.
    Group {
        /// The group's name.
        name: String,
        /// `ip_family`; by default that of the first real server.
        family: Family,
    },
}

impl VirtualService {
    /// The one address and port, where that is what is served.
    #[must_use]
    pub const fn address(&self) -> Option<(IpAddr, u16)> {
        match self {
            Self::Address { address, port } => Some((*address, *port)),
            Self::Fwmark { .. } | Self::Group { .. } => None,
        }
    }

    /// Address family of the packets.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::Address { address, .. } => Family::of(*address),
            Self::Fwmark { family, .. } | Self::Group { family, .. } => *family,
        }
    }
}

/// Prints what follows the keyword; a group's name as it is.
impl fmt::Display for VirtualService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { address, port } => write!(f, "{address} {port}"),
            Self::Fwmark { mark, .. } => write!(f, "fwmark {mark}"),
            Self::Group { name, .. } => write!(f, "group {name}"),
        }
    }
}

/// Transport protocol of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// IP protocol number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
        }
    }

    /// The protocol with this IP protocol number.
    #[must_use]
    pub fn of_number(number: u8) -> Option<Self> {
        let mut all = Self::VALUES.iter().copied();
        all.find(|protocol| protocol.number() == number)
    }

    /// Its name as logs and the command line have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// `lb_algo`: how new flows are spread. Names and meanings are those of IPVS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scheduler {
    /// `rr`: each live real server in turn; weights count only as zero or not.
    RoundRobin,
    /// `wrr`: in turn, by weight.
    WeightedRoundRobin,
    /// `lc`: the fewest connections.
    LeastConnections,
    /// `wlc`: the fewest connections for the weight.
    WeightedLeastConnections,
    /// `lblc`: a client address stays where it is, unless that is overloaded.
    LocalityBased,
    /// `lblcr`: the same with a set of real servers for each.
    LocalityBasedReplicated,
    /// `sh`: a hash of the client's address.
    SourceHash,
    /// `dh`: a hash of the virtual address.
    DestinationHash,
    /// `mh`: Maglev hashing, weighted.
    MaglevHash,
    /// `fo`: the highest weight that is up.
    Failover,
    /// `ovf`: the highest weight that has fewer connections than its weight.
    Overflow,
    /// `sed`: the shortest expected delay.
    ShortestExpectedDelay,
    /// `nq`: an idle one, else `sed`.
    NeverQueue,
    /// `twos`: the less loaded of two at random.
    TwoChoices,
}

/// Options of a scheduler; what they mean is its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerFlags {
    /// `flag-1`; with `sh` and `mh` the fallback to another real server.
    pub first: bool,
    /// `flag-2`; with `sh` and `mh` ports are hashed too.
    pub second: bool,
    /// `flag-3`.
    pub third: bool,
}

impl SchedulerFlags {
    /// Without any.
    pub const NONE: Self = Self {
        first: false,
        second: false,
        third: false,
    };
}

/// `lb_kind`: how packets reach the real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForwardMethod {
    /// `NAT`.
    Nat,
    /// `DR`.
    DirectRoute,
    /// `TUN`.
    Tunnel(Tunnel),
    /// `FULLNAT`: as NAT, and the real server sees an address of this host instead of the client's (extension).
    FullNat,
}

impl ForwardMethod {
    /// Whether packets get another destination, and the port with it.
    #[must_use]
    pub const fn is_nat(self) -> bool {
        matches!(self, Self::Nat | Self::FullNat)
    }
}

/// `TUN type …`: what carries the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tunnel {
    /// `ipip`, the default.
    Ipip,
    /// `gue port N`.
    Gue {
        /// UDP port of the tunnel.
        port: u16,
        /// Of the outer header.
        checksum: TunnelChecksum,
    },
    /// `gre`, never with a remote checksum.
    Gre {
        /// Of the outer header.
        checksum: TunnelChecksum,
    },
}

/// Checksum of a tunnel's outer header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TunnelChecksum {
    /// `nocsum`.
    #[default]
    None,
    /// `csum`.
    Plain,
    /// `remcsum`: remote checksum offload.
    Remote,
}

/// `persistence_timeout`: flows of a client go where its first one went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Persistence {
    /// For so long after its last flow, in whole seconds.
    pub timeout: Duration,
    /// `persistence_granularity`: clients alike in so many bits are one.
    pub granularity: PrefixLength,
    /// `persistence_engine`: what tells clients apart; addresses by default.
    pub engine: Option<PersistenceEngine>,
}

/// `persistence_engine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PersistenceEngine {
    /// The Call-ID of SIP.
    Sip,
}

/// How much weight must be up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// `quorum`: sum of the weights, at least 1.
    pub weight: u32,
    /// `hysteresis`, below `weight`.
    pub hysteresis: u32,
    /// `quorum_up` and `quorum_down`.
    pub notify: Notify,
}

impl Quorum {
    /// The default: any real server will do.
    pub const ONE: Self = Self {
        weight: 1,
        hysteresis: 0,
        notify: Notify::NONE,
    };
}

/// Programs for the two changes of a state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// When it comes up.
    pub up: Option<Box<Command>>,
    /// When it goes down.
    pub down: Option<Box<Command>>,
}

impl Notify {
    /// Nobody is told.
    pub const NONE: Self = Self {
        up: None,
        down: None,
    };
}

/// `sorry_server ADDRESS [PORT]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SorryServer {
    /// Its address.
    pub address: IpAddr,
    /// Its port; the virtual server's by default.
    pub port: u16,
    /// `sorry_server_lvs_method`; the virtual server's by default.
    pub method: ForwardMethod,
    /// `sorry_server_inhibit`: with a quorum its weight is 0, in place of its removal.
    pub inhibit: bool,
}

/// `real_server ADDRESS [PORT]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealServer {
    /// Real address.
    pub address: IpAddr,
    /// Real port; 0 is the port that the packet has.
    pub port: u16,
    /// `weight`; 0 takes no new flows.
    pub weight: Weight,
    /// `lvs_method`; the virtual server's by default.
    pub method: ForwardMethod,
    /// `uthreshold` and `lthreshold`.
    pub thresholds: Thresholds,
    /// `inhibit_on_failure`: weight 0 in place of its removal.
    pub inhibit_on_failure: bool,
    /// `alpha`: down until a check passes.
    pub alpha: bool,
    /// `smtp_alert`: mail when its state changes.
    pub smtp_alert: bool,
    /// `notify_up` and `notify_down`.
    pub notify: Notify,
    /// `virtualhost`: default of its HTTP checks, which have it applied.
    pub virtualhost: Option<Box<str>>,
    /// `snmp_name`.
    pub snmp_name: Option<Box<str>>,
    /// `slow_start`: how long it takes to have all of its weight after a failure (extension).
    pub slow_start: Micros,
    /// `quic_server_id` (extension).
    pub quic_server_id: Option<Box<QuicServerId>>,
    /// Checks, all of which must pass; a real server without any is always up.
    #[serde(deserialize_with = "exact")]
    pub checks: Vec<Check>,
}

impl RealServer {
    /// A real server behind NAT with every default and no check.
    #[must_use]
    pub const fn new(address: IpAddr, port: u16) -> Self {
        Self {
            address,
            port,
            weight: Weight::ONE,
            method: ForwardMethod::Nat,
            thresholds: Thresholds { upper: 0, lower: 0 },
            inhibit_on_failure: false,
            alpha: false,
            smtp_alert: true,
            notify: Notify::NONE,
            virtualhost: None,
            snmp_name: None,
            slow_start: Micros::ZERO,
            quic_server_id: None,
            checks: Vec::new(),
        }
    }
}

/// Connections at which a real server takes no more, and some again; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thresholds {
    /// `uthreshold`.
    pub upper: u32,
    /// `lthreshold`.
    pub lower: u32,
}

/// `virtual_server_group`: what several virtual servers serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualServerGroup {
    /// The block's name, unique in the file.
    pub name: String,
    /// Its lines in the order of the file.
    pub members: Vec<GroupMember>,
}

/// A line of `virtual_server_group`. Port 0 is every port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupMember {
    /// `ADDRESS [PORT]`.
    Address {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
    },
    /// `FIRST-LAST [PORT]`.
    Range {
        /// The first address.
        first: IpAddr,
        /// The last address, above the first.
        last: IpAddr,
        /// The port.
        port: u16,
    },
    /// `ADDRESS/LENGTH [PORT]`.
    Prefix {
        /// The first address.
        address: IpAddr,
        /// Length of the prefix.
        length: PrefixLength,
        /// The port.
        port: u16,
    },
    /// `fwmark MARK [inet|inet6]`.
    Fwmark {
        /// The mark, not 0.
        mark: u32,
        /// Its family; that of the virtual server by default.
        family: Option<Family>,
    },
}

impl GroupMember {
    /// Address family, where the line tells it.
    #[must_use]
    pub const fn family(&self) -> Option<Family> {
        match self {
            Self::Address { address, .. }
            | Self::Range { first: address, .. }
            | Self::Prefix { address, .. } => Some(Family::of(*address)),
            Self::Fwmark { family, .. } => *family,
        }
    }

    /// How many addresses it has; 0 for a firewall mark.
    #[must_use]
    pub fn count(&self) -> u128 {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        match *self {
            Self::Address { .. } => 1,
            Self::Range { first, last, .. } => (bits(last) - bits(first)).saturating_add(1),
            Self::Prefix {
                address, length, ..
            } => {
                let whole = PrefixLength::whole(Family::of(address)).get();
                let host_bits = u32::from(whole.saturating_sub(length.get()));
                1u128.checked_shl(host_bits).unwrap_or(u128::MAX)
            }
            Self::Fwmark { .. } => 0,
        }
    }

    /// The port; `None` for a firewall mark.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Address { port, .. } | Self::Range { port, .. } | Self::Prefix { port, .. } => {
                Some(*port)
            }
            Self::Fwmark { .. } => None,
        }
    }
}

/// Prints as the line.
impl fmt::Display for GroupMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { address, port } => write!(f, "{address} {port}"),
            Self::Range { first, last, port } => write!(f, "{first}-{last} {port}"),
            Self::Prefix {
                address,
                length,
                port,
            } => write!(f, "{address}/{length} {port}"),
            Self::Fwmark { mark, family } => {
                write!(f, "fwmark {mark}")?;
                let word = family.and_then(Word::place).map(|at| Family::WORDS[at]);
                word.map_or(Ok(()), |word| write!(f, " {word}"))
            }
        }
    }
}
