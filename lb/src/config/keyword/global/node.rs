//! This node: its name, its scripts, its files, its interfaces.

use super::{Global, boolean, flag, number, seconds, text};
use crate::config::{
    keyword::takes::{Field, Takes, field},
    lower::{command, data_plane, words},
    model::{
        DataPlane, Word as _,
        global::{DynamicInterfaces, JsonVersion},
    },
};

/// `TASK_COMM_LEN` without the final NUL.
const COMM: usize = 15;

/// What is left of the name of an interface beside the dot and the VRID.
const PREFIX: usize = 11;

const fn prefix(
    names: &'static [&'static str],
    field: Field<crate::config::model::GlobalDefs, crate::config::model::GlobalDefs, String>,
) -> Global {
    Global::new(names, Takes::Text { max: PREFIX, field })
}

const fn comm(
    names: &'static [&'static str],
    field: Field<crate::config::model::GlobalDefs, crate::config::model::GlobalDefs, String>,
) -> Global {
    Global::new(names, Takes::Text { max: COMM, field })
}

pub(super) const IDENTITY: &[Global] = &[
    Global::new(
        &["router_id"],
        Takes::Text {
            max: usize::MAX,
            field: Field {
                set: |global, given| global.router_id = given.value,
                get: |global| (!global.router_id.is_empty()).then(|| global.router_id.clone()),
            },
        },
    )
    .default("the host name")
    .means("name of this node"),
    Global::new(
        &["data_plane"],
        Takes::Choice {
            words: DataPlane::WORDS,
            any_case: false,
            field: field!(word data_plane),
        },
    )
    .default("auto")
    .means("what forwards packets (of lb, not of keepalived)"),
    number(
        &["data_plane_services"],
        1,
        65535,
        field!(some number data_plane_room.services),
    )
    .acted()
    .default("4096, or as many as there are")
    .means("virtual servers that the data plane has room for, those of later reloads too; a restart changes it (of lb, not of keepalived)"),
    number(
        &["data_plane_flows"],
        1024,
        1 << 28,
        field!(some number data_plane_room.flows),
    )
    .acted()
    .default("1048576")
    .means("flows of each family that the data plane has room for; a restart changes it (of lb, not of keepalived)"),
    Global::new(
        &["data_plane_interfaces"],
        Takes::Words {
            usage: "names of interfaces",
            read: data_plane::interfaces,
            show: |global| data_plane::show_interfaces(&global.data_plane_reach.interfaces),
        },
    )
    .acted()
    .means("clients also come by these interfaces, which have neither virtual addresses nor real servers (of lb, not of keepalived)"),
    flag(
        &["data_plane_local_clients"],
        field!(copy data_plane_reach.local_clients),
    )
    .acted()
    .means("clients on this host, by `lb_kind NAT`: sets accept_local on the interfaces towards real servers (of lb, not of keepalived)"),
    flag(&["process_names"], field!(copy names.distinct))
        .acted()
        .means("children have names of their own in process lists"),
    comm(&["process_name"], field!(some clone names.parent)).means("name of the parent process"),
    comm(&["vrrp_process_name"], field!(some clone names.vrrp)).means("name of the vrrp child"),
    comm(&["checker_process_name"], field!(some clone names.checker))
        .means("name of the checkers child"),
    comm(&["lvs_process_name"], field!(some clone names.checker))
        .deprecated("checker_process_name")
        .means("name of the checkers child"),
    comm(&["bfd_process_name"], field!(some clone names.bfd)).means("name of the bfd child"),
];

pub(super) const SCRIPTS: &[Global] = &[
    Global::new(
        &["script_user"],
        Takes::Words {
            usage: "USER [GROUP]",
            read: words::script_user,
            show: |global| words::show_owner(global.scripts.user.as_ref()),
        },
    )
    .default("keepalived_script where there is such a user, else root")
    .means("whose rights scripts run with"),
    flag(&["enable_script_security"], field!(copy scripts.security))
        .acted()
        .means("no script runs as root that somebody else can write"),
    boolean(
        &["set_supplementary_groups"],
        field!(copy scripts.supplementary_groups),
    )
    .acted()
    .default("false")
    .means("scripts have all groups of their user"),
    boolean(&["use_symlink_paths"], field!(copy scripts.keep_symlinks))
        .acted()
        .default("false")
        .means("paths of scripts keep their symbolic links"),
    Global::new(
        &["startup_script"],
        Takes::Words {
            usage: "COMMAND [USER [GROUP]]",
            read: words::startup_script,
            show: |global| global.scripts.startup.iter().map(command::show).collect(),
        },
    )
    .means("runs before the children start"),
    seconds(
        &["startup_script_timeout"],
        1_000_000,
        1_000_000_000,
        field!(copy scripts.startup_timeout),
    )
    .acted()
    .default("10")
    .means("the longest the start waits for startup_script"),
    Global::new(
        &["shutdown_script"],
        Takes::Words {
            usage: "COMMAND [USER [GROUP]]",
            read: words::shutdown_script,
            show: |global| global.scripts.shutdown.iter().map(command::show).collect(),
        },
    )
    .means("runs after the children have stopped"),
    seconds(
        &["shutdown_script_timeout"],
        1_000_000,
        1_000_000_000,
        field!(copy scripts.shutdown_timeout),
    )
    .acted()
    .default("10")
    .means("the longest the stop waits for shutdown_script"),
    Global::new(
        &["umask"],
        Takes::Words {
            usage: "an octal number, or names such as IRGRP|IWGRP",
            read: words::umask,
            show: |global| words::show_umask(global.scripts.umask),
        },
    )
    .means("permissions that files written here lack"),
    boolean(&["rs_init_notifies"], field!(copy scripts.initial_notify))
        .acted()
        .default("false")
        .means("notify_up runs for real servers that are up from the start"),
];

