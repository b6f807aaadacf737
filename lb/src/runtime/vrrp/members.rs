//! The instances the kernel knows of: those configured and those still leaving.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use lb_common::router::RouterKey;

use super::macs;
use crate::{
    config::model::{
        Family, Vrid, VrrpInstance,
        vrrp::{Destination, Device, MacAddress, Unicast},
    },
    io::{
        guard::{Owned, Sender, Subject, Terms, Ttls},
        key,
        socket::vrrp::{Kind, Place},
    },
    runtime::{channel::Plan, links::Links},
    vrrp::{
        Router,
        output::InstanceId,
        virtual_interfaces::VirtualInterfaces,
        wire::{Carrier, Incoming, Keys, Wire},
    },
};

/// What the runtime remembers of an instance until it is removed.
#[derive(Debug)]
pub(super) struct Member {
    /// The configuration as last given to the core.
    pub(super) config: Arc<VrrpInstance>,
    place: Place,
    /// Its gate; `None` where there is no data plane.
    pub(super) gate: Option<u32>,
    /// Its entry in the kernel, as last known: an interface that is gone had one.
    pub(super) subject: Option<Subject>,
    /// Another configured instance would have the same entry.
    shares: bool,
    /// It is not configured any more: whoever has its entry next waits until it is gone.
    leaves: bool,
    /// How its adverts become packets and back.
    pub(super) wire: Wire,
    /// Kinds of errors that the log has told of since its state last changed.
    pub(super) said: BTreeSet<&'static str>,
    /// Keys that could not be read.
    key_faults: BTreeSet<String>,
}

impl Member {
    /// Where it hears and sends.
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// By which sockets of the place.
    pub(super) fn kind(&self) -> Kind {
        Kind {
            family: self.config.family,
            carrier: Carrier::of(&self.config),
        }
    }

    /// Why it cannot take part, whatever its interface says.
    fn faults(
        &self,
        links: &Links,
        virtuals: &VirtualInterfaces,
        deaf: &BTreeSet<Place>,
    ) -> BTreeSet<String> {
        let mut faults = self.key_faults.clone();
        let adverts = &self.config.adverts;
        if let Some(source) = adverts.source.filter(|source| !links.has(*source))
            && adverts.track_source
        {
            faults.insert(format!("source address {source} is gone"));
        }
        let place = self.place();
        // The interface of the configuration is told to the core, which sees for itself.
        let is_told = *place == Place::Interface(self.config.interface.clone());
        if !is_told && deaf.contains(place) {
            faults.insert("no socket for VRRP".to_owned());
        }
        faults.extend(self.virtual_fault(links, virtuals));
        faults
    }

    /// What is wrong with its virtual interface.
    fn virtual_fault(&self, links: &Links, virtuals: &VirtualInterfaces) -> Option<String> {
        let link = &self.config.link;
        let name = link.device.name()?;
        if let Some(why) = virtuals.refusal(name) {
            return Some(format!("virtual interface {name}: {why}"));
        }
        match links.get(name) {
            // One that somebody removed is back in a moment.
            None if virtuals.is_under_way(name) => None,
            None => Some(format!("no virtual interface {name}")),
            Some(found) if !found.up && link.track_primary => {
                Some(format!("virtual interface {name} down"))
            }
            Some(_) => None,
        }
    }
}

/// Members by id.
#[derive(Debug, Default)]
pub(super) struct Members {
    by_id: BTreeMap<InstanceId, Member>,
    /// Who hears at a place, by VRID and family; several where their peers differ.
    at: BTreeMap<Place, BTreeMap<(u8, Family), Vec<InstanceId>>>,
}

impl Members {
    /// Takes in the instances of a plan the core has just been given.
    pub(super) fn configure(&mut self, plan: &Plan, router: &Router, links: &Links) {
        for member in self.by_id.values_mut() {
            member.leaves = true;
        }
        for config in &plan.config.vrrp_instances {
            let id = router.instance_id(&config.name);
            let Some(instance) = id.and_then(|id| router.instance(id)) else {
                continue;
            };
            let (id, config) = (instance.id(), instance.config());
            let (keys, errors) = config.hmac.as_ref().map(key::load).unwrap_or_default();
            let key_faults = errors
                .iter()
                .map(|(id, error)| format!("auth_hmac: key {id}: {error}"))
                .collect();
            let gate = plan.gates.get(&config.name).copied();
            let before = self.by_id.remove(&id);
            let member = member(before, Arc::clone(config), gate, keys, key_faults);
            self.by_id.insert(id, member);
        }
        self.index();
        self.refresh(links);
    }

