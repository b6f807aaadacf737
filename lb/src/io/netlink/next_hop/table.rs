//! What the kernel said about links, routes and neighbours, joined into next hops.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use lb_common::Mac;
use rtnetlink::packet_route::{
    link::{LinkAttribute, LinkLayerType, LinkMessage},
    neighbour::{
        NeighbourAddress, NeighbourAttribute, NeighbourExtFlags, NeighbourMessage, NeighbourState,
    },
    route::{RouteAddress, RouteAttribute, RouteMessage, RouteMetric, RouteType, RouteVia},
};

use crate::pool::{Hop, NextHop, Unreachable, desired::NextHops};

/// What a message of the kernel means for the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    /// The answers may differ.
    Neighbours,
    /// Routes must be looked up again.
    Routes,
}

/// Where a route leads: the neighbour to hand frames to, and the interface it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path {
    pub(super) ifindex: u32,
    pub(super) neighbour: IpAddr,
}

/// How the kernel routes packets for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// It is this host's own.
    Host,
    /// Over a link.
    Link(LinkRoute),
}

/// A route over a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinkRoute {
    pub(super) path: Path,
    /// The source it would choose.
    pub(super) local: Option<IpAddr>,
    /// Where it is less than the link's.
    pub(super) mtu: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Neighbour {
    /// `None` while the kernel does not know it.
    pub(super) mac: Option<Mac>,
    /// Made by an operator, or on an interface that resolves nothing.
    pub(super) permanent: bool,
    /// Kept fresh by the kernel.
    pub(super) managed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    name: String,
    /// `None` where frames are not Ethernet's.
    mac: Option<Mac>,
    mtu: u32,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    links: BTreeMap<u32, Link>,
    neighbours: BTreeMap<Path, Neighbour>,
    /// By real server address.
    pub(super) routes: BTreeMap<IpAddr, Result<Route, Unreachable>>,
}

impl Table {
    pub(super) fn forget(&mut self) {
        self.links.clear();
        self.neighbours.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    pub(super) fn set_link(&mut self, message: &LinkMessage) -> Effect {
        let mut name = String::new();
        let mut mac = None;
        let mut mtu = u32::MAX;
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::Mtu(bytes) => mtu = *bytes,
                LinkAttribute::IfName(text) => name.clone_from(text),
                LinkAttribute::Address(bytes) => mac = Mac::try_from(bytes.as_slice()).ok(),
                _ => {}
            }
        }
        if message.header.link_layer_type != LinkLayerType::Ether {
            mac = None;
        }
        self.links
            .insert(message.header.index, Link { name, mac, mtu });
        // Going up or down changes IPv4 routes without saying so.
        Effect::Routes
    }

    pub(super) fn remove_link(&mut self, message: &LinkMessage) -> Effect {
        self.links.remove(&message.header.index);
        Effect::Routes
    }

    pub(super) fn set_neighbour(&mut self, message: &NeighbourMessage) -> Effect {
        let Some(path) = path_of(message) else {
            return Effect::None;
        };
        let state = message.header.state;
        let mut neighbour = Neighbour {
            permanent: matches!(state, NeighbourState::Permanent | NeighbourState::Noarp),
            ..Neighbour::default()
        };
        let lost = matches!(
            state,
            NeighbourState::Incomplete | NeighbourState::Failed | NeighbourState::None
        );
        for attribute in &message.attributes {
            match attribute {
                NeighbourAttribute::LinkLayerAddress(bytes) if !lost => {
                    neighbour.mac = Mac::try_from(bytes.as_slice()).ok();
                }
                NeighbourAttribute::ExtFlags(flags) => {
                    neighbour.managed = flags.contains(NeighbourExtFlags::Managed);
                }
                _ => {}
            }
        }
        // Who is known gets older and is confirmed all the time.
        match self.neighbours.insert(path, neighbour) {
            Some(before) if before == neighbour => Effect::None,
            _ => Effect::Neighbours,
        }
    }

    pub(super) fn remove_neighbour(&mut self, message: &NeighbourMessage) -> Effect {
        match path_of(message).and_then(|path| self.neighbours.remove(&path)) {
            Some(_) => Effect::Neighbours,
            None => Effect::None,
        }
    }

    pub(super) fn neighbour(&self, path: Path) -> Option<Neighbour> {
        self.neighbours.get(&path).copied()
    }

    /// The neighbours that matter.
    pub(super) fn paths(&self) -> BTreeSet<Path> {
        let routes = self.routes.values().flatten();
        let paths = routes.filter_map(|route| match route {
            Route::Host => None,
            Route::Link(route) => Some(route.path),
        });
        paths.collect()
    }

    /// The neighbours of these that do not answer.
    pub(super) fn silent(&self) -> BTreeSet<Path> {
        let mut paths = self.paths();
        paths.retain(|path| {
            let has_mac = |link: &Link| link.mac.is_some();
            let neighbour = self.neighbour(*path).and_then(|found| found.mac);
            self.links.get(&path.ifindex).is_some_and(has_mac) && neighbour.is_none()
        });
        paths
    }

    pub(super) fn next_hops(&self) -> NextHops {
        self.routes
            .iter()
            .map(|(address, route)| {
                let found = route.clone().and_then(|route| match route {
                    Route::Host => Ok(NextHop::Host),
                    Route::Link(route) => self.resolve(&route).map(NextHop::Link),
                });
                (*address, found)
            })
            .collect()
    }

    fn resolve(&self, route: &LinkRoute) -> Result<Hop, Unreachable> {
        let path = route.path;
        let link = self.links.get(&path.ifindex).ok_or(Unreachable::NoRoute)?;
        let interface = link.name.clone();
        let Some(source) = link.mac else {
            return Err(Unreachable::NotEthernet { interface });
        };
        let Some(next_hop) = self.neighbour(path).and_then(|found| found.mac) else {
            return Err(Unreachable::NoAnswer {
                neighbour: path.neighbour,
                interface,
            });
        };
        Ok(Hop {
            interface,
            ifindex: path.ifindex,
            next_hop,
            source,
            local: route.local,
            mtu: route.mtu.map_or(link.mtu, |mtu| mtu.min(link.mtu)),
        })
    }
}

