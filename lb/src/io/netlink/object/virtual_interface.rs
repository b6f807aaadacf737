//! Macvlans and ipvlans as the kernel's messages: made, finished, removed.

#[cfg(test)]
mod tests;

use std::{io, net::Ipv6Addr};

use futures_util::TryStreamExt;
use lb_common::Mac;
use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage};
use rtnetlink::{
    LinkIpVlan, LinkMacVlan, LinkMessageBuilder, LinkUnspec,
    packet_route::{
        AddressFamily, RouteNetlinkMessage,
        address::AddressMessage,
        link::{IpVlanFlags, IpVlanMode, LinkMessage, MacVlanMode},
        neighbour::{NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState},
    },
};

use super::{Here, ObjectError, ObjectHandle, ObjectMessage, acknowledged, address};
use crate::{
    config::{
        NameList,
        model::{
            InterfaceName, VirtualAddress,
            address::{AddressLine, Lifetime},
            route::Named,
            vrrp::IpvlanMode,
        },
    },
    io::{
        netlink::{Link, StackedKind},
        sysctl::Setting,
    },
    vrrp::{
        object::Operation,
        virtual_interface::{Kind, VirtualInterface},
    },
};

/// How one is made, step by step.
#[derive(Clone, Debug, PartialEq)]
pub struct Making {
    name: InterfaceName,
    /// The link itself, which comes up later; `None` where it is there.
    link: Option<LinkMessage>,
    /// Settings, before it hears anything.
    settings: Vec<(Setting, &'static str)>,
    /// The address it always has, still without the index of the link.
    address: Option<AddressMessage>,
    /// Index and group of the interface below, where that is to be told of again.
    base: Option<(u32, u32)>,
}

impl Making {
    /// The way to `wanted` on the link `base`; `is_there` says that the link is made already, `link_local` is the address
    /// of the link below.
    ///
    /// # Errors
    /// When it names a group that is not there.
    pub fn new(
        wanted: &VirtualInterface,
        base: &Link,
        is_there: bool,
        link_local: Option<Ipv6Addr>,
        here: &mut Here<'_>,
    ) -> Result<Self, ObjectError> {
        let group = wanted.group.as_ref().map(|group| {
            let number = group.parse().map(Named::Number);
            let group = number.unwrap_or_else(|_| Named::Name(group.clone()));
            here.number::<u32>(NameList::Groups, &group)
        });
        let group = group.transpose()?;
        let address = wanted.source.address(link_local).map(|(address, prefix)| {
            let mut line = AddressLine::new(VirtualAddress {
                address,
                prefix,
                interface: base.name.clone(),
            });
            // A source of adverts and of nothing else.
            line.options.preferred_lifetime = Lifetime::Seconds(0);
            address::encode(&line, here)
        });
        let address = address.transpose()?;
        Ok(Self {
            name: wanted.name.clone(),
            link: (!is_there).then(|| create(wanted, base.index, group)),
            settings: settings(wanted),
            address,
            base: wanted.repeats_base.then_some((base.index, base.group)),
        })
    }
}

impl VirtualInterface {
    /// Whether a link is this one; `base` is the link below.
    #[must_use]
    pub fn is(&self, link: &Link, base: &Link) -> bool {
        let Some(stacked) = link.stacked else {
            return false;
        };
        // A macvlan on a macvlan or an ipvlan on an ipvlan is the kernel's on what that is on.
        let real = base.stacked.map(|stacked| stacked.lower);
        let is_on = stacked.lower == base.index || Some(stacked.lower) == real;
        let is_kind = match self.kind {
            Kind::Macvlan(mac) => {
                stacked.kind == StackedKind::PrivateMacvlan && link.mac == mac.octets()
            }
            Kind::Ipvlan(mode) => stacked.kind == StackedKind::Ipvlan(mode),
        };
        is_on && is_kind
    }
}

fn create(wanted: &VirtualInterface, base: u32, group: Option<u32>) -> LinkMessage {
    let name = wanted.name.as_str();
    match wanted.kind {
        Kind::Macvlan(mac) => {
            let link = LinkMacVlan::new(name, base, MacVlanMode::Private);
            grouped(link.address(mac.octets().to_vec()), group)
        }
        Kind::Ipvlan(mode) => {
            let flags = match mode {
                IpvlanMode::Bridge => IpVlanFlags::empty(),
                IpvlanMode::Private => IpVlanFlags::Private,
                IpvlanMode::Vepa => IpVlanFlags::Vepa,
            };
            let link = LinkIpVlan::new(name, base, IpVlanMode::L2);
            grouped(link.flag(flags), group)
        }
    }
}

fn grouped<T>(link: LinkMessageBuilder<T>, group: Option<u32>) -> LinkMessage {
    match group {
        Some(group) => link.link_group(group).build(),
        None => link.build(),
    }
}

/// As keepalived sets them: an address is answered for where it is, adverts of this machine and of hosts that are reached
/// by the interface below are heard, and nothing is said that an own address would say.
fn settings(wanted: &VirtualInterface) -> Vec<(Setting, &'static str)> {
    let name = &wanted.name;
    let mut settings = Vec::new();
    if wanted.families.v4 {
        settings.extend([
            (Setting::of_v4(name, "arp_ignore"), "1"),
            (Setting::of_v4(name, "accept_local"), "1"),
            (Setting::of_v4(name, "rp_filter"), "0"),
            (Setting::of_v4(name, "promote_secondaries"), "1"),
        ]);
    }
    if matches!(wanted.kind, Kind::Macvlan(_)) {
        // No link-local address of the kernel's: that of a virtual router's MAC is not unique.
        settings.push((Setting::of_v6(name, "addr_gen_mode"), "1"));
        // Nor does it ask for routers, which would tell switches of the MAC whoever is MASTER.
        settings.push((Setting::of_v6(name, "accept_ra"), "0"));
    }
    if !wanted.families.v6 {
        settings.push((Setting::of_v6(name, "disable_ipv6"), "1"));
    }
    settings
}

impl ObjectHandle {
    /// Makes or finishes a virtual interface, and takes it up.
    ///
    /// # Errors
    /// The kernel's refusal in words, with what it refused.
    pub async fn make(&self, making: Making) -> Result<(), String> {
        let links = self.handle.link();
        if let Some(link) = making.link {
            let made = links.add(link).execute().await;
            made.map_err(|error| reason(&error))?;
        }
        for (setting, value) in &making.settings {
            match setting.write(value) {
                Ok(()) => {}
                // A kernel without IPv6, or with less to set.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("{setting}: {error}")),
            }
        }
        let index = self.index(&making.name).await;
        let index = index.ok_or_else(|| "it is gone again".to_owned())?;
        if let Some(mut address) = making.address {
            address.header.index = index;
            let address = ObjectMessage::Address(address);
            self.apply(address, Operation::Install, false).await?;
        }
        let up = LinkUnspec::new_with_index(index).up().build();
        let up = links.set(up).execute().await;
        up.map_err(|error| reason(&error))?;
        if let Some((base, group)) = making.base {
            let same = LinkUnspec::new_with_index(base).link_group(group).build();
            let told = links.set(same).execute().await;
            told.map_err(|error| reason(&error))?;
        }
        Ok(())
    }

