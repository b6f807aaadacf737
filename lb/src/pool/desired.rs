//! The pure step from configuration and health to the services the data plane should hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use lb_common::gate::ALWAYS_OPEN;

use super::{
    Front, NextHop, RealServerId, Unreachable,
    drain::{Draining, Drains},
};
use crate::config::model::{
    Config, ForwardMethod, Scheduler, VirtualServer,
    lvs::{Persistence, QuicServerId, SchedulerFlags, Thresholds},
};

/// A virtual server as it should be forwarded now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Identity.
    pub front: Front,
    /// Index into `gates`.
    pub gate: u32,
    /// How new flows are spread.
    pub scheduler: Scheduler,
    /// Options of that.
    pub flags: SchedulerFlags,
    /// Every datagram is scheduled anew.
    pub one_packet: bool,
    /// Flows of a client go where its first one went.
    pub persistence: Option<Persistence>,
    /// Real servers in the order of the file, the failed ones too.
    pub dests: Vec<Dest>,
}

/// A real server as it should be forwarded to now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dest {
    /// Identity.
    pub id: RealServerId,
    /// How packets reach it.
    pub method: ForwardMethod,
    /// Configured share of new flows.
    pub weight: u32,
    /// It takes no new flows whatever its weight is.
    pub draining: bool,
    /// The server id in the connection IDs that it gives out.
    pub quic_server_id: Option<QuicServerId>,
    /// Connections at which it takes no more new flows, and below which it takes some again.
    pub thresholds: Thresholds,
    /// Whether its checks pass: a failed one carries no flow at all.
    pub usable: bool,
    /// Next hop, if known. Unknown does not take it out of the ring: the ring must be the same on every
    /// director, whatever each has resolved so far.
    pub next_hop: Option<NextHop>,
}

impl Dest {
    /// Whether new flows may be sent to it.
    #[must_use]
    pub const fn takes_new_flows(&self) -> bool {
        self.usable && self.share() > 0
    }

    /// Share of new flows; 0 takes none but keeps those it has.
    #[must_use]
    pub const fn share(&self) -> u32 {
        if self.draining { 0 } else { self.weight }
    }
}

/// Next hops by real server address.
pub type NextHops = BTreeMap<IpAddr, Result<NextHop, Unreachable>>;

/// The services to forward, in the order of the file.
///
/// `down` holds the real servers whose checks fail, `drains` those that are emptied; `gates` the gate of each `vrrp_instance` by name. The second of
/// two equal virtual servers, or of two equal real servers within one, is ignored, as keepalived does.
#[must_use]
pub fn desired(
    config: &Config,
    down: &BTreeSet<RealServerId>,
    drains: &Drains,
    gates: &BTreeMap<String, u32>,
    next_hops: &NextHops,
) -> Vec<Service> {
    let mut seen = BTreeSet::new();
    config
        .virtual_servers
        .iter()
        .filter_map(|server| Some((Front::of(server)?, server)))
        .filter(|(front, _)| seen.insert(*front))
        .map(|(front, server)| Service {
            front,
            gate: gate(config, gates, front.address),
            scheduler: server.scheduler,
            flags: server.flags,
            one_packet: server.one_packet,
            persistence: server.persistence.as_deref().copied(),
            dests: dests(front, server, (down, drains), next_hops),
        })
        .collect()
}

fn dests(
    front: Front,
    server: &VirtualServer,
    (down, drains): (&BTreeSet<RealServerId>, &Drains),
    next_hops: &NextHops,
) -> Vec<Dest> {
    let mut seen = BTreeSet::new();
    server
        .real_servers
        .iter()
        .filter(|real| seen.insert(RealServerId::of(front, real)))
        .map(|real| {
            let id = RealServerId::of(front, real);
            let draining = drains.of(&id);
            Dest {
                id,
                method: real.method,
                weight: real.weight.get(),
                quic_server_id: real.quic_server_id.as_deref().copied(),
                thresholds: real.thresholds,
                draining: draining != Draining::No,
                usable: draining != Draining::Ended && !down.contains(&id),
                next_hop: next_hops
                    .get(&real.address)
                    .and_then(|found| found.clone().ok()),
            }
        })
        .collect()
}

/// Name of the `vrrp_instance` that owns a virtual address, if one does.
#[must_use]
pub fn owner(config: &Config, address: IpAddr) -> Option<&str> {
    config
        .vrrp_instances
        .iter()
        .find(|instance| instance.addresses.iter().any(|own| own.address == address))
        .map(|instance| instance.name.as_str())
}

fn gate(config: &Config, gates: &BTreeMap<String, u32>, address: IpAddr) -> u32 {
    owner(config, address)
        .and_then(|name| gates.get(name))
        .copied()
        .unwrap_or(ALWAYS_OPEN)
}

#[cfg(test)]
mod tests;
