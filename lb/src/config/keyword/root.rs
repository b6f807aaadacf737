//! The top level.

use super::{Keyword, Table, takes::Takes};
use crate::config::lower::{Draft, check, global, vrrp};

pub(in crate::config) static TABLE: Table<Draft> = Table {
    block: "the top level",
    now: &[&[
        Keyword::<Draft, Draft>::new(
            &["global_defs"],
            Takes::Block {
                usage: "",
                read: global::read,
            },
        )
        .means("settings of this node"),
        Keyword::<Draft, Draft>::new(
            &["vrrp_instance"],
            Takes::Block {
                usage: "NAME",
                read: vrrp::read,
            },
        )
        .means("a virtual router"),
        Keyword::<Draft, Draft>::new(
            &["virtual_server"],
            Takes::Block {
                usage: "ADDRESS PORT",
                read: check::read_virtual_server,
            },
        )
        .means("a front address and its real servers"),
    ]],
    later: &[
        "linkbeat_use_polling",
        "net_namespace",
        "net_namespace_ipvs",
        "namespace_with_ipsets",
        "use_pid_dir",
        "instance",
        "child_wait_time",
        "track_group",
        "static_ipaddress",
        "static_routes",
        "static_rules",
        "vrrp_sync_group",
        "garp_group",
        "linkbeat_interfaces",
        "vrrp_script",
        "vrrp_track_process",
        "interface_up_down_delays",
        "bfd_instance",
        "SSL",
        "virtual_server_group",
        "track_file",
        "vrrp_track_file",
    ],
};

/// Whether the word opens a block at the top level and nothing elsewhere: within a block it shows that a
/// `}` is missing.
pub(in crate::config) fn is_block(word: &str) -> bool {
    matches!(
        word,
        "global_defs"
            | "vrrp_instance"
            | "virtual_server"
            | "static_ipaddress"
            | "static_routes"
            | "static_rules"
            | "vrrp_sync_group"
            | "garp_group"
            | "linkbeat_interfaces"
            | "vrrp_script"
            | "vrrp_track_process"
            | "interface_up_down_delays"
            | "bfd_instance"
            | "virtual_server_group"
            | "vrrp_track_file"
    )
}
