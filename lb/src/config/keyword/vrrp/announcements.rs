//! Gratuitous ARP and unsolicited NA.

use super::{Instance, number, seconds};
use crate::config::{
    keyword::takes::{Takes, field},
    lower::vrrp::announce,
};

/// A day, in milliseconds, as for the values of `global_defs`.
const DAY: u64 = 86_400_000;
/// The largest that `unsigned` holds.
const UNSIGNED: i64 = 0xffff_ffff;

pub(super) const ANNOUNCEMENTS: &[Instance] = &[
    seconds(
        &["garp_master_delay"],
        0,
        DAY,
        field!(spanned copy announce.delay => announce.delay),
    )
    .default("vrrp_garp_master_delay")
    .means("time until a new MASTER announces its addresses again; 0 is never"),
    number(
        &["garp_master_repeat"],
        1,
        UNSIGNED,
        field!(spanned number announce.repeat => announce.repeat),
    )
    .default("vrrp_garp_master_repeat")
    .means("announcements in a row"),
    seconds(
        &["garp_master_refresh"],
        0,
        DAY,
        field!(spanned copy announce.refresh => announce.refresh),
    )
    .default("vrrp_garp_master_refresh")
    .means("time between announcements while MASTER; 0 is none"),
    number(
        &["garp_master_refresh_repeat"],
        1,
        UNSIGNED,
        field!(spanned number announce.refresh_repeat => announce.refresh_repeat),
    )
    .default("vrrp_garp_master_refresh_repeat")
    .means("announcements of a refresh in a row"),
    seconds(
        &["garp_lower_prio_delay"],
        0,
        DAY,
        field!(spanned copy announce.lower_prio_delay => announce.lower_prio_delay),
    )
    .default("vrrp_garp_lower_prio_delay; 0 with strict_mode")
    .means("the same delay after an advert of lower priority"),
    number(
        &["garp_lower_prio_repeat"],
        0,
        UNSIGNED,
        field!(spanned number announce.lower_prio_repeat => announce.lower_prio_repeat),
    )
    .default("vrrp_garp_lower_prio_repeat; 0 with strict_mode")
    .means("announcements in a row after an advert of lower priority"),
    Instance::new(
        &["garp_extra_if"],
        Takes::Words {
            usage: "[all] seconds from 1 to 86400; 0 for none",
            read: |draft, line, report| announce::read_extra(&mut draft.announce, line, report),
            show: |model| announce::show_extra(&model.announce),
        },
    )
    .default("vrrp_garp_extra_if")
    .means(
        "announcements on interfaces that adverts do not leave by: those with virtual MACs, or all",
    ),
    Instance::new(
        &["vmac_garp_intvl"],
        Takes::Words {
            usage: "[all] seconds from 1 to 86400; 0 for none",
            read: |draft, line, report| announce::read_extra(&mut draft.announce, line, report),
            show: |_| Vec::new(),
        },
    )
    .deprecated("garp_extra_if")
    .means(
        "announcements on interfaces that adverts do not leave by: those with virtual MACs, or all",
    ),
];
