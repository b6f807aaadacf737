//! Defaults of virtual routers, firewall rules, IPVS.

use super::{Global, boolean, flag, number, seconds};
use crate::config::{
    keyword::takes::{Takes, field},
    lower::words,
    model::{
        Absorb, Version, Word as _,
        global::{FlushOnStop, VmacMode},
    },
};

/// A day, in microseconds: far above any sensible delay, and no timer overflows.
const DAY: u64 = 86_400_000_000;
/// The largest that `unsigned` holds.
const UNSIGNED: i64 = 0xffff_ffff;

pub(super) const PROTOCOL: &[Global] = &[
    Global::new(
        &["vrrp_version"],
        Takes::Choice {
            words: Version::WORDS,
            any_case: false,
            field: field!(word vrrp.version),
        },
    )
    .default("2; 3 for IPv6")
    .means("the version of instances that name none"),
    boolean(&["vrrp_strict"], field!(copy vrrp.strict))
        .acted()
        .default("false")
        .means("refuses what the RFC does not allow"),
    Global::new(
        &["v3_checksum_as_v2"],
        Takes::Bool(field!(copy vrrp.v3_checksum_as_v2)),
    )
    .default("false")
    .means("IPv4 adverts of version 3 are summed without the pseudo header"),
    Global::new(
        &["vrrp_mcast_group4"],
        Takes::Words {
            usage: "an IPv4 multicast address",
            read: words::group4,
            show: |global| vec![global.vrrp.group4.to_string()],
        },
    )
    .default("224.0.0.18")
    .means("where IPv4 adverts go"),
    Global::new(
        &["vrrp_mcast_group6"],
        Takes::Words {
            usage: "an IPv6 multicast address",
            read: words::group6,
            show: |global| vec![global.vrrp.group6.to_string()],
        },
    )
    .default("ff02::12")
    .means("where IPv6 adverts go"),
    Global::new(
        &["vrrp_check_unicast_src"],
        Takes::Flag(field!(copy vrrp.check_unicast_source)),
    )
    .means("unicast adverts count only from configured peers"),
    boolean(
        &["vrrp_skip_check_adv_addr"],
        field!(copy vrrp.skip_check_addresses),
    )
    .acted()
    .default("false")
    .means("addresses of an advert are not compared again when the sender is the one before"),
    number(
        &["vrrp_down_timer_adverts"],
        1,
        100,
        field!(number vrrp.down_timer_adverts),
    )
    .acted()
    .default("3")
    .means("adverts missed before a take-over"),
    boolean(
        &["vrrp_lower_prio_no_advert"],
        field!(copy vrrp.lower_prio_no_advert),
    )
    .acted()
    .default("false")
    .means("an advert of lower priority is not answered"),
    boolean(
        &["vrrp_higher_prio_send_advert"],
        field!(copy vrrp.higher_prio_send_advert),
    )
    .acted()
    .default("false")
    .means("one more advert is sent when a better MASTER appears"),
    boolean(
        &["vrrp_owner_ignore_adverts"],
        field!(copy vrrp.owner_ignore_adverts),
    )
    .acted()
    .default("false")
    .means("the address owner ignores adverts of others"),
    seconds(
        &["vrrp_startup_delay"],
        0,
        DAY,
        field!(copy vrrp.startup_delay),
    )
    .acted()
    .default("0")
    .means("time until instances start"),
    seconds(
        &["vrrp_delay_after_boot"],
        0,
        DAY,
        field!(copy vrrp.delay_after_boot),
    )
    .acted()
    .default("0")
    .means("the same, from the boot; the later of the two counts"),
    Global::new(
        &["log_unknown_vrids"],
        Takes::Flag(field!(copy vrrp.log_unknown_vrids)),
    )
    .means("adverts of virtual routers that are not configured are logged"),
    Global::new(
        &["vrrp_xdp"],
        Takes::Choice {
            words: Absorb::WORDS,
            any_case: false,
            field: field!(word vrrp.xdp),
        },
    )
    .default("auto")
    .means("whether the kernel absorbs and judges adverts (of lb, not of keepalived)"),
    Global::new(&["vrrp_fence"], Takes::Bool(field!(copy vrrp.fence)))
        .default("true")
        .means("addresses are fenced when no advert leaves in time (of lb, not of keepalived)"),
    Global::new(
        &["vrrp_vmac_mode"],
        Takes::Choice {
            words: VmacMode::WORDS,
            any_case: false,
            field: field!(word vrrp.vmac_mode),
        },
    )
    .default("macvlan")
    .means("who has the MAC of use_vmac: an interface of its own, or the programs in the kernel (of lb, not of keepalived)"),
    Global::new(
        &["vrrp_record"],
        Takes::Text {
            max: usize::MAX,
            field: field!(some clone vrrp.record),
        },
    )
    .means("records what elections hear and decide for `lb replay` (of lb, not of keepalived)"),
];