pub(super) const FILES: &[Global] = &[
    Global::new(
        &["reload_check_config"],
        Takes::Words {
            usage: "[FILE]",
            read: words::reload_check_config,
            show: |_| Vec::new(),
        },
    )
    .without_effect("a reload is always checked first")
    .means("checks a configuration before a reload takes it"),
    text(&["reload_time_file"], field!(some clone files.reload_time))
        .acted()
        .means("holds the time of the next reload"),
    flag(&["reload_repeat"], field!(copy files.repeats_daily))
        .acted()
        .means("the reload of reload_time_file is a daily one"),
    Global::new(
        &["reload_file"],
        Takes::Words {
            usage: "[FILE]",
            read: words::reload_file,
            show: |global| words::show_optional(global.files.reload_marker.as_deref()),
        },
    )
    .means("a file that is there while a reload runs or is due"),
    Global::new(
        &["config_save_dir"],
        Takes::Text {
            max: usize::MAX,
            field: field!(some clone files.save),
        },
    )
    .means("gets a copy of each configuration that comes into force"),
    text(
        &["tmp_config_directory"],
        field!(some clone files.temporary),
    )
    .without_effect("children get the configuration over a socket, not in a file")
    .means("where the configuration with all its includes is kept"),
    Global::new(
        &["include_check"],
        Takes::Words {
            usage: "[[+|-]read|match|wildcard_match|brace_match …]",
            // It counts from its line on, so the parser acts on it before the block is complete.
            read: |_, _, _| {},
            show: |_| Vec::new(),
        },
    )
    .default("none; all of them for the bare word")
    .means("which failures of includes are errors, up to the end of its file"),
    boolean(&["data_use_instance"], field!(copy files.instance_in_names))
        .acted()
        .default("false")
        .means("dump files carry the names of namespace and instance"),
    Global::new(
        &["json_version"],
        Takes::Choice {
            words: JsonVersion::WORDS,
            any_case: false,
            field: field!(word files.json),
        },
    )
    .default("1")
    .means("the form of the JSON dump"),
    text(&["state_dump_file"], field!(some clone files.state_dump))
        .acted()
        .means("where state is dumped"),
    text(&["stats_dump_file"], field!(some clone files.stats_dump))
        .acted()
        .means("where counters are dumped"),
    text(&["json_dump_file"], field!(some clone files.json_dump))
        .acted()
        .means("where JSON is dumped"),
    text(&["iproute_usr_dir"], field!(some clone files.iproute_usr))
        .means("names of routing tables as the distribution ships them"),
    text(&["iproute_etc_dir"], field!(some clone files.iproute_etc))
        .means("names of routing tables of this machine"),
    number(
        &["random_seed"],
        0,
        0xffff_ffff,
        field!(some number files.random_seed),
    )
    .means("makes what is random the same each time, for tests"),
];

pub(super) const NETWORK: &[Global] = &[
    Global::new(
        &["dynamic_interfaces"],
        Takes::Words {
            usage: "[allow_if_changes]",
            read: words::dynamic_interfaces,
            show: |global| match global.network.dynamic {
                DynamicInterfaces::Refused => Vec::new(),
                DynamicInterfaces::Allowed => vec![String::new()],
                DynamicInterfaces::Changing => vec!["allow_if_changes".to_owned()],
            },
        },
    )
    .acted()
    .means(
        "interfaces may come later, with allow_if_changes as another type (which lb always allows)",
    ),
    Global::new(
        &["default_interface"],
        Takes::Interface(field!(some clone network.default_interface)),
    )
    .parsed()
    .default("eth0")
    .means("where static addresses go that name no interface"),
    flag(
        &["disable_local_igmp"],
        field!(copy network.disable_local_igmp),
    )
    .acted()
    .means("no membership reports for link-local groups"),
    Global::new(
        &["tcp_keepalive_time"],
        Takes::Words {
            usage: "a whole number from 1 to 32767",
            read: words::tcp_keepalive_time,
            show: |global| {
                let time = global.network.tcp_keepalive.time;
                time.iter().map(ToString::to_string).collect()
            },
        },
    )
    .default("the kernel's, 7200")
    .means("seconds until TCP connections of this node that are idle and ask for keepalive are probed (of lb, not of keepalived)"),
    number(
        &["tcp_keepalive_intvl"],
        1,
        32767,
        field!(some number network.tcp_keepalive.interval),
    )
    .acted()
    .default("the kernel's, 75")
    .means("seconds between two such probes (of lb, not of keepalived)"),
    number(
        &["tcp_keepalive_probes"],
        1,
        127,
        field!(some number network.tcp_keepalive.probes),
    )
    .acted()
    .default("the kernel's, 9")
    .means("probes without an answer until a connection is given up (of lb, not of keepalived)"),
    prefix(&["vmac_prefix"], field!(clone network.vmac_prefix))
        .default("vrrp")
        .means("start of the names of virtual MAC interfaces"),
    prefix(
        &["vmac_addr_prefix"],
        field!(clone network.vmac_addr_prefix),
    )
    .default("vrrp")
    .means("start of the names of use_vmac_addr interfaces"),
];
