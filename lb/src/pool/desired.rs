//! The pure step from configuration, health and quorum to the services the data plane should hold.
//!
//! With a quorum the real servers that are up take flows. Without one the `sorry_server` does in their place, where there is one; where
//! there is none they go on, as with keepalived: only the notification tells of it. What is out keeps its place with weight 0 where
//! it inhibits.

mod group;

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    net::IpAddr,
};

use lb_common::gate::ALWAYS_OPEN;

pub use self::group::Member;
use super::{
    DestId, Front, Mark, NextHop, RealServerId, Unreachable, VirtualServerId,
    drain::{Draining, Drains},
    marks::{Marks, mark_of},
    state::Pool,
};
use crate::config::model::{
    Config, ForwardMethod, Scheduler, SorryServer, VirtualServer,
    lvs::{Persistence, QuicServerId, SchedulerFlags, Thresholds},
};

/// A virtual server, or a member of its group, as it should be forwarded now. `F` tells its packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service<F = Front> {
    /// Identity.
    pub front: F,
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
    pub id: DestId,
    /// How packets reach it.
    pub method: ForwardMethod,
    /// Share of new flows; less than all of it during a slow start.
    pub weight: u32,
    /// The configured share, whatever checks add.
    pub configured_weight: u32,
    /// It takes no new flows whatever its weight is: an operator empties it, or it inhibits.
    pub draining: bool,
    /// The server id in the connection IDs that it gives out.
    pub quic_server_id: Option<QuicServerId>,
    /// Connections at which it takes no more new flows, and below which it takes some again.
    pub thresholds: Thresholds,
    /// Whether it carries flows at all.
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

/// Everything that should be forwarded, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// By address, port and protocol.
    pub services: Vec<Service>,
    /// By firewall mark, which only IPVS sees.
    pub marked: Vec<Service<Mark>>,
    /// The marks among these that stand for services above, which IPVS does not have besides (`nftables_ipvs`).
    pub by_mark: BTreeMap<Front, Mark>,
}

impl Desired {
    /// How many services only IPVS could serve.
    #[must_use]
    pub fn unserved_marks(&self) -> usize {
        let stand_for: BTreeSet<_> = self.by_mark.values().collect();
        self.marked.len().saturating_sub(stand_for.len())
    }
}

/// What decides about real servers beside the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Standings<'a> {
    /// Health and quorum.
    pub pool: &'a Pool,
    /// Who is emptied.
    pub drains: &'a Drains,
    /// Gate of each `vrrp_instance` by name.
    pub gates: &'a BTreeMap<String, u32>,
    /// By real server address.
    pub next_hops: &'a NextHops,
    /// Of virtual servers that IPVS is to have by mark.
    pub marks: &'a Marks,
}

/// The services to forward. The second of two equal virtual servers, or of two equal real servers within one, is ignored, as
/// keepalived does.
#[must_use]
pub fn desired(config: &Config, standings: &Standings<'_>) -> Desired {
    let mut desired = Desired::default();
    let mut seen = BTreeSet::new();
    for server in &config.virtual_servers {
        let id = VirtualServerId::of(server);
        let mut members = members(config, &id);
        members.retain(|member| seen.insert(*member));
        let Some(last) = members.pop() else {
            continue;
        };
        let dests = dests(server, &id, standings);
        let mark = mark_of(standings.marks, &id);
        if let Some(mark) = mark {
            let dests = at_port(dests.clone(), Member::Mark(mark).port());
            let service = service(server, mark, ALWAYS_OPEN, dests);
            desired.marked.push(service);
        }
        let mut add = |member: Member, dests| {
            let dests = at_port(dests, member.port());
            match member {
                Member::Address(front) => {
                    let gate = gate(config, standings.gates, front.address);
                    desired.services.push(service(server, front, gate, dests));
                    desired.by_mark.extend(mark.map(|mark| (front, mark)));
                }
                Member::Mark(mark) => {
                    let service = service(server, mark, ALWAYS_OPEN, dests);
                    desired.marked.push(service);
                }
            }
        };
        for member in members {
            add(member, dests.clone());
        }
        add(last, dests);
    }
    desired
}

/// The services that a virtual server stands for: itself, or the members of its group.
#[must_use]
pub fn members(config: &Config, id: &VirtualServerId) -> Vec<Member> {
    match id {
        VirtualServerId::Address(front) => vec![Member::Address(*front)],
        VirtualServerId::Mark(mark) => vec![Member::Mark(*mark)],
        VirtualServerId::Group {
            name,
            protocol,
            family,
        } => group::members(config, name, *protocol, *family).collect(),
    }
}

/// What a plane has of a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// Nothing, or nothing that flows may go to.
    Gone,
    /// It takes no new flows.
    Quiescent,
    /// It takes flows.
    Serving,
}