pub(super) const ANNOUNCEMENTS: &[Global] = &[
    seconds(
        &["vrrp_garp_master_delay"],
        0,
        DAY,
        field!(copy vrrp.announce.delay),
    )
    .acted()
    .default("5")
    .means("time until a new MASTER announces its addresses again; 0 is never"),
    number(
        &["vrrp_garp_master_repeat"],
        1,
        UNSIGNED,
        field!(number vrrp.announce.repeat),
    )
    .acted()
    .default("5")
    .means("announcements in a row"),
    seconds(
        &["vrrp_garp_master_refresh"],
        0,
        DAY,
        field!(copy vrrp.announce.refresh),
    )
    .acted()
    .default("0")
    .means("time between announcements while MASTER; 0 is none"),
    number(
        &["vrrp_garp_master_refresh_repeat"],
        1,
        UNSIGNED,
        field!(number vrrp.announce.refresh_repeat),
    )
    .acted()
    .default("1")
    .means("announcements of a refresh in a row"),
    seconds(
        &["vrrp_garp_lower_prio_delay"],
        0,
        DAY,
        field!(some copy vrrp.announce.lower_prio_delay),
    )
    .acted()
    .default("vrrp_garp_master_delay")
    .means("the same delay after an advert of lower priority"),
    number(
        &["vrrp_garp_lower_prio_repeat"],
        0,
        UNSIGNED,
        field!(some number vrrp.announce.lower_prio_repeat),
    )
    .acted()
    .default("vrrp_garp_master_repeat")
    .means("announcements in a row after an advert of lower priority"),
    seconds(
        &["vrrp_garp_interval"],
        0,
        DAY,
        field!(copy vrrp.announce.garp_interval),
    )
    .acted()
    .default("0")
    .means("pause between ARP announcements on an interface"),
    seconds(
        &["vrrp_gna_interval"],
        0,
        DAY,
        field!(copy vrrp.announce.gna_interval),
    )
    .acted()
    .default("0")
    .means("pause between neighbour announcements on an interface"),
    boolean(&["vrrp_min_garp"], field!(copy vrrp.announce.minimal))
        .acted()
        .default("false")
        .means("one announcement, no second set, no refresh"),
    Global::new(
        &["vrrp_garp_extra_if"],
        Takes::Words {
            usage: "[all] seconds from 1 to 86400",
            read: words::extra_announce,
            show: |global| words::show_extra_announce(global.vrrp.announce.extra),
        },
    )
    .means(
        "announcements on interfaces that adverts do not leave by: those with virtual MACs, or all",
    ),
    Global::new(
        &["vrrp_vmac_garp_intvl"],
        Takes::Words {
            usage: "[all] seconds from 1 to 86400",
            read: words::extra_announce,
            show: |_| Vec::new(),
        },
    )
    .deprecated("vrrp_garp_extra_if")
    .means(
        "announcements on interfaces that adverts do not leave by: those with virtual MACs, or all",
    ),
];

