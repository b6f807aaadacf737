//! Joins configuration, health, next hops and figures into what observers see.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use lb_common::{connection::DestConnections, counter::Traffic};

use super::data_plane::Figures;
use crate::{
    config::model::{Config, ForwardMethod, RealServer, SorryServer, VirtualServer, Word},
    ipvs::{self, AllFigures, DestKey},
    mirror::plan::{DestIndex, dest_index, service_key},
    pool::{
        Plane, RealServerId, Unreachable, VirtualServerId,
        desired::{Member, NextHops, members, owner},
        drain::{Draining, Drains},
        mapped,
        marks::{Marks, mark_of},
        snapshot::{RealServerSnapshot, ServiceSnapshot},
        state::Pool,
    },
};

/// The services in the order of the file; figures are zero without a data plane.
pub(super) fn services(
    (config, marks): (&Config, &Marks),
    (words, pool, drains): (&BTreeMap<RealServerId, String>, &Pool, &Drains),
    next_hops: &NextHops,
    (figures, ipvs): (Option<&Figures<'_>>, &AllFigures),
    leaving: Option<Plane>,
) -> Vec<ServiceSnapshot> {
    let join = Join {
        ipvs,
        leaving,
        config,
        marks,
        words,
        pool,
        drains,
        next_hops,
        figures,
        dests: figures.map_or_else(DestIndex::new, |figures| dest_index(figures.image)),
    };
    let servers = config.virtual_servers.iter();
    servers.map(|server| join.service(server)).collect()
}

struct Join<'a> {
    config: &'a Config,
    marks: &'a Marks,
    /// The last results of the checks.
    words: &'a BTreeMap<RealServerId, String>,
    pool: &'a Pool,
    drains: &'a Drains,
    next_hops: &'a NextHops,
    figures: Option<&'a Figures<'a>>,
    ipvs: &'a AllFigures,
    leaving: Option<Plane>,
    dests: DestIndex,
}

/// What the maps have of a virtual server: a service id for each of its members.
type Installed<'a> = [(&'a Figures<'a>, Member, u32)];

/// Its services, and what the maps have of them.
type Of<'a> = (&'a [Member], &'a Installed<'a>);

/// Figures of a virtual server or a real server, over both planes and all members.
#[derive(Default)]
struct Sum {
    flows: u64,
    connections: DestConnections,
    traffic: Traffic,
}

impl Sum {
    fn add_ipvs(&mut self, figures: &ipvs::Figures) {
        self.traffic.flows += figures.connections;
        self.traffic.packets += figures.packets;
        self.traffic.bytes += figures.bytes;
    }
}

