//! Whether what the kernel tells of is what we put there. It says more than was asked for: its choices are no difference.

use rtnetlink::packet_route::{
    AddressFamily,
    route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteVia},
    rule::{RuleAttribute, RuleFlags, RuleMessage},
};

use super::Entry;
use crate::config::model::route::RTPROT_KEEPALIVED;

/// Metric of an IPv6 route that says none (`IP6_RT_PRIO_USER`).
const V6_METRIC: u32 = 1024;
/// What the kernel tells where a rule suppresses nothing, and where a mark has no mask.
const ALL: u32 = u32::MAX;

/// Whether an entry has keepalived's protocol.
pub(super) fn is_keepalived(entry: &Entry) -> bool {
    let ours = RouteProtocol::from(RTPROT_KEEPALIVED);
    match entry {
        Entry::Route(route) => route.header.protocol == ours,
        Entry::Rule(rule) => rule.attributes.contains(&RuleAttribute::Protocol(ours)),
    }
}

/// Whether the route that was told of is, or contains, the one that was put.
#[must_use]
pub fn same_route(put: &RouteMessage, told: &RouteMessage) -> bool {
    let (a, b) = (&put.header, &told.header);
    let is_v4 = a.address_family == AddressFamily::Inet;
    a.address_family == b.address_family
        && a.destination_prefix_length == b.destination_prefix_length
        && a.source_prefix_length == b.source_prefix_length
        && a.kind == b.kind
        && (a.tos == b.tos || !is_v4)
        && a.protocol == b.protocol
        && spot(put) == spot(told)
        && source(put).is_none_or(|address| source(told) == Some(address))
        && {
            let (put, told) = (paths(put), paths(told));
            // IPv6 routes of one metric are one route with several gateways.
            (put.len() == told.len() || !is_v4)
                && put
                    .iter()
                    .all(|path| told.iter().any(|other| path.is(other)))
        }
}

/// The source address that the route prefers.
pub(super) fn source(message: &RouteMessage) -> Option<&RouteAddress> {
    message.attributes.iter().find_map(|a| match a {
        RouteAttribute::PrefSource(address) => Some(address),
        _ => None,
    })
}

/// Table, metric, destination and source.
fn spot(
    message: &RouteMessage,
) -> (
    u32,
    Option<u32>,
    Option<&RouteAddress>,
    Option<&RouteAddress>,
) {
    let is_v4 = message.header.address_family == AddressFamily::Inet;
    let mut table = u32::from(message.header.table);
    let mut metric = if is_v4 { 0 } else { V6_METRIC };
    let (mut destination, mut source) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Table(number) => table = *number,
            RouteAttribute::Priority(number) => metric = *number,
            RouteAttribute::Destination(address) => destination = Some(address),
            RouteAttribute::Source(address) => source = Some(address),
            _ => {}
        }
    }
    let metric = if metric == 0 && !is_v4 {
        V6_METRIC
    } else {
        metric
    };
    (table, Some(metric), destination, source)
}

/// Where packets go, as far as is said.
#[derive(Clone, Copy, Debug, Default)]
struct Path<'a> {
    gateway: Option<&'a RouteAddress>,
    via: Option<&'a RouteVia>,
    interface: Option<u32>,
}

impl Path<'_> {
    /// Whether the kernel's path is this one; an interface that was not given is its choice.
    fn is(&self, told: &Self) -> bool {
        self.gateway == told.gateway
            && self.via == told.via
            && (self.interface.is_none() || self.interface == told.interface)
    }

    fn of(attributes: &[RouteAttribute], interface: Option<u32>) -> Path<'_> {
        let mut path = Path {
            interface: interface.filter(|index| *index != 0),
            ..Path::default()
        };
        for attribute in attributes {
            match attribute {
                RouteAttribute::Gateway(address) => path.gateway = Some(address),
                RouteAttribute::Via(via) => path.via = Some(via),
                RouteAttribute::Oif(index) => path.interface = Some(*index),
                _ => {}
            }
        }
        path
    }
}

fn paths(message: &RouteMessage) -> Vec<Path<'_>> {
    let hops = message.attributes.iter().find_map(|a| match a {
        RouteAttribute::MultiPath(hops) => Some(hops),
        _ => None,
    });
    match hops {
        Some(hops) => hops
            .iter()
            .map(|hop| Path::of(&hop.attributes, Some(hop.interface_index)))
            .collect(),
        None => vec![Path::of(&message.attributes, None)],
    }
}

/// Whether the rule that was told of is the one that was put; its protocol is no difference to the kernel.
#[must_use]
pub fn same_rule(put: &RuleMessage, told: &RuleMessage) -> bool {
    let (a, b) = (&put.header, &told.header);
    let inverts = |message: &RuleMessage| message.header.flags.contains(RuleFlags::Invert);
    a.family == b.family
        && a.src_len == b.src_len
        && a.dst_len == b.dst_len
        && a.tos == b.tos
        && a.action == b.action
        && inverts(put) == inverts(told)
        && table(put) == table(told)
        && {
            let (put, told) = (said(put), said(told));
            put.len() == told.len() && put.iter().all(|attribute| told.contains(attribute))
        }
}

fn table(message: &RuleMessage) -> u32 {
    let table = message.attributes.iter().find_map(|a| match a {
        RuleAttribute::Table(table) => Some(*table),
        _ => None,
    });
    table.unwrap_or_else(|| message.header.table.into())
}

/// What makes the rule, without what the kernel says where nothing was said.
fn said(message: &RuleMessage) -> Vec<&RuleAttribute> {
    let attributes = message.attributes.iter();
    let said = attributes.filter(|attribute| {
        !matches!(
            attribute,
            RuleAttribute::Table(_)
                | RuleAttribute::Protocol(_)
                | RuleAttribute::SuppressPrefixLen(ALL)
                | RuleAttribute::SuppressIfGroup(ALL)
                | RuleAttribute::FwMark(0)
                | RuleAttribute::FwMask(ALL)
                | RuleAttribute::Other(_)
        )
    });
    said.collect()
}
