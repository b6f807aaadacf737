//! The short way, which most packets take: TCP and UDP without tags, options or fragments, to a service whose ring decides
//! alone and whose real server is on the link, or to nobody here.
//!
//! It is written once per family with offsets that the compiler knows, and holds so little at a time that all of it stays in
//! registers. What it is not sure of goes the long way, [`ingress`](crate::ingress), and so does all that is rare.

use lb_common::{
    dest::{DEST_RESOLVED, FORWARD_DIRECT_ROUTE},
    hash,
    service::{SCHEDULER_MH, ServiceKey},
};

use crate::{
    flow::Segment,
    frame::Frame,
    maps,
    outcome::Outcome,
    packet::{ETHER_IPV4, ETHER_IPV6, Ethernet},
    parse::{self, Packet},
    select, service, transport,
};

/// Decides about the packet in `frame`, which came by interface `ingress`; `None` sends it the long way, untouched.
#[inline(always)]
pub fn handle(frame: &mut Frame, ingress: u32) -> Option<Outcome> {
    const NETWORK: usize = size_of::<Ethernet>();
    // Twice the same call, so that the compiler knows the offsets in each.
    match frame.get::<Ethernet>(0)?.kind {
        ETHER_IPV4 => {
            let packet = parse::ipv4(frame, NETWORK)?;
            transport(frame, &packet, ingress)
        }
        ETHER_IPV6 => {
            let packet = parse::ipv6(frame, NETWORK)?;
            transport(frame, &packet, ingress)
        }
        _ => None,
    }
}

#[inline(always)]
fn transport(frame: &mut Frame, packet: &Packet, ingress: u32) -> Option<Outcome> {
    let ports = *parse::ports(frame, packet)?;
    let key = ServiceKey {
        address: packet.destination.address(),
        port: ports.destination,
        protocol: packet.protocol,
        pad: 0,
    };
    let table = maps::service_header()?;
    let Some(service) = service::find_in(&table, &key) else {
        // The table may have been swapped meanwhile; and somebody may care for what is no service's.
        let is_nobodys =
            table.nat_sources == 0 && !maps::has_hints() && maps::service_header()? == table;
        return is_nobodys.then_some(Outcome::Pass);
    };
    let is_decided = service.scheduler == SCHEDULER_MH
        && service.ring == service.previous
        && maps::is_open(service.gate);
    if !is_decided {
        return None;
    }
    transport::check(frame, packet)?;
    let is_open = transport::segment(frame, packet)? == Segment::Open;
    let hash = hash::flow(&packet.source.address(), ports.source, ports.destination);
    let choice = select::by_ring(service.ring, hash)?;
    let dest = choice.dest;
    if dest.flags & DEST_RESOLVED == 0 || dest.method != FORWARD_DIRECT_ROUTE {
        return None;
    }
    let ethernet = frame.get_mut::<Ethernet>(0)?;
    ethernet.readdress(&dest.next_hop, &dest.source);
    maps::count_traffic(service.id, choice.id, packet.end as u64, is_open);
    Some(if dest.ifindex == ingress {
        Outcome::Forward
    } else {
        Outcome::ForwardTo(dest.ifindex)
    })
}
