//! Joins configuration, health, next hops and figures into what observers see.

use std::net::{IpAddr, SocketAddr};

use lb_common::counter::Traffic;

use super::data_plane::Figures;
use crate::{
    checker::Checker,
    config::model::{Config, ForwardMethod, RealServer, VirtualServer, Word},
    ipvs::Table,
    mirror::plan::{DestIndex, dest_index, service_key},
    pool::{
        Front, RealServerId, Unreachable,
        desired::{NextHops, owner},
        drain::{Draining, Drains},
        mapped,
        snapshot::{RealServerSnapshot, ServiceSnapshot},
    },
};

/// The services in the order of the file; figures are zero without a data plane.
pub(super) fn services(
    config: &Config,
    (checker, drains): (&Checker, &Drains),
    next_hops: &NextHops,
    figures: Option<&Figures<'_>>,
    ipvs: Option<&Table>,
) -> Vec<ServiceSnapshot> {
    let join = Join {
        ipvs,
        config,
        checker,
        drains,
        next_hops,
        figures,
        dests: figures.map_or_else(DestIndex::new, |figures| dest_index(figures.image)),
    };
    config
        .virtual_servers
        .iter()
        .filter_map(|server| join.service(server))
        .collect()
}

struct Join<'a> {
    config: &'a Config,
    checker: &'a Checker,
    drains: &'a Drains,
    next_hops: &'a NextHops,
    figures: Option<&'a Figures<'a>>,
    ipvs: Option<&'a Table>,
    dests: DestIndex,
}

impl Join<'_> {
    /// `None` where it serves no single address.
    fn service(&self, server: &VirtualServer) -> Option<ServiceSnapshot> {
        let front = Front::of(server)?;
        let installed = self.figures.and_then(|figures| {
            Some((figures, figures.image.services.get(&service_key(front))?.id))
        });
        let traffic = installed.map_or_else(Traffic::default, |(figures, id)| figures.service(id));
        Some(ServiceSnapshot {
            service: socket(front.address, front.port),
            protocol: word(server.protocol),
            scheduler: word(server.scheduler),
            planes: self.planes(front, installed.is_some()),
            id: installed.map_or(0, |(_, id)| id),
            instance: owner(self.config, front.address).map(ToOwned::to_owned),
            flows: installed
                .and_then(|(figures, id)| figures.flows.services.get(&id).copied())
                .unwrap_or_default(),
            connections: traffic.flows,
            packets: traffic.packets,
            bytes: traffic.bytes,
            real_servers: server
                .real_servers
                .iter()
                .map(|real| self.real_server(front, real, installed))
                .collect(),
        })
    }

    fn planes(&self, front: Front, has_xdp: bool) -> Vec<String> {
        let has_ipvs = self
            .ipvs
            .is_some_and(|table| table.services.contains_key(&front.into()));
        [("XDP", has_xdp), ("IPVS", has_ipvs)]
            .into_iter()
            .filter(|(_, has)| *has)
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    fn real_server(
        &self,
        front: Front,
        real: &RealServer,
        installed: Option<(&Figures<'_>, u32)>,
    ) -> RealServerSnapshot {
        let id = RealServerId::of(front, real);
        let dest = installed.and_then(|(figures, service)| {
            let key = (service, mapped(real.address), real.port.to_be_bytes());
            Some((figures, *self.dests.get(&key)?))
        });
        let traffic = dest.map_or_else(Traffic::default, |(figures, id)| figures.dest(id));
        let connections = dest.map(|(figures, id)| figures.connections(id));
        let connections = connections.unwrap_or_default();
        let unknown = Err(Unreachable::Unknown);
        let next_hop = match self.next_hops.get(&real.address).unwrap_or(&unknown) {
            Ok(found) => found.to_string(),
            Err(why) => why.to_string(),
        };
        RealServerSnapshot {
            real_server: socket(real.address, real.port),
            method: match real.method {
                ForwardMethod::Nat => "NAT",
                ForwardMethod::FullNat => "FULLNAT",
                ForwardMethod::DirectRoute => "DR",
                ForwardMethod::Tunnel(_) => "TUN",
            }
            .to_owned(),
            weight: real.weight.get(),
            draining: self.drains.of(&id) != Draining::No,
            up: !self.checker.down().contains(&id),
            why: self.checker.why(id),
            next_hop,
            flows: dest
                .and_then(|(figures, id)| figures.flows.dests.get(&id).copied())
                .unwrap_or_default(),
            active: connections.active,
            inactive: connections.inactive,
            overloaded: connections.overloaded != 0,
            connections: traffic.flows,
            packets: traffic.packets,
            bytes: traffic.bytes,
        }
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
