//! The virtual router, its election and its addresses.

use super::{Instance, boolean, flag, number, seconds};
use crate::config::{
    keyword::address::VIRTUAL,
    keyword::takes::{Field, Takes, field},
    lower::{
        address,
        route::{self, Place},
        rule,
        vrrp::election,
    },
    model::{InitialState, Version, Word as _},
    source::Spanned,
};

pub(super) const ROUTER: &[Instance] = &[
    Instance::new(
        &["state"],
        Takes::Choice {
            words: InitialState::WORDS,
            any_case: false,
            field: field!(spanned word state => state),
        },
    )
    .default("BACKUP")
    .means("the state wished for at the start"),
    Instance::new(
        &["interface"],
        Takes::Interface(Field {
            set: |draft, given| draft.interface = Some(given),
            get: |model| (!model.link.routed).then(|| model.interface.clone()),
        }),
    )
    .means("where adverts are sent and heard; required unless there are unicast_src_ip and unicast_peer"),
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
            any_case: false,
            field: field!(spanned word version => version),
        },
    )
    .default("vrrp_version; 3 for IPv6")
    .means("the protocol's version"),
    Instance::new(
        &["advert_int"],
        Takes::Seconds {
            min: std::time::Duration::from_millis(10),
            max: std::time::Duration::from_secs(255),
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
];

pub(super) const RULES: &[Instance] = &[
    flag(
        &["nopreempt"],
        Field {
            set: |draft, given| draft.preempt = Some(Spanned::new(false, given.span)),
            get: |model| Some(!model.preempt),
        },
    )
    .default("preempt")
    .means("leave a MASTER of lower priority in place; needs state BACKUP"),
    flag(
        &["preempt"],
        Field {
            set: |draft, given| draft.preempt = Some(Spanned::new(true, given.span)),
            get: |model| Some(model.preempt),
        },
    )
    .default("preempt")
    .means("take over from a MASTER of lower priority"),
    seconds(
        &["preempt_delay"],
        0,
        1_000_000,
        field!(spanned copy election.preempt_delay => election.preempt_delay),
    )
    .default("0")
    .means("how long a MASTER of lower priority is left in place; needs state BACKUP"),
    flag(
        &["accept"],
        field!(spanned copy election.accept => election.accept),
    )
    .default("accept; no_accept with strict_mode")
    .means("the MASTER takes packets to the addresses"),
    flag(
        &["no_accept"],
        field!(spanned not election.accept => election.accept),
    )
    .default("accept; no_accept with strict_mode")
    .means("only the address owner takes packets to the addresses"),
    boolean(
        &["strict_mode"],
        field!(spanned copy election.strict => election.strict),
    )
    .default("vrrp_strict")
    .means("refuses what the RFC does not allow"),
    boolean(
        &["skip_check_adv_addr"],
        field!(spanned copy election.skip_check_addresses => election.skip_check_addresses),
    )
    .default("vrrp_skip_check_adv_addr")
    .means("addresses of an advert are not compared again when the sender is the one before"),
    boolean(
        &["lower_prio_no_advert"],
        field!(spanned copy election.lower_prio_no_advert => election.lower_prio_no_advert),
    )
    .default("vrrp_lower_prio_no_advert; true with strict_mode")
    .means("an advert of lower priority is not answered"),
    boolean(
        &["higher_prio_send_advert"],
        field!(spanned copy election.higher_prio_send_advert => election.higher_prio_send_advert),
    )
    .default("vrrp_higher_prio_send_advert")
    .means("one more advert is sent when a better MASTER appears"),
    boolean(
        &["owner_ignore_adverts"],
        field!(spanned copy election.owner_ignore_adverts => election.owner_ignore_adverts),
    )
    .default("true with priority 255")
    .means("the address owner ignores adverts of others"),
    number(
        &["down_timer_adverts"],
        1,
        100,
        field!(spanned number election.down_timer_adverts => election.down_timer_adverts),
    )
    .default("vrrp_down_timer_adverts")
    .means("adverts missed before a take-over, the same on all nodes"),
    Instance::new(
        &["timer_expired_backup", "thread_timer_expired"],
        Takes::Words {
            usage: "[a priority from 1 to 254]",
            read: |draft, line, report| election::read_late(&mut draft.election, line, report),
            show: |model| election::show_late(&model.election),
        },
    )
    .means("a MASTER whose own timers are late becomes BACKUP; needs nopreempt"),
];

pub(super) const ADDRESSES: &[Instance] = &[
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
    .means("policy rules of the MASTER, one a line"),
    flag(
        &["no_virtual_ipaddress"],
        Field {
            set: |draft, given| draft.may_lack_addresses = given.value,
            get: |model| Some(model.addresses.is_empty()),
        },
    )
    .means("there need be no virtual address"),
];
