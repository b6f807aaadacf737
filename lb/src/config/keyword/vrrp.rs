//! `vrrp_instance` and `vrrp_sync_group`.

pub(in crate::config) mod adverts;
mod announcements;
pub(in crate::config) mod authentication;
mod election;
pub(in crate::config) mod group;
mod link;
mod notify;
pub(in crate::config) mod tracking;

use std::time::Duration;

use super::{
    Keyword, Table,
    takes::{Field, Takes},
};
use crate::config::{lower::vrrp::InstanceDraft, model::VrrpInstance};

pub(in crate::config) static TABLE: Table<InstanceDraft, VrrpInstance> = Table {
    block: "vrrp_instance",
    groups: &[
        election::ROUTER,
        election::RULES,
        link::INTERFACES,
        adverts::MULTICAST,
        adverts::UNICAST,
        election::ADDRESSES,
        authentication::BLOCKS,
        announcements::ANNOUNCEMENTS,
        tracking::INSTANCE,
        notify::INSTANCE,
        notify::INSTANCE_ONLY,
    ],
};

type Instance = Keyword<InstanceDraft, VrrpInstance>;
type InstanceField<V> = Field<InstanceDraft, VrrpInstance, V>;

const fn flag(names: &'static [&'static str], field: InstanceField<bool>) -> Instance {
    Keyword::new(names, Takes::Flag(field))
}

const fn boolean(names: &'static [&'static str], field: InstanceField<bool>) -> Instance {
    Keyword::new(names, Takes::Bool(field))
}

const fn number(
    names: &'static [&'static str],
    min: i64,
    max: i64,
    field: InstanceField<i64>,
) -> Instance {
    Keyword::new(names, Takes::Number { min, max, field })
}

/// Whole or decimal seconds; the limits in milliseconds.
const fn seconds(
    names: &'static [&'static str],
    min: u64,
    max: u64,
    field: InstanceField<Duration>,
) -> Instance {
    let takes = Takes::Seconds {
        min: Duration::from_millis(min),
        max: Duration::from_millis(max),
        field,
    };
    Keyword::new(names, takes)
}
