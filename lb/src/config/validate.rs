//! Rules across objects, one function each.

mod track;

use std::{collections::BTreeMap, net::IpAddr};

use lb_common::gate::GATES;

use super::{
    System,
    diagnostic::{Kind, Report, quote},
    lower::{Lowered, RealServerPlaces},
    model::{Family, ForwardMethod, InterfaceName, VirtualServer},
    source::Span,
};

type Rule = fn(&mut Lowered, &dyn System, &mut Report);

const RULES: &[Rule] = &[
    instance_names_are_unique,
    gates_suffice,
    virtual_routers_are_unique,
    virtual_addresses_are_unique,
    interfaces_exist,
    track::named_interfaces_exist,
    track::track_groups_have_instances,
    track::track_groups_exist,
    track::tracked_names_are_unique,
    track::bfd_neighbors_are_unique,
    track::interfaces_are_paced_and_watched_once,
    track::static_addresses_are_unique,
    track::excluded_addresses_are_unique,
    direct_route_keeps_the_port,
    virtual_servers_are_unique,
    real_servers_are_unique,
    families_agree,
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

/// keepalived skips the second server; here it is an error.
fn virtual_servers_are_unique(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    let servers = lowered.servers.iter().map(|placed| {
        let server = &placed.value;
        (
            (server.address, server.port, server.protocol),
            placed.at.server,
            move || name_of_server(server),
        )
    });
    report_duplicates(servers, report);
}

/// keepalived skips the second server; here it is an error.
fn real_servers_are_unique(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    for placed in &lowered.servers {
        let servers = placed
            .value
            .real_servers
            .iter()
            .zip(&placed.at.real_servers);
        let servers = servers.map(|(server, at)| {
            let what = move || {
                let name = format!("{} {}", server.address, server.port);
                format!("real_server {}", quote(&name))
            };
            ((server.address, server.port), at.server, what)
        });
        report_duplicates(servers, report);
    }
}

/// IPVS mixes families only in tunnels.
fn families_agree(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    for placed in &lowered.servers {
        let server = &placed.value;
        let family = Family::of(server.address);
        for (real, at) in server.real_servers.iter().zip(&placed.at.real_servers) {
            if Family::of(real.address) != family {
                report_family(server, real.address, at, placed.at.server, report);
            }
        }
    }
}

fn report_family(
    server: &VirtualServer,
    real: IpAddr,
    at: &RealServerPlaces,
    server_at: Span,
    report: &mut Report,
) {
    report
        .error(
            Kind::Conflict,
            at.server,
            format!(
                "real_server {} is {}, but {} is {}",
                quote(&real.to_string()),
                name_of(Family::of(real)),
                name_of_server(server),
                name_of(Family::of(server.address)),
            ),
        )
        .related(server_at, "virtual server")
        .help("write a virtual_server for each address family");
}

/// A direct-routed packet keeps its port: keepalived resets the real server's, with a message.
fn direct_route_keeps_the_port(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    for placed in &mut lowered.servers {
        let server = &mut placed.value;
        if server.method != ForwardMethod::DirectRoute {
            continue;
        }
        for (real, at) in server.real_servers.iter_mut().zip(&placed.at.real_servers) {
            if real.port == server.port {
                continue;
            }
            report
                .warning(
                    Kind::Conflict,
                    at.port,
                    format!(
                        "port {} is replaced by {}: with `lb_kind DR` packets keep the port of the \
                         virtual server",
                        real.port, server.port
                    ),
                )
                .help("write the same port, or `lb_kind NAT`");
            real.port = server.port;
        }
    }
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

fn name_of_server(server: &VirtualServer) -> String {
    format!(
        "virtual_server {}",
        quote(&format!("{} {}", server.address, server.port))
    )
}
