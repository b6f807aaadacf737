//! Lines of `static_routes` and `virtual_routes`.

pub(in crate::config) mod finish;
pub(in crate::config) mod metrics;

use std::{net::IpAddr, time::Duration};

use super::{
    iproute::{self, Target, Uses},
    line,
    value::report_illegal,
};
use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, quote},
    keyword::{
        line::Words,
        route::{NEXTHOP, ROUTE},
    },
    model::{
        Family, PrefixLength,
        route::{Named, Nexthop, Prefix, Route, RouteKind, RouterPreference},
    },
    need::Need,
    source::{Span, Spanned},
};

/// A route as written. Its family and destination are settled when the line is read.
#[derive(Debug)]
pub(in crate::config) struct RouteDraft {
    pub(in crate::config) route: Route,
    destination: Option<Spanned<Target>>,
    from: Option<Spanned<Target>>,
    protocol: Option<Spanned<Named<u8>>>,
    /// What `or` gave: gateways behind the first.
    or: Vec<IpAddr>,
    /// What each word says of the family.
    families: Vec<Option<Spanned<Family>>>,
    track_group: Option<Span>,
    uses: Uses,
}

/// A `nexthop` as written.
#[derive(Debug, Default)]
pub(in crate::config) struct NexthopDraft {
    pub(in crate::config) hop: Nexthop,
    pub(in crate::config) uses: Uses,
    families: Vec<Option<Spanned<Family>>>,
}

type Reads<'r, 'w> = &'r mut Words<'w>;

/// Which block a line is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Place {
    /// `static_…`.
    Static,
    /// Of a `vrrp_instance`.
    Virtual,
}

/// Reads the lines of a block; those that are refused are reported and left out.
pub(in crate::config) fn read(
    into: &mut Vec<Route>,
    uses: &mut Uses,
    place: Place,
    statement: &Statement,
    report: &mut Report,
) {
    for written in line::lines(statement, "route", report) {
        let words = line::words(written);
        if let Some(route) = read_line(&words, uses, place, report) {
            into.push(route);
        }
    }
}

fn read_line(words: &[Word], uses: &mut Uses, place: Place, report: &mut Report) -> Option<Route> {
    let nowhere = Prefix {
        address: IpAddr::from([0; 4]),
        length: PrefixLength::try_from(0).ok()?,
    };
    let mut draft = RouteDraft {
        route: Route::new(nowhere),
        destination: None,
        from: None,
        protocol: None,
        or: Vec::new(),
        families: Vec::new(),
        track_group: None,
        uses: Uses::default(),
    };
    if !ROUTE.read_words_or(words, &mut draft, report, destination) {
        return None;
    }
    let (route, used) = finish::finish(draft, words, place, report)?;
    uses.append(used);
    Some(route)
}

/// A word that is no option: the destination.
fn destination(draft: &mut RouteDraft, word: &Word, report: &mut Report) -> bool {
    if !iproute::is_target(&word.text) {
        return false;
    }
    if let Some(first) = draft.destination {
        report
            .error(
                Kind::Duplicate,
                word.span,
                format!("{} is a second destination", quote(&word.text)),
            )
            .related(first.span, "first given");
        return true;
    }
    draft.destination = iproute::target(word, "destination", report);
    true
}

/// The destination as it is shown, behind the type.
pub(in crate::config) fn show(route: &Route) -> String {
    let kind = match route.kind {
        RouteKind::Unicast => "",
        RouteKind::Local => "local ",
        RouteKind::Broadcast => "broadcast ",
        RouteKind::Anycast => "anycast ",
        RouteKind::Multicast => "multicast ",
        RouteKind::Throw => "throw ",
        RouteKind::Unreachable => "unreachable ",
        RouteKind::Prohibit => "prohibit ",
        RouteKind::Blackhole => "blackhole ",
        RouteKind::Xresolve => "xresolve ",
        RouteKind::Nat => "nat ",
    };
    format!("{kind}{}{}", route.destination, ROUTE.show_words(route))
}

fn says(family: Family, words: &Words<'_>) -> Option<Spanned<Family>> {
    Some(Spanned::new(family, words.place()))
}

