//! `vrrp_instance`.

use std::time::Duration;

use super::{
    Keyword, Table,
    address::VIRTUAL,
    takes::{Field, Takes},
};
use crate::config::{
    lower::{
        address,
        route::{self, Place},
        rule,
        vrrp::InstanceDraft,
    },
    model::{InitialState, Version, VrrpInstance, Word as _},
    source::Spanned,
};

type Instance = Keyword<InstanceDraft, VrrpInstance>;

pub(in crate::config) static TABLE: Table<InstanceDraft, VrrpInstance> = Table {
    block: "vrrp_instance",
    now: &[&[
        Instance::new(
            &["state"],
            Takes::Choice {
                words: InitialState::WORDS,
                withheld: &[],
                field: Field {
                    set: |draft, given| draft.state = given.map(InitialState::at),
                    get: |model| model.state.place(),
                },
            },
        )
        .default("BACKUP")
        .means("the state wished for at the start"),
        Instance::new(
            &["interface"],
            Takes::Interface(Field {
                set: |draft, given| draft.interface = Some(given),
                get: |model| Some(model.interface.clone()),
            }),
        )
        .means("where adverts are sent and heard; required"),
        Instance::new(
            &["virtual_router_id"],
            Takes::Number {
                min: 1,
                max: 255,
                field: Field {
                    set: |draft, given| draft.vrid = given.convert(),
                    get: |model| Some(model.vrid.into()),
                },
            },
        )
        .means("the virtual router, the same on all its nodes; required"),
        Instance::new(
            &["priority"],
            Takes::Number {
                min: 1,
                max: 255,
                field: Field {
                    set: |draft, given| draft.priority = given.convert(),
                    get: |model| Some(model.priority.into()),
                },
            },
        )
        .default("100; 255 with state MASTER")
        .means("the highest becomes MASTER; 255 is the address owner"),
        Instance::new(
            &["version"],
            Takes::Choice {
                words: Version::WORDS,
                withheld: &[],
                field: Field {
                    set: |draft, given| draft.version = given.map(Version::at),
                    get: |model| model.version.place(),
                },
            },
        )
        .default("vrrp_version; 3 for IPv6")
        .means("the protocol's version"),
        Instance::new(
            &["advert_int"],
            Takes::Seconds {
                min: Duration::from_millis(10),
                max: Duration::from_secs(255),
                field: Field {
                    set: |draft, given| draft.advert_interval = Some(given),
                    get: |model| Some(model.advert_interval.get()),
                },
            },
        )
        .default("1")
        .means(
            "time between adverts: whole seconds in version 2, steps of 0.01 up to 40.95 in version 3",
        ),
        Instance::new(
            &["virtual_ipaddress"],
            Takes::Block {
                usage: "",
                read: address::read_virtual,
                show: |instance, page| {
                    page.block("virtual_ipaddress", |page| {
                        for line in instance.lines() {
                            page.line(&address::show(&line, &VIRTUAL));
                        }
                    });
                },
            },
        )
        .means("lines of ADDRESS[/LENGTH] and options: the addresses of the MASTER"),
        Instance::new(
            &["virtual_ipaddress_excluded"],
            Takes::Block {
                usage: "",
                read: address::read_excluded,
                show: |instance, page| {
                    let lines = instance.excluded.iter();
                    let lines = lines.map(|line| address::show(line, &VIRTUAL));
                    page.lines_of("virtual_ipaddress_excluded", lines);
                },
            },
        )
        .withheld()
        .means("the same, for addresses of any family that adverts do not carry"),
        Instance::new(
            &["virtual_routes"],
            Takes::Block {
                usage: "",
                read: |draft, block, report| {
                    let (routes, uses) = (&mut draft.routes, &mut draft.uses);
                    route::read(routes, uses, Place::Virtual, block, report);
                },
                show: |instance, page| {
                    page.lines_of("virtual_routes", instance.routes.iter().map(route::show));
                },
            },
        )
        .withheld()
        .means("routes of the MASTER, one a line"),
        Instance::new(
            &["virtual_rules"],
            Takes::Block {
                usage: "",
                read: |draft, block, report| {
                    let (rules, uses) = (&mut draft.rules, &mut draft.uses);
                    rule::read(rules, uses, Place::Virtual, block, report);
                },
                show: |instance, page| {
                    page.lines_of("virtual_rules", instance.rules.iter().map(rule::show));
                },
            },
        )
        .withheld()
        .means("policy rules of the MASTER, one a line"),
        Instance::new(
            &["nopreempt"],
            Takes::Flag(Field {
                set: |draft, given| draft.preempt = Some(Spanned::new(false, given.span)),
                get: |model| Some(!model.preempt),
            }),
        )
        .default("preempt")
        .means("leave a MASTER of lower priority in place; needs state BACKUP"),
        Instance::new(
            &["preempt"],
            Takes::Flag(Field {
                set: |draft, given| draft.preempt = Some(Spanned::new(true, given.span)),
                get: |model| Some(model.preempt),
            }),
        )
        .default("preempt")
        .means("take over from a MASTER of lower priority"),
    ]],
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
        "no_virtual_ipaddress",
        "promote_secondaries",
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
