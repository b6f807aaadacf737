//! Lines of `static_routes` and `virtual_routes`.

mod metrics;

use super::{
    Keyword, Table,
    takes::{Field, Takes},
};
use crate::config::{
    lower::{
        encap,
        route::{self as lower, NexthopDraft, RouteDraft},
    },
    model::route::{AddMode, Nexthop, Route, RouteKind, RouterPreference},
};

type Word = Keyword<RouteDraft, Route>;
type Hop = Keyword<NexthopDraft, Nexthop>;

/// A word with arguments.
const fn word(
    names: &'static [&'static str],
    usage: &'static str,
    read: fn(&mut RouteDraft, &mut super::line::Words<'_>, &mut crate::config::diagnostic::Report),
    show: fn(&Route) -> Vec<String>,
) -> Word {
    Word::new(names, Takes::Next { usage, read, show })
}

const fn flag(names: &'static [&'static str], field: Field<RouteDraft, Route, bool>) -> Word {
    Word::new(names, Takes::Flag(field))
}

fn shown<T: ToString>(value: Option<&T>) -> Vec<String> {
    value.map(ToString::to_string).into_iter().collect()
}

/// The type of a route; it is shown before the destination.
macro_rules! kind {
    ($names:expr, $kind:ident, $means:literal) => {
        flag(
            &$names,
            Field {
                set: |draft, _| draft.route.kind = RouteKind::$kind,
                get: |_| None,
            },
        )
        .means($means)
    };
}

const KINDS: &[Word] = &[
    kind!(["unicast"], Unicast, "sends packets on"),
    kind!(["local"], Local, "delivers packets to this node"),
    kind!(
        ["broadcast", "brd"],
        Broadcast,
        "delivers packets here and to all on the link"
    ),
    kind!(
        ["anycast"],
        Anycast,
        "delivers packets to this node, never as their source"
    ),
    kind!(["multicast"], Multicast, "multicast routing"),
    kind!(["throw"], Throw, "ends the search in this table"),
    kind!(
        ["unreachable"],
        Unreachable,
        "refuses packets: host unreachable"
    ),
    kind!(
        ["prohibit"],
        Prohibit,
        "refuses packets: administratively prohibited"
    ),
    kind!(["blackhole"], Blackhole, "drops packets in silence"),
    kind!(["xresolve"], Xresolve, "not used by Linux"),
    kind!(["nat"], Nat, "not used by Linux any more"),
];

const TARGET: &[Word] = &[
    word(&["inet"], "", lower::inet, |_| Vec::new()).means("the route is an IPv4 one"),
    word(&["inet6"], "", lower::inet6, |_| Vec::new()).means("the route is an IPv6 one"),
    word(&["to"], "[TYPE] DESTINATION", lower::to, |_| Vec::new())
        .means("the destination, also without this word"),
    word(
        &["via"],
        "[inet|inet6] ADDRESS",
        lower::via,
        lower::show_via,
    )
    .means("the gateway"),
    word(&["gw"], "[inet|inet6] ADDRESS", lower::via, |_| Vec::new())
        .deprecated("via")
        .means("the gateway"),
    word(&["src"], "ADDRESS", lower::source, |route| {
        shown(route.source.as_ref())
    })
    .means("source address preferred for packets of this node"),
    word(&["from"], "PREFIX", lower::from, |route| {
        shown(route.from.as_ref())
    })
    .means("packets of these sources only (IPv6)"),
    word(&["dev", "oif"], "INTERFACE", lower::interface, |route| {
        shown(route.interface.as_ref())
    })
    .means("where packets leave"),
    flag(
        &["onlink"],
        Field {
            set: |draft, _| draft.route.on_link = true,
            get: |route| Some(route.on_link),
        },
    )
    .means("the gateway is on the link, whatever the addresses say"),
];

const SELECTION: &[Word] = &[
    word(&["table"], "NAME or NUMBER", lower::table, |route| {
        vec![route.table.to_string()]
    })
    .default("main")
    .means("the routing table"),
    word(&["vrf"], "INTERFACE", lower::vrf, |route| {
        shown(route.vrf.as_ref())
    })
    .means("the routing domain"),
    word(&["tos", "dsfield"], "NAME or NUMBER", lower::tos, |route| {
        shown(route.tos.as_ref())
    })
    .means("packets of this type of service only"),
    word(
        &["metric", "preference", "priority"],
        "NUMBER",
        lower::metric,
        |route| shown(route.metric.as_ref()),
    )
    .means("the lowest of several routes is taken"),
    word(&["scope"], "NAME or NUMBER", lower::scope, |route| {
        shown(route.scope.as_ref())
    })
    .default("the kernel's choice")
    .means("how far the destination is"),
    word(&["protocol"], "NAME or NUMBER", lower::protocol, |route| {
        vec![route.protocol.to_string()]
    })
    .default("18, keepalived")
    .means("who made the route; a tracked route is always keepalived's"),
    word(
        &["pref"],
        "low, medium or high",
        lower::preference,
        |route| {
            let name = |preference| match preference {
                RouterPreference::Low => "low".to_owned(),
                RouterPreference::Medium => "medium".to_owned(),
                RouterPreference::High => "high".to_owned(),
            };
            route.preference.map(name).into_iter().collect()
        },
    )
    .means("preference among routers (IPv6)"),
    word(&["realms"], "[FROM/]TO", lower::realms, |route| {
        shown(route.realms.as_ref())
    })
    .means("realms for accounting (IPv4)"),
    word(&["expires"], "SECONDS", lower::expires, |route| {
        let seconds = route.expires.map(|time| time.as_secs());
        shown(seconds.as_ref())
    })
    .means("how long the route lives (IPv6)"),
    word(
        &["ttl-propagate"],
        "enabled or disabled",
        lower::ttl_propagate,
        |route| {
            let word = |on| if on { "enabled" } else { "disabled" };
            shown(route.ttl_propagate.map(word).as_ref())
        },
    )
    .means("the TTL goes from and to the MPLS header"),
];

