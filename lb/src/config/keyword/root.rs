//! The top level.

mod node;

use super::{Keyword, Table, check, global, takes::Takes, vrrp};
use crate::config::{
    lower::{self, Draft},
    model::Config,
    show::text,
};

pub(super) type Root = Keyword<Draft, Config>;

pub(in crate::config) static TABLE: Table<Draft, Config> = Table {
    block: "the top level",
    now: &[
        node::PROCESS,
        node::NETWORK,
        node::TRACK,
        &[
            Root::new(
                &["global_defs"],
                Takes::Block {
                    usage: "",
                    read: lower::global::read,
                    show: |config, page| {
                        page.block("global_defs", |page| {
                            global::TABLE.show(&config.global, page);
                        });
                    },
                },
            )
            .means("settings of this node"),
            Root::new(
                &["vrrp_instance"],
                Takes::Block {
                    usage: "NAME",
                    read: lower::vrrp::read,
                    show: |config, page| {
                        for instance in &config.vrrp_instances {
                            let head = format!("vrrp_instance {}", text(&instance.name));
                            page.block(&head, |page| vrrp::TABLE.show(instance, page));
                        }
                    },
                },
            )
            .means("a virtual router"),
            Root::new(
                &["virtual_server"],
                Takes::Block {
                    usage: "ADDRESS PORT",
                    read: lower::check::read_virtual_server,
                    show: |config, page| {
                        for server in &config.virtual_servers {
                            let head = format!("virtual_server {} {}", server.address, server.port);
                            page.block(&head, |page| check::VIRTUAL_SERVER.show(server, page));
                        }
                    },
                },
            )
            .means("a front address and its real servers"),
        ],
    ],
    later: &["vrrp_sync_group", "virtual_server_group"],
};

/// Whether the word opens a block at the top level and nothing elsewhere: within a block it shows that a
/// `}` is missing.
pub(in crate::config) fn is_block(word: &str) -> bool {
    matches!(
        word,
        "global_defs"
            | "vrrp_instance"
            | "virtual_server"
            | "track_group"
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
