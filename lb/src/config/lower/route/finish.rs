//! What the words of a route mean together.

use super::{Place, RouteDraft};
use crate::config::{
    ast::Word,
    diagnostic::{Kind, Report, quote},
    lower::iproute::{self, Uses},
    model::route::{Named, Nexthop, Prefix, RTPROT_KEEPALIVED, Route},
    source::{Span, Spanned},
};

/// The route that a line means; `None` where something is wrong, which is reported.
pub(super) fn finish(
    mut draft: RouteDraft,
    words: &[Word],
    place: Place,
    report: &mut Report,
) -> Option<(Route, Uses)> {
    let first = words.first()?.span;
    let line = words.last().map_or(first, |last| first.to(last.span));
    let Some(destination) = draft.destination else {
        report
            .error(
                Kind::Missing,
                line,
                "the route has no destination".to_owned(),
            )
            .expected("ADDRESS[/LENGTH] or `default`");
        return None;
    };
    let of_target = destination.map(iproute::Target::family);
    draft.families.insert(0, of_target);
    let family = iproute::one_family(&draft.families, report)?;
    let mut route = draft.route;
    route.family = family;
    route.destination = destination.value.within(family)?;
    route.from = draft.from.and_then(|from| from.value.within(family));
    check_network(&route, destination.span, report);
    if !draft.or.is_empty() {
        let gateways = route.via.take().into_iter().chain(draft.or);
        route.nexthops.splice(0..0, gateways.map(nexthop));
    }
    finish_protocol(&mut route, draft.protocol, report);
    finish_tracking(&mut route, draft.track_group, line, place, report);
    Some((route, draft.uses))
}

fn nexthop(gateway: std::net::IpAddr) -> Nexthop {
    Nexthop {
        via: Some(gateway),
        ..Nexthop::default()
    }
}

/// The kernel refuses an IPv4 route whose address has bits behind its length.
fn check_network(route: &Route, span: Span, report: &mut Report) {
    let Prefix { address, length } = route.destination;
    let std::net::IpAddr::V4(address) = address else {
        return;
    };
    let mask = u32::MAX
        .checked_shl(32 - u32::from(length.get()))
        .unwrap_or(0);
    let network = std::net::Ipv4Addr::from(u32::from(address) & mask);
    if network != address {
        report
            .error(
                Kind::Value,
                span,
                format!(
                    "{} is an address within a network, and the kernel refuses such a route",
                    quote(&route.destination.to_string())
                ),
            )
            .help(format!("write {network}/{length}, or {address}/32"));
    }
}

/// Routes are found again by their protocol.
fn finish_protocol(route: &mut Route, protocol: Option<Spanned<Named<u8>>>, report: &mut Report) {
    let Some(Spanned { value, span }) = protocol else {
        return;
    };
    if route.is_tracked && value != Named::Number(RTPROT_KEEPALIVED) {
        report
            .warning(
                Kind::Conflict,
                span,
                "the protocol is ignored, as in keepalived: a tracked route has that of keepalived"
                    .to_owned(),
            )
            .help("write `no_track` too, or leave the protocol out");
        return;
    }
    route.protocol = value;
}

fn finish_tracking(
    route: &mut Route,
    group: Option<Span>,
    line: Span,
    place: Place,
    report: &mut Report,
) {
    if place == Place::Virtual
        && let Some(span) = group
    {
        report.error(
            Kind::Conflict,
            span,
            "`track_group` is for static_routes: a virtual route belongs to its instance"
                .to_owned(),
        );
    }
    if route.interface.is_some() {
        return;
    }
    if let Some(span) = group.filter(|_| route.track_group.take().is_some()) {
        report
            .warning(
                Kind::Conflict,
                span,
                "`track_group` needs `dev` and is ignored, as in keepalived".to_owned(),
            )
            .help("write `dev INTERFACE`");
    }
    if route.is_tracked {
        route.is_tracked = false;
        report
            .warning(
                Kind::Conflict,
                line,
                "a route without `dev` is not tracked, as in keepalived".to_owned(),
            )
            .help("write `dev INTERFACE`, or `no_track`");
    }
}
