//! A dest of the maps, from the real server that it should be.

use bytemuck::Zeroable;
use lb_common::dest::{
    DEST_DRAINING, DEST_KEEPS_PORT, DEST_LIMITED, DEST_LOCAL, DEST_RESOLVED, DEST_TUNNEL_CHECKSUM,
    DEST_USABLE, DestValue, FORWARD_DIRECT_ROUTE, FORWARD_FULLNAT, FORWARD_GRE, FORWARD_GUE,
    FORWARD_IPIP, FORWARD_NAT, has_local, is_tunnel,
};

use crate::{
    config::model::{ForwardMethod, Protocol, Tunnel, lvs::TunnelChecksum},
    pool::{Front, Hop, NextHop, desired::Dest, mapped},
};

/// A next hop once known stays until another is known: a neighbour that stopped answering is the checks' business.
pub(super) fn dest_value(
    (service, front): (u32, Front),
    dest: &Dest,
    before: Option<&DestValue>,
) -> DestValue {
    let usable = if dest.usable { DEST_USABLE } else { 0 };
    let limited = if dest.thresholds.upper > 0 {
        DEST_LIMITED
    } else {
        0
    };
    let draining = if dest.draining { DEST_DRAINING } else { 0 };
    let keeps_port = if front.port == 0 { DEST_KEEPS_PORT } else { 0 };
    let (method, port, checksum) = match dest.method {
        ForwardMethod::DirectRoute => (FORWARD_DIRECT_ROUTE, 0, TunnelChecksum::None),
        ForwardMethod::Nat => (FORWARD_NAT, 0, TunnelChecksum::None),
        ForwardMethod::FullNat => (FORWARD_FULLNAT, 0, TunnelChecksum::None),
        ForwardMethod::Tunnel(Tunnel::Ipip) => (FORWARD_IPIP, 0, TunnelChecksum::None),
        ForwardMethod::Tunnel(Tunnel::Gue { port, checksum }) => (FORWARD_GUE, port, checksum),
        ForwardMethod::Tunnel(Tunnel::Gre { checksum }) => (FORWARD_GRE, 0, checksum),
    };
    // A packet that comes from the wire has its own checksum already, so that IPVS too takes "remote" for "plain".
    let checksum = match checksum {
        TunnelChecksum::None => 0,
        TunnelChecksum::Plain | TunnelChecksum::Remote => DEST_TUNNEL_CHECKSUM,
    };
    let value = DestValue {
        address: mapped(dest.id.address),
        port: dest.id.port.to_be_bytes(),
        generation: before.map_or(0, |before| before.generation),
        method,
        flags: usable | limited | draining | keeps_port | checksum,
        service,
        tunnel_port: port.to_be_bytes(),
        ..DestValue::zeroed()
    };
    let here = if may_be_here(front, dest) {
        DEST_LOCAL
    } else {
        0
    };
    // What needs no address of this host was told none.
    let fits = |before: &&DestValue| has_local(before.method) == has_local(method);
    match (&dest.next_hop, before.filter(fits)) {
        (Some(NextHop::Host), _) => DestValue {
            flags: value.flags | here,
            ..value
        },
        (Some(NextHop::Link(hop)), _) => resolved(value, hop),
        (None, Some(before)) => DestValue {
            flags: value.flags | before.flags & (DEST_RESOLVED | here),
            ifindex: before.ifindex,
            next_hop: before.next_hop,
            source: before.source,
            local: before.local,
            mtu: before.mtu,
            ..value
        },
        (None, None) => value,
    }
}

/// Whether the programs can serve a real server that is this host.
pub(super) fn may_be_here(front: Front, dest: &Dest) -> bool {
    front.protocol != Protocol::Sctp
        || !dest.method.is_nat()
        || [0, dest.id.port].contains(&front.port)
}

/// Some methods need an address of this host, too.
fn resolved(value: DestValue, found: &Hop) -> DestValue {
    let mut value = DestValue {
        ifindex: found.ifindex,
        next_hop: found.next_hop,
        source: found.source,
        ..value
    };
    if !has_local(value.method) {
        value.flags |= DEST_RESOLVED;
    } else if let Some(local) = found.local {
        value.flags |= DEST_RESOLVED;
        value.local = mapped(local);
        if is_tunnel(value.method) {
            value.mtu = u16::try_from(found.mtu).unwrap_or(u16::MAX);
        }
    }
    value
}
