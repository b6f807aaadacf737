//! Names that mean something elsewhere, and names that are given twice: what is tracked, and interfaces.

use std::collections::BTreeMap;

use super::{
    super::{
        System,
        diagnostic::{Kind, Report, quote},
        lower::{Lowered, Placed},
        model::VirtualAddress,
        source::Span,
    },
    names, report_duplicates, report_no_interface, report_unknown,
};

/// keepalived ends at an interface that is not there, or leaves the line out.
pub(super) fn named_interfaces_exist(
    lowered: &mut Lowered,
    system: &dyn System,
    report: &mut Report,
) {
    if lowered.global.network.interfaces_may_come_later() {
        return;
    }
    for named in &lowered.node.uses.interfaces {
        if system.interface(&named.value).is_none() {
            report_no_interface(&named.value, named.span, system, report);
        }
    }
    for placed in &lowered.node.static_addresses {
        let interface = &placed.value.address.interface;
        if system.interface(interface).is_none() {
            report_no_interface(interface, placed.at.interface, system, report);
        }
    }
}

pub(super) fn track_groups_have_instances(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let known = names(&lowered.instances, |instance| &instance.name);
    for used in &lowered.node.uses.instances {
        report_unknown("vrrp_instance", &used.value, used.span, &known, report);
    }
}

/// keepalived ignores a group that is not there.
pub(super) fn track_groups_exist(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    let known = names(&lowered.node.track_groups, |group| &group.name);
    for used in &lowered.node.uses.track_groups {
        report_unknown("track_group", &used.value, used.span, &known, report);
    }
}

/// keepalived skips the second block; here it is an error.
pub(super) fn tracked_names_are_unique(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    let node = &lowered.node;
    report_same("track_group", &node.track_groups, |it| &it.name, report);
    report_same("vrrp_script", &node.scripts, |it| &it.name, report);
    report_same(
        "vrrp_track_process",
        &node.track_processes,
        |it| &it.name,
        report,
    );
    report_same("track_file", &node.track_files, |it| &it.name, report);
    report_same("bfd_instance", &node.bfd_instances, |it| &it.name, report);
}

fn report_same<T>(
    what: &str,
    blocks: &[Placed<T, Span>],
    name: impl Fn(&T) -> &String,
    report: &mut Report,
) {
    let names = blocks.iter().map(|placed| {
        let name = name(&placed.value);
        (name, placed.at, move || format!("{what} {}", quote(name)))
    });
    report_duplicates(names, report);
}

/// A packet belongs to one session.
pub(super) fn bfd_neighbors_are_unique(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    let sessions = lowered.node.bfd_instances.iter().map(|placed| {
        let session = &placed.value;
        let what = || {
            let neighbor = session.neighbor.to_string();
            let kind = if session.multihop { "multihop " } else { "" };
            format!(
                "a {kind}bfd_instance with the neighbor {}",
                quote(&neighbor)
            )
        };
        let key = (session.neighbor, session.source, session.multihop);
        (key, placed.at, what)
    });
    report_duplicates(sessions, report);
}

pub(super) fn interfaces_are_paced_and_watched_once(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let node = &lowered.node;
    let paced = node.garp_groups.iter().flat_map(|placed| {
        let interfaces = placed.value.interfaces.iter().zip(&placed.at);
        interfaces.map(|(name, span)| {
            let what = move || format!("the interface {} of a garp_group", quote(name.as_str()));
            (name, *span, what)
        })
    });
    report_duplicates(paced, report);
    let watched = node.linkbeat.iter().map(|placed| {
        let name = &placed.value.interface;
        let what = move || {
            format!(
                "the interface {} of linkbeat_interfaces",
                quote(name.as_str())
            )
        };
        (name, placed.at, what)
    });
    report_duplicates(watched, report);
    let delayed = node.interface_delays.iter().map(|placed| {
        let name = &placed.value.interface;
        let what = move || {
            format!(
                "the interface {} of interface_up_down_delays",
                quote(name.as_str())
            )
        };
        (name, placed.at, what)
    });
    report_duplicates(delayed, report);
}

pub(super) fn static_addresses_are_unique(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let addresses = lowered.node.static_addresses.iter().map(|placed| {
        let address = &placed.value.address;
        let what = || format!("static address {}", quote(&address.address.to_string()));
        (
            (address.address, &address.interface),
            placed.at.address,
            what,
        )
    });
    report_duplicates(addresses, report);
}

/// An address that two virtual routers have, or one twice, is removed by one of them while the other needs it.
pub(super) fn excluded_addresses_are_unique(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let key = |address: &VirtualAddress| (address.address, address.interface.clone());
    let mut first = BTreeMap::new();
    for placed in &lowered.instances {
        for (address, (span, _)) in placed.value.addresses.iter().zip(&placed.at.addresses) {
            first.entry(key(address)).or_insert(*span);
        }
    }
    for placed in &lowered.instances {
        for (line, span) in placed.value.excluded.iter().zip(&placed.at.excluded) {
            let Some(before) = first.insert(key(&line.address), *span) else {
                continue;
            };
            let address = line.address.address.to_string();
            report
                .error(
                    Kind::Duplicate,
                    *span,
                    format!("virtual address {} is given twice", quote(&address)),
                )
                .related(before, "first given")
                .help("remove one of them");
        }
    }
}
