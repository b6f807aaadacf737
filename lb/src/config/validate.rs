//! Rules across objects, one function each.

mod lvs;
mod machine;
mod mail;
pub(super) mod track;
pub(super) mod vrrp;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    System,
    diagnostic::{Finding, Kind, Report, quote},
    lower::{Lowered, Placed},
    model::{InterfaceName, bfd::BfdInstance},
    source::Span,
    suggest::nearest,
};

type Rule = fn(&mut Lowered, &dyn System, &mut Report);

const RULES: &[Rule] = &[
    vrrp::not_accepting_needs_services_in_xdp,
    vrrp::names_are_unique,
    vrrp::gates_suffice,
    vrrp::routers_are_unique,
    vrrp::virtual_interfaces_are_unique,
    vrrp::addresses_are_unique,
    vrrp::addresses_fit,
    vrrp::interfaces_exist,
    vrrp::track::tracked_interfaces_exist,
    vrrp::track::tracked_objects_exist,
    vrrp::group::names_are_unique,
    vrrp::group::members_exist,
    vrrp::group::members_have_one_group,
    vrrp::group::groups_have_members,
    vrrp::group::members_leave_tracking_to_the_group,
    vrrp::track::weights_mean_something,
    vrrp::track::peers_are_answered,
    lvs::untranslated_packets_keep_their_port,
    lvs::full_nat_has_flows,
    lvs::quic_server_ids_tell_real_servers_apart,
    lvs::virtual_servers_are_unique,
    lvs::nothing_is_served_twice,
    lvs::real_servers_are_unique,
    lvs::families_agree,
    lvs::virtual_server_group_names_are_unique,
    lvs::virtual_server_groups_are_known_and_used,
    lvs::families_of_groups_agree,
    lvs::groups_have_bounds,
    lvs::what_ipvs_alone_carries_is_told,
    lvs::checks_name_what_is_there,
    lvs::xdp_forwards_where_the_daemon_is,
    lvs::the_sync_daemon_has_what_it_follows,
    lvs::keepalive_speaks_before_flows_are_forgotten,
    track::named_interfaces_exist,
    track::track_groups_have_instances,
    track::track_groups_exist,
    track::tracked_names_are_unique,
    track::bfd_neighbors_are_unique,
    track::interfaces_are_paced_and_watched_once,
    track::static_addresses_are_unique,
    track::excluded_addresses_are_unique,
    machine::names_of_iproute_are_known,
    machine::vrfs_are_vrfs,
    machine::users_exist,
    machine::scripts_have_a_user,
    machine::programs_are_there,
    machine::root_runs_nothing_unchecked,
    machine::others_cannot_change_what_root_runs,
    machine::secret_files_are_private,
    mail::passwords_travel_within_tls,
];

/// Applies all rules; some adjust the model, as keepalived does, with a warning.
pub(super) fn run(lowered: &mut Lowered, system: &dyn System, report: &mut Report) {
    for rule in RULES {
        rule(lowered, system, report);
    }
}

fn report_no_interface(name: &InterfaceName, span: Span, system: &dyn System, report: &mut Report) {
    let message = format!(
        "there is no interface {} on this machine",
        quote(name.as_str())
    );
    let meant = nearest(name.as_str(), system.interface_names());
    let meant = meant.map_or_else(String::new, |meant| {
        format!("did you mean {}? ", quote(meant))
    });
    report
        .error(Kind::System, span, message)
        .help(format!("{meant}`ip link` shows what there is"));
}

/// The names of blocks.
fn names<T, P>(blocks: &[Placed<T, P>], name: impl Fn(&T) -> &String) -> BTreeSet<&str> {
    let blocks = blocks.iter();
    blocks.map(|placed| name(&placed.value).as_str()).collect()
}

/// The names of BFD sessions that the child is told of; keepalived does not know the others there.
fn sessions<P>(
    blocks: &[Placed<BfdInstance, P>],
    is_told: impl Fn(&BfdInstance) -> bool,
) -> BTreeSet<&str> {
    let told = blocks.iter().filter(|placed| is_told(&placed.value));
    told.map(|placed| placed.value.name.as_str()).collect()
}

/// Reports the name of something that has a block of its own, where there is none.
fn report_unknown(what: &str, name: &str, at: Span, known: &BTreeSet<&str>, report: &mut Report) {
    if known.contains(name) {
        return;
    }
    let message = format!("there is no {what} {}", quote(name));
    let finding = report.error(Kind::Missing, at, message);
    let block = quote(&format!("{what} {name}"));
    let help = format!("write a {block} block, or remove the name");
    help_with_name(finding, name, known.iter().copied(), &help);
}

/// Says what may have been meant by a name, or else what to do.
fn help_with_name<'n>(
    finding: &mut Finding,
    name: &str,
    known: impl IntoIterator<Item = &'n str>,
    otherwise: &str,
) {
    match nearest(name, known) {
        Some(meant) => finding.help(format!("did you mean {}?", quote(meant))),
        None => finding.help(otherwise),
    };
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