fn path_of(message: &NeighbourMessage) -> Option<Path> {
    message.attributes.iter().find_map(|attribute| {
        let NeighbourAttribute::Destination(address) = attribute else {
            return None;
        };
        let neighbour = match address {
            NeighbourAddress::Inet(v4) => IpAddr::V4(*v4),
            NeighbourAddress::Inet6(v6) => IpAddr::V6(*v6),
            _ => return None,
        };
        Some(Path {
            ifindex: message.header.ifindex,
            neighbour,
        })
    })
}

/// Where the kernel sends packets for `address`.
pub(super) fn route(address: IpAddr, route: &RouteMessage) -> Result<Route, Unreachable> {
    match route.header.kind {
        RouteType::Unicast => {}
        RouteType::Local => return Ok(Route::Host),
        _ => return Err(Unreachable::NoRoute),
    }
    let mut ifindex = None;
    let mut neighbour = address;
    let (mut local, mut mtu) = (None, None);
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Oif(index) => ifindex = Some(*index),
            RouteAttribute::Gateway(RouteAddress::Inet(v4))
            | RouteAttribute::Via(RouteVia::Inet(v4)) => neighbour = IpAddr::V4(*v4),
            RouteAttribute::Gateway(RouteAddress::Inet6(v6))
            | RouteAttribute::Via(RouteVia::Inet6(v6)) => neighbour = IpAddr::V6(*v6),
            RouteAttribute::PrefSource(RouteAddress::Inet(v4)) => local = Some(IpAddr::V4(*v4)),
            RouteAttribute::PrefSource(RouteAddress::Inet6(v6)) => local = Some(IpAddr::V6(*v6)),
            RouteAttribute::Metrics(metrics) => mtu = metrics.iter().find_map(mtu_of),
            _ => {}
        }
    }
    let ifindex = ifindex.ok_or(Unreachable::NoRoute)?;
    Ok(Route::Link(LinkRoute {
        path: Path { ifindex, neighbour },
        local,
        mtu,
    }))
}

const fn mtu_of(metric: &RouteMetric) -> Option<u32> {
    match metric {
        RouteMetric::Mtu(0) => None,
        RouteMetric::Mtu(mtu) => Some(*mtu),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
