//! The instances the kernel knows of: those configured and those still leaving.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use lb_common::router::RouterKey;

use crate::{
    config::model::{Family, InterfaceName, Vrid, VrrpInstance},
    io::guard::{Owned, Sender, Subject, Terms, Ttls},
    runtime::{channel::Plan, links::Links},
    vrrp::{Router, output::InstanceId},
};

/// What the runtime remembers of an instance until it is removed.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// The configuration as last given to the core.
    pub(super) config: VrrpInstance,
    /// Its gate; `None` where there is no data plane.
    pub(super) gate: Option<u32>,
    /// Its entry in the kernel, as last known: an interface that is gone had one.
    pub(super) subject: Option<Subject>,
    /// Another configured instance would have the same entry.
    shares: bool,
}

/// Members by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Members(BTreeMap<InstanceId, Member>);

impl Members {
    /// Takes in the instances of a plan the core has just been given.
    pub(super) fn configure(&mut self, plan: &Plan, router: &Router, links: &Links) {
        for config in &plan.config.vrrp_instances {
            if let Some(id) = router.instance_id(&config.name) {
                let gate = plan.gates.get(&config.name).copied();
                let before = self.0.remove(&id).and_then(|member| member.subject);
                let subject = subject(config, gate, links).or(before);
                self.0.insert(
                    id,
                    Member {
                        config: config.clone(),
                        gate,
                        subject,
                        shares: false,
                    },
                );
            }
        }
    }

    /// Takes the entry in the kernel from members that would share one, which the kernel could not tell apart, and returns
    /// those that had one: two instances of one VRID are told apart by their unicast peers.
    pub(super) fn part(&mut self, plan: &Plan) -> Vec<(InstanceId, Subject)> {
        let configs = &plan.config.vrrp_instances;
        let mut parted = Vec::new();
        for (id, member) in &mut self.0 {
            let config = &member.config;
            let is_like = |other: &&VrrpInstance| {
                (
                    &other.interface,
                    other.link.routed,
                    other.vrid,
                    other.family,
                ) == (
                    &config.interface,
                    config.link.routed,
                    config.vrid,
                    config.family,
                )
            };
            member.shares = configs.iter().filter(is_like).count() > 1;
            if member.shares {
                parted.extend(member.subject.take().map(|subject| (*id, subject)));
            }
        }
        parted
    }

    /// Takes in new interface indexes.
    pub(super) fn refresh(&mut self, links: &Links) {
        for member in self.0.values_mut().filter(|member| !member.shares) {
            let now = subject(&member.config, member.gate, links);
            member.subject = now.or(member.subject);
        }
    }

    /// A member.
    pub(super) fn get(&self, id: InstanceId) -> Option<&Member> {
        self.0.get(&id)
    }

    /// Its name for the log.
    pub(super) fn name(&self, id: InstanceId) -> &str {
        self.get(id)
            .map_or("removed", |member| member.config.name.as_str())
    }

    /// Forgets a member that was removed.
    pub(super) fn remove(&mut self, id: InstanceId) {
        self.0.remove(&id);
    }

    /// The member with this entry in the kernel. One that replaces another of the same VRID has the higher id.
    pub(super) fn find(&self, key: &RouterKey) -> Option<InstanceId> {
        let mut found = self.0.iter().rev();
        found
            .find(|(_, m)| m.subject.is_some_and(|s| s.key == *key))
            .map(|(id, _)| *id)
    }

    /// The member that takes the adverts of a VRID on an interface.
    pub(super) fn on_segment(
        &self,
        interface: &InterfaceName,
        vrid: Vrid,
        family: Family,
    ) -> Option<InstanceId> {
        let mut found = self.0.iter().rev();
        found
            .find(|(_, m)| {
                let config = &m.config;
                config.interface == *interface && config.vrid == vrid && config.family == family
            })
            .map(|(id, _)| *id)
    }

    /// Members with an entry in the kernel.
    pub(super) fn subjects(&self) -> impl Iterator<Item = (InstanceId, Subject)> {
        self.0
            .iter()
            .filter_map(|(id, member)| Some((*id, member.subject?)))
    }

    /// What the data plane is to know of each address.
    pub(super) fn owned(&self) -> BTreeMap<IpAddr, Owned> {
        let gated = self
            .0
            .values()
            .filter_map(|member| Some((member, member.gate?)));
        gated
            .flat_map(|(member, gate)| {
                let config = &member.config;
                let accept = config.election.accept || config.priority.is_owner();
                let excluded = config.excluded.iter().map(|line| &line.address);
                let addresses = config.addresses.iter().chain(excluded);
                let addresses = addresses.map(|line| line.address);
                addresses.map(move |address| (address, Owned { gate, accept }))
            })
            .collect()
    }

    /// Peers of the members that take adverts from their peers alone.
    pub(super) fn peers(&self) -> BTreeMap<Sender, Ttls> {
        let known = self.0.values();
        known
            .filter_map(|member| {
                let unicast = member.config.adverts.destination.unicast();
                Some((
                    member.subject?,
                    unicast.filter(|unicast| unicast.check_source)?,
                ))
            })
            .flat_map(|(subject, unicast)| {
                unicast.peers.iter().map(move |peer| {
                    let (min, max) = (peer.min_ttl, peer.max_ttl);
                    ((subject.key, peer.address), Ttls { min, max })
                })
            })
            .collect()
    }

    /// VRIDs of all members.
    pub(super) fn vrids(&self) -> BTreeSet<(Family, Vrid)> {
        let configs = self.0.values().map(|member| &member.config);
        configs.map(|config| (config.family, config.vrid)).collect()
    }
}

fn subject(config: &VrrpInstance, gate: Option<u32>, links: &Links) -> Option<Subject> {
    Some(Subject {
        key: RouterKey {
            ifindex: if config.link.routed {
                0
            } else {
                links.get(&config.interface)?.index
            },
            vlan: 0,
            vrid: config.vrid.get(),
            family: match config.family {
                Family::V4 => 4,
                Family::V6 => 6,
            },
        },
        gate: gate?,
        terms: Terms::of(config),
    })
}
