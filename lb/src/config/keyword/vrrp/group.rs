//! `vrrp_sync_group`.

use super::{notify, tracking};
use crate::config::{
    keyword::{
        Keyword, Table,
        takes::{Field, Takes, field},
    },
    lower::vrrp::group::{self, GroupDraft},
    model::SyncGroup,
    show::text,
};

pub(super) type Group = Keyword<GroupDraft, SyncGroup>;

pub(in crate::config) static TABLE: Table<GroupDraft, SyncGroup> = Table {
    block: "vrrp_sync_group",
    groups: &[
        &[
            Group::new(
                &["group"],
                Takes::Block {
                    usage: "",
                    read: group::read_members,
                    show: |group, page| {
                        page.block("group", |page| {
                            for member in &group.members {
                                page.line(&text(member));
                            }
                        });
                    },
                },
            )
            .means("names of its instances; required"),
            Group::new(
                &["sync_group_tracking_weight"],
                Takes::Flag(field!(copy tracking_weight)),
            )
            .means("what members track themselves has weights too, not only what the group tracks"),
            Group::new(
                &["global_tracking"],
                Takes::Flag(Field {
                    set: |_, _| {},
                    get: |_| None,
                }),
            )
            .deprecated("track_script")
            .without_effect("what a group tracks counts for all its members")
            .means("what one member tracks counts for all"),
        ],
        tracking::GROUP,
        notify::GROUP,
    ],
};
