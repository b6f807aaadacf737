//! Rules across objects, one function each.

mod lvs;

use std::{collections::BTreeMap, net::IpAddr};

use lb_common::gate::GATES;

use super::{
    System,
    diagnostic::{Kind, Report, quote},
    lower::Lowered,
    model::{Family, InterfaceName},
    source::Span,
};

type Rule = fn(&mut Lowered, &dyn System, &mut Report);

const RULES: &[Rule] = &[
    instance_names_are_unique,
    gates_suffice,
    virtual_routers_are_unique,
    virtual_addresses_are_unique,
    interfaces_exist,
    lvs::untranslated_packets_keep_their_port,
    lvs::virtual_servers_are_unique,
    lvs::real_servers_are_unique,
    lvs::families_agree,
    lvs::virtual_server_group_names_are_unique,
    lvs::virtual_server_groups_are_known_and_used,
    lvs::families_of_groups_agree,
    lvs::checks_name_what_is_there,
];

/// Applies all rules; some adjust the model, as keepalived does, with a warning.
pub(super) fn run(lowered: &mut Lowered, system: &dyn System, report: &mut Report) {
    for rule in RULES {
        rule(lowered, system, report);
    }
}

/// Every virtual router has a gate of the data plane; one of them is taken.
fn gates_suffice(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
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

/// keepalived skips the second instance; here it is an error.
fn instance_names_are_unique(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    let names = lowered.instances.iter().map(|placed| {
        let name = &placed.value.name;
        let what = move || format!("vrrp_instance {}", quote(name));
        (name, placed.at.name, what)
    });
    report_duplicates(names, report);
}

fn virtual_routers_are_unique(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    let routers = lowered.instances.iter().map(|placed| {
        let instance = &placed.value;
        let what = move || {
            format!(
                "virtual_router_id {} for {} on {}",
                quote(&instance.vrid.to_string()),
                name_of(instance.family),
                instance.interface
            )
        };
        let key = (&instance.interface, instance.vrid, instance.family);
        (key, placed.at.vrid, what)
    });
    report_duplicates(routers, report);
}

fn virtual_addresses_are_unique(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
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

fn interfaces_exist(lowered: &mut Lowered, system: &dyn System, report: &mut Report) {
    for placed in &lowered.instances {
        let instance = &placed.value;
        match system.interface(&instance.interface) {
            None => report_no_interface(&instance.interface, placed.at.interface, report),
            Some(interface) if interface.is_loopback => {
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
        for (address, (_, named)) in instance.addresses.iter().zip(&placed.at.addresses) {
            if let Some(span) = named
                && system.interface(&address.interface).is_none()
            {
                report_no_interface(&address.interface, *span, report);
            }
        }
    }
}

fn report_no_interface(name: &InterfaceName, span: Span, report: &mut Report) {
    report
        .error(
            Kind::System,
            span,
            format!(
                "there is no interface {} on this machine",
                quote(name.as_str())
            ),
        )
        .help("`ip link` shows what there is");
}

/// Reports every key that was there before, naming both places. What it is comes as a function, because in a file of
/// 100,000 servers nearly none needs its name.
fn report_duplicates<K: Ord, W: FnOnce() -> String>(
    keys: impl Iterator<Item = (K, Span, W)>,
    report: &mut Report,
) {
    let mut first: BTreeMap<K, Span> = BTreeMap::new();
    for (key, span, what) in keys {
        if let Some(before) = first.get(&key) {
            report
                .error(Kind::Duplicate, span, format!("{} is given twice", what()))
                .related(*before, "first given")
                .help("remove one of them");
        } else {
            first.insert(key, span);
        }
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn name_of(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}
