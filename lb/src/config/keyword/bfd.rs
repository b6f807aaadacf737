//! `bfd_instance`.

use std::time::Duration;

use super::{
    Keyword, Table,
    takes::{Field, Takes, field},
    track::{shown_weight, weight},
};
use crate::config::{
    lower::{bfd, track as lower},
    model::bfd::BfdInstance,
};

/// The longest that the packet's fields take, in microseconds.
const LONGEST: Duration = Duration::from_micros(0xffff_ffff);

const fn word(
    names: &'static [&'static str],
    takes: Takes<BfdInstance, BfdInstance>,
) -> Keyword<BfdInstance, BfdInstance> {
    Keyword::new(names, takes)
}

const fn interval(
    names: &'static [&'static str],
    min: u64,
    field: Field<BfdInstance, BfdInstance, Duration>,
) -> Keyword<BfdInstance, BfdInstance> {
    let takes = Takes::Milliseconds {
        min: Duration::from_millis(min),
        max: LONGEST,
        field,
    };
    word(names, takes)
}

pub(in crate::config) static TABLE: Table<BfdInstance> = Table {
    block: "bfd_instance",
    groups: &[&[
        word(
            &["neighbor_ip", "neighbour_ip"],
            Takes::Address(field!(copy neighbor)),
        )
        .means("the other end; required"),
        word(&["source_ip"], Takes::Address(field!(some copy source)))
            .default("the kernel's choice")
            .means("this end"),
        interval(&["min_rx"], 1, field!(copy min_rx))
            .default("10")
            .means("the shortest time between two packets that this end takes"),
        interval(&["min_tx"], 1, field!(copy min_tx))
            .default("10")
            .means("the shortest time between two packets that this end sends"),
        interval(&["idle_tx"], 1000, field!(copy idle_tx))
            .default("1000")
            .means("time between two packets while the session is not Up"),
        word(
            &["multiplier"],
            Takes::Number {
                min: 1,
                max: 255,
                field: field!(number multiplier),
            },
        )
        .default("5")
        .means("packets missing in a row that end the session"),
        word(&["passive"], Takes::Flag(field!(copy passive))).means("waits for the other end"),
        word(
            &["ttl", "hoplimit"],
            Takes::Number {
                min: 1,
                max: 255,
                field: field!(number ttl),
            },
        )
        .default("255; 64 for IPv6")
        .means("TTL or hop limit of packets"),
        word(
            &["max_hops"],
            Takes::Number {
                min: -1,
                max: 255,
                field: Field {
                    set: |bfd, given| bfd.max_hops = given.value.try_into().ok(),
                    get: |bfd| Some(bfd.max_hops.map_or(-1, i64::from)),
                },
            },
        )
        .default("0")
        .means("how many hops a packet may have made; -1 for any number"),
        word(&["multihop"], Takes::Bool(field!(copy multihop)))
            .default("false")
            .means("the other end is behind routers: RFC 5883, port 4784"),
        word(&["weight"], weight!("-253 to 253 [reverse]", 253))
            .default("0")
            .means("added to the priority while it is Up, or while it is not where negative; 0 is FAULT"),
        word(
            &["vrrp"],
            Takes::Flag(Field {
                set: |bfd, _| bfd.for_vrrp = true,
                get: |bfd| Some(bfd.for_vrrp && !bfd.for_checker),
            }),
        )
        .default("both processes")
        .means("only virtual routers hear of it"),
        word(
            &["checker"],
            Takes::Flag(Field {
                set: |bfd, _| bfd.for_checker = true,
                get: |bfd| Some(bfd.for_checker && !bfd.for_vrrp),
            }),
        )
        .default("both processes")
        .means("only checkers hear of it"),
        word(
            &["authentication"],
            Takes::Words {
                usage: bfd::AUTHENTICATION,
                read: bfd::read_authentication,
                show: bfd::show_authentication,
            },
        )
        .default("none")
        .means("packets carry a proof (RFC 5880 §6.7); both ends have the same type, number and key; an extension"),
    ]],
};
