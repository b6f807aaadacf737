//! `garp_group` and `SSL`.

use std::time::Duration;

use super::{
    Keyword, Table,
    takes::{Field, Takes, field},
};
use crate::config::{
    lower::network::{self as lower, GarpGroupDraft},
    model::{network::GarpGroup, ssl::Ssl},
};

/// The longest that keepalived's timers take.
const LONGEST: Duration = Duration::from_micros(0xffff_ffff);

type Paced = Keyword<GarpGroupDraft, GarpGroup>;

const fn interval(
    names: &'static [&'static str],
    field: Field<GarpGroupDraft, GarpGroup, Duration>,
) -> Paced {
    let takes = Takes::Seconds {
        min: Duration::ZERO,
        max: LONGEST,
        field,
    };
    Keyword::new(names, takes).default("0")
}

pub(in crate::config) static GARP_GROUP: Table<GarpGroupDraft, GarpGroup> = Table {
    block: "garp_group",
    groups: &[&[
        interval(
            &["garp_interval"],
            Field {
                set: |draft, given| draft.group.garp_interval = given.value,
                get: |group| Some(group.garp_interval),
            },
        )
        .means("time between two gratuitous ARPs"),
        interval(
            &["gna_interval"],
            Field {
                set: |draft, given| draft.group.gna_interval = given.value,
                get: |group| Some(group.gna_interval),
            },
        )
        .means("time between two unsolicited neighbour advertisements"),
        Paced::new(
            &["interface"],
            Takes::Interface(Field {
                set: |draft, given| draft.interfaces.push(given),
                get: |_| None,
            }),
        )
        .means("an interface that is paced alone"),
        Paced::new(
            &["interfaces"],
            Takes::Block {
                usage: "",
                read: lower::interfaces,
                show: |group, page| {
                    let names = group.interfaces.iter().map(ToString::to_string);
                    page.lines_of("interfaces", names);
                },
            },
        )
        .means("interfaces that are paced together: they are on one switch"),
    ]],
};

const fn text(names: &'static [&'static str], field: Field<Ssl, Ssl, String>) -> Keyword<Ssl, Ssl> {
    let max = usize::MAX;
    Keyword::new(names, Takes::Text { max, field }).parsed()
}

pub(in crate::config) static SSL: Table<Ssl> = Table {
    block: "SSL",
    groups: &[&[
        text(&["password"], field!(some clone password)).means("password of the key"),
        text(&["ca"], field!(some clone ca))
            .means("file of the certification authorities; without it nothing is verified"),
        text(&["certificate"], field!(some clone certificate))
            .means("file of this node's certificate"),
        text(&["key"], field!(some clone key)).means("file of the certificate's key"),
    ]],
};
