//! Virtual interfaces: the macvlans and ipvlans that `use_vmac` and `use_ipvlan` put adverts and addresses on, and what
//! they make of the configuration of an instance.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use crate::config::model::{
    Config, Family, InterfaceName, PrefixLength, VirtualAddress, VrrpInstance,
    global::VmacMode,
    vrrp::{Device, Ipvlan, IpvlanMode, MacAddress, Vmac},
};

/// The longest name is tried with numbers up to this one.
const ATTEMPTS: u32 = 4096;

/// A virtual interface as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualInterface {
    /// Its name.
    pub name: InterfaceName,
    /// The interface it is on.
    pub base: InterfaceName,
    /// What it is.
    pub kind: Kind,
    /// `group`: name or number of an interface group.
    pub group: Option<String>,
    /// Which families have addresses on it.
    pub families: Families,
    /// The address it always has.
    pub source: Source,
    /// `netlink_notify_msg`: the base interface is told of once more when it is made, because the kernel is silent about
    /// some that become promiscuous by it.
    pub repeats_base: bool,
}

impl VirtualInterface {
    /// Whether the other needs no other link.
    #[must_use]
    pub fn is_same_link(&self, other: &Self) -> bool {
        (&self.name, &self.base, self.kind) == (&other.name, &other.base, other.kind)
    }
}

/// What a virtual interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A private macvlan with this address.
    Macvlan(MacAddress),
    /// An ipvlan of layer 2.
    Ipvlan(IpvlanMode),
}

/// Families with addresses on a virtual interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Families {
    /// IPv4.
    pub v4: bool,
    /// IPv6.
    pub v6: bool,
}

impl Families {
    fn add(&mut self, family: Family) {
        match family {
            Family::V4 => self.v4 = true,
            Family::V6 => self.v6 = true,
        }
    }
}

/// The address that a virtual interface always has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// None: what is sent has the address of the interface below.
    #[default]
    None,
    /// The link-local address of the interface below: that of a MAC of a virtual router would not be unique.
    LinkLocalOfBase,
    /// This one.
    Given(IpAddr, PrefixLength),
}

impl Source {
    /// The address, `link_local` being that of the interface below.
    #[must_use]
    pub fn address(self, link_local: Option<Ipv6Addr>) -> Option<(IpAddr, PrefixLength)> {
        match self {
            Self::None => None,
            Self::LinkLocalOfBase => {
                let prefix = PrefixLength::try_from(64).ok()?;
                Some((link_local?.into(), prefix))
            }
            Self::Given(address, prefix) => Some((address, prefix)),
        }
    }
}

/// Puts the instances of a configuration on virtual interfaces: addresses without another `dev` move to them, and an
/// ipvlan takes the place of the interface. `is_free` says of a name that was not given whether the virtual interface may
/// have it: nothing has it, or the same has it already.
///
/// With `vrrp_vmac_mode bpf` there are no macvlans, and the addresses stay where they are.
pub fn place(
    config: &mut Config,
    is_free: impl Fn(&VirtualInterface) -> bool,
) -> BTreeMap<InterfaceName, VirtualInterface> {
    let mut placement = Placement {
        made: BTreeMap::new(),
        is_free: &is_free,
    };
    let makes_macvlans = config.global.vrrp.vmac_mode == VmacMode::Macvlan;
    let network = &config.global.network;
    let (prefix, address_prefix) = (&network.vmac_prefix, &network.vmac_addr_prefix);
    // Names that are given come first: what finds its own goes out of their way.
    let mut instances: Vec<&mut VrrpInstance> = config.vrrp_instances.iter_mut().collect();
    instances.sort_by_key(|instance| instance.link.device.name().is_none());
    for instance in &mut instances {
        match instance.link.device.clone() {
            Device::Interface => {}
            Device::Vmac(vmac) if makes_macvlans => placement.macvlan(instance, vmac, prefix),
            Device::Vmac(vmac) => {
                instance.link.device = Device::Vmac(Vmac { name: None, ..vmac });
            }
            Device::Ipvlan(ipvlan) => placement.ipvlan(instance, ipvlan, prefix),
        }
    }
    if makes_macvlans {
        for instance in &mut instances {
            placement.elsewhere(instance, address_prefix);
        }
    }
    placement.made
}

struct Placement<'a> {
    made: BTreeMap<InterfaceName, VirtualInterface>,
    is_free: &'a dyn Fn(&VirtualInterface) -> bool,
}