    /// Takes the entry in the kernel from members that would share one, which the kernel could not tell apart, and returns
    /// those that had one: two instances of one VRID are told apart by their unicast peers.
    pub(super) fn part(&mut self) -> Vec<(InstanceId, Subject)> {
        let shared = self.shared();
        let mut parted = Vec::new();
        for (id, member) in self.by_id.iter_mut().filter(|(_, it)| !it.leaves) {
            member.shares = shared.contains(id);
            if member.shares {
                parted.extend(member.subject.take().map(|subject| (*id, subject)));
            }
        }
        parted
    }

    /// Takes in new interface indexes.
    pub(super) fn refresh(&mut self, links: &Links) {
        for member in self.by_id.values_mut().filter(|member| !member.shares) {
            let now = subject(&member.config, member.gate, links);
            member.subject = now.or(member.subject);
        }
    }

    /// Members that share interface, VRID and family: the kernel cannot tell them apart.
    fn shared(&self) -> BTreeSet<InstanceId> {
        let groups = self.at.values().flat_map(BTreeMap::values);
        let staying = groups.map(|ids| {
            let stays = |id: &&InstanceId| self.get(**id).is_some_and(|member| !member.leaves);
            ids.iter().filter(stays).copied().collect::<Vec<_>>()
        });
        staying.filter(|ids| ids.len() > 1).flatten().collect()
    }

    fn index(&mut self) {
        self.at.clear();
        for (id, member) in &self.by_id {
            let key = (member.config.vrid.get(), member.config.family);
            let place = self.at.entry(member.place().clone()).or_default();
            place.entry(key).or_default().push(*id);
        }
    }

    /// A member.
    pub(super) fn get(&self, id: InstanceId) -> Option<&Member> {
        self.by_id.get(&id)
    }

    /// Every member.
    pub(super) fn all(&self) -> impl Iterator<Item = &Member> {
        self.by_id.values()
    }

    /// The member of this name.
    pub(super) fn named(&self, name: &str) -> Option<(InstanceId, &Member)> {
        let mut members = self.by_id.iter();
        let (id, member) = members.find(|(_, member)| member.config.name == name)?;
        Some((*id, member))
    }

    /// A member, to be changed.
    pub(super) fn get_mut(&mut self, id: InstanceId) -> Option<&mut Member> {
        self.by_id.get_mut(&id)
    }

    /// Its name for the log.
    pub(super) fn name(&self, id: InstanceId) -> &str {
        self.get(id)
            .map_or("removed", |member| member.config.name.as_str())
    }

    /// Forgets a member that was removed, and returns where it heard.
    pub(super) fn remove(&mut self, id: InstanceId) -> Option<Place> {
        let place = self.by_id.remove(&id)?.place;
        if let Some(routers) = self.at.get_mut(&place) {
            for ids in routers.values_mut() {
                ids.retain(|other| *other != id);
            }
            routers.retain(|_, ids| !ids.is_empty());
            if routers.is_empty() {
                self.at.remove(&place);
            }
        }
        Some(place)
    }

    /// The members at a place.
    pub(super) fn at(&self, place: &Place) -> impl Iterator<Item = &Member> {
        self.ids_at(place).filter_map(|id| self.get(id))
    }

    /// Who hears at a place.
    pub(super) fn ids_at(&self, place: &Place) -> impl Iterator<Item = InstanceId> {
        let routers = self.at.get(place).into_iter().flat_map(BTreeMap::values);
        routers.flatten().copied()
    }

