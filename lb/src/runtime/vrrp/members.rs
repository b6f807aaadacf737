//! The instances the kernel knows of: those configured and those still leaving.

use std::{collections::BTreeMap, net::IpAddr};

use lb_common::router::RouterKey;

use crate::{
    config::model::{Family, InterfaceName, Version, Vrid, VrrpInstance},
    io::guard::Subject,
    runtime::{channel::Plan, links::Links},
    vrrp::{Router, advert, output::InstanceId},
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
                    },
                );
            }
        }
    }

    /// Takes in new interface indexes.
    pub(super) fn refresh(&mut self, links: &Links) {
        for member in self.0.values_mut() {
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

    /// Which address belongs to which gate.
    pub(super) fn owned(&self) -> BTreeMap<IpAddr, u32> {
        let gated = self
            .0
            .values()
            .filter_map(|member| Some((member, member.gate?)));
        gated
            .flat_map(|(member, gate)| {
                let addresses = member.config.all_addresses();
                addresses.map(move |a| (a.address, gate))
            })
            .collect()
    }
}

fn subject(config: &VrrpInstance, gate: Option<u32>, links: &Links) -> Option<Subject> {
    Some(Subject {
        key: RouterKey {
            ifindex: links.get(&config.interface)?.index,
            vlan: 0,
            vrid: config.vrid.get(),
            family: match config.family {
                Family::V4 => 4,
                Family::V6 => 6,
            },
        },
        gate: gate?,
        version: match config.version {
            Version::V2 => 2,
            Version::V3 => 3,
        },
        group: advert::group(config.family),
    })
}