    /// Removes a link. One that is not there is removed.
    ///
    /// # Errors
    /// The kernel's refusal in words.
    pub async fn remove_link(&self, name: &InterfaceName) -> Result<(), String> {
        let Some(index) = self.index(name).await else {
            return Ok(());
        };
        let removed = self.handle.link().del(index).execute().await;
        removed.map_err(|error| reason(&error))
    }

    /// Lets the interface take packets for one more MAC, or for that no longer, as `bridge fdb … self` does. A change that
    /// has been made, or an interface that is gone, is a success.
    ///
    /// # Errors
    /// The kernel's refusal in words: the driver may have no filter to change.
    pub async fn filter(&self, ifindex: u32, mac: Mac, takes: bool) -> Result<(), String> {
        let mut message = NeighbourMessage::default();
        message.header.family = AddressFamily::Bridge;
        message.header.ifindex = ifindex;
        message.header.state = NeighbourState::Permanent;
        message.header.flags = NeighbourFlags::Own;
        let mac = NeighbourAttribute::LinkLayerAddress(mac.to_vec());
        message.attributes.push(mac);
        let (payload, flags, is_so) = match takes {
            true => (
                RouteNetlinkMessage::NewNeighbour(message),
                NLM_F_CREATE | NLM_F_EXCL,
                libc::EEXIST,
            ),
            false => (RouteNetlinkMessage::DelNeighbour(message), 0, libc::ENOENT),
        };
        let mut request = NetlinkMessage::from(payload);
        request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        match acknowledged(self.request(request)).await? {
            0 | libc::ENODEV => Ok(()),
            code if code == is_so => Ok(()),
            code => Err(io::Error::from_raw_os_error(code).to_string()),
        }
    }

    async fn index(&self, name: &InterfaceName) -> Option<u32> {
        let links = self.handle.link().get();
        let mut links = links.match_name(name.as_str().to_owned()).execute();
        let link = links.try_next().await.ok().flatten()?;
        Some(link.header.index)
    }
}

/// The kernel's words alone.
fn reason(error: &rtnetlink::Error) -> String {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io().to_string(),
        error => error.to_string(),
    }
}