pub(in crate::config) fn inet(draft: &mut RouteDraft, words: Reads<'_, '_>, _: &mut Report) {
    draft.families.push(says(Family::V4, words));
}

pub(in crate::config) fn inet6(draft: &mut RouteDraft, words: Reads<'_, '_>, _: &mut Report) {
    draft.families.push(says(Family::V6, words));
}

/// `to [TYPE] DESTINATION`: a type is read as the option it is.
pub(in crate::config) fn to(draft: &mut RouteDraft, words: Reads<'_, '_>, report: &mut Report) {
    let is_type = words
        .peek()
        .is_some_and(|word| !iproute::is_target(&word.text));
    if !is_type && let Some(word) = words.required("DESTINATION", report) {
        destination(draft, word, report);
    }
}

/// `[inet|inet6] ADDRESS`; a gateway whose family is written out may be of the other family (RFC 8950).
fn gateway(
    families: &mut Vec<Option<Spanned<Family>>>,
    words: Reads<'_, '_>,
    report: &mut Report,
) -> Option<IpAddr> {
    let named = if words.skip("inet") {
        Some(Family::V4)
    } else if words.skip("inet6") {
        Some(Family::V6)
    } else {
        None
    };
    let word = words.required("an IP address", report)?;
    let address: IpAddr = iproute::address(word, "via", "an IP address", report)?;
    let family = Family::of(address);
    match named {
        Some(named) if named != family => {
            report_illegal(word, "via", report).expected("an address of the family before it");
            return None;
        }
        Some(_) => {}
        None => families.push(says(family, words)),
    }
    Some(address)
}

pub(in crate::config) fn via(draft: &mut RouteDraft, words: Reads<'_, '_>, report: &mut Report) {
    draft.route.via = gateway(&mut draft.families, words, report);
}

pub(in crate::config) fn show_via(route: &Route) -> Vec<String> {
    let address = route.via.map(show_gateway);
    address.into_iter().collect()
}

fn show_gateway(address: IpAddr) -> String {
    match Family::of(address) {
        Family::V4 => format!("inet {address}"),
        Family::V6 => format!("inet6 {address}"),
    }
}

pub(in crate::config) fn source(draft: &mut RouteDraft, words: Reads<'_, '_>, report: &mut Report) {
    let Some(word) = words.required("an IP address", report) else {
        return;
    };
    draft.route.source = iproute::address(word, "src", "an IP address", report);
    let family = draft.route.source.map(Family::of);
    draft
        .families
        .push(family.and_then(|family| says(family, words)));
}

pub(in crate::config) fn from(draft: &mut RouteDraft, words: Reads<'_, '_>, report: &mut Report) {
    if let Some(word) = words.required("ADDRESS[/LENGTH]", report) {
        draft.from = iproute::target(word, "from", report);
        draft.families.push(says(Family::V6, words));
    }
}

pub(in crate::config) fn interface(
    draft: &mut RouteDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    draft.route.interface = draft.uses.next_interface(words, report);
}

pub(in crate::config) fn vrf(draft: &mut RouteDraft, words: Reads<'_, '_>, report: &mut Report) {
    let vrf = draft.uses.next_interface(words, report);
    if let Some(vrf) = &vrf {
        report.needs(Need::Vrf(vrf.clone()), words.place());
    }
    draft.route.vrf = vrf;
}

pub(in crate::config) fn table(draft: &mut RouteDraft, words: Reads<'_, '_>, report: &mut Report) {
    let word = words.required("NAME or NUMBER", report);
    if let Some(table) = word.and_then(|word| iproute::table(word, report)) {
        draft.route.table = table;
    }
}

pub(in crate::config) fn tos(draft: &mut RouteDraft, words: Reads<'_, '_>, report: &mut Report) {
    let word = words.required("NAME or NUMBER", report);
    draft.route.tos = word.and_then(|word| iproute::tos(word, "tos", report));
}

pub(in crate::config) fn metric(draft: &mut RouteDraft, words: Reads<'_, '_>, report: &mut Report) {
    draft.route.metric = iproute::next_unsigned(words, "metric", u32::MAX.into(), report);
}

