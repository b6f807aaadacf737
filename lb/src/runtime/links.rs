//! What the kernel has told about links and addresses.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    ops::RangeInclusive,
};

use crate::{
    config::model::{InterfaceName, PrefixLength, VirtualAddress, vrrp::MacAddress},
    io::netlink::{Change, Link, LinkAddress, object::Interfaces},
    observe::status::LinkSnapshot,
    vrrp::LinkState,
};

/// Links and addresses as last reported. Nothing looks at all of them to take a change in: there may be thousands.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    links: BTreeMap<u32, Link>,
    by_name: BTreeMap<InterfaceName, u32>,
    /// By link, and there in the kernel's order: the first of a link is its primary address.
    addresses: BTreeMap<(u32, u64), LinkAddress>,
    /// Where an address stands in that order: address, prefix length and link.
    places: BTreeMap<(IpAddr, u8, u32), u64>,
    /// The place of the next new address.
    next: u64,
}

impl Links {
    /// From dumps.
    #[must_use]
    pub(super) fn new(links: Vec<Link>, addresses: Vec<LinkAddress>) -> Self {
        let mut new = Self::default();
        for link in links {
            new.put_link(link);
        }
        for address in addresses {
            new.put_address(address);
        }
        new
    }

    /// Takes a change in; returns the names of the interfaces it is about (two when a link was renamed).
    pub(super) fn handle(&mut self, change: &Change) -> BTreeSet<InterfaceName> {
        let mut names = BTreeSet::new();
        match change {
            Change::Link(link) => {
                names.extend(self.put_link(link.clone()));
                names.insert(link.name.clone());
            }
            Change::LinkGone(index) => {
                let gone = self.addresses.extract_if(of(*index), |_, _| true);
                for (_, address) in gone {
                    self.places.remove(&key(&address));
                }
                names.extend(self.remove_link(*index));
            }
            Change::Address(address) => {
                self.put_address(*address);
                names.extend(self.name(address.index).cloned());
            }
            Change::AddressGone(address) => {
                if let Some(place) = self.places.remove(&key(address)) {
                    self.addresses.remove(&(address.index, place));
                }
                names.extend(self.name(address.index).cloned());
            }
            Change::Entry(_) | Change::EntryGone(_) | Change::Overrun => {}
        }
        names
    }

    /// Returns the name that the link had.
    fn put_link(&mut self, link: Link) -> Option<InterfaceName> {
        let before = self.remove_link(link.index);
        self.by_name.insert(link.name.clone(), link.index);
        self.links.insert(link.index, link);
        before
    }

    fn remove_link(&mut self, index: u32) -> Option<InterfaceName> {
        let link = self.links.remove(&index)?;
        if self.by_name.get(&link.name) == Some(&index) {
            self.by_name.remove(&link.name);
        }
        Some(link.name)
    }

    /// The same address may be there with another `usable`; it keeps its place.
    fn put_address(&mut self, address: LinkAddress) {
        let place = self.places.entry(key(&address)).or_insert_with(|| {
            self.next += 1;
            self.next
        });
        self.addresses.insert((address.index, *place), address);
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

    /// Every link as plain data, by index.
    pub(super) fn snapshot(&self) -> Vec<LinkSnapshot> {
        let links = self.links.values().map(|link| {
            let has_mac = link.mac.iter().any(|byte| *byte != 0);
            LinkSnapshot {
                name: link.name.to_string(),
                index: link.index,
                up: link.up,
                mac: has_mac.then(|| MacAddress::from(link.mac).to_string()),
                addresses: self.addresses(&link.name).map(|it| it.address).collect(),
            }
        });
        links.collect()
    }

    /// A link by name.
    #[must_use]
    pub(super) fn get(&self, name: &InterfaceName) -> Option<&Link> {
        self.links.get(self.by_name.get(name)?)
    }

    /// Every address with its interface.
    pub(super) fn all_addresses(&self) -> impl Iterator<Item = VirtualAddress> {
        self.addresses.values().filter_map(|a| self.located(a))
    }

    fn located(&self, a: &LinkAddress) -> Option<VirtualAddress> {
        Some(VirtualAddress {
            address: a.address,
            prefix: PrefixLength::try_from(i64::from(a.prefix)).ok()?,
            interface: self.name(a.index)?.clone(),
        })
    }

    /// The names of all links.
    pub(super) fn names(&self) -> impl Iterator<Item = &InterfaceName> {
        self.by_name.keys()
    }

    /// Name of a link by index.
    #[must_use]
    pub(super) fn name(&self, index: u32) -> Option<&InterfaceName> {
        self.links.get(&index).map(|link| &link.name)
    }

    /// Addresses of a link, the primary ones first.
    pub(super) fn addresses(&self, name: &InterfaceName) -> impl Iterator<Item = &LinkAddress> {
        let index = self.by_name.get(name).copied();
        let ranges = index.into_iter().map(of);
        ranges.flat_map(|range| self.addresses.range(range).map(|(_, address)| address))
    }

    /// Whether some link has an address, usable or on the way to be.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        let all = (address, 0, 0)..=(address, u8::MAX, u32::MAX);
        self.places.range(all).next().is_some()
    }

    /// These addresses as they are on links.
    pub(super) fn holders(&self, wanted: &BTreeSet<IpAddr>) -> Vec<VirtualAddress> {
        let held = self.addresses.values();
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

/// The places of a link's addresses.
const fn of(index: u32) -> RangeInclusive<(u32, u64)> {
    (index, 0)..=(index, u64::MAX)
}

/// What makes an address of a link that one.
const fn key(a: &LinkAddress) -> (IpAddr, u8, u32) {
    (a.address, a.prefix, a.index)
}

#[cfg(test)]
mod tests;