impl Join<'_> {
    fn service(&self, server: &VirtualServer) -> ServiceSnapshot {
        let id = VirtualServerId::of(server);
        let mut members = members(self.config, &id);
        members.extend(mark_of(self.marks, &id).map(Member::Mark));
        let installed: Vec<_> = members
            .iter()
            .filter_map(|member| {
                let (Some(figures), Member::Address(front)) = (self.figures, member) else {
                    return None;
                };
                let service = figures.image.services.get(&service_key(*front))?;
                Some((figures, *member, service.id))
            })
            .collect();
        let mut sum = Sum::default();
        for (figures, _, id) in &installed {
            sum.traffic += figures.service(*id);
            let flows = figures.flows.services.get(id).copied();
            sum.flows += flows.unwrap_or_default();
        }
        for (figures, dests) in self.ipvs_of(&members) {
            sum.add_ipvs(figures);
            let all = dests.values();
            sum.flows += all
                .map(|dest| u64::from(dest.active + dest.inactive))
                .sum::<u64>();
        }
        let address = server.service.address();
        let reals = server.real_servers.iter();
        let reals = reals.map(|real| self.real_server(&id, real, (&members, &installed)));
        let planes = self.planes(&members, !installed.is_empty());
        let sorry = server.sorry_server.as_deref();
        let sorry = sorry.map(|sorry| self.sorry_server(&id, sorry, (&members, &installed)));
        ServiceSnapshot {
            service: match address {
                Some((address, port)) => socket(address, port),
                None => server.service.to_string(),
            },
            protocol: word(server.protocol),
            scheduler: word(server.scheduler),
            planes: planes.iter().map(ToString::to_string).collect(),
            leaving: self
                .leaving
                .filter(|plane| planes.contains(plane))
                .map(|plane| plane.to_string()),
            id: installed.first().map_or(0, |(_, _, id)| *id),
            instance: address
                .and_then(|(address, _)| owner(self.config, address))
                .map(ToOwned::to_owned),
            has_quorum: self.pool.has_quorum(&id),
            flows: sum.flows,
            connections: sum.traffic.flows,
            packets: sum.traffic.packets,
            bytes: sum.traffic.bytes,
            real_servers: reals.chain(sorry).collect(),
        }
    }

    /// What IPVS has of a virtual server.
    fn ipvs_of(
        &self,
        members: &[Member],
    ) -> impl Iterator<Item = &(ipvs::Figures, BTreeMap<DestKey, ipvs::Figures>)> {
        let keys = members.iter().map(|member| (*member).into());
        keys.filter_map(|key| self.ipvs.get(&key))
    }

    /// The planes that have a virtual server.
    fn planes(&self, members: &[Member], has_xdp: bool) -> Vec<Plane> {
        let has_ipvs = self.ipvs_of(members).next().is_some();
        [(Plane::Xdp, has_xdp), (Plane::Ipvs, has_ipvs)]
            .into_iter()
            .filter(|(_, has)| *has)
            .map(|(plane, _)| plane)
            .collect()
    }

    fn real_server(
        &self,
        server: &VirtualServerId,
        real: &RealServer,
        of: Of<'_>,
    ) -> RealServerSnapshot {
        let id = RealServerId::of(server.clone(), real);
        let share = self.pool.share(server, real.address, real.port);
        let grows_to = share.map(|share| share.whole);
        let drained = self.drains.of(real.address, real.port);
        RealServerSnapshot {
            weight: share.map_or(real.weight.get(), |share| share.weight),
            grows_to: grows_to.filter(|whole| share.is_some_and(|share| share.weight < *whole)),
            draining: drained != Draining::No,
            up: share.is_none_or(|share| share.is_up),
            why: self.words.get(&id).cloned().unwrap_or_default(),
            ..self.dest((real.address, real.port), real.method, of)
        }
    }

    fn sorry_server(
        &self,
        server: &VirtualServerId,
        sorry: &SorryServer,
        of: Of<'_>,
    ) -> RealServerSnapshot {
        let serves = !self.pool.has_quorum(server);
        let why = if serves {
            "sorry server: there is no quorum"
        } else {
            "sorry server: there is a quorum"
        };
        RealServerSnapshot {
            up: serves,
            why: why.to_owned(),
            ..self.dest((sorry.address, sorry.port), sorry.method, of)
        }
    }

    /// What is known of any dest.
    fn dest(
        &self,
        (address, port): (IpAddr, u16),
        method: ForwardMethod,
        of: Of<'_>,
    ) -> RealServerSnapshot {
        let figures = self.dest_figures((address, port), method, of);
        let unknown = Err(Unreachable::Unknown);
        let next_hop = match self.next_hops.get(&address).unwrap_or(&unknown) {
            Ok(found) => found.to_string(),
            Err(why) => why.to_string(),
        };
        RealServerSnapshot {
            real_server: socket(address, port),
            method: match method {
                ForwardMethod::Nat => "NAT",
                ForwardMethod::FullNat => "FULLNAT",
                ForwardMethod::DirectRoute => "DR",
                ForwardMethod::Tunnel(_) => "TUN",
            }
            .to_owned(),
            weight: 1,
            grows_to: None,
            draining: false,
            up: true,
            why: String::new(),
            next_hop,
            flows: figures.flows,
            active: figures.connections.active,
            inactive: figures.connections.inactive,
            overloaded: figures.connections.overloaded != 0,
            connections: figures.traffic.flows,
            packets: figures.traffic.packets,
            bytes: figures.traffic.bytes,
        }
    }

    fn dest_figures(
        &self,
        (address, port): (IpAddr, u16),
        method: ForwardMethod,
        of: Of<'_>,
    ) -> Sum {
        let (members, installed) = of;
        let mut sum = Sum::default();
        for member in members {
            let port = if method.is_nat() { port } else { member.port() };
            let dests = self.ipvs.get(&(*member).into()).map(|(_, dests)| dests);
            if let Some(figures) = dests.and_then(|dests| dests.get(&DestKey { address, port })) {
                sum.add_ipvs(figures);
                sum.flows += u64::from(figures.active + figures.inactive);
                sum.connections.active += figures.active;
                sum.connections.inactive += figures.inactive;
            }
        }
        for (figures, member, service) in installed {
            let port = if method.is_nat() { port } else { member.port() };
            let key = (*service, mapped(address), port.to_be_bytes());
            let Some(id) = self.dests.get(&key) else {
                continue;
            };
            let connections = figures.connections(*id);
            sum.connections.active += connections.active;
            sum.connections.inactive += connections.inactive;
            sum.connections.overloaded |= connections.overloaded;
            sum.flows += figures.flows.dests.get(id).copied().unwrap_or_default();
            sum.traffic += figures.dest(*id);
        }
        sum
    }
}

/// The word of the configuration for a choice.
fn word<W: Word>(value: W) -> String {
    let word = value.place().and_then(|place| W::WORDS.get(place));
    word.map(ToString::to_string).unwrap_or_default()
}

fn socket(address: IpAddr, port: u16) -> String {
    SocketAddr::new(address, port).to_string()
}
