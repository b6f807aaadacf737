//! Rules across virtual servers.

mod overlap;

use std::{collections::BTreeSet, net::IpAddr};

use super::{
    System, help_with_name, names, report_duplicates, report_no_interface, report_unknown, sessions,
};
use crate::config::{
    diagnostic::{Kind, Report, quote},
    lower::{
        Lowered, RealServerPlaces,
        check::{Named, Referent},
    },
    model::{
        DataPlane, Family, ForwardMethod, InterfaceName, Protocol, Scheduler, VirtualServer,
        VirtualService, Word as _, lvs::GroupMember,
    },
    need::Need,
    source::Span,
};
use crate::tcp_keepalive::{
    advise::{advise, flows},
    values::Keepalive,
};

pub(super) use self::overlap::nothing_is_served_twice;

/// keepalived skips the second server; here it is an error.
pub(super) fn virtual_servers_are_unique(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let servers = lowered.servers.iter().map(|placed| {
        let server = &placed.value;
        (
            (&server.service, server.protocol),
            placed.at.server,
            move || name_of_server(server),
        )
    });
    report_duplicates(servers, report);
}

/// keepalived skips the second server; here it is an error.
pub(super) fn real_servers_are_unique(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
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

/// Where the text asks for that, the last time.
fn last_place(lowered: &Lowered, is_it: impl Fn(&Need) -> bool) -> Option<Span> {
    let mut needs = lowered.needs.iter().rev();
    needs.find(|need| is_it(&need.value)).map(|need| need.span)
}

/// Packets for IPVS in another namespace do not come in where the programs of the daemon are.
pub(super) fn xdp_forwards_where_the_daemon_is(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let process = &lowered.node.process;
    let at = last_place(lowered, |need| matches!(need, Need::IpvsNamespace));
    let (Some(_), Some(at)) = (&process.net_namespace_ipvs, at) else {
        return;
    };
    if lowered.global.data_plane == DataPlane::Xdp {
        let message = "`net_namespace_ipvs` and `data_plane xdp` exclude each other: XDP forwards in the namespace of the daemon";
        report
            .error(Kind::Conflict, at, message.to_owned())
            .help("remove one of both; without `data_plane` IPVS forwards there");
    }
}

/// keepalived says nothing of either before it starts.
pub(super) fn the_sync_daemon_has_what_it_follows(
    lowered: &mut Lowered,
    system: &dyn System,
    report: &mut Report,
) {
    let at = last_place(lowered, |need| matches!(need, Need::SyncDaemon));
    let (Some(daemon), Some(at)) = (&lowered.global.lvs.sync_daemon, at) else {
        return;
    };
    let is_here = lowered.node.process.net_namespace_ipvs.is_none();
    if is_here && system.interface(&daemon.interface).is_none() {
        let message = format!(
            "there is no interface {} on this machine: the sync daemon waits for it",
            quote(daemon.interface.as_str())
        );
        report.note(Kind::System, at, message);
    }
    let known = names(&lowered.instances, |instance| &instance.name);
    if let Some(instance) = &daemon.instance
        && !known.contains(instance.as_str())
    {
        let message = format!(
            "there is no vrrp_instance {}: the sync daemon does not run",
            quote(instance)
        );
        let finding = report.note(Kind::Missing, at, message);
        let otherwise = "name one that there is, or none: then both threads run";
        help_with_name(finding, instance, known.iter().copied(), otherwise);
    }
}

/// Where both are in the file they are to agree.
pub(super) fn keepalive_speaks_before_flows_are_forgotten(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let at = last_place(lowered, |need| matches!(need, Need::KeepaliveTime));
    let given = lowered.global.network.tcp_keepalive;
    let interval = given.interval.unwrap_or(Keepalive::KERNEL.interval);
    let time = given.time;
    let (Some(idle), Some(at)) = (time, at) else {
        return;
    };
    let mut servers = lowered.servers.iter();
    if !servers.any(|placed| placed.value.protocol == Protocol::Tcp) {
        return;
    }
    let advice = advise(
        flows(lowered.global.lvs.timeouts),
        idle.time(),
        interval.time(),
    );
    if !advice.is_in_time {
        report.note(Kind::Conflict, at, advice.sentence);
    }
}

/// IPVS mixes families only in tunnels.
pub(super) fn families_agree(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    for placed in &lowered.servers {
        let server = &placed.value;
        let family = server.service.family();
        for (real, at) in server.real_servers.iter().zip(&placed.at.real_servers) {
            if Family::of(real.address) != family && !is_tunnel(real.method) {
                report_family(server, real.address, at, placed.at.server, report);
            }
        }
    }
}

const fn is_tunnel(method: ForwardMethod) -> bool {
    matches!(method, ForwardMethod::Tunnel(_))
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
                Family::of(real).name(),
                name_of_server(server),
                server.service.family().name(),
            ),
        )
        .related(server_at, "virtual server")
        .help("write a virtual_server for each address family");
}

