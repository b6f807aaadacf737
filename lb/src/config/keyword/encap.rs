//! `encap` of routes and next hops.

use super::{Keyword, Table, takes::Takes};
use crate::config::{
    ast::Word,
    diagnostic::Report,
    lower::{encap as lower, iproute},
    model::route::{Encap, Ip6Encap, IpEncap},
};

type Kind = Keyword<Option<Encap>, Option<Encap>>;
type Ip = Keyword<IpEncap, IpEncap>;
type Ip6 = Keyword<Ip6Encap, Ip6Encap>;

fn shown(text: Option<String>) -> Vec<String> {
    text.into_iter().collect()
}

pub(in crate::config) static ENCAP: Table<Option<Encap>> = Table {
    block: "encap",
    groups: &[&[
        Kind::new(
            &["ip"],
            Takes::Next {
                usage: "words of `encap ip`",
                read: lower::ip,
                show: |encap| match encap {
                    Some(Encap::Ip(ip)) => vec![IP.show_words(ip).trim_start().to_owned()],
                    _ => Vec::new(),
                },
            },
        )
        .means("an IPv4 tunnel"),
        Kind::new(
            &["ip6"],
            Takes::Next {
                usage: "words of `encap ip6`",
                read: lower::ip6,
                show: |encap| match encap {
                    Some(Encap::Ip6(ip6)) => vec![IP6.show_words(ip6).trim_start().to_owned()],
                    _ => Vec::new(),
                },
            },
        )
        .means("an IPv6 tunnel"),
        Kind::new(
            &["mpls"],
            Takes::Next {
                usage: "LABEL[/LABEL…]",
                read: lower::mpls,
                show: |encap| match encap {
                    Some(Encap::Mpls(labels)) => vec![lower::show_labels(labels)],
                    _ => Vec::new(),
                },
            },
        )
        .means("MPLS labels"),
        Kind::new(
            &["ila"],
            Takes::Next {
                usage: "LOCATOR",
                read: lower::ila,
                show: |encap| match encap {
                    Some(Encap::Ila(locator)) => vec![lower::show_locator(*locator)],
                    _ => Vec::new(),
                },
            },
        )
        .means("identifier-locator addressing: X:X:X:X replaces the upper half of the address"),
    ]],
};

/// A word of `encap ip` or `encap ip6` with one value.
macro_rules! option {
    ($keyword:ident, $name:literal, $usage:literal, $field:ident, $read:expr, $means:literal) => {
        $keyword::new(
            &[$name],
            Takes::Next {
                usage: $usage,
                read: |encap, words, report| {
                    let word = words.required($usage, report);
                    encap.$field = word.and_then(|word| read_as(word, report, $read));
                },
                show: |encap| shown(encap.$field.as_ref().map(ToString::to_string)),
            },
        )
        .means($means)
    };
}

fn read_as<V>(
    word: &Word,
    report: &mut Report,
    read: fn(&Word, &mut Report) -> Option<V>,
) -> Option<V> {
    read(word, report)
}

pub(in crate::config) static IP: Table<IpEncap> = Table {
    block: "encap ip",
    groups: &[&[
        option!(
            Ip,
            "id",
            "NUMBER",
            id,
            |word, report| iproute::unsigned(word, "id", u64::MAX, report),
            "number of the tunnel"
        ),
        option!(
            Ip,
            "dst",
            "ADDRESS",
            destination,
            |word, report| iproute::address(word, "dst", "an IPv4 address", report),
            "the tunnel's other end"
        ),
        option!(
            Ip,
            "src",
            "ADDRESS",
            source,
            |word, report| iproute::address(word, "src", "an IPv4 address", report),
            "the tunnel's end here"
        ),
        option!(
            Ip,
            "tos",
            "NAME or NUMBER",
            tos,
            |word, report| iproute::tos(word, "tos", report),
            "type of service of the outer header"
        ),
        option!(
            Ip,
            "ttl",
            "NUMBER",
            ttl,
            |word, report| iproute::unsigned(word, "ttl", 255, report),
            "TTL of the outer header"
        ),
        option!(
            Ip,
            "flags",
            "NUMBER",
            flags,
            |word, report| iproute::unsigned(word, "flags", 65_535, report),
            "flags of the tunnel"
        ),
    ]],
};

pub(in crate::config) static IP6: Table<Ip6Encap> = Table {
    block: "encap ip6",
    groups: &[&[
        option!(
            Ip6,
            "id",
            "NUMBER",
            id,
            |word, report| iproute::unsigned(word, "id", u64::MAX, report),
            "number of the tunnel"
        ),
        option!(
            Ip6,
            "dst",
            "ADDRESS",
            destination,
            |word, report| iproute::address(word, "dst", "an IPv6 address", report),
            "the tunnel's other end"
        ),
        option!(
            Ip6,
            "src",
            "ADDRESS",
            source,
            |word, report| iproute::address(word, "src", "an IPv6 address", report),
            "the tunnel's end here"
        ),
        option!(
            Ip6,
            "tc",
            "NAME or NUMBER",
            traffic_class,
            |word, report| iproute::tos(word, "tc", report),
            "traffic class of the outer header"
        ),
        option!(
            Ip6,
            "hoplimit",
            "NUMBER",
            hop_limit,
            |word, report| iproute::unsigned(word, "hoplimit", 255, report),
            "hop limit of the outer header"
        ),
        option!(
            Ip6,
            "flags",
            "NUMBER",
            flags,
            |word, report| iproute::unsigned(word, "flags", 65_535, report),
            "flags of the tunnel"
        ),
    ]],
};