/// The real servers that have failed, as a plane remembers them that has virtual servers by these marks: `trace` says what it has of a
/// service's real address and port; nothing is known where it says nothing.
#[must_use]
pub fn remembered(
    config: &Config,
    marks: &Marks,
    trace: impl Fn(Member, IpAddr, u16) -> Option<Trace>,
) -> BTreeSet<RealServerId> {
    let mut failed = BTreeSet::new();
    for server in &config.virtual_servers {
        let id = VirtualServerId::of(server);
        let mark = mark_of(marks, &id).map(Member::Mark);
        // All members of a group have the same.
        let Some(member) = mark.or_else(|| members(config, &id).first().copied()) else {
            continue;
        };
        for real in &server.real_servers {
            let port = if real.method.is_nat() {
                real.port
            } else {
                member.port()
            };
            let has_failed = match trace(member, real.address, port) {
                Some(Trace::Gone) => true,
                Some(Trace::Quiescent) => real.inhibit_on_failure && real.weight.get() > 0,
                Some(Trace::Serving) | None => false,
            };
            if has_failed {
                failed.insert(RealServerId::of(id.clone(), real));
            }
        }
    }
    failed
}

/// The dests of a service of this port: packets that are not translated keep it.
fn at_port(dests: Vec<Dest>, port: u16) -> Vec<Dest> {
    let mut places: BTreeMap<DestId, usize> = BTreeMap::new();
    let mut kept: Vec<Dest> = Vec::with_capacity(dests.len());
    for mut dest in dests {
        if !dest.method.is_nat() {
            dest.id.port = port;
        }
        // Two may be one now: whoever serves counts.
        match places.entry(dest.id) {
            Entry::Occupied(place) => {
                let other = &mut kept[*place.get()];
                if dest.takes_new_flows() && !other.takes_new_flows() {
                    *other = dest;
                }
            }
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(dest);
            }
        }
    }
    kept
}

fn service<F>(server: &VirtualServer, front: F, gate: u32, dests: Vec<Dest>) -> Service<F> {
    Service {
        front,
        gate,
        scheduler: server.scheduler,
        flags: server.flags,
        one_packet: server.one_packet,
        persistence: server.persistence.as_deref().copied(),
        dests,
    }
}

fn dests(server: &VirtualServer, id: &VirtualServerId, standings: &Standings<'_>) -> Vec<Dest> {
    let mut seen = BTreeSet::new();
    let reals = server.real_servers.iter();
    let reals = reals.filter(|real| seen.insert((real.address, real.port)));
    let is_sorry = server.sorry_server.is_some() && !standings.pool.has_quorum(id);
    let protocol = id.protocol();
    let mut dests: Vec<Dest> = reals
        .map(|real| {
            let (address, port) = (real.address, real.port);
            let draining = standings.drains.of(address, port);
            let configured_weight = real.weight.get();
            let share = standings.pool.share(id, address, port);
            let (is_up, weight) =
                share.map_or((true, configured_weight), |it| (it.is_up, it.weight));
            let is_out = is_sorry || !is_up;
            Dest {
                id: DestId {
                    address,
                    port,
                    protocol,
                },
                method: real.method,
                weight,
                configured_weight,
                quic_server_id: real.quic_server_id.as_deref().copied(),
                thresholds: real.thresholds,
                draining: draining != Draining::No || is_out && real.inhibit_on_failure,
                usable: draining != Draining::Ended && (!is_out || real.inhibit_on_failure),
                next_hop: standings.next_hop(address),
            }
        })
        .collect();
    if let Some(sorry) = server.sorry_server.as_deref() {
        add_sorry(&mut dests, sorry, is_sorry, id, standings);
    }
    dests
}

/// The server that answers without a quorum, which may be one of the others too.
fn add_sorry(
    dests: &mut Vec<Dest>,
    sorry: &SorryServer,
    serves: bool,
    id: &VirtualServerId,
    standings: &Standings<'_>,
) {
    let dest = Dest {
        id: DestId {
            address: sorry.address,
            port: sorry.port,
            protocol: id.protocol(),
        },
        method: sorry.method,
        weight: 1,
        configured_weight: 1,
        draining: !serves,
        quic_server_id: None,
        thresholds: Thresholds::default(),
        usable: serves || sorry.inhibit,
        next_hop: standings.next_hop(sorry.address),
    };
    match dests.iter_mut().find(|other| other.id == dest.id) {
        Some(other) if serves => {
            *other = Dest {
                configured_weight: other.configured_weight,
                ..dest
            }
        }
        Some(_) => {}
        None => dests.push(dest),
    }
}

impl Standings<'_> {
    fn next_hop(&self, address: IpAddr) -> Option<NextHop> {
        self.next_hops.get(&address)?.clone().ok()
    }
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
