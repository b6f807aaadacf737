//! Routes.

use std::net::IpAddr;

use rtnetlink::packet_route::{
    AddressFamily,
    route::{
        RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteMplsTtlPropagation,
        RouteNextHop, RouteNextHopFlags, RoutePreference, RouteProtocol, RouteRealm, RouteScope,
        RouteType, RouteVia,
    },
};

use super::{Here, ObjectError, encap, metrics};
use crate::config::{
    NameList,
    model::{
        Family,
        route::{Encap, Nexthop, Prefix, Realms, Route, RouteKind, RouterPreference},
    },
};

/// A route with all its words.
pub(super) fn encode(route: &Route, here: &mut Here<'_>) -> Result<RouteMessage, ObjectError> {
    let mut message = RouteMessage::default();
    message.attributes = selection(route, here)?;
    let metrics = metrics::encode(&route.metrics);
    if !metrics.is_empty() {
        message.attributes.push(RouteAttribute::Metrics(metrics));
    }
    message.attributes.extend(target(route, here)?);
    let header = &mut message.header;
    header.address_family = family(route.family);
    header.destination_prefix_length = route.destination.length.get();
    header.source_prefix_length = route.from.map_or(0, |from| from.length.get());
    if let Some(tos) = &route.tos {
        header.tos = here.number(NameList::DsField, tos)?;
    }
    let table = table(route, here)?;
    match u8::try_from(table) {
        Ok(table) => header.table = table,
        Err(_) => message.attributes.push(RouteAttribute::Table(table)),
    }
    header.protocol = RouteProtocol::from(here.number(NameList::Protocols, &route.protocol)?);
    header.scope = match &route.scope {
        Some(scope) => RouteScope::from(here.number(NameList::Scopes, scope)?),
        None => scope_of(route),
    };
    header.kind = kind(route.kind);
    if route.on_link {
        header.flags |= RouteFlags::Onlink;
    }
    Ok(message)
}

/// What the kernel needs to find the route: not what it says of the path.
pub(super) fn identity(mut message: RouteMessage) -> RouteMessage {
    if message.header.address_family == AddressFamily::Inet {
        // Any (RT_SCOPE_NOWHERE, as ip-route(8) does).
        message.header.scope = RouteScope::NoWhere;
    }
    message.header.flags = RouteFlags::empty();
    message.attributes.retain(|attribute| {
        matches!(
            attribute,
            RouteAttribute::Destination(_)
                | RouteAttribute::Source(_)
                | RouteAttribute::Gateway(_)
                | RouteAttribute::Via(_)
                | RouteAttribute::Oif(_)
                | RouteAttribute::Priority(_)
                | RouteAttribute::Table(_)
                | RouteAttribute::MultiPath(_)
        )
    });
    message
}

fn table(route: &Route, here: &mut Here<'_>) -> Result<u32, ObjectError> {
    match &route.vrf {
        Some(vrf) => {
            let table = here.interfaces.vrf_table(vrf);
            table.ok_or_else(|| ObjectError::NoVrf(vrf.clone()))
        }
        None => here.number(NameList::Tables, &route.table),
    }
}

/// keepalived leaves "universe" where nothing is said; but what is delivered here, or to all on the link, the kernel takes
/// with the scope that is right for it alone.
fn scope_of(route: &Route) -> RouteScope {
    match route.kind {
        _ if route.family == Family::V6 => RouteScope::Universe,
        RouteKind::Local | RouteKind::Nat => RouteScope::Host,
        RouteKind::Broadcast | RouteKind::Anycast => RouteScope::Link,
        RouteKind::Unicast
        | RouteKind::Multicast
        | RouteKind::Throw
        | RouteKind::Unreachable
        | RouteKind::Prohibit
        | RouteKind::Blackhole
        | RouteKind::Xresolve => RouteScope::Universe,
    }
}

fn selection(route: &Route, here: &mut Here<'_>) -> Result<Vec<RouteAttribute>, ObjectError> {
    let seconds = |time: std::time::Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    let ttl = |on| match on {
        true => RouteMplsTtlPropagation::Enabled,
        false => RouteMplsTtlPropagation::Disabled,
    };
    let attributes = [
        network(route.destination).map(RouteAttribute::Destination),
        route.from.and_then(network).map(RouteAttribute::Source),
        route.source.map(|s| RouteAttribute::PrefSource(s.into())),
        route.metric.map(RouteAttribute::Priority),
        route
            .preference
            .map(|p| RouteAttribute::Preference(preference(p))),
        realm(route.realms.as_ref(), here)?,
        route.expires.map(|t| RouteAttribute::Expires(seconds(t))),
        route
            .ttl_propagate
            .map(|on| RouteAttribute::TtlPropagate(ttl(on))),
    ];
    Ok(attributes.into_iter().flatten().collect())
}