/// A packet that is not translated keeps its port: keepalived resets the real server's, with a message. So does one for a service of
/// every port, of which IPVS leaves the real server's out without a word.
pub(super) fn untranslated_packets_keep_their_port(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    for placed in &mut lowered.servers {
        let server = &mut placed.value;
        let Some((_, port)) = server.service.address() else {
            continue;
        };
        for (real, at) in server.real_servers.iter_mut().zip(&placed.at.real_servers) {
            if real.port == port {
                continue;
            }
            if real.method.is_nat() {
                if port == 0 {
                    report.warning(
                        Kind::Conflict,
                        at.port,
                        format!(
                            "port {} counts for checks only, as in IPVS: packets for a service of every port keep theirs",
                            real.port
                        ),
                    );
                }
                continue;
            }
            let method = if is_tunnel(real.method) { "TUN" } else { "DR" };
            report
                .warning(
                    Kind::Conflict,
                    at.port,
                    format!(
                        "port {} is replaced by {port}: with `lb_kind {method}` packets keep the port of the \
                         virtual server",
                        real.port
                    ),
                )
                .help("write the same port, or `lb_kind NAT`");
            real.port = port;
        }
    }
}

/// A reply is told by its flow alone, and by the port that the flow has here.
pub(super) fn full_nat_has_flows(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    for placed in &lowered.servers {
        let server = &placed.value;
        let why = match server.service.address() {
            _ if server.one_packet => "with `ops` datagrams are of no flow",
            Some((_, 0)) => "the virtual server has every port, which packets keep",
            Some(_) => continue,
            None => "the virtual server has no one address and port",
        };
        let reals = server.real_servers.iter().zip(&placed.at.real_servers);
        for (real, at) in reals.filter(|(real, _)| real.method == ForwardMethod::FullNat) {
            report
                .error(
                    Kind::Conflict,
                    at.server,
                    format!(
                        "real_server {} cannot have `lb_kind FULLNAT`: {why}",
                        real.address
                    ),
                )
                .related(placed.at.server, "virtual server")
                .help("write `lb_kind NAT`, with a route back through this host");
        }
    }
}

/// By its connection ID a packet is told before its length is known, and without a flow that NAT could go back by.
pub(super) fn quic_server_ids_tell_real_servers_apart(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    for placed in &lowered.servers {
        let server = &placed.value;
        let reals = server.real_servers.iter().zip(&placed.at.real_servers);
        let named = reals.filter_map(|(real, at)| {
            let id = real.quic_server_id.as_deref()?;
            Some((real, *id, at.server))
        });
        let Some((_, first, first_at)) = named.clone().next() else {
            continue;
        };
        for (real, id, at) in named.clone() {
            let why = if server.protocol != Protocol::Udp {
                "QUIC is over UDP: write `protocol UDP`".to_owned()
            } else if real.method.is_nat() {
                "a client that moves has no way back through NAT: write `lb_kind DR` or TUN"
                    .to_owned()
            } else if id.len() != first.len() {
                format!("all of a virtual server have the same length: the first is {first}")
            } else {
                continue;
            };
            report
                .error(
                    Kind::Conflict,
                    at,
                    format!(
                        "real_server {} cannot have `quic_server_id {id}`",
                        real.address
                    ),
                )
                .related(first_at, "the first with a server id")
                .help(why);
        }
        let names = named.map(|(_, id, at)| {
            let what = move || format!("server id {}", quote(&id.to_string()));
            (id, at, what)
        });
        report_duplicates(names, report);
    }
}

/// keepalived skips the second group; here it is an error.
pub(super) fn virtual_server_group_names_are_unique(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let groups = lowered.server_groups.iter().map(|placed| {
        let name = &placed.value.name;
        let what = move || format!("virtual_server_group {}", quote(name));
        (name, placed.at.name, what)
    });
    report_duplicates(groups, report);
}

pub(super) fn virtual_server_groups_are_known_and_used(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let known = names(&lowered.server_groups, |group| &group.name);
    let mut used = BTreeSet::new();
    for placed in &lowered.servers {
        let VirtualService::Group { name, .. } = &placed.value.service else {
            continue;
        };
        used.insert(name);
        report_unknown(
            "virtual_server_group",
            name,
            placed.at.server,
            &known,
            report,
        );
    }
    for placed in &lowered.server_groups {
        let name = &placed.value.name;
        if !used.contains(name) {
            report.note(
                Kind::Missing,
                placed.at.name,
                format!(
                    "no virtual_server uses the virtual_server_group {}",
                    quote(name)
                ),
            );
        }
    }
}

