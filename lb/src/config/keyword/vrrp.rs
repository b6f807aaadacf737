//! `vrrp_instance`.

use std::time::Duration;

use super::{Choice, Keyword, Table, Takes};
use crate::config::{
    lower::vrrp::{InstanceDraft, read_addresses},
    model::{InitialState, Version},
    source::Spanned,
};

pub(in crate::config) static TABLE: Table<InstanceDraft> = Table {
    block: "vrrp_instance",
    now: &[
        Keyword {
            names: &["state"],
            takes: Takes::Choice {
                now: &[
                    Choice {
                        word: "MASTER",
                        set: |draft, span| {
                            draft.state = Some(Spanned::new(InitialState::Master, span));
                        },
                    },
                    Choice {
                        word: "BACKUP",
                        set: |draft, span| {
                            draft.state = Some(Spanned::new(InitialState::Backup, span));
                        },
                    },
                ],
                later: &[],
            },
            default: "BACKUP",
            meaning: "the state wished for at the start",
        },
        Keyword {
            names: &["interface"],
            takes: Takes::Interface(|draft, interface| draft.interface = Some(interface)),
            default: "",
            meaning: "where adverts are sent and heard; required",
        },
        Keyword {
            names: &["virtual_router_id"],
            takes: Takes::Number {
                min: 1,
                max: 255,
                set: |draft, number| draft.vrid = number.convert(),
            },
            default: "",
            meaning: "the virtual router, the same on all its nodes; required",
        },
        Keyword {
            names: &["priority"],
            takes: Takes::Number {
                min: 1,
                max: 255,
                set: |draft, number| draft.priority = number.convert(),
            },
            default: "100; 255 with state MASTER",
            meaning: "the highest becomes MASTER; 255 is the address owner",
        },
        Keyword {
            names: &["version"],
            takes: Takes::Choice {
                now: &[
                    Choice {
                        word: "2",
                        set: |draft, span| draft.version = Some(Spanned::new(Version::V2, span)),
                    },
                    Choice {
                        word: "3",
                        set: |draft, span| draft.version = Some(Spanned::new(Version::V3, span)),
                    },
                ],
                later: &[],
            },
            default: "2; 3 for IPv6",
            meaning: "the protocol's version",
        },
        Keyword {
            names: &["advert_int"],
            takes: Takes::Seconds {
                min: Duration::from_millis(10),
                max: Duration::from_secs(255),
                set: |draft, interval| draft.advert_interval = Some(interval),
            },
            default: "1",
            meaning: "time between adverts: whole seconds in version 2, steps of 0.01 up to 40.95 in version 3",
        },
        Keyword {
            names: &["virtual_ipaddress"],
            takes: Takes::Block {
                usage: "",
                read: read_addresses,
            },
            default: "",
            meaning: "lines of ADDRESS[/LENGTH] [dev INTERFACE]: the addresses of the MASTER",
        },
        Keyword {
            names: &["nopreempt"],
            takes: Takes::Flag(|draft, span| draft.preempt = Some(Spanned::new(false, span))),
            default: "preempt",
            meaning: "leave a MASTER of lower priority in place; needs state BACKUP",
        },
        Keyword {
            names: &["preempt"],
            takes: Takes::Flag(|draft, span| draft.preempt = Some(Spanned::new(true, span))),
            default: "preempt",
            meaning: "take over from a MASTER of lower priority",
        },
    ],
    later: &[
        "vrf",
        "use_vmac",
        "use_vmac_addr",
        "vmac_xmit_base",
        "use_ipvlan",
        "dont_track_primary",
        "track_interface",
        "track_script",
        "track_file",
        "track_process",
        "track_bfd",
        "mcast_src_ip",
        "mcast_dst_ip",
        "unicast_src_ip",
        "unicast_peer",
        "unicast_fault_no_peer",
        "unicast_ttl",
        "check_unicast_src",
        "old_unicast_checksum",
        "track_src_ip",
        "v3_checksum_as_v2",
        "native_ipv6",
        "virtual_ipaddress_excluded",
        "no_virtual_ipaddress",
        "promote_secondaries",
        "virtual_routes",
        "virtual_rules",
        "accept",
        "no_accept",
        "preempt_delay",
        "strict_mode",
        "skip_check_adv_addr",
        "authentication",
        "auth_hmac",
        "garp_master_delay",
        "garp_master_repeat",
        "garp_master_refresh",
        "garp_master_refresh_repeat",
        "garp_lower_prio_delay",
        "garp_lower_prio_repeat",
        "garp_extra_if",
        "vmac_garp_intvl",
        "lower_prio_no_advert",
        "higher_prio_send_advert",
        "owner_ignore_adverts",
        "down_timer_adverts",
        "timer_expired_backup",
        "thread_timer_expired",
        "kernel_rx_buf_size",
        "notify_master",
        "notify_backup",
        "notify_fault",
        "notify_stop",
        "notify_deleted",
        "notify",
        "notify_master_rx_lower_pri",
        "notify_priority_changes",
        "smtp_alert",
        "debug",
        "linkbeat_use_polling",
        "lvs_sync_daemon_interface",
    ],
};

/// keepalived's options of an address line that are not carried yet.
pub(in crate::config) const LATER_ADDRESS_OPTIONS: &[&str] = &[
    "brd",
    "broadcast",
    "scope",
    "label",
    "peer",
    "home",
    "-nodad",
    "mngtmpaddr",
    "noprefixroute",
    "autojoin",
    "preferred_lft",
    "no_track",
    "track_group",
    "use_vmac",
];
