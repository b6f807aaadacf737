//! `global_defs`.

mod node;
mod notify;
mod process;
mod vrrp;

use super::{
    Keyword, Table,
    takes::{Field, Takes},
};
use crate::config::model::GlobalDefs;

pub(in crate::config) static TABLE: Table<GlobalDefs> = Table {
    block: "global_defs",
    groups: &[
        node::IDENTITY,
        node::SCRIPTS,
        node::FILES,
        node::NETWORK,
        notify::MAIL,
        notify::EVENTS,
        notify::SNMP,
        vrrp::PROTOCOL,
        vrrp::ANNOUNCEMENTS,
        vrrp::FIREWALL,
        vrrp::LVS,
        process::SCHEDULING,
        process::BUFFERS,
    ],
};

type Global = Keyword<GlobalDefs, GlobalDefs>;
type GlobalField<V> = Field<GlobalDefs, GlobalDefs, V>;

const fn flag(names: &'static [&'static str], field: GlobalField<bool>) -> Global {
    Keyword::new(names, Takes::Flag(field)).parsed()
}

const fn boolean(names: &'static [&'static str], field: GlobalField<bool>) -> Global {
    Keyword::new(names, Takes::Bool(field)).parsed()
}

const fn number(
    names: &'static [&'static str],
    min: i64,
    max: i64,
    field: GlobalField<i64>,
) -> Global {
    Keyword::new(names, Takes::Number { min, max, field }).parsed()
}

/// Whole or decimal seconds; the limits in microseconds.
const fn seconds(
    names: &'static [&'static str],
    min: u64,
    max: u64,
    field: GlobalField<std::time::Duration>,
) -> Global {
    let takes = Takes::Seconds {
        min: std::time::Duration::from_micros(min),
        max: std::time::Duration::from_micros(max),
        field,
    };
    Keyword::new(names, takes).parsed()
}

const fn text(names: &'static [&'static str], field: GlobalField<String>) -> Global {
    let max = usize::MAX;
    Keyword::new(names, Takes::Text { max, field }).parsed()
}