    /// Places where members hear.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.at.keys()
    }

    /// Whether a VRID is somebody's at any place.
    pub(super) fn know(&self, vrid: u8, family: Family) -> bool {
        self.at
            .values()
            .any(|routers| routers.contains_key(&(vrid, family)))
    }

    /// The member with this entry in the kernel. One that replaces another of the same VRID has the higher id.
    pub(super) fn find(&self, key: &RouterKey) -> Option<InstanceId> {
        let mut found = self.by_id.iter().rev();
        found
            .find(|(_, m)| m.subject.is_some_and(|s| s.key == *key))
            .map(|(id, _)| *id)
    }

    /// The member that a packet is meant for: of several with its VRID the one whose group or peer it names, else the last.
    pub(super) fn meant(&self, place: &Place, packet: &Incoming<'_>) -> Option<InstanceId> {
        let key = (packet.vrid()?, Family::of(packet.source));
        let ids = self.at.get(place)?.get(&key)?;
        let names = |id: &&InstanceId| {
            let config = self.get(**id).map(|member| &member.config);
            config.is_some_and(|config| match &config.adverts.destination {
                Destination::Multicast(group) => *group == packet.destination,
                Destination::Unicast(unicast) => has_peer(unicast, packet.source),
            })
        };
        let named = ids.iter().rfind(names);
        named.or(ids.last()).copied()
    }

    /// Members with an entry in the kernel.
    pub(super) fn subjects(&self) -> impl Iterator<Item = (InstanceId, Subject)> {
        self.by_id
            .iter()
            .filter_map(|(id, member)| Some((*id, member.subject?)))
    }

    /// What the data plane is to know of each address; `writes_macs` says that it writes virtual MACs.
    pub(super) fn owned(&self, writes_macs: bool) -> BTreeMap<IpAddr, Owned> {
        let gated = self
            .by_id
            .values()
            .filter_map(|member| Some((member, member.gate?)));
        gated
            .flat_map(|(member, gate)| {
                let config = &member.config;
                let accept = config.election.accept || config.priority.is_owner();
                config.all_lines().map(move |line| {
                    let mac = macs::worn(config, &line).filter(|_| writes_macs);
                    let mac = mac.map(MacAddress::octets);
                    (line.address.address, Owned { gate, accept, mac })
                })
            })
            .collect()
    }

    /// Peers of the members that take adverts from their peers alone.
    pub(super) fn peers(&self) -> BTreeMap<Sender, Ttls> {
        let known = self.by_id.values();
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
        let configs = self.by_id.values().map(|member| &member.config);
        configs.map(|config| (config.family, config.vrid)).collect()
    }

    /// Why members cannot take part, by the names of those that cannot.
    pub(super) fn faults(
        &self,
        links: &Links,
        virtuals: &VirtualInterfaces,
        deaf: &BTreeSet<Place>,
    ) -> BTreeMap<String, BTreeSet<String>> {
        let faults = self.by_id.values().map(|member| {
            let name = member.config.name.clone();
            (name, member.faults(links, virtuals, deaf))
        });
        faults.filter(|(_, faults)| !faults.is_empty()).collect()
    }
}

fn member(
    before: Option<Member>,
    config: Arc<VrrpInstance>,
    gate: Option<u32>,
    keys: Keys,
    key_faults: BTreeSet<String>,
) -> Member {
    match before {
        None => Member {
            wire: Wire::new(&config, keys),
            place: place(&config),
            config,
            gate,
            subject: None,
            shares: false,
            leaves: false,
            said: BTreeSet::new(),
            key_faults,
        },
        Some(mut member) => {
            member.wire.configure(&config, keys);
            member.said.clear();
            Member {
                place: place(&config),
                config,
                gate,
                leaves: false,
                key_faults,
                ..member
            }
        }
    }
}

/// Where an instance hears and sends: on its interface, or where packets to its source arrive.
fn place(config: &VrrpInstance) -> Place {
    match config.adverts.source {
        Some(address) if config.link.routed => Place::Address {
            address,
            vrf: config.link.vrf.clone(),
        },
        _ => Place::Interface(config.transmits_on().clone()),
    }
}

fn has_peer(unicast: &Unicast, source: IpAddr) -> bool {
    unicast.peers.iter().any(|peer| peer.address == source)
}

/// The interface whose programs see the adverts of an instance; 0 where the routes decide.
fn guarded(config: &VrrpInstance, links: &Links) -> Option<u32> {
    if config.link.routed {
        return Some(0);
    }
    let link = links.get(&config.interface)?;
    match (&config.link.device, link.stacked) {
        (Device::Ipvlan(_), Some(ipvlan)) => Some(ipvlan.lower),
        // A macvlan on a macvlan is beside it, and seen by the one below alone.
        (Device::Vmac(_), Some(_)) if config.transmits_on() != &config.interface => None,
        _ => Some(link.index),
    }
}

fn subject(config: &VrrpInstance, gate: Option<u32>, links: &Links) -> Option<Subject> {
    Some(Subject {
        key: RouterKey {
            ifindex: guarded(config, links)?,
            vlan: 0,
            vrid: config.vrid.get(),
            family: config.family.number(),
        },
        gate: gate?,
        terms: Terms::of(config),
    })
}

#[cfg(test)]
mod tests;