pub(in crate::config) fn scope(draft: &mut RouteDraft, words: Reads<'_, '_>, report: &mut Report) {
    let word = words.required("NAME or NUMBER", report);
    draft.route.scope = word.and_then(|word| iproute::scope(word, report));
}

pub(in crate::config) fn protocol(
    draft: &mut RouteDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    let word = words.required("NAME or NUMBER", report);
    let protocol = word.and_then(|word| iproute::protocol(word, report));
    draft.protocol = protocol.map(|protocol| Spanned::new(protocol, words.place()));
}

pub(in crate::config) fn preference(
    draft: &mut RouteDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    let Some(word) = words.required("low, medium or high", report) else {
        return;
    };
    // The numbers are those of RFC 4191 §2.1.
    draft.route.preference = match &*word.text {
        "low" | "3" => Some(RouterPreference::Low),
        "medium" | "0" => Some(RouterPreference::Medium),
        "high" | "1" => Some(RouterPreference::High),
        _ => {
            report_illegal(word, "pref", report).expected("low, medium or high");
            None
        }
    };
    draft.families.push(says(Family::V6, words));
}

pub(in crate::config) fn realms(draft: &mut RouteDraft, words: Reads<'_, '_>, report: &mut Report) {
    if let Some(word) = words.required("[FROM/]TO", report) {
        draft.route.realms = iproute::realms(word, report);
        draft.families.push(says(Family::V4, words));
    }
}

pub(in crate::config) fn expires(
    draft: &mut RouteDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    let seconds = iproute::next_unsigned(words, "expires", u32::MAX.into(), report);
    draft.route.expires = seconds.map(Duration::from_secs);
    draft.families.push(says(Family::V6, words));
}

pub(in crate::config) fn ttl_propagate(
    draft: &mut RouteDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    let Some(word) = words.required("enabled or disabled", report) else {
        return;
    };
    draft.route.ttl_propagate = match &*word.text {
        "enabled" => Some(true),
        "disabled" => Some(false),
        _ => {
            report_illegal(word, "ttl-propagate", report).expected("enabled or disabled");
            None
        }
    };
}

pub(in crate::config) fn track_group(
    draft: &mut RouteDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    draft.track_group = Some(words.place());
    draft.route.track_group = draft.uses.next_track_group(words, report);
}

pub(in crate::config) fn skip_as(_: &mut RouteDraft, words: Reads<'_, '_>, report: &mut Report) {
    words.skip("to");
    words.required("an IP address", report);
}

pub(in crate::config) fn or(draft: &mut RouteDraft, words: Reads<'_, '_>, report: &mut Report) {
    let gateway = gateway(&mut draft.families, words, report);
    draft.or.extend(gateway);
}

/// One `nexthop`; the next one is an option again.
pub(in crate::config) fn nexthop(
    draft: &mut RouteDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    loop {
        let mut hop = NexthopDraft::default();
        let place = words.place();
        NEXTHOP.read_known(words, &mut hop, &mut Vec::new(), report);
        if hop.hop == Nexthop::default() {
            report
                .error(Kind::Missing, place, "the next hop is empty".to_owned())
                .expected("`nexthop via ADDRESS dev INTERFACE`");
        }
        draft.families.append(&mut hop.families);
        draft.uses.append(hop.uses);
        draft.route.nexthops.push(hop.hop);
        if !words.skip("nexthop") {
            break;
        }
    }
    if let Some(word) = words.next() {
        report
            .error(
                Kind::Syntax,
                word.span,
                format!("{} stands behind the next hops", quote(&word.text)),
            )
            .help("write `nexthop` last");
        while words.next().is_some() {}
    }
}

pub(in crate::config) fn hop_via(
    draft: &mut NexthopDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    draft.hop.via = gateway(&mut draft.families, words, report);
}

pub(in crate::config) fn show_hop_via(hop: &Nexthop) -> Vec<String> {
    hop.via.map(show_gateway).into_iter().collect()
}

pub(in crate::config) fn hop_realms(
    draft: &mut NexthopDraft,
    words: Reads<'_, '_>,
    report: &mut Report,
) {
    if let Some(word) = words.required("[FROM/]TO", report) {
        draft.hop.realms = iproute::realms(word, report);
        draft.families.push(says(Family::V4, words));
    }
}
