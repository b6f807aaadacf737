//! Rules across `vrrp_instance` blocks.

pub(super) mod group;
pub(in crate::config) mod track;

use std::{collections::BTreeMap, net::IpAddr};

use lb_common::gate::GATES;

use super::{is_link_local, report_duplicates, report_no_interface};
use crate::config::{
    System,
    diagnostic::{Kind, Report, quote},
    lower::{InstancePlaces, Lowered, Placed},
    model::{DataPlane, InterfaceName, VrrpInstance, vrrp::Destination},
};

/// Every virtual router has a gate of the data plane; one of them is taken.
pub(super) fn gates_suffice(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    let most = GATES as usize - 1;
    if let Some(placed) = lowered.instances.get(most) {
        report
            .error(
                Kind::Limit,
                placed.at.name,
                format!("more than {most} virtual routers"),
            )
            .help("spread them over more nodes");
    }
}

/// What is not accepted at an address is dropped by XDP, which would have to know what is for a service.
pub(super) fn not_accepting_needs_services_in_xdp(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    if lowered.global.data_plane != DataPlane::Ipvs || lowered.servers.is_empty() {
        return;
    }
    for placed in &lowered.instances {
        let instance = &placed.value;
        if !instance.election.accept && !instance.priority.is_owner() {
            report
                .error(
                    Kind::Conflict,
                    placed.at.name,
                    format!(
                        "vrrp_instance {} has `no_accept`, which with `data_plane ipvs` would drop what is for virtual servers",
                        quote(&instance.name)
                    ),
                )
                .help("write `data_plane auto`, or `accept` in the instance");
        }
    }
}

/// keepalived skips the second instance; here it is an error.
pub(super) fn names_are_unique(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    let names = lowered.instances.iter().map(|placed| {
        let name = &placed.value.name;
        let what = move || format!("vrrp_instance {}", quote(name));
        (name, placed.at.name, what)
    });
    report_duplicates(names, report);
}

/// One VRID is several virtual routers where they send to other groups or peers.
pub(super) fn routers_are_unique(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    let routers = lowered.instances.iter().flat_map(|placed| {
        let instance = &placed.value;
        let key = (&instance.interface, instance.vrid, instance.family);
        let destinations = destinations(instance).into_iter();
        destinations.map(move |destination| {
            let what = move || name_of_router(instance);
            ((key, destination), placed.at.vrid, what)
        })
    });
    report_duplicates(routers, report);
}

/// Two instances may share a virtual interface only where it is the same one.
pub(super) fn virtual_interfaces_are_unique(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let named = lowered.instances.iter();
    let named = named.filter_map(|placed| Some((placed, placed.value.link.device.name()?)));
    let mut first: BTreeMap<&InterfaceName, &Placed<VrrpInstance, InstancePlaces>> =
        BTreeMap::new();
    for (placed, name) in named {
        let other = *first.entry(name).or_insert(placed);
        let (one, two) = (&placed.value, &other.value);
        if (&one.interface, &one.link.device) != (&two.interface, &two.link.device) {
            report
                .error(
                    Kind::Conflict,
                    placed.at.name,
                    format!("{} would be two virtual interfaces", quote(name.as_str())),
                )
                .related(other.at.name, "the other instance with one of this name")
                .help("give each its own name, or none");
        }
    }
}

fn destinations(instance: &VrrpInstance) -> Vec<IpAddr> {
    match &instance.adverts.destination {
        Destination::Multicast(group) => vec![*group],
        Destination::Unicast(unicast) => unicast.peers.iter().map(|peer| peer.address).collect(),
    }
}

fn name_of_router(instance: &VrrpInstance) -> String {
    format!(
        "virtual_router_id {} for {} on {}",
        quote(&instance.vrid.to_string()),
        instance.family.name(),
        instance.interface
    )
}

pub(super) fn addresses_are_unique(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    let addresses = lowered.instances.iter().flat_map(|placed| {
        let lines = placed.value.addresses.iter().zip(&placed.at.addresses);
        lines.map(|(line, (span, _))| {
            let what = move || format!("virtual address {}", quote(&line.address.to_string()));
            // A link-local address is another one on another link.
            let link = is_link_local(line.address).then_some(&line.interface);
            ((line.address, link), *span, what)
        })
    });
    report_duplicates(addresses, report);
}

/// keepalived moves what does not fit to `virtual_ipaddress_excluded`, with a message; here that is an error.
pub(super) fn addresses_fit(lowered: &mut Lowered, system: &dyn System, report: &mut Report) {
    for placed in &lowered.instances {
        let instance = &placed.value;
        let Some(mtu) = system
            .interface(&instance.interface)
            .and_then(|known| known.mtu)
        else {
            continue;
        };
        let rest = (mtu as usize).saturating_sub(instance.bare_packet());
        let room = rest / instance.family.address_len();
        if let Some((at, _)) = placed.at.addresses.get(room) {
            report
                .error(
                    Kind::Limit,
                    *at,
                    format!(
                        "an advert within the MTU {mtu} of {} carries at most {room} addresses",
                        quote(instance.interface.as_str())
                    ),
                )
                .help("spread the addresses over more instances");
        }
    }
}

pub(super) fn interfaces_exist(lowered: &mut Lowered, system: &dyn System, report: &mut Report) {
    if lowered.global.network.interfaces_may_come_later() {
        return;
    }
    for placed in &lowered.instances {
        check_own(placed, system, report);
        let instance = &placed.value;
        for (address, (_, named)) in instance.addresses.iter().zip(&placed.at.addresses) {
            if let Some(span) = named
                && system.interface(&address.interface).is_none()
            {
                report_no_interface(&address.interface, *span, system, report);
            }
        }
        if let (Some(vrf), Some(at)) = (&instance.link.vrf, placed.at.vrf)
            && system.interface(vrf).is_none()
        {
            report_no_interface(vrf, at, system, report);
        }
    }
}

/// The interface of an instance; without one, that of addresses that name none.
fn check_own(
    placed: &Placed<VrrpInstance, InstancePlaces>,
    system: &dyn System,
    report: &mut Report,
) {
    let instance = &placed.value;
    let has_bare_address = placed.at.addresses.iter().any(|(_, named)| named.is_none());
    if instance.link.routed && !has_bare_address {
        return;
    }
    match system.interface(&instance.interface) {
        None => report_no_interface(&instance.interface, placed.at.interface, system, report),
        Some(interface) if interface.is_loopback && !instance.link.routed => {
            report
                .error(
                    Kind::System,
                    placed.at.interface,
                    format!(
                        "VRRP cannot run on the loopback interface {}",
                        quote(instance.interface.as_str())
                    ),
                )
                .help("write the interface that the other nodes are reached by");
        }
        Some(_) => {}
    }
}
