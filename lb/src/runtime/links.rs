//! What the kernel has told about links and addresses.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use crate::{
    config::model::{InterfaceName, PrefixLength, VirtualAddress},
    io::netlink::{Change, Link, LinkAddress, object::Interfaces},
    vrrp::LinkState,
};

/// Links and addresses as last reported.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    links: BTreeMap<u32, Link>,
    /// In the kernel's order: the first of a link is its primary address.
    addresses: Vec<LinkAddress>,
}

impl Links {
    /// From dumps.
    #[must_use]
    pub(super) fn new(links: Vec<Link>, addresses: Vec<LinkAddress>) -> Self {
        Self {
            links: links.into_iter().map(|link| (link.index, link)).collect(),
            addresses,
        }
    }

    /// Takes a change in; returns the names of the interfaces it is about (two when a link was renamed).
    pub(super) fn handle(&mut self, change: &Change) -> BTreeSet<InterfaceName> {
        let mut names = BTreeSet::new();
        match change {
            Change::Link(link) => {
                let before = self.links.insert(link.index, link.clone());
                names.extend(before.map(|link| link.name));
                names.insert(link.name.clone());
            }
            Change::LinkGone(index) => {
                self.addresses.retain(|address| address.index != *index);
                names.extend(self.links.remove(index).map(|link| link.name));
            }
            Change::Address(address) => {
                match self.addresses.iter_mut().find(|known| same(known, address)) {
                    Some(known) => *known = *address,
                    None => self.addresses.push(*address),
                }
                names.extend(self.name(address.index).cloned());
            }
            Change::AddressGone(address) => {
                self.addresses.retain(|known| !same(known, address));
                names.extend(self.name(address.index).cloned());
            }
            Change::Entry(_) | Change::EntryGone(_) | Change::Overrun => {}
        }
        names
    }

    /// Whether a change gives an interface another index, another name or another routing table.
    #[must_use]
    pub(super) fn moves(&self, change: &Change) -> bool {
        match change {
            Change::Link(link) => {
                let known = self.links.get(&link.index);
                known.is_none_or(|k| k.name != link.name || k.vrf_table != link.vrf_table)
            }
            Change::LinkGone(_) => true,
            _ => false,
        }
    }

    /// A link by name.
    #[must_use]
    pub(super) fn get(&self, name: &InterfaceName) -> Option<&Link> {
        self.links.values().find(|link| link.name == *name)
    }

    /// Every address with its interface.
    pub(super) fn all_addresses(&self) -> impl Iterator<Item = VirtualAddress> {
        self.addresses.iter().filter_map(|a| self.located(a))
    }

    fn located(&self, a: &LinkAddress) -> Option<VirtualAddress> {
        Some(VirtualAddress {
            address: a.address,
            prefix: PrefixLength::try_from(i64::from(a.prefix)).ok()?,
            interface: self.name(a.index)?.clone(),
        })
    }

    /// Name of a link by index.
    #[must_use]
    pub(super) fn name(&self, index: u32) -> Option<&InterfaceName> {
        self.links.get(&index).map(|link| &link.name)
    }

    /// Addresses of a link, the primary ones first.
    pub(super) fn addresses(&self, name: &InterfaceName) -> impl Iterator<Item = &LinkAddress> {
        let index = self.get(name).map(|link| link.index);
        self.addresses
            .iter()
            .filter(move |address| Some(address.index) == index)
    }

    /// Whether some link has an address, usable or on the way to be.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|known| known.address == address)
    }

    /// These addresses as they are on links.
    pub(super) fn holders(&self, wanted: &BTreeSet<IpAddr>) -> Vec<VirtualAddress> {
        let held = self.addresses.iter();
        let held = held.filter(|a| wanted.contains(&a.address));
        held.filter_map(|a| self.located(a)).collect()
    }

    /// What an election needs to know of an interface: virtual addresses are no sources of adverts.
    #[must_use]
    pub(super) fn state(
        &self,
        name: &InterfaceName,
        virtuals: &BTreeSet<IpAddr>,
    ) -> Option<LinkState> {
        let link = self.get(name)?;
        let mut state = LinkState {
            up: link.up,
            v4: None,
            v6: None,
            arp: link.arp,
        };
        let own = self
            .addresses(name)
            .filter(|a| a.usable && !virtuals.contains(&a.address));
        for address in own {
            match address.address {
                IpAddr::V4(v4) => state.v4 = state.v4.or(Some(v4)),
                IpAddr::V6(v6) if v6.is_unicast_link_local() => state.v6 = state.v6.or(Some(v6)),
                IpAddr::V6(_) => {}
            }
        }
        Some(state)
    }
}

impl Interfaces for Links {
    fn index(&self, name: &InterfaceName) -> Option<u32> {
        self.get(name).map(|link| link.index)
    }

    fn vrf_table(&self, name: &InterfaceName) -> Option<u32> {
        self.get(name)?.vrf_table
    }
}

/// The same address may be there with another `usable`.
fn same(a: &LinkAddress, b: &LinkAddress) -> bool {
    (a.index, a.address, a.prefix) == (b.index, b.address, b.prefix)
}

#[cfg(test)]
mod tests;
