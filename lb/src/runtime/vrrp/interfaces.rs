//! Links and addresses: what netlink tells of them, on its way into the core.

use std::{collections::BTreeSet, net::IpAddr, time::Instant};

use super::Vrrp;
use crate::{
    config::model::{Config, InterfaceName, VirtualAddress, VrrpInstance},
    io::{
        netlink::{Change, LinkAddress},
        socket::vrrp::Place,
    },
    observe::log,
    runtime::links::Links,
    vrrp::object::ObjectKey,
};

/// What a configuration names: looked up at every change, and made when a plan comes into force.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Interfaces it speaks of.
    pub(super) interfaces: BTreeSet<InterfaceName>,
    /// The addresses that move: no sources of adverts.
    pub(super) virtuals: BTreeSet<IpAddr>,
    /// Sources of adverts that it prescribes.
    sources: BTreeSet<IpAddr>,
}

impl Named {
    /// The names of a configuration, and the interfaces that are tracked.
    pub(super) fn of<'a>(
        config: &'a Config,
        tracked: impl Iterator<Item = &'a InterfaceName>,
    ) -> Self {
        let instances = &config.vrrp_instances;
        let addresses = || instances.iter().flat_map(VrrpInstance::all_addresses);
        let own = instances.iter().map(|instance| &instance.interface);
        let virtuals = instances.iter().filter_map(|i| i.link.device.name());
        let own = own.chain(virtuals);
        let lines = config.static_addresses.iter();
        let fixed = lines.map(|line| &line.address.interface);
        let devices = addresses().map(|line| &line.interface);
        let interfaces = own.chain(devices).chain(fixed).chain(tracked);
        Self {
            interfaces: interfaces.cloned().collect(),
            virtuals: addresses().map(|line| line.address).collect(),
            sources: instances.iter().filter_map(|i| i.adverts.source).collect(),
        }
    }

    /// Whether a change is about a virtual address alone.
    fn is_virtual(&self, change: &Change) -> bool {
        match change {
            Change::Address(a) | Change::AddressGone(a) => self.virtuals.contains(&a.address),
            _ => false,
        }
    }

    /// Whether a change may bring or take a prescribed source.
    fn moves_source(&self, change: &Change) -> bool {
        match change {
            Change::Address(a) | Change::AddressGone(a) => self.sources.contains(&a.address),
            Change::LinkGone(_) => !self.sources.is_empty(),
            _ => false,
        }
    }
}

impl Vrrp {
    /// Gives the core what it has not been told yet about an interface, and keeps the sockets in step.
    pub(super) fn tell_link(&mut self, interface: &InterfaceName, now: Instant) {
        let hears = self.adjust_sockets(&Place::Interface(interface.clone()));
        self.members.refresh(&self.links);
        if let Some(guards) = &mut self.effects.guards
            && let Err(error) = guards.admit(&self.members.peers())
        {
            log::gate_failed("unicast_peer", &error);
        }
        let is_dead = self.linkbeat.is_dead(interface);
        let mut state = self.links.state(interface, &self.named.virtuals);
        if let Some(state) = &mut state
            && (!hears || is_dead)
        {
            // Deaf and mute is as good as down.
            state.up = false;
        }
        if self.links.get(interface).is_none() {
            self.statics.handle_interface_gone(interface);
            self.settings.forget(interface.as_str());
        }
        let is_up = self.links.get(interface).is_some_and(|link| link.up) && !is_dead;
        self.tracking
            .tracker
            .handle_interface(interface, is_up, now);
        self.router.handle_link(interface, state, now);
        self.told.insert(interface.clone(), state);
    }

    /// Takes what netlink tells. A virtual address that comes or goes is no source of adverts and changes no state of an
    /// interface: with thousands of instances there are thousands of them.
    pub(super) async fn handle_change(&mut self, change: &Change) -> anyhow::Result<()> {
        let now = Instant::now();
        if *change == Change::Overrun {
            log::netlink_overrun();
            return self.read_again(now).await;
        }
        if self.tells_addresses
            && let Change::Address(a) | Change::AddressGone(a) = change
        {
            log::address_changed(a.address, matches!(change, Change::Address(_)));
        }
        let moves = self.links.moves(change);
        let changed = self.links.handle(change);
        if self.named.moves_source(change) {
            self.review_faults();
        }
        self.note_virtual_change(change, now);
        let is_virtual = self.named.is_virtual(change);
        for interface in changed {
            if !self.named.interfaces.contains(&interface) {
                continue;
            }
            if !is_virtual {
                let state = self.links.state(&interface, &self.named.virtuals);
                if self.told.get(&interface) != Some(&state) {
                    self.tell_link(&interface, now);
                }
            }
            if let Change::Address(a) | Change::AddressGone(a) = change {
                let present = matches!(change, Change::Address(_));
                self.tell_address(&interface, a, present, now);
            }
        }
        if moves {
            self.watch();
            self.adjust_settings();
            self.adjust_sync_daemon();
        }
        self.handle_entries_change(change, now);
        Ok(())
    }

    /// Tells of the addresses that are on an interface.
    pub(super) fn tell_addresses(&mut self, interface: &InterfaceName, now: Instant) {
        let there: Vec<LinkAddress> = self.links.addresses(interface).copied().collect();
        for address in there {
            self.tell_address(interface, &address, true, now);
        }
    }

    /// Tells of an address that came or went.
    pub(super) fn tell_address(
        &mut self,
        interface: &InterfaceName,
        address: &LinkAddress,
        present: bool,
        now: Instant,
    ) {
        if let Ok(prefix) = i64::from(address.prefix).try_into() {
            let key = ObjectKey::Address(VirtualAddress {
                address: address.address,
                prefix,
                interface: interface.clone(),
            });
            self.tell_object(&key, present, now);
        }
    }

    /// Reads links and addresses anew, and tells the core what is gone as well as what is there.
    async fn read_again(&mut self, now: Instant) -> anyhow::Result<()> {
        let before = std::mem::replace(&mut self.links, self.effects.links().await?);
        self.watch();
        self.review_faults();
        for interface in self.named.interfaces.clone() {
            let index = |links: &Links| links.get(&interface).map(|link| link.index);
            if index(&before) != index(&self.links) {
                // Another link of the same name: whatever hung on the old one is gone.
                self.statics.handle_interface_gone(&interface);
                self.router.handle_link(&interface, None, now);
            }
            self.tell_link(&interface, now);
            let there: Vec<_> = self.links.addresses(&interface).copied().collect();
            for gone in before.addresses(&interface) {
                if !there
                    .iter()
                    .any(|a| (a.address, a.prefix) == (gone.address, gone.prefix))
                {
                    self.tell_address(&interface, gone, false, now);
                }
            }
            self.tell_addresses(&interface, now);
        }
        self.virtuals.handle_change(now);
        self.adjust_settings();
        self.adjust_sync_daemon();
        self.effects.changes.suspect();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
