//! Lines of `static_rules` and `virtual_rules`.

use super::{
    Keyword, Table,
    line::Words,
    takes::{Field, Takes},
};
use crate::config::{
    diagnostic::Report,
    lower::rule::{self as lower, RuleDraft},
    model::rule::{Rule, RuleAction},
};

type Word = Keyword<RuleDraft, Rule>;

/// A word with arguments.
const fn word(
    names: &'static [&'static str],
    usage: &'static str,
    read: fn(&mut RuleDraft, &mut Words<'_>, &mut Report),
    show: fn(&Rule) -> Vec<String>,
) -> Word {
    Word::new(names, Takes::Next { usage, read, show })
}

const fn flag(names: &'static [&'static str], field: Field<RuleDraft, Rule, bool>) -> Word {
    Word::new(names, Takes::Flag(field))
}

fn shown<T: ToString>(value: Option<&T>) -> Vec<String> {
    value.map(ToString::to_string).into_iter().collect()
}

/// The word alone, where it holds.
fn shown_if(holds: bool) -> Vec<String> {
    holds.then(String::new).into_iter().collect()
}

const SELECTORS: &[Word] = &[
    word(&["inet"], "", lower::inet, |_| Vec::new()).means("the rule is an IPv4 one"),
    word(&["inet6"], "", lower::inet6, |rule| {
        shown_if(lower::needs_family(rule))
    })
    .means("the rule is an IPv6 one"),
    flag(
        &["not"],
        Field {
            set: |draft, _| draft.selector.is_inverted = true,
            get: |rule| Some(rule.selector.is_inverted),
        },
    )
    .means("all packets but these"),
    word(&["from"], "PREFIX", lower::from, |rule| {
        shown(rule.selector.from.as_ref())
    })
    .means("packets of these sources"),
    word(&["to"], "PREFIX", lower::to, |rule| {
        shown(rule.selector.to.as_ref())
    })
    .means("packets to these destinations"),
    word(&["tos", "dsfield"], "NAME or NUMBER", lower::tos, |rule| {
        shown(rule.selector.tos.as_ref())
    })
    .means("packets of this type of service"),
    word(&["fwmark"], "MARK[/MASK]", lower::mark, |rule| {
        shown(rule.selector.mark.as_ref())
    })
    .means("packets with this firewall mark"),
    word(&["iif", "dev"], "INTERFACE", lower::input, |rule| {
        shown(rule.selector.input.as_ref())
    })
    .means("packets that come in here"),
    word(&["oif"], "INTERFACE", lower::output, |rule| {
        shown(rule.selector.output.as_ref())
    })
    .means("packets of sockets bound to this interface"),
    word(&["ipproto"], "NAME or NUMBER", lower::ip_protocol, |rule| {
        shown(rule.selector.ip_protocol.as_ref())
    })
    .means("packets of this transport protocol"),
    word(&["sport"], "PORT[-PORT]", lower::source_ports, |rule| {
        shown(rule.selector.source_ports.as_ref())
    })
    .means("packets from these ports"),
    word(
        &["dport"],
        "PORT[-PORT]",
        lower::destination_ports,
        |rule| shown(rule.selector.destination_ports.as_ref()),
    )
    .means("packets to these ports"),
    word(&["uidrange"], "UID-UID", lower::users, |rule| {
        shown(rule.selector.users.as_ref())
    })
    .means("packets of sockets of these users"),
    word(&["tunnel-id"], "NUMBER", lower::tunnel_id, |rule| {
        shown(rule.selector.tunnel_id.as_ref())
    })
    .means("packets of this tunnel"),
];

/// An action without arguments.
macro_rules! action {
    ($name:literal, $action:ident, $means:literal) => {
        word(
            &[$name],
            "",
            |draft, words, report| lower::action(draft, RuleAction::$action, words, report),
            |rule| shown_if(rule.action == RuleAction::$action),
        )
        .means($means)
    };
}

const ACTIONS: &[Word] = &[
    word(
        &["table", "lookup"],
        "NAME or NUMBER",
        lower::table,
        |rule| match &rule.action {
            RuleAction::Table(table) => vec![table.to_string()],
            _ => Vec::new(),
        },
    )
    .means("the routing table that is looked into"),
    action!("l3mdev", L3mdev, "looks into the table of the packet's VRF"),
    word(&["goto"], "PREFERENCE", lower::goto, |rule| {
        match rule.action {
            RuleAction::Goto(target) => vec![target.to_string()],
            _ => Vec::new(),
        }
    })
    .means("goes on at a later rule"),
    action!("nop", Nop, "does nothing"),
    action!("blackhole", Blackhole, "drops packets in silence"),
    action!(
        "prohibit",
        Prohibit,
        "refuses packets: administratively prohibited"
    ),
    action!(
        "unreachable",
        Unreachable,
        "refuses packets: network unreachable"
    ),
    word(&["type"], "an action", lower::action_type, |_| Vec::new())
        .means("the action, also without this word"),
];

const LOOKUP: &[Word] = &[
    word(
        &["suppress_prefixlength", "sup_pl"],
        "NUMBER",
        lower::suppress_prefix_length,
        |rule| shown(rule.suppress_prefix_length.as_ref()),
    )
    .means("routes of at most this length are not taken"),
    word(
        &["suppress_ifgroup", "sup_group"],
        "NAME or NUMBER",
        lower::suppress_group,
        |rule| shown(rule.suppress_group.as_ref()),
    )
    .means("routes through interfaces of this group are not taken"),
    word(&["realms"], "[FROM/]TO", lower::realms, |rule| {
        shown(rule.realms.as_ref())
    })
    .means("realms for accounting (IPv4)"),
];

const HANDLING: &[Word] = &[
    word(
        &["preference", "order", "priority"],
        "NUMBER",
        lower::preference,
        |rule| vec![rule.preference.to_string()],
    )
    .default("16384, 16383, … in the order of the file")
    .means("the lowest of several rules comes first"),
    word(&["protocol"], "NUMBER", lower::protocol, |rule| {
        vec![rule.protocol.to_string()]
    })
    .default("18, keepalived")
    .means("who made the rule; a tracked rule is always keepalived's"),
    flag(
        &["no_track"],
        Field {
            set: |draft, _| draft.is_untracked = true,
            get: |rule| Some(!rule.is_tracked),
        },
    )
    .means("nothing happens when somebody removes it"),
    word(&["track_group"], "NAME", lower::track_group, |rule| {
        shown(rule.track_group.as_ref())
    })
    .means("the instances that go to FAULT when it vanishes; static_rules only"),
];

pub(in crate::config) static TABLE: Table<RuleDraft, Rule> = Table {
    block: "static_rules and virtual_rules",
    groups: &[SELECTORS, ACTIONS, LOOKUP, HANDLING],
};