pub(super) const FIREWALL: &[Global] = &[
    Global::new(
        &["vrrp_iptables"],
        Takes::Words {
            usage: "[IN [OUT]]",
            read: words::iptables,
            show: |global| words::show_list(global.firewall.iptables.as_deref()),
        },
    )
    .parsed()
    .default("INPUT OUTPUT for the bare word")
    .means("chains that rules for virtual addresses go to"),
    Global::new(
        &["vrrp_ipsets"],
        Takes::Words {
            usage: "up to six names of sets",
            read: words::ipsets,
            show: |global| {
                let sets = &global.firewall.ipsets;
                words::show_list((!sets.is_empty()).then_some(sets))
            },
        },
    )
    .parsed()
    .means("sets of those addresses"),
    Global::new(
        &["nftables"],
        Takes::Words {
            usage: "[TABLE]",
            read: words::nftables,
            show: |global| words::show_optional(global.firewall.nftables.as_deref()),
        },
    )
    .parsed()
    .default("keepalived for the bare word")
    .means("the nftables table for rules of virtual addresses"),
    number(
        &["nftables_priority"],
        -0x8000_0000,
        0x7fff_ffff,
        field!(number firewall.nftables_priority),
    )
    .default("-1")
    .means("priority of its chains"),
    flag(
        &["nftables_ifindex"],
        field!(copy firewall.nftables_ifindex),
    )
    .means("its rules match interfaces by number"),
    flag(
        &["nftables_counters"],
        field!(copy firewall.nftables_counters),
    )
    .acted()
    .means("the rules of `nftables_ipvs` count"),
    Global::new(
        &["nftables_ipvs"],
        Takes::Words {
            usage: "[TABLE]",
            read: words::nftables_ipvs,
            show: |global| words::show_optional(global.firewall.nftables_ipvs.as_deref()),
        },
    )
    .default("keepalived_ipvs for the bare word")
    .means("the nftables table that marks packets of virtual server groups"),
    number(
        &["nftables_ipvs_priority"],
        -0x8000_0000,
        0x7fff_ffff,
        field!(number firewall.nftables_ipvs_priority),
    )
    .acted()
    .default("-1")
    .means("priority of its chains"),
    number(
        &["nftables_ipvs_start_fwmark"],
        1,
        UNSIGNED,
        field!(number firewall.nftables_ipvs_start_fwmark),
    )
    .acted()
    .default("1000")
    .means("the first mark given out"),
];

pub(super) const LVS: &[Global] = &[
    Global::new(
        &["lvs_timeouts"],
        Takes::Words {
            usage: "tcp, tcpfin, udp, each with seconds from 0 to 2678400",
            read: words::lvs_timeouts,
            show: |global| words::show_lvs_timeouts(global.lvs.timeouts),
        },
    )
    .default("IPVS's: tcp 900, tcpfin 120, udp 300")
    .means("how long idle connections are kept; 0 leaves it as it is"),
    flag(&["lvs_flush"], field!(copy lvs.flush))
        .acted()
        .means("at the start the IPVS table loses what is not in the file"),
    Global::new(
        &["lvs_flush_on_stop"],
        Takes::Words {
            usage: "[VS]",
            read: words::lvs_flush_on_stop,
            show: |global| match global.lvs.flush_on_stop {
                FlushOnStop::No => Vec::new(),
                FlushOnStop::All => vec![String::new()],
                FlushOnStop::VirtualServers => vec!["VS".to_owned()],
            },
        },
    )
    .means("at the stop the whole IPVS table is emptied, or our part of it as always"),
    Global::new(
        &["lvs_flush_onstop"],
        Takes::Words {
            usage: "[VS]",
            read: words::lvs_flush_on_stop,
            show: |_| Vec::new(),
        },
    )
    .deprecated("lvs_flush_on_stop")
    .means("at the stop the whole IPVS table is emptied, or our part of it as always"),
    Global::new(
        &["lvs_sync_daemon"],
        Takes::Words {
            usage: "INTERFACE [INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]",
            read: words::lvs_sync_daemon,
            show: |global| words::show_lvs_sync_daemon(global.lvs.sync_daemon.as_ref()),
        },
    )
    .acted()
    .means("connections are told to the other director"),
    boolean(
        &["checker_log_all_failures"],
        field!(copy lvs.log_all_failures),
    )
    .acted()
    .default("false")
    .means("each failed check is logged, not only the first"),
];
