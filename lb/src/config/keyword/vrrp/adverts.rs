//! Where adverts come from and go to.

use super::{Instance, boolean, flag};
use crate::config::{
    keyword::{
        Keyword, Table,
        takes::{Field, Takes, field},
    },
    lower::vrrp::adverts::{self, PeerDraft},
    model::vrrp::{Destination, Peer, Unicast},
};

const TTL: i64 = 255;

pub(super) const MULTICAST: &[Instance] = &[
    Instance::new(
        &["mcast_src_ip"],
        Takes::Address(Field {
            set: |draft, given| draft.adverts.multicast_source = Some(given),
            get: |model| {
                let adverts = &model.adverts;
                adverts
                    .source
                    .filter(|_| adverts.destination.unicast().is_none())
            },
        }),
    )
    .default("the interface's own address")
    .means("the source of adverts"),
    Instance::new(
        &["mcast_dst_ip"],
        Takes::Words {
            usage: "a multicast address, in IPv6 one of the link",
            read: |draft, line, report| adverts::read_group(&mut draft.adverts, line, report),
            show: |model| {
                let group = model.adverts.destination.group();
                group.map(|group| group.to_string()).into_iter().collect()
            },
        },
    )
    .default("vrrp_mcast_group4, vrrp_mcast_group6")
    .means("where adverts go"),
    flag(
        &["track_src_ip"],
        field!(spanned copy adverts.track_source => adverts.track_source),
    )
    .means("FAULT while the machine does not have the source"),
    boolean(
        &["v3_checksum_as_v2"],
        field!(spanned copy adverts.v3_checksum_as_v2 => adverts.v3_checksum_as_v2),
    )
    .default("that of global_defs")
    .means("IPv4 adverts of version 3 are summed without the pseudo header"),
    flag(
        &["native_ipv6"],
        Field {
            set: |draft, given| draft.adverts.native_ipv6 = Some(given),
            get: |_| None,
        },
    )
    .deprecated("virtual_ipaddress")
    .means("the instance is for IPv6 where no address tells it"),
];

pub(super) const UNICAST: &[Instance] = &[
    Instance::new(
        &["unicast_src_ip"],
        Takes::Address(Field {
            set: |draft, given| draft.adverts.unicast_source = Some(given),
            get: |model| {
                let adverts = &model.adverts;
                adverts
                    .source
                    .filter(|_| adverts.destination.unicast().is_some())
            },
        }),
    )
    .default("the interface's own address")
    .means("the source of unicast adverts"),
    Instance::new(
        &["unicast_peer"],
        Takes::Block {
            usage: "",
            read: |draft, block, report| adverts::read_peers(&mut draft.adverts, block, report),
            show: |model, page| {
                if let Some(unicast) = model.adverts.destination.unicast() {
                    page.block("unicast_peer", |page| {
                        for peer in &unicast.peers {
                            page.line(&format!("{}{}", peer.address, PEER.show_words(peer)));
                        }
                    });
                }
            },
        },
    )
    .means(
        "lines of ADDRESS [min_ttl N] [max_ttl N]: the other routers, instead of a multicast group",
    ),
    flag(
        &["unicast_fault_no_peer"],
        Field {
            set: |draft, given| draft.adverts.fault_no_peer = Some(given),
            get: |model| {
                let unicast = model.adverts.destination.unicast();
                unicast.map(|unicast| unicast.peers.is_empty())
            },
        },
    )
    .default("multicast")
    .means("FAULT where a unicast instance has no peers"),
    Instance::new(
        &["unicast_ttl"],
        Takes::Number {
            min: 0,
            max: TTL,
            field: Field {
                set: |draft, given| draft.adverts.ttl = given.convert(),
                get: |model| {
                    let ttl = unicast(&model.adverts.destination)?.ttl;
                    (ttl < u8::MAX).then_some(ttl.into())
                },
            },
        },
    )
    .default("255")
    .means("TTL or hop limit of unicast adverts"),
    flag(
        &["check_unicast_src"],
        Field {
            set: |draft, given| draft.adverts.check_source = Some(given),
            get: |model| Some(unicast(&model.adverts.destination)?.check_source),
        },
    )
    .default("vrrp_check_unicast_src; set by min_ttl and max_ttl")
    .means("unicast adverts count only from peers"),
    Instance::new(
        &["old_unicast_checksum"],
        Takes::Words {
            usage: "[never]",
            read: |draft, line, report| {
                adverts::read_old_checksum(&mut draft.adverts, line, report);
            },
            show: |model| adverts::show_old_checksum(&model.adverts),
        },
    )
    .default("used once a peer is seen to use it")
    .means("the checksum of version 3 is that of keepalived up to 1.3.6"),
];

fn unicast(destination: &Destination) -> Option<&Unicast> {
    destination.unicast()
}

type PeerOption = Keyword<PeerDraft, Peer>;

/// What follows an address of `unicast_peer`.
pub(in crate::config) static PEER: Table<PeerDraft, Peer> = Table {
    block: "unicast_peer",
    groups: &[&[
        PeerOption::new(
            &["min_ttl"],
            Takes::Number {
                min: 0,
                max: TTL,
                field: field!(spanned number min_ttl => min_ttl),
            },
        )
        .default("0")
        .means("the smallest TTL or hop limit that adverts of the peer may come with"),
        PeerOption::new(
            &["max_ttl"],
            Takes::Number {
                min: 0,
                max: TTL,
                field: field!(spanned number max_ttl => max_ttl),
            },
        )
        .default("255")
        .means("the largest"),
    ]],
};
