//! The long way of a packet through `lb_xdp`, for whatever the [short one](crate::fast) does not decide.
//!
//! A service is matched before anything is judged: what is not for a service, a virtual router or a fenced
//! address passes as it came.

use core::ffi::c_void;

use lb_common::{hash, service::ServiceKey, service::ServiceValue};

use crate::{
    fence::{self, Say},
    flow::{Key, Segment},
    forward,
    frame::Frame,
    heartbeat::{self, Place},
    maps,
    outcome::Outcome,
    packet::{ETHER_ARP, ETHER_IPV4, ETHER_IPV6, Ports},
    parse::{self, Link, Packet},
    reply, select, service, transport,
};

/// Decides about the packet in `frame`, which came by interface `ingress`. Without `TIMERS` the kernel has
/// none, and every advert is the daemon's.
#[inline(always)]
pub fn handle<const TIMERS: bool>(
    frame: &mut Frame,
    context: *mut c_void,
    ingress: u32,
) -> Outcome {
    let Some(link) = parse::link(frame) else {
        return Outcome::Pass;
    };
    let packet = match link.kind {
        ETHER_IPV4 => parse::ipv4(frame, link.payload),
        ETHER_IPV6 => parse::ipv6(frame, link.payload),
        ETHER_ARP if fence::arp_asks(frame, link.payload) => return Outcome::FencedNeighbour,
        _ => None,
    };
    let Some(packet) = packet else {
        return Outcome::Pass;
    };
    if TIMERS && heartbeat::is_advert(&packet) {
        // The key has room for one VLAN id.
        if link.tags > 1 {
            return Outcome::Pass;
        }
        let place = Place {
            ifindex: ingress,
            vlan: link.vlan,
        };
        return match heartbeat::receive(frame, &packet, &place) {
            Some(outcome) => outcome,
            None => restrict(frame, &packet),
        };
    }
    if let Some(outcome) = transport(frame, context, &link, &packet, ingress) {
        return outcome;
    }
    restrict(frame, &packet)
}

/// What is for nobody else is for this host, which may have the address but not use it.
#[inline(always)]
fn restrict(frame: &Frame, packet: &Packet) -> Outcome {
    if fence::neighbour_asks(frame, packet) {
        return Outcome::FencedNeighbour;
    }
    match fence::say(packet.destination) {
        Say::Nothing => Outcome::Pass,
        Say::Fenced => Outcome::Fenced,
        Say::NotAccepted if !fence::is_neighbour_discovery(frame, packet) => Outcome::NotAccepted,
        Say::NotAccepted => Outcome::Pass,
    }
}

/// TCP and UDP for a service or from a real server; `None` for everything else.
#[inline(always)]
fn transport(
    frame: &mut Frame,
    context: *mut c_void,
    link: &Link,
    packet: &Packet,
    ingress: u32,
) -> Option<Outcome> {
    let ports = *parse::ports(frame, packet)?;
    let key = ServiceKey {
        address: packet.destination.address(),
        port: ports.destination,
        protocol: packet.protocol,
        pad: 0,
    };
    if let Some(service) = service::find(&key) {
        return Some(either(serve(frame, link, packet, &ports, service, ingress)));
    }
    let segment = transport::segment(frame, packet)?;
    let front = reply::find(packet, &ports, segment)?;
    // A tagged reply would leave by an interface that need not know the tag.
    if link.tags != 0 {
        return None;
    }
    Some(either(reply::reply(frame, context, packet, ingress, front)))
}

#[inline(always)]
const fn either(outcome: Result<Outcome, Outcome>) -> Outcome {
    match outcome {
        Ok(outcome) | Err(outcome) => outcome,
    }
}

#[inline(always)]
fn serve(
    frame: &mut Frame,
    link: &Link,
    packet: &Packet,
    ports: &Ports,
    service: &ServiceValue,
    ingress: u32,
) -> Result<Outcome, Outcome> {
    service::enter(service.gate)?;
    transport::check(frame, packet).ok_or(Outcome::Malformed)?;
    let segment: Segment = transport::segment(frame, packet).ok_or(Outcome::Malformed)?;
    let key = Key {
        family: packet.family,
        client: packet.source,
        port: ports.source,
        service: service.id,
        hash: hash::flow(&packet.source.address(), ports.source, ports.destination),
    };
    let choice = select::select(service, &key, segment)?;
    let outcome = forward::forward(frame, packet, choice.dest, ingress, link.tags != 0);
    if matches!(outcome, Outcome::Forward | Outcome::ForwardTo(_)) {
        maps::count_traffic(service.id, choice.id, packet.end as u64, choice.new_flow);
    }
    Ok(outcome)
}
