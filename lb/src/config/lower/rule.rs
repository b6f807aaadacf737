//! Lines of `static_rules` and `virtual_rules`.

mod finish;

pub(in crate::config) use self::finish::{Numbers, finish};

use super::{
    iproute::{self, Target, Uses},
    line,
    route::Place,
    value::report_illegal,
};
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report},
    keyword::{line::Words, rule::TABLE},
    model::{
        Family,
        route::{Named, Realms},
        rule::{FirewallMark, Range, Rule, RuleAction, Selector},
    },
    source::{Span, Spanned},
    system::NameList,
};

/// Transport protocols by the names of `/etc/protocols`.
const IP_PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", 1),
    ("igmp", 2),
    ("tcp", 6),
    ("udp", 17),
    ("dccp", 33),
    ("ipv6", 41),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("ospf", 89),
    ("vrrp", 112),
    ("sctp", 132),
    ("udplite", 136),
];

/// A rule as written; its preference is settled once all rules are read.
#[derive(Debug)]
pub(in crate::config) struct RuleDraft {
    /// Without its prefixes: their family comes from the whole line.
    pub(in crate::config) selector: Selector,
    pub(in crate::config) is_untracked: bool,
    from: Option<Spanned<Target>>,
    to: Option<Spanned<Target>>,
    action: Option<Spanned<RuleAction>>,
    suppress_prefix_length: Option<u32>,
    suppress_group: Option<Named<u32>>,
    realms: Option<Realms>,
    /// What only a look into a table can have.
    lookup_only: Option<Span>,
    preference: Option<u32>,
    protocol: Option<Spanned<u8>>,
    track_group: Option<Spanned<String>>,
    /// What each word says of the family.
    families: Vec<Option<Spanned<Family>>>,
    place: Place,
    /// The whole line.
    line: Span,
    uses: Uses,
}

type Reads<'r, 'w> = &'r mut Words<'w>;

impl RuleDraft {
    fn new(line: Span, place: Place) -> Self {
        Self {
            selector: Selector::default(),
            is_untracked: false,
            from: None,
            to: None,
            action: None,
            suppress_prefix_length: None,
            suppress_group: None,
            realms: None,
            lookup_only: None,
            preference: None,
            protocol: None,
            track_group: None,
            families: Vec::new(),
            place,
            line,
            uses: Uses::default(),
        }
    }

    fn says(&mut self, family: Family, words: &Words<'_>) {
        self.families
            .push(Some(Spanned::new(family, words.place())));
    }
}

/// Reads the lines of a block; those with an illegal word are reported and left out.
pub(in crate::config) fn read(
    into: &mut Vec<RuleDraft>,
    uses: &mut Uses,
    place: Place,
    statement: &Statement,
    report: &mut Report,
) {
    for written in line::lines(statement, "rule", report) {
        let mut draft = RuleDraft::new(written.span(), place);
        if TABLE.read_words(&line::words(written), &mut draft, report) {
            uses.append(std::mem::take(&mut draft.uses));
            into.push(draft);
        }
    }
}

/// The whole line.
pub(in crate::config) fn show(rule: &Rule) -> String {
    TABLE.show_words(rule).trim_start().to_owned()
}

/// Whether no other word tells that the rule is an IPv6 one.
pub(in crate::config) fn needs_family(rule: &Rule) -> bool {
    let selector = &rule.selector;
    rule.family == Family::V6 && selector.from.is_none() && selector.to.is_none()
}

pub(in crate::config) fn inet(draft: &mut RuleDraft, words: Reads<'_, '_>, _: &mut Report) {
    draft.says(Family::V4, words);
}

pub(in crate::config) fn inet6(draft: &mut RuleDraft, words: Reads<'_, '_>, _: &mut Report) {
    draft.says(Family::V6, words);
}

/// A prefix, and what it says of the family.
fn prefix(
    name: &str,
    families: &mut Vec<Option<Spanned<Family>>>,
    words: Reads<'_, '_>,
    report: &mut Report,
) -> Option<Spanned<Target>> {
    let word = words.required("ADDRESS[/LENGTH] or `default`", report)?;
    let target = iproute::target(word, name, report)?;
    families.push(target.map(Target::family));
    Some(target)
}

pub(in crate::config) fn from(draft: &mut RuleDraft, words: Reads<'_, '_>, report: &mut Report) {
    draft.from = prefix("from", &mut draft.families, words, report);
}

pub(in crate::config) fn to(draft: &mut RuleDraft, words: Reads<'_, '_>, report: &mut Report) {
    draft.to = prefix("to", &mut draft.families, words, report);
}

pub(in crate::config) fn tos(draft: &mut RuleDraft, words: Reads<'_, '_>, report: &mut Report) {
    let word = words.required("NAME or NUMBER", report);
    draft.selector.tos = word.and_then(|word| iproute::tos(word, "tos", report));
}

/// `MARK[/MASK]`.
pub(in crate::config) fn mark(draft: &mut RuleDraft, words: Reads<'_, '_>, report: &mut Report) {
    let Some(word) = words.required("MARK[/MASK]", report) else {
        return;
    };
    let number = |text: &str| -> Option<u32> { iproute::parse_number(text)?.try_into().ok() };
    let mark = match word.text.split_once('/') {
        None => number(&word.text).map(|mark| FirewallMark { mark, mask: None }),
        Some((mark, mask)) => number(mark)
            .zip(number(mask))
            .map(|(mark, mask)| FirewallMark {
                mark,
                mask: Some(mask),
            }),
    };
    if mark.is_none() {
        report_illegal(word, "fwmark", report).expected("MARK[/MASK], numbers of 32 bits");
    }
    draft.selector.mark = mark;
}

