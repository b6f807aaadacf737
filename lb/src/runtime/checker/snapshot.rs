//! Joins configuration, health, next hops and figures into what observers see.

use std::net::{IpAddr, SocketAddr};

use lb_common::{connection::DestConnections, counter::Traffic};

use super::data_plane::Figures;
use crate::{
    checker::Checker,
    config::model::{Config, ForwardMethod, RealServer, SorryServer, VirtualServer, Word},
    ipvs::Table,
    mirror::plan::{DestIndex, dest_index, service_key},
    pool::{
        RealServerId, Unreachable, VirtualServerId,
        desired::{Member, NextHops, members, owner},
        drain::{Draining, Drains},
        mapped,
        snapshot::{RealServerSnapshot, ServiceSnapshot},
        state::Pool,
    },
};

/// The services in the order of the file; figures are zero without a data plane.
pub(super) fn services(
    config: &Config,
    (checker, pool, drains): (&Checker, &Pool, &Drains),
    next_hops: &NextHops,
    figures: Option<&Figures<'_>>,
    ipvs: Option<&Table>,
) -> Vec<ServiceSnapshot> {
    let join = Join {
        ipvs,
        config,
        checker,
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
    checker: &'a Checker,
    pool: &'a Pool,
    drains: &'a Drains,
    next_hops: &'a NextHops,
    figures: Option<&'a Figures<'a>>,
    ipvs: Option<&'a Table>,
    dests: DestIndex,
}

/// What the maps have of a virtual server: a service id for each of its members.
type Installed<'a> = [(&'a Figures<'a>, Member, u32)];

/// Figures of a real server, over all members of its virtual server.
#[derive(Default)]
struct DestFigures {
    flows: u64,
    connections: DestConnections,
    traffic: Traffic,
}

impl Join<'_> {
    fn service(&self, server: &VirtualServer) -> ServiceSnapshot {
        let id = VirtualServerId::of(server);
        let members = members(self.config, &id);
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
        let mut traffic = Traffic::default();
        for (figures, _, id) in &installed {
            add(&mut traffic, &figures.service(*id));
        }
        let flows = |(figures, _, id): &(&Figures<'_>, Member, u32)| {
            figures.flows.services.get(id).copied().unwrap_or_default()
        };
        let address = server.service.address();
        let reals = server.real_servers.iter();
        let reals = reals.map(|real| self.real_server(&id, real, &installed));
        let sorry = server.sorry_server.as_deref();
        let sorry = sorry.map(|sorry| self.sorry_server(&id, sorry, &installed));
        ServiceSnapshot {
            service: match address {
                Some((address, port)) => socket(address, port),
                None => server.service.to_string(),
            },
            protocol: word(server.protocol),
            scheduler: word(server.scheduler),
            planes: self.planes(&members, !installed.is_empty()),
            id: installed.first().map_or(0, |(_, _, id)| *id),
            instance: address
                .and_then(|(address, _)| owner(self.config, address))
                .map(ToOwned::to_owned),
            has_quorum: self.pool.has_quorum(&id),
            flows: installed.iter().map(flows).sum(),
            connections: traffic.flows,
            packets: traffic.packets,
            bytes: traffic.bytes,
            real_servers: reals.chain(sorry).collect(),
        }
    }

    fn planes(&self, members: &[Member], has_xdp: bool) -> Vec<String> {
        let has_ipvs = self.ipvs.is_some_and(|table| {
            let mut keys = members.iter().map(|member| (*member).into());
            keys.any(|key| table.services.contains_key(&key))
        });
        [("XDP", has_xdp), ("IPVS", has_ipvs)]
            .into_iter()
            .filter(|(_, has)| *has)
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    fn real_server(
        &self,
        server: &VirtualServerId,
        real: &RealServer,
        installed: &Installed<'_>,
    ) -> RealServerSnapshot {
        let id = RealServerId::of(server.clone(), real);
        let health = self.checker.health(&id);
        let drained = self.drains.of(real.address, real.port);
        RealServerSnapshot {
            weight: health.weight(),
            draining: drained != Draining::No,
            up: health.is_up,
            why: self.checker.why(&id),
            ..self.dest((real.address, real.port), real.method, installed)
        }
    }

    fn sorry_server(
        &self,
        server: &VirtualServerId,
        sorry: &SorryServer,
        installed: &Installed<'_>,
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
            ..self.dest((sorry.address, sorry.port), sorry.method, installed)
        }
    }

    /// What is known of any dest.
    fn dest(
        &self,
        (address, port): (IpAddr, u16),
        method: ForwardMethod,
        installed: &Installed<'_>,
    ) -> RealServerSnapshot {
        let figures = self.dest_figures((address, port), method, installed);
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
        installed: &Installed<'_>,
    ) -> DestFigures {
        let mut sum = DestFigures::default();
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
            add(&mut sum.traffic, &figures.dest(*id));
        }
        sum
    }
}

fn add(sum: &mut Traffic, more: &Traffic) {
    sum.flows += more.flows;
    sum.packets += more.packets;
    sum.bytes += more.bytes;
}

/// The word of the configuration for a choice.
fn word<W: Word>(value: W) -> String {
    let word = value.place().and_then(|place| W::WORDS.get(place));
    word.map(ToString::to_string).unwrap_or_default()
}

fn socket(address: IpAddr, port: u16) -> String {
    SocketAddr::new(address, port).to_string()
}
