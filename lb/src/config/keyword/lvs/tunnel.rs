//! What stands behind `lvs_method TUN`.

use crate::config::{
    keyword::{
        Keyword, Table,
        takes::{Field, Takes},
    },
    lower::lvs::method::{TunnelDraft, TunnelKind},
    model::{Tunnel, Word as _, lvs::TunnelChecksum},
};

type TunnelKeyword = Keyword<TunnelDraft, Tunnel>;

macro_rules! checksum {
    ($name:literal, $value:ident, $means:literal) => {
        TunnelKeyword::flag(
            &[$name],
            Field {
                set: |draft, _| draft.checksum = TunnelChecksum::$value,
                get: |tunnel| Some(checksum_of(*tunnel) == Some(TunnelChecksum::$value)),
            },
        )
        .means($means)
    };
}

const fn checksum_of(tunnel: Tunnel) -> Option<TunnelChecksum> {
    match tunnel {
        Tunnel::Ipip => None,
        Tunnel::Gue { checksum, .. } | Tunnel::Gre { checksum } => Some(checksum),
    }
}

pub(in crate::config) static TABLE: Table<TunnelDraft, Tunnel> = Table {
    block: "lvs_method TUN",
    groups: &[&[
        TunnelKeyword::new(
            &["type"],
            Takes::Choice {
                words: TunnelKind::WORDS,
                any_case: false,
                field: Field {
                    set: |draft, given| draft.kind = TunnelKind::at(given.value),
                    get: |tunnel| TunnelKind::of(*tunnel).place(),
                },
            },
        )
        .default("ipip")
        .means("what carries the packet"),
        TunnelKeyword::number(
            &["port"],
            1,
            65_535,
            Field {
                set: |draft, given| draft.port = given.value.try_into().ok(),
                get: |tunnel| match tunnel {
                    Tunnel::Gue { port, .. } => Some((*port).into()),
                    Tunnel::Ipip | Tunnel::Gre { .. } => None,
                },
            },
        )
        .means("the UDP port of a gue tunnel, which needs one"),
        checksum!("nocsum", None, "no checksum in the outer header"),
        checksum!(
            "csum",
            Plain,
            "a checksum in the outer header; not with ipip"
        ),
        checksum!("remcsum", Remote, "remote checksum offload; gue only"),
    ]],
};
