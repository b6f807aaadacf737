//! The top level.

mod node;

use super::{Keyword, Table, global, lvs::virtual_server, takes::Takes, vrrp};
use crate::config::{
    lower::{self, Draft},
    model::{Config, VirtualService},
    show::text,
};

type Root = Keyword<Draft, Config>;

pub(in crate::config) static TABLE: Table<Draft, Config> = Table {
    block: "the top level",
    groups: &[
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
                &["vrrp_sync_group"],
                Takes::Block {
                    usage: "NAME",
                    read: lower::vrrp::group::read,
                    show: |config, page| {
                        for group in &config.sync_groups {
                            let head = format!("vrrp_sync_group {}", text(&group.name));
                            page.block(&head, |page| vrrp::group::TABLE.show(group, page));
                        }
                    },
                },
            )
            .means("virtual routers that change state together"),
            Root::new(
                &["virtual_server"],
                Takes::Block {
                    usage: "ADDRESS [PORT] or fwmark MARK or group NAME",
                    read: lower::lvs::virtual_server::read,
                    show: |config, page| {
                        for server in &config.virtual_servers {
                            let service = match &server.service {
                                VirtualService::Group { name, .. } => {
                                    format!("group {}", text(name))
                                }
                                service => service.to_string(),
                            };
                            page.block(&format!("virtual_server {service}"), |page| {
                                virtual_server::TABLE.show(server, page);
                            });
                        }
                    },
                },
            )
            .means("a service and its real servers"),
            Root::new(
                &["virtual_server_group"],
                Takes::Block {
                    usage: "NAME",
                    read: lower::lvs::group::read,
                    show: |config, page| {
                        for group in &config.virtual_server_groups {
                            let head = format!("virtual_server_group {}", text(&group.name));
                            page.block(&head, |page| {
                                for member in &group.members {
                                    page.line(&member.to_string());
                                }
                            });
                        }
                    },
                },
            )
            .means(
                "addresses, ranges of them and firewall marks that virtual servers serve together",
            ),
        ],
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
