//! Pools: from configuration and health to what the data plane should hold.
#![deny(clippy::disallowed_methods)]

pub mod desired;
pub mod drain;
pub mod marks;
pub mod snapshot;
pub mod state;

use std::{fmt, net::IpAddr};

use lb_common::{Address, Mac};
use smol_str::SmolStr;

pub use self::state::Health;
use crate::config::model::{
    Family, Protocol, RealServer, VirtualServer, VirtualService, vrrp::MacAddress,
};

/// What forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// Our programs.
    Xdp,
    /// The kernel's.
    Ipvs,
}

/// `XDP` or `IPVS`.
impl fmt::Display for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xdp => "XDP",
            Self::Ipvs => "IPVS",
        })
    }
}

/// Address, port and protocol of a service: its identity in both planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Front {
    /// Virtual address.
    pub address: IpAddr,
    /// Virtual port.
    pub port: u16,
    /// Transport protocol.
    pub protocol: Protocol,
}

/// Prints as keepalived does: `[10.0.0.1]:tcp:80`.
impl fmt::Display for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_service(f, self.address, self.protocol, self.port)
    }
}

/// Packets that the firewall marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The mark, not 0.
    pub mark: u32,
    /// Their family.
    pub family: Family,
}

/// Prints as keepalived does: `FWM 7`.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FWM {}", self.mark)
    }
}

/// A virtual server: its identity through reloads, restarts and both directors.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VirtualServerId {
    /// Of an address.
    Address(Front),
    /// Of a firewall mark.
    Mark(Mark),
    /// Of the members of a `virtual_server_group`.
    Group {
        /// Its name.
        name: SmolStr,
        /// Transport protocol of its addresses.
        protocol: Protocol,
        /// Address family.
        family: Family,
    },
}

impl VirtualServerId {
    /// Identity of a configured virtual server.
    #[must_use]
    pub fn of(server: &VirtualServer) -> Self {
        match &server.service {
            VirtualService::Address { address, port } => Self::Address(Front {
                address: *address,
                port: *port,
                protocol: server.protocol,
            }),
            VirtualService::Fwmark { mark, family } => Self::Mark(Mark {
                mark: *mark,
                family: *family,
            }),
            VirtualService::Group { name, family } => Self::Group {
                name: name.into(),
                protocol: server.protocol,
                family: *family,
            },
        }
    }

    /// Transport protocol as keepalived prints it.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        match self {
            Self::Address(front) => front.protocol,
            Self::Mark(_) => Protocol::Udp,
            Self::Group { protocol, .. } => *protocol,
        }
    }
}

/// Prints as keepalived does: `[10.0.0.1]:tcp:80`, `FWM 7` or `[NAME]:0`.
impl fmt::Display for VirtualServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(front) => front.fmt(f),
            Self::Mark(mark) => mark.fmt(f),
            Self::Group { name, .. } => write!(f, "[{name}]:0"),
        }
    }
}

/// A real server within its virtual server: address and port, as keepalived's reload compares them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RealServerId {
    /// The virtual server.
    pub server: VirtualServerId,
    /// Real address.
    pub address: IpAddr,
    /// Real port.
    pub port: u16,
}

impl RealServerId {
    /// Identity of a configured real server.
    #[must_use]
    pub const fn of(server: VirtualServerId, real: &RealServer) -> Self {
        Self {
            server,
            address: real.address,
            port: real.port,
        }
    }
}

/// Prints as keepalived does: `[10.0.0.1]:tcp:80`, without the virtual server.
impl fmt::Display for RealServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_service(f, self.address, self.server.protocol(), self.port)
    }
}

/// A real server as packets reach it, whichever virtual server it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestId {
    /// Real address.
    pub address: IpAddr,
    /// Real port.
    pub port: u16,
    /// Transport protocol.
    pub protocol: Protocol,
}

/// Prints as keepalived does: `[10.0.0.1]:tcp:80`.
impl fmt::Display for DestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_service(f, self.address, self.protocol, self.port)
    }
}

fn write_service(
    f: &mut fmt::Formatter<'_>,
    address: IpAddr,
    protocol: Protocol,
    port: u16,
) -> fmt::Result {
    write!(f, "[{address}]:{}:{port}", protocol.name())
}

/// How packets reach a real server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextHop {
    /// Its address is one of this host's own.
    Host,
    /// In frames over a link.
    Link(Hop),
}

/// Prints as `eth1 02:00:00:00:00:01`, or `this host`.
impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("this host"),
            Self::Link(hop) => {
                write!(f, "{} {}", hop.interface, MacAddress::from(hop.next_hop))
            }
        }
    }
}

/// How frames reach a real server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Name of the interface, for people.
    pub interface: String,
    /// The interface frames leave by.
    pub ifindex: u32,
    /// Ethernet destination: the real server or the gateway towards it.
    pub next_hop: Mac,
    /// Ethernet source: the address of the interface.
    pub source: Mac,
    /// Address this host talks to the real server from, if it has one.
    pub local: Option<IpAddr>,
    /// Bytes of the longest IP packet on the way.
    pub mtu: u32,
}

/// Why a real server has no next hop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// Nobody asked the kernel yet.
    #[error("not looked up yet")]
    Unknown,
    /// The routing table has no answer.
    #[error("no route")]
    NoRoute,
    /// The interface carries no Ethernet frames.
    #[error("{interface} has no Ethernet address")]
    NotEthernet {
        /// The interface.
        interface: String,
    },
    /// The neighbour did not answer yet.
    #[error("{neighbour} does not answer on {interface}")]
    NoAnswer {
        /// The real server or the gateway towards it.
        neighbour: IpAddr,
        /// The interface asked on.
        interface: String,
    },
}

/// The address in the form of the BPF maps.
#[must_use]
pub const fn mapped(address: IpAddr) -> Address {
    match address {
        IpAddr::V4(v4) => lb_common::mapped(v4.octets()),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The address out of the form of the BPF maps.
#[must_use]
pub fn unmapped(address: Address) -> IpAddr {
    std::net::Ipv6Addr::from(address).to_canonical()
}
