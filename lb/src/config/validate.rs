//! Rules across objects, one function each.

pub(super) mod vrrp;

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    System,
    diagnostic::{Kind, Report, quote},
    lower::{Lowered, RealServerPlaces},
    model::{Family, ForwardMethod, InterfaceName, VirtualServer},
    source::Span,
    suggest::nearest,
};

type Rule = fn(&mut Lowered, &dyn System, &mut Report);

const RULES: &[Rule] = &[
    vrrp::names_are_unique,
    vrrp::gates_suffice,
    vrrp::routers_are_unique,
    vrrp::addresses_are_unique,
    vrrp::addresses_fit,
    vrrp::interfaces_exist,
    vrrp::track::tracked_interfaces_exist,
    vrrp::group::names_are_unique,
    vrrp::group::members_exist,
    vrrp::group::members_have_one_group,
    vrrp::group::groups_have_members,
    vrrp::group::members_leave_tracking_to_the_group,
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