/// Where the route goes among its equals.
macro_rules! mode {
    ($name:literal, $mode:ident, $means:literal) => {
        flag(
            &[$name],
            Field {
                set: |draft, _| draft.route.mode = AddMode::$mode,
                get: |route| Some(route.mode == AddMode::$mode && $name != "prepend"),
            },
        )
        .default("prepend")
        .means($means)
    };
}

const HANDLING: &[Word] = &[
    mode!("add", Add, "only where there is no such route"),
    mode!("append", Append, "after the routes that match as well"),
    mode!("prepend", Prepend, "before the routes that match as well"),
    flag(
        &["no_track"],
        Field {
            set: |draft, _| draft.route.is_tracked = false,
            get: |route| Some(!route.is_tracked),
        },
    )
    .means("nothing happens when somebody removes it"),
    word(&["track_group"], "NAME", lower::track_group, |route| {
        shown(route.track_group.as_ref())
    })
    .means("the instances that go to FAULT when it vanishes; static_routes only"),
];

/// The last ones: what follows them may be theirs.
const GATEWAYS: &[Word] = &[
    word(&["as"], "[to] ADDRESS", lower::skip_as, |_| Vec::new())
        .without_effect("the kernel has it for MPLS alone, and keepalived ignores it")
        .means("another destination"),
    word(&["or"], "ADDRESS", lower::or, |_| Vec::new())
        .deprecated("nexthop")
        .means("a second gateway"),
    word(
        &["encap"],
        "ip, ip6, mpls or ila, and their words",
        |draft, words, report| encap::read(&mut draft.route.encap, words, report),
        |route| encap::show(&route.encap),
    )
    .means("a tunnel without an interface"),
    word(
        &["nexthop"],
        "words of a next hop",
        lower::nexthop,
        |route| {
            let hops = route.nexthops.iter();
            hops.map(|hop| NEXTHOP.show_words(hop).trim_start().to_owned())
                .collect()
        },
    )
    .means("a gateway of several, after everything else"),
];

pub(in crate::config) static ROUTE: Table<RouteDraft, Route> = Table {
    block: "static_routes and virtual_routes",
    groups: &[
        KINDS,
        TARGET,
        SELECTION,
        metrics::METRICS,
        HANDLING,
        GATEWAYS,
    ],
};

pub(in crate::config) static NEXTHOP: Table<NexthopDraft, Nexthop> = Table {
    block: "nexthop",
    groups: &[&[
        Hop::new(
            &["via"],
            Takes::Next {
                usage: "[inet|inet6] ADDRESS",
                read: lower::hop_via,
                show: lower::show_hop_via,
            },
        )
        .means("the gateway"),
        Hop::new(
            &["dev", "oif"],
            Takes::Next {
                usage: "INTERFACE",
                read: |draft, words, report| {
                    draft.hop.interface = draft.uses.next_interface(words, report);
                },
                show: |hop| shown(hop.interface.as_ref()),
            },
        )
        .means("where packets leave"),
        Hop::new(
            &["weight"],
            Takes::Number {
                min: 1,
                max: 256,
                field: Field {
                    set: |draft, given| {
                        draft.hop.weight = given.value.try_into().unwrap_or(1);
                    },
                    get: |hop| Some(hop.weight.into()),
                },
            },
        )
        .default("1")
        .means("its share of the flows"),
        Hop::new(
            &["onlink"],
            Takes::Flag(Field {
                set: |draft, _| draft.hop.on_link = true,
                get: |hop| Some(hop.on_link),
            }),
        )
        .means("the gateway is on the link, whatever the addresses say"),
        Hop::new(
            &["realms"],
            Takes::Next {
                usage: "[FROM/]TO",
                read: lower::hop_realms,
                show: |hop| shown(hop.realms.as_ref()),
            },
        )
        .means("realms for accounting (IPv4)"),
        Hop::new(
            &["encap"],
            Takes::Next {
                usage: "ip, ip6, mpls or ila, and their words",
                read: |draft, words, report| encap::read(&mut draft.hop.encap, words, report),
                show: |hop| encap::show(&hop.encap),
            },
        )
        .means("a tunnel without an interface"),
    ]],
};