impl Placement<'_> {
    fn macvlan(&mut self, instance: &mut VrrpInstance, vmac: Vmac, prefix: &str) {
        let base = instance.interface.clone();
        let family = instance.family;
        let mut families = Families::default();
        families.add(family);
        let source = match (family, instance.adverts.source) {
            (Family::V4, _) => Source::None,
            (Family::V6, Some(source @ IpAddr::V6(v6))) if v6.is_unicast_link_local() => {
                PrefixLength::try_from(64).map_or(Source::None, |l| Source::Given(source, l))
            }
            (Family::V6, _) => Source::LinkLocalOfBase,
        };
        let wanted = VirtualInterface {
            name: base.clone(),
            base: base.clone(),
            kind: Kind::Macvlan(vmac.mac),
            group: vmac.group.clone(),
            families,
            source,
            repeats_base: vmac.netlink_notify,
        };
        let Some(name) = self.take(wanted, vmac.name.clone(), prefix, instance.vrid.get()) else {
            return;
        };
        let moves = |address: &VirtualAddress| {
            address.interface == base && Family::of(address.address) == family
        };
        move_addresses(instance, moves, &name);
        instance.link.device = Device::Vmac(Vmac {
            name: Some(name),
            ..vmac
        });
    }

    fn ipvlan(&mut self, instance: &mut VrrpInstance, ipvlan: Ipvlan, prefix: &str) {
        let base = instance.interface.clone();
        let mut families = Families::default();
        for address in instance.all_addresses() {
            families.add(Family::of(address.address));
        }
        families.add(instance.family);
        let source = ipvlan.address;
        let wanted = VirtualInterface {
            name: base.clone(),
            base: base.clone(),
            kind: Kind::Ipvlan(ipvlan.mode),
            group: ipvlan.group.clone(),
            families,
            source: source.map_or(Source::None, |(address, prefix)| {
                Source::Given(address, prefix)
            }),
            repeats_base: false,
        };
        let Some(name) = self.take(wanted, ipvlan.name.clone(), prefix, instance.vrid.get()) else {
            return;
        };
        move_addresses(instance, |address| address.interface == base, &name);
        instance.interface = name.clone();
        instance.link.device = Device::Ipvlan(Ipvlan {
            name: Some(name),
            ..ipvlan
        });
    }

    /// `use_vmac` of an address and `use_vmac_addr`: virtual MACs on other interfaces than that of the instance.
    fn elsewhere(&mut self, instance: &mut VrrpInstance, prefix: &str) {
        let vrid = instance.vrid;
        let own = instance.interface.clone();
        let own_virtual = instance.link.device.name().cloned();
        let all = instance.link.vmac_for_addresses;
        let mac = match &instance.link.device {
            Device::Vmac(vmac) => vmac.mac,
            Device::Interface | Device::Ipvlan(_) => MacAddress::of_router(instance.family, vrid),
        };
        let family = instance.family;
        for (address, options) in instance.lines_mut() {
            let is_there = Some(&address.interface) == own_virtual.as_ref();
            let moves = options.use_vmac || all && address.interface != own;
            if is_there || !moves || Family::of(address.address) != family {
                continue;
            }
            let mut families = Families::default();
            families.add(family);
            let wanted = VirtualInterface {
                name: address.interface.clone(),
                base: address.interface.clone(),
                kind: Kind::Macvlan(mac),
                group: None,
                families,
                source: Source::None,
                repeats_base: false,
            };
            if let Some(name) = self.take(wanted, None, prefix, vrid.get()) {
                address.interface = name;
                options.use_vmac = true;
            }
        }
    }

    /// Takes a virtual interface in under the name given, or the first of its own that is free. The same one may be there
    /// for another instance.
    fn take(
        &mut self,
        mut wanted: VirtualInterface,
        given: Option<InterfaceName>,
        prefix: &str,
        vrid: u8,
    ) -> Option<InterfaceName> {
        let own = (0..ATTEMPTS).map_while(|number| {
            let number = match number {
                0 => String::new(),
                number => number.to_string(),
            };
            InterfaceName::try_from(format!("{prefix}{number}.{vrid}")).ok()
        });
        let is_given = given.is_some();
        let mut names: Box<dyn Iterator<Item = InterfaceName>> = match given {
            Some(name) => Box::new(std::iter::once(name)),
            None => Box::new(own),
        };
        let name = names.find(|name| {
            wanted.name = name.clone();
            match self.made.get(name) {
                Some(made) => made.is_same_link(&wanted),
                None => is_given || (self.is_free)(&wanted),
            }
        })?;
        let families = wanted.families;
        let made = self.made.entry(name.clone()).or_insert(wanted);
        made.families.v4 |= families.v4;
        made.families.v6 |= families.v6;
        Some(name)
    }
}

fn move_addresses(
    instance: &mut VrrpInstance,
    moves: impl Fn(&VirtualAddress) -> bool,
    to: &InterfaceName,
) {
    for (address, _) in instance.lines_mut() {
        if moves(address) {
            address.interface = to.clone();
        }
    }
}