/// A group mixes families only where every real server is behind a tunnel.
pub(super) fn families_of_groups_agree(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    for placed in &lowered.servers {
        let server = &placed.value;
        let VirtualService::Group { name, family } = &server.service else {
            continue;
        };
        if server
            .real_servers
            .iter()
            .all(|real| is_tunnel(real.method))
        {
            continue;
        }
        let groups = lowered.server_groups.iter();
        for group in groups.filter(|group| group.value.name == *name) {
            for (member, at) in group.value.members.iter().zip(&group.at.members) {
                if member.family().is_some_and(|other| other != *family) {
                    report
                        .error(
                            Kind::Conflict,
                            *at,
                            format!(
                                "{} is not {}, as {} is",
                                quote(&member.to_string()),
                                family.name(),
                                name_of_server(server)
                            ),
                        )
                        .related(placed.at.server, "virtual server")
                        .help("write a group for each address family; only tunnels mix them");
                }
            }
        }
    }
}

/// Addresses of one group, each of which is a service.
const MOST_ADDRESSES: u128 = 65_536;

pub(super) fn groups_have_bounds(lowered: &mut Lowered, _: &dyn System, report: &mut Report) {
    for placed in &lowered.server_groups {
        let mut sum = 0u128;
        for (member, at) in placed.value.members.iter().zip(&placed.at.members) {
            sum = sum.saturating_add(member.count());
            if sum > MOST_ADDRESSES {
                report
                    .error(
                        Kind::Value,
                        *at,
                        format!(
                            "{} makes {sum} addresses of the virtual_server_group {}",
                            quote(&member.to_string()),
                            quote(&placed.value.name)
                        ),
                    )
                    .help(format!(
                        "each is a service of its own: write at most {MOST_ADDRESSES}, or mark their packets and write `fwmark`"
                    ));
                break;
            }
        }
    }
}

/// A kernel without IPVS serves without them.
pub(super) fn what_ipvs_alone_carries_is_told(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    for placed in &lowered.servers {
        let server = &placed.value;
        let groups = lowered.server_groups.iter();
        let mut members = groups
            .filter(|group| matches!(&server.service, VirtualService::Group { name, .. } if *name == group.value.name))
            .flat_map(|group| &group.value.members);
        let is_mark = |member: &GroupMember| matches!(member, GroupMember::Fwmark { .. });
        let what = match (&server.service, server.scheduler) {
            (VirtualService::Fwmark { .. }, _) => "its firewall mark".to_owned(),
            _ if members.any(is_mark) => "firewall marks".to_owned(),
            (
                _,
                Scheduler::LocalityBased
                | Scheduler::LocalityBasedReplicated
                | Scheduler::TwoChoices,
            ) => {
                format!("`lb_algo {}`", server.scheduler.word())
            }
            _ if server
                .persistence
                .as_ref()
                .is_some_and(|given| given.engine.is_some()) =>
            {
                "`persistence_engine`".to_owned()
            }
            _ => continue,
        };
        report.note(
            Kind::Value,
            placed.at.server,
            format!("without IPVS in the kernel this is not served, because of {what}"),
        );
    }
}

/// What checks name is there.
pub(super) fn checks_name_what_is_there(
    lowered: &mut Lowered,
    system: &dyn System,
    report: &mut Report,
) {
    let node = &lowered.node;
    let files = names(&node.track_files, |file| &file.name);
    let sessions = sessions(&node.bfd_instances, |bfd| bfd.for_checker);
    let is_verified = node.ssl.as_ref().is_some_and(|ssl| ssl.ca.is_some());
    let may_come_later = lowered.global.network.interfaces_may_come_later();
    let mut is_told = false;
    for Named { what, name, span } in lowered.servers.iter().flat_map(|placed| &placed.at.names) {
        let (block, known) = match what {
            Referent::TrackFile => ("track_file", &files),
            Referent::BfdInstance => ("bfd_instance", &sessions),
            Referent::Interface => {
                let interface = InterfaceName::try_from(name.clone());
                if let Ok(interface) = interface
                    && !may_come_later
                    && system.interface(&interface).is_none()
                {
                    report_no_interface(&interface, *span, system, report);
                }
                continue;
            }
            Referent::Certificate => {
                if !is_verified && !std::mem::replace(&mut is_told, true) {
                    let like = if name == "SSL_GET" {
                        ", as in keepalived"
                    } else {
                        ""
                    };
                    report
                        .note(
                            Kind::Missing,
                            *span,
                            format!("{name} does not verify the certificate of the server{like}"),
                        )
                        .help("write `ca FILE` in a block `SSL`");
                }
                continue;
            }
        };
        report_unknown(block, name, *span, known, report);
    }
}

fn name_of_server(server: &VirtualServer) -> String {
    format!("virtual_server {}", quote(&server.service.to_string()))
}
