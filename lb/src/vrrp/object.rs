//! What an instance, or the node for good, has in the kernel: addresses, routes, rules.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::config::model::{
    Config, Family, InterfaceName, VirtualAddress, VrrpInstance,
    address::AddressLine,
    route::{Named, Prefix, Route, RouteKind},
    rule::Rule,
};

/// One line of the configuration that stands for something in the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Object {
    /// Of `virtual_ipaddress`, `virtual_ipaddress_excluded` or `static_ipaddress`.
    Address(Box<AddressLine>),
    /// Of `virtual_routes` or `static_routes`.
    Route(Box<Route>),
    /// Of `virtual_rules` or `static_rules`.
    Rule(Box<Rule>),
}

/// What makes an object that one and no other to the kernel; the order is that of installing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKey {
    /// An address with its prefix length on its interface.
    Address(VirtualAddress),
    /// A route: what it matches, its type and its gateways.
    Route(Box<RouteKey>),
    /// A rule is all of itself, apart from how it is tracked.
    Rule(Box<Rule>),
}

/// What makes a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RouteKey {
    /// What it matches: one more route of the same spot stands beside it or replaces it.
    pub spot: Spot,
    kind: RouteKind,
    paths: Vec<(Option<IpAddr>, Option<InterfaceName>)>,
}

/// A place in a routing table: of two routes there only one is taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spot {
    family: Family,
    table: Named<u32>,
    vrf: Option<InterfaceName>,
    destination: Prefix,
    from: Option<Prefix>,
    tos: Option<Named<u8>>,
    metric: Option<u32>,
}

/// An operation on one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Put it into the kernel.
    Install,
    /// Take it out of the kernel.
    Remove,
}

/// What is to be done with one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub operation: Operation,
    /// With what.
    pub object: Object,
    /// Whether it takes the place of what is there.
    pub replace: bool,
}

/// What is new of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The kernel has it.
    There,
    /// The kernel has it no more: somebody removed it, or it went with something else.
    Gone,
    /// Another owner of this daemon, who wants it no more, has removed it.
    Withdrawn,
}

impl Presence {
    /// What somebody else did.
    #[must_use]
    pub const fn seen(present: bool) -> Self {
        if present { Self::There } else { Self::Gone }
    }
}

impl Object {
    /// What an instance has while it is MASTER, in the order of installing.
    pub fn of_instance(config: &VrrpInstance) -> impl Iterator<Item = Self> {
        let addresses = config.lines().chain(config.excluded.iter().cloned());
        let routes = config.routes.iter().cloned();
        let rules = config.rules.iter().cloned();
        addresses
            .map(Self::from)
            .chain(routes.map(Self::from))
            .chain(rules.map(Self::from))
    }

    /// What the node has for good, in the order of installing.
    pub fn of_node(config: &Config) -> impl Iterator<Item = Self> {
        let addresses = config.static_addresses.iter().cloned().map(Self::from);
        let routes = config.static_routes.iter().cloned().map(Self::from);
        let rules = config.static_rules.iter().cloned().map(Self::from);
        addresses.chain(routes).chain(rules)
    }

    /// Its identity.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        match self {
            Self::Address(line) => ObjectKey::Address(line.address.clone()),
            Self::Route(route) => ObjectKey::Route(Box::new(RouteKey::of(route))),
            Self::Rule(rule) => {
                let mut rule = rule.clone();
                rule.is_tracked = true;
                rule.track_group = None;
                ObjectKey::Rule(rule)
            }
        }
    }

    /// False with `no_track`.
    #[must_use]
    pub fn is_tracked(&self) -> bool {
        match self {
            Self::Address(line) => line.options.is_tracked,
            Self::Route(route) => route.is_tracked,
            Self::Rule(rule) => rule.is_tracked,
        }
    }

    /// `track_group`.
    #[must_use]
    pub fn track_group(&self) -> Option<&str> {
        match self {
            Self::Address(line) => line.options.track_group.as_deref(),
            Self::Route(route) => route.track_group.as_deref(),
            Self::Rule(rule) => rule.track_group.as_deref(),
        }
    }

    /// Whether the kernel sees no difference: how something is tracked is ours alone.
    pub(super) fn is_same_to_kernel(&self, other: &Self) -> bool {
        self == other || self.untracked() == other.untracked()
    }

    /// Whether it can take the place of `old`, which has the same key, in one step. The kernel changes of an IPv4 address
    /// nothing but its lifetimes.
    pub(super) fn replaces_in_place(&self, old: &Self) -> bool {
        match (self, old) {
            (Self::Address(new), Self::Address(_)) => new.address.address.is_ipv6(),
            (Self::Route(_), Self::Route(_)) => true,
            (Self::Address(_) | Self::Route(_) | Self::Rule(_), _) => false,
        }
    }

    fn untracked(&self) -> Self {
        let mut object = self.clone();
        let (tracked, group) = match &mut object {
            Self::Address(line) => (&mut line.options.is_tracked, &mut line.options.track_group),
            Self::Route(route) => (&mut route.is_tracked, &mut route.track_group),
            Self::Rule(rule) => (&mut rule.is_tracked, &mut rule.track_group),
        };
        *tracked = true;
        *group = None;
        object
    }
}

impl From<AddressLine> for Object {
    fn from(line: AddressLine) -> Self {
        Self::Address(Box::new(line))
    }
}

impl From<VirtualAddress> for Object {
    fn from(address: VirtualAddress) -> Self {
        AddressLine::new(address).into()
    }
}

impl From<Route> for Object {
    fn from(route: Route) -> Self {
        Self::Route(Box::new(route))
    }
}

impl From<Rule> for Object {
    fn from(rule: Rule) -> Self {
        Self::Rule(Box::new(rule))
    }
}

/// The line of the configuration; of an address its beginning is enough to tell it.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(line) => {
                let VirtualAddress {
                    address, prefix, ..
                } = line.address;
                write!(f, "{address}/{prefix}")
            }
            Self::Route(route) => write!(f, "route {route}"),
            Self::Rule(rule) => write!(f, "rule {rule}"),
        }
    }
}

impl ObjectKey {
    /// Whether it goes when the interface goes: the kernel keeps rules, and routes are told of.
    pub(super) fn is_address_of(&self, interface: &InterfaceName) -> bool {
        matches!(self, Self::Address(address) if address.interface == *interface)
    }

    /// Whether it is an address.
    pub(super) const fn is_address(&self) -> bool {
        matches!(self, Self::Address(_))
    }

    /// The place in the routing table, of a route.
    pub(super) fn spot(&self) -> Option<&Spot> {
        match self {
            Self::Route(key) => Some(&key.spot),
            Self::Address(_) | Self::Rule(_) => None,
        }
    }
}

impl RouteKey {
    fn of(route: &Route) -> Self {
        let only = (route.via, route.interface.clone());
        let hops = route.nexthops.iter();
        let hops = hops.map(|hop| (hop.via, hop.interface.clone()));
        let is_plain = route.nexthops.is_empty();
        Self {
            spot: Spot {
                family: route.family,
                table: route.table.clone(),
                vrf: route.vrf.clone(),
                destination: route.destination,
                from: route.from,
                tos: route.tos.clone(),
                metric: route.metric,
            },
            kind: route.kind,
            paths: is_plain.then_some(only).into_iter().chain(hops).collect(),
        }
    }
}
