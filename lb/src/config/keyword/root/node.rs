//! The top level besides `global_defs`, virtual routers and virtual servers.

use std::time::Duration;

use super::Root;
use crate::config::{
    ast::Statement,
    diagnostic::Report,
    keyword::{
        address::STATIC,
        bfd,
        network::{GARP_GROUP, SSL},
        takes::{Field, Takes},
        track,
    },
    lower::{self, Draft, address, network, node, route, rule},
    model::{Config, process::IpvsNamespace},
    show::{Page, text},
};

type Read = fn(&mut Draft, &Statement, &mut Report);

/// A block that nothing acts on yet, where not said otherwise.
const fn block(
    names: &'static [&'static str],
    usage: &'static str,
    read: Read,
    show: fn(&Config, &mut Page),
) -> Root {
    acted(names, usage, read, show).parsed()
}

/// A block that is acted on.
const fn acted(
    names: &'static [&'static str],
    usage: &'static str,
    read: Read,
    show: fn(&Config, &mut Page),
) -> Root {
    Root::new(names, Takes::Block { usage, read, show })
}

macro_rules! process_flag {
    ($name:literal, $field:ident) => {
        Root::new(
            &[$name],
            Takes::Flag(Field {
                set: |draft, _| draft.node.process.$field = true,
                get: |config| Some(config.process.$field),
            }),
        )
        .parsed()
    };
}

macro_rules! process_name {
    ($name:literal, $field:ident) => {
        Root::new(
            &[$name],
            Takes::Text {
                max: usize::MAX,
                field: Field {
                    set: |draft, given| draft.node.process.$field = Some(given.value),
                    get: |config| config.process.$field.clone(),
                },
            },
        )
    };
}

pub(super) const PROCESS: &[Root] = &[
    process_flag!("linkbeat_use_polling", linkbeat_use_polling)
        .acted()
        .means("links are polled for their state"),
    Root::new(
        &["net_namespace"],
        Takes::Text {
            max: usize::MAX,
            field: Field {
                set: |draft, given| draft.node.process.net_namespace = Some(given.value),
                get: |config| config.process.net_namespace.clone(),
            },
        },
    )
    .first_counts()
    .means("the network namespace of all processes"),
    Root::new(
        &["net_namespace_ipvs"],
        Takes::Words {
            usage: "[NAME]",
            read: node::read_ipvs_namespace,
            show: |config| match &config.process.net_namespace_ipvs {
                None => Vec::new(),
                Some(IpvsNamespace::Default) => vec![String::new()],
                Some(IpvsNamespace::Named(name)) => vec![text(name)],
            },
        },
    )
    .first_counts()
    .default("net_namespace; process 1's for the bare word")
    .means("the network namespace IPVS is in"),
    process_flag!("namespace_with_ipsets", namespace_with_ipsets)
        .means("ipsets are used in a namespace even on old kernels"),
    process_flag!("use_pid_dir", use_pid_dir)
        .acted()
        .default("where there is a net_namespace or an instance")
        .means("PID files have a directory of their own"),
    process_name!("instance", instance)
        .first_counts()
        .means("name of this daemon among several"),
    Root::new(
        &["child_wait_time"],
        Takes::Number {
            min: 0,
            max: 0xffff_ffff,
            field: Field {
                set: |draft, given| {
                    let seconds = given.value.unsigned_abs();
                    draft.node.process.child_wait_time = Duration::from_secs(seconds);
                },
                get: |config| i64::try_from(config.process.child_wait_time.as_secs()).ok(),
            },
        },
    )
    .default("5")
    .means("seconds that children may take to stop"),
];

pub(super) const NETWORK: &[Root] = &[
    block(
        &["linkbeat_interfaces"],
        "",
        network::read_linkbeat,
        |config, page| {
            let lines = config.linkbeat.iter().map(network::show_linkbeat);
            page.lines_of("linkbeat_interfaces", lines);
        },
    )
    .acted()
    .means("lines of INTERFACE [MII|ETHTOOL|IOCTL]: links that are polled for their state"),
    block(
        &["interface_up_down_delays"],
        "",
        network::read_delays,
        |config, page| {
            let lines = config.interface_delays.iter().map(network::show_delay);
            page.lines_of("interface_up_down_delays", lines);
        },
    )
    .acted()
    .means("lines of INTERFACE DOWN [UP]: seconds before a change of a link counts"),
    block(
        &["garp_group"],
        "",
        network::read_garp_group,
        |config, page| {
            for group in &config.garp_groups {
                page.block("garp_group", |page| GARP_GROUP.show(group, page));
            }
        },
    )
    .acted()
    .means("announcements are paced together"),
    block(
        &["track_group"],
        "NAME",
        lower::track::read_group,
        |config, page| {
            for group in &config.track_groups {
                let head = format!("track_group {}", text(&group.name));
                page.block(&head, |page| track::GROUP.show(group, page));
            }
        },
    )
    .means("instances that go to FAULT when something static of the group vanishes"),
    acted(
        &["static_ipaddress"],
        "",
        node::read_addresses,
        |config, page| {
            let lines = config.static_addresses.iter();
            let lines = lines.map(|line| address::show(line, &STATIC));
            page.lines_of("static_ipaddress", lines);
        },
    )
    .means("lines of ADDRESS[/LENGTH] and options: addresses that are always there"),
    acted(&["static_routes"], "", node::read_routes, |config, page| {
        page.lines_of(
            "static_routes",
            config.static_routes.iter().map(route::show),
        );
    })
    .means("routes that are always there, one a line"),
    acted(&["static_rules"], "", node::read_rules, |config, page| {
        page.lines_of("static_rules", config.static_rules.iter().map(rule::show));
    })
    .means("policy rules that are always there, one a line"),
];

pub(super) const TRACK: &[Root] = &[
    acted(
        &["vrrp_script"],
        "NAME",
        lower::track::read_script,
        |config, page| {
            for script in &config.scripts {
                let head = format!("vrrp_script {}", text(&script.name));
                page.block(&head, |page| track::SCRIPT.show(script, page));
            }
        },
    )
    .means("a program whose success virtual routers track"),
    acted(
        &["vrrp_track_process"],
        "NAME",
        lower::track::read_process,
        |config, page| {
            for process in &config.track_processes {
                let head = format!("vrrp_track_process {}", text(&process.name));
                page.block(&head, |page| track::PROCESS.show(process, page));
            }
        },
    )
    .means("a process whose presence virtual routers track"),
    acted(
        &["track_file"],
        "NAME",
        lower::track::read_file,
        |config, page| {
            for file in &config.track_files {
                let head = format!("track_file {}", text(&file.name));
                page.block(&head, |page| track::FILE.show(file, page));
            }
        },
    )
    .means("a file with a number that virtual routers and real servers track"),
    acted(
        &["vrrp_track_file"],
        "NAME",
        lower::track::read_file,
        |_, _| {},
    )
    .deprecated("track_file")
    .means("a file with a number that virtual routers and real servers track"),
    acted(
        &["bfd_instance"],
        "NAME",
        lower::bfd::read,
        |config, page| {
            for instance in &config.bfd_instances {
                let head = format!("bfd_instance {}", text(&instance.name));
                page.block(&head, |page| bfd::TABLE.show(instance, page));
            }
        },
    )
    .means("a BFD session that virtual routers and real servers track"),
    acted(&["SSL"], "", network::read_ssl, |config, page| {
        if let Some(ssl) = &config.ssl {
            page.block("SSL", |page| SSL.show(ssl, page));
        }
    })
    .means("certificates of this node for SSL_GET"),
];
