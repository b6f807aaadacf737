//! Pools: from configuration and health to what the data plane should hold.
#![deny(clippy::disallowed_methods)]

pub mod desired;
pub mod drain;
pub mod snapshot;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use lb_common::{Address, Mac};

use crate::config::model::{Connection, Protocol, RealServer, VirtualServer, vrrp::MacAddress};

/// Front of a virtual server: its identity through reloads, restarts and both directors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Front {
    /// Virtual address.
    pub address: IpAddr,
    /// Virtual port.
    pub port: u16,
    /// Transport protocol.
    pub protocol: Protocol,
}

impl Front {
    /// Front of a configured virtual server; `None` where it serves no single address.
    #[must_use]
    pub const fn of(server: &VirtualServer) -> Option<Self> {
        match server.service.address() {
            Some((address, port)) => Some(Self {
                address,
                port,
                protocol: server.protocol,
            }),
            None => None,
        }
    }
}

/// Prints as keepalived does: `[10.0.0.1]:tcp:80`.
impl fmt::Display for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_service(f, self.address, self.protocol, self.port)
    }
}

/// A real server within its virtual server: address and port, as keepalived's reload compares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RealServerId {
    /// The virtual server.
    pub front: Front,
    /// Real address.
    pub address: IpAddr,
    /// Real port.
    pub port: u16,
}

impl RealServerId {
    /// Identity of a configured real server.
    #[must_use]
    pub const fn of(front: Front, server: &RealServer) -> Self {
        Self {
            front,
            address: server.address,
            port: server.port,
        }
    }
}

/// Prints as keepalived does: `[10.0.0.1]:tcp:80`, without the virtual server.
impl fmt::Display for RealServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_service(f, self.address, self.front.protocol, self.port)
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

/// What a check connects to.
#[must_use]
pub const fn target(check: &Connection) -> SocketAddr {
    SocketAddr::new(check.address, check.port)
}
