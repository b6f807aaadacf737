//! `static_routes` and `virtual_routes`: routes as ip-route(8) writes them.

mod encap;
mod metrics;

use std::{fmt, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

pub use self::{
    encap::{Encap, Ip6Encap, IpEncap, MplsLabel},
    metrics::{CongestionControl, Metric, RouteMetrics, RouteTime},
};
use super::{Family, InterfaceName, PrefixLength};

/// Number of the protocol that keepalived's routes and rules have (`RTPROT_KEEPALIVED`).
pub const RTPROT_KEEPALIVED: u8 = 18;
/// Number of the routing table `main` (`RT_TABLE_MAIN`).
pub const RT_TABLE_MAIN: u32 = 254;

/// A number that may be written by a name of iproute2's tables (`rt_tables`, `rt_protos`, …).
///
/// Names that the kernel fixes are numbers here; the others are looked up when they are used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Named<N> {
    /// The number.
    Number(N),
    /// A name of the machine's own.
    Name(String),
}

impl<N: fmt::Display> fmt::Display for Named<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A network: an address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Prefix {
    /// The address; bits behind the length are as written.
    pub address: IpAddr,
    /// How many bits count.
    pub length: PrefixLength,
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// `realms [FROM/]TO`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Realms {
    /// The realm of the source.
    pub from: Option<Named<u16>>,
    /// The realm of the destination.
    pub to: Named<u16>,
}

impl fmt::Display for Realms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from {
            Some(from) => write!(f, "{from}/{}", self.to),
            None => self.to.fmt(f),
        }
    }
}

/// What a route does with packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    /// Sends them on.
    #[default]
    Unicast,
    /// Delivers them here.
    Local,
    /// Delivers them here and sends them as a broadcast.
    Broadcast,
    /// Delivers them here, never as a source.
    Anycast,
    /// Multicast routing.
    Multicast,
    /// Ends the search in this table.
    Throw,
    /// Drops them with "host unreachable".
    Unreachable,
    /// Drops them with "administratively prohibited".
    Prohibit,
    /// Drops them in silence.
    Blackhole,
    /// Never used by Linux.
    Xresolve,
    /// Not used by Linux any more.
    Nat,
}

/// `pref`: RFC 4191's preference among routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouterPreference {
    /// `low`.
    Low,
    /// `medium`.
    Medium,
    /// `high`.
    High,
}

/// Where a route goes among those that match as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddMode {
    /// Before them: the kernel's default.
    #[default]
    Prepend,
    /// After them.
    Append,
    /// Nowhere: it is only added where none is.
    Add,
}

/// One line of `static_routes` or `virtual_routes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// What it does.
    pub kind: RouteKind,
    /// Its family.
    pub family: Family,
    /// Where packets go that take it.
    pub destination: Prefix,
    /// `from`: where they come from (IPv6).
    pub from: Option<Prefix>,
    /// `src`: the source address preferred for packets of this node.
    pub source: Option<IpAddr>,
    /// `via`: the gateway; of the other family for RFC 8950.
    pub via: Option<IpAddr>,
    /// `dev`.
    pub interface: Option<InterfaceName>,
    /// `onlink`: the gateway is taken to be on the link.
    pub on_link: bool,
    /// `table`.
    pub table: Named<u32>,
    /// `vrf`: the routing domain.
    pub vrf: Option<InterfaceName>,
    /// `tos`.
    pub tos: Option<Named<u8>>,
    /// `metric`; the kernel's choice where there is none.
    pub metric: Option<u32>,
    /// `scope`; the kernel's choice where there is none.
    pub scope: Option<Named<u8>>,
    /// `protocol`: who made the route.
    pub protocol: Named<u8>,
    /// `pref` (IPv6).
    pub preference: Option<RouterPreference>,
    /// `realms` (IPv4).
    pub realms: Option<Realms>,
    /// `expires`: how long it lives (IPv6).
    pub expires: Option<Duration>,
    /// `ttl-propagate`, of MPLS.
    pub ttl_propagate: Option<bool>,
    /// What TCP and IP are told about the path.
    pub metrics: RouteMetrics,
    /// `encap`: a tunnel without an interface.
    pub encap: Option<Encap>,
    /// `nexthop`: several gateways.
    pub nexthops: Vec<Nexthop>,
    /// `add`, `append` or `prepend`.
    pub mode: AddMode,
    /// False with `no_track`: nothing happens when somebody removes the route.
    pub is_tracked: bool,
    /// `track_group`: the instances that go to FAULT when a static route vanishes.
    pub track_group: Option<String>,
}

impl Route {
    /// A route with every default.
    #[must_use]
    pub fn new(destination: Prefix) -> Self {
        Self {
            kind: RouteKind::default(),
            family: Family::of(destination.address),
            destination,
            from: None,
            source: None,
            via: None,
            interface: None,
            on_link: false,
            table: Named::Number(RT_TABLE_MAIN),
            vrf: None,
            tos: None,
            metric: None,
            scope: None,
            protocol: Named::Number(RTPROT_KEEPALIVED),
            preference: None,
            realms: None,
            expires: None,
            ttl_propagate: None,
            metrics: RouteMetrics::default(),
            encap: None,
            nexthops: Vec::new(),
            mode: AddMode::default(),
            is_tracked: true,
            track_group: None,
        }
    }
}

/// `nexthop`: one gateway of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nexthop {
    /// `via`.
    pub via: Option<IpAddr>,
    /// `dev`.
    pub interface: Option<InterfaceName>,
    /// `weight`, 1 to 256: its share of the flows.
    pub weight: u16,
    /// `onlink`: the gateway is taken to be on the link.
    pub on_link: bool,
    /// `realms` (IPv4).
    pub realms: Option<Realms>,
    /// `encap`: a tunnel without an interface.
    pub encap: Option<Encap>,
}

impl Default for Nexthop {
    fn default() -> Self {
        Self {
            via: None,
            interface: None,
            weight: 1,
            on_link: false,
            realms: None,
            encap: None,
        }
    }
}