/// Where packets go.
fn target(route: &Route, here: &mut Here<'_>) -> Result<Vec<RouteAttribute>, ObjectError> {
    let mut attributes = Vec::new();
    attributes.extend(route.via.map(|via| gateway(via, route.family)));
    if let Some(interface) = &route.interface {
        attributes.push(RouteAttribute::Oif(here.index(interface)?));
    }
    attributes.extend(tunnel(route.encap.as_ref(), here)?);
    if !route.nexthops.is_empty() {
        let hops = route.nexthops.iter();
        let hops = hops.map(|hop| nexthop(hop, route.family, here));
        let hops = hops.collect::<Result<_, ObjectError>>()?;
        attributes.push(RouteAttribute::MultiPath(hops));
    }
    Ok(attributes)
}

fn nexthop(
    hop: &Nexthop,
    family: Family,
    here: &mut Here<'_>,
) -> Result<RouteNextHop, ObjectError> {
    let mut message = RouteNextHop::default();
    // One less than the weight (RTNH hops).
    message.hops = u8::try_from(hop.weight.saturating_sub(1)).unwrap_or(u8::MAX);
    if let Some(interface) = &hop.interface {
        message.interface_index = here.index(interface)?;
    }
    if hop.on_link {
        message.flags |= RouteNextHopFlags::Onlink;
    }
    let attributes = &mut message.attributes;
    attributes.extend(hop.via.map(|via| gateway(via, family)));
    attributes.extend(realm(hop.realms.as_ref(), here)?);
    attributes.extend(tunnel(hop.encap.as_ref(), here)?);
    Ok(message)
}

fn tunnel(encap: Option<&Encap>, here: &mut Here<'_>) -> Result<Vec<RouteAttribute>, ObjectError> {
    let encap = encap.map(|encap| encap::encode(encap, here)).transpose()?;
    Ok(encap.into_iter().flatten().collect())
}

/// A gateway; of the other family (RFC 8950) it has an attribute of its own.
fn gateway(address: IpAddr, family: Family) -> RouteAttribute {
    if Family::of(address) == family {
        RouteAttribute::Gateway(address.into())
    } else {
        RouteAttribute::Via(RouteVia::from(address))
    }
}

/// Everything has no address.
fn network(prefix: Prefix) -> Option<RouteAddress> {
    (prefix.length.get() > 0).then(|| prefix.address.into())
}

/// Realms of a route, or of a next hop.
fn realm(
    realms: Option<&Realms>,
    here: &mut Here<'_>,
) -> Result<Option<RouteAttribute>, ObjectError> {
    let realm = realms.map(|realms| realms_of(realms, here)).transpose()?;
    Ok(realm.map(RouteAttribute::Realm))
}

/// Realms as the kernel has them.
pub(super) fn realms_of(realms: &Realms, here: &mut Here<'_>) -> Result<RouteRealm, ObjectError> {
    let from = realms.from.as_ref();
    let from = from.map(|from| here.number(NameList::Realms, from));
    Ok(RouteRealm {
        source: from.transpose()?.unwrap_or(0),
        destination: here.number(NameList::Realms, &realms.to)?,
    })
}

/// A family as the kernel has it.
pub(super) const fn family(family: Family) -> AddressFamily {
    match family {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    }
}

const fn preference(preference: RouterPreference) -> RoutePreference {
    match preference {
        RouterPreference::Low => RoutePreference::Low,
        RouterPreference::Medium => RoutePreference::Medium,
        RouterPreference::High => RoutePreference::High,
    }
}

const fn kind(kind: RouteKind) -> RouteType {
    match kind {
        RouteKind::Unicast => RouteType::Unicast,
        RouteKind::Local => RouteType::Local,
        RouteKind::Broadcast => RouteType::Broadcast,
        RouteKind::Anycast => RouteType::Anycast,
        RouteKind::Multicast => RouteType::Multicast,
        RouteKind::Throw => RouteType::Throw,
        RouteKind::Unreachable => RouteType::Unreachable,
        RouteKind::Prohibit => RouteType::Prohibit,
        RouteKind::Blackhole => RouteType::BlackHole,
        RouteKind::Xresolve => RouteType::ExternalResolve,
        RouteKind::Nat => RouteType::Nat,
    }
}