pub(in crate::config) fn input(draft: &mut RuleDraft, words: Reads<'_, '_>, report: &mut Report) {
    draft.selector.input = draft.uses.next_interface(words, report);
}

pub(in crate::config) fn output(draft: &mut RuleDraft, words: Reads<'_, '_>, report: &mut Report) {
    draft.selector.output = draft.uses.next_interface(words, report);
}

pub(in crate::config) fn ip_protocol(
    draft: &mut RuleDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    let Some(word) = words.required("NAME or NUMBER", report) else {
        return;
    };
    let name = word.text.to_ascii_lowercase();
    let known = IP_PROTOCOLS.iter().find(|(known, _)| *known == name);
    let number = iproute::parse_number(&word.text).and_then(|number| number.try_into().ok());
    draft.selector.ip_protocol = known.map(|(_, number)| *number).or(number);
    if draft.selector.ip_protocol.is_none() {
        report_illegal(word, "ipproto", report)
            .expected("a name such as tcp or udp, or a whole number from 0 to 255");
    }
}

fn ports(name: &str, words: Reads<'_, '_>, report: &mut Report) -> Option<Range<u16>> {
    let word = words.required("PORT[-PORT]", report)?;
    iproute::range(word, name, 65_535, report)
}

pub(in crate::config) fn source_ports(
    draft: &mut RuleDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    draft.selector.source_ports = ports("sport", words, report);
}

pub(in crate::config) fn destination_ports(
    draft: &mut RuleDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    draft.selector.destination_ports = ports("dport", words, report);
}

pub(in crate::config) fn users(draft: &mut RuleDraft, words: Reads<'_, '_>, report: &mut Report) {
    let word = words.required("UID-UID", report);
    draft.selector.users =
        word.and_then(|word| iproute::range(word, "uidrange", u32::MAX.into(), report));
}

pub(in crate::config) fn tunnel_id(
    draft: &mut RuleDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    draft.selector.tunnel_id = iproute::next_unsigned(words, "tunnel-id", u64::MAX, report);
}

/// What the rule does; it does one thing.
pub(in crate::config) fn action(
    draft: &mut RuleDraft,
    action: RuleAction,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    let span = words.place();
    if let Some(first) = &draft.action {
        report
            .error(
                Kind::Conflict,
                span,
                "this is a second action of the rule".to_owned(),
            )
            .related(first.span, "first given")
            .help("write a rule for each of them");
        return;
    }
    draft.action = Some(Spanned::new(action, span));
}

pub(in crate::config) fn table(draft: &mut RuleDraft, words: Reads<'_, '_>, report: &mut Report) {
    let word = words.required("NAME or NUMBER", report);
    if let Some(table) = word.and_then(|word| iproute::table(word, report)) {
        action(draft, RuleAction::Table(table), words, report);
    }
}

pub(in crate::config) fn goto(draft: &mut RuleDraft, words: Reads<'_, '_>, report: &mut Report) {
    if let Some(target) = iproute::next_unsigned(words, "goto", u32::MAX.into(), report) {
        action(draft, RuleAction::Goto(target), words, report);
    }
}

/// `type ACTION`: the action is read as the option it is.
pub(in crate::config) fn action_type(_: &mut RuleDraft, words: Reads<'_, '_>, report: &mut Report) {
    const ACTIONS: &[&str] = &["goto", "nop", "blackhole", "prohibit", "unreachable"];
    let expected = ACTIONS.join(" or ");
    match words.peek() {
        Some(word) if ACTIONS.contains(&&*word.text) => {}
        Some(word) => {
            report_illegal(word, "type", report).expected(expected);
            words.next();
        }
        None => {
            words.required(&expected, report);
        }
    }
}

pub(in crate::config) fn suppress_prefix_length(
    draft: &mut RuleDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    draft.lookup_only = Some(words.place());
    let most = 0x7fff_ffff;
    draft.suppress_prefix_length =
        iproute::next_unsigned(words, "suppress_prefixlength", most, report);
}

pub(in crate::config) fn suppress_group(
    draft: &mut RuleDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    draft.lookup_only = Some(words.place());
    let word = words.required("NAME or NUMBER", report);
    draft.suppress_group = word.and_then(|word| {
        let most = u32::MAX.into();
        iproute::named(
            word,
            "suppress_ifgroup",
            most,
            NameList::Groups,
            &[("default", 0)],
            report,
        )
    });
}

pub(in crate::config) fn realms(draft: &mut RuleDraft, words: Reads<'_, '_>, report: &mut Report) {
    draft.lookup_only = Some(words.place());
    draft.says(Family::V4, words);
    let word = words.required("[FROM/]TO", report);
    draft.realms = word.and_then(|word| iproute::realms(word, report));
}

pub(in crate::config) fn preference(
    draft: &mut RuleDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    let Some(word) = words.required("NUMBER", report) else {
        return;
    };
    let number = iproute::parse_number(&word.text);
    draft.preference = number.and_then(|number| number.try_into().ok());
    if draft.preference.is_none() {
        report_illegal(word, "preference", report).expected("a whole number of 32 bits");
    }
}

pub(in crate::config) fn protocol(
    draft: &mut RuleDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    let number = iproute::next_unsigned(words, "protocol", 255, report);
    draft.protocol = number.map(|number| Spanned::new(number, words.place()));
}

pub(in crate::config) fn track_group(
    draft: &mut RuleDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    let span = words.place();
    let name = draft.uses.next_track_group(words, report);
    draft.track_group = name.map(|name| Spanned::new(name, span));
}
