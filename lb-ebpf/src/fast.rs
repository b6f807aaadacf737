//! The short way, which most packets take: TCP and UDP without tags, options or fragments, to a service or to nobody here.
//!
//! It is compiled once per family with offsets that the compiler knows. What needs least of it, a service whose ring decides alone
//! and whose real server is on the link, is decided in the program itself; other services in a global function per family. What is
//! left goes the [long way](crate::long).

use aya_ebpf::{bindings::xdp_md, programs::XdpContext};
use lb_common::{
    dest::{DEST_RESOLVED, FORWARD_DIRECT_ROUTE},
    hash,
    service::{SCHEDULER_MH, ServiceKey},
};

use crate::{
    flow::Segment,
    forward,
    frame::Frame,
    maps,
    outcome::Outcome,
    packet::{ETHER_IPV4, ETHER_IPV6, Ethernet, Ports},
    parse::{self, Link, Packet},
    select, serve,
    service::{self, Table},
    transport,
    verdict::xdp_verdict,
};

/// Who decides about a packet that is not decided yet.
#[derive(Clone, Copy)]
pub enum Rest {
    /// [`serve4`].
    Service4,
    /// [`serve6`].
    Service6,
    /// The long way.
    Long,
}

/// Decides about the packet in `frame`, which came by interface `ingress`.
///
/// # Errors
/// Who does, with the packet untouched.
#[inline(always)]
pub fn handle(frame: &mut Frame, ingress: u32) -> Result<Outcome, Rest> {
    let Some(ethernet) = frame.get::<Ethernet>(0) else {
        return Err(Rest::Long);
    };
    // Twice the same call, so that the compiler knows the offsets in each.
    let packet = match ethernet.kind {
        ETHER_IPV4 => match parse::ipv4(frame, &Link::PLAIN) {
            Some(packet) => return transport(frame, &packet, ingress, Rest::Service4),
            None => return Err(Rest::Long),
        },
        ETHER_IPV6 => parse::ipv6(frame, &Link::PLAIN),
        _ => None,
    };
    match packet {
        Some(packet) => transport(frame, &packet, ingress, Rest::Service6),
        None => Err(Rest::Long),
    }
}

#[inline(always)]
fn transport(
    frame: &mut Frame,
    packet: &Packet,
    ingress: u32,
    others: Rest,
) -> Result<Outcome, Rest> {
    let Some(ports) = plain_ports(frame, packet) else {
        return Err(Rest::Long);
    };
    let Some(table) = Table::read() else {
        return Err(Rest::Long);
    };
    let Some(service) = table.find(&key(packet, &ports)) else {
        // The table may have been swapped meanwhile; and somebody may care for what is no service's.
        let is_nobodys = !table.has_nat_sources()
            && !maps::has_hints()
            && Table::read().is_some_and(|again| again == table);
        return if is_nobodys {
            Ok(Outcome::Pass)
        } else {
            Err(Rest::Long)
        };
    };
    let is_decided = service.scheduler == SCHEDULER_MH
        && service.ring == service.previous
        && maps::is_open(service.gate)
        && transport::check(frame, packet).is_some();
    if !is_decided {
        return Err(others);
    }
    let hash = hash::flow(&packet.source.address(), ports.source, ports.destination);
    let Some(choice) = select::by_ring(service.ring, hash) else {
        return Err(others);
    };
    let dest = choice.dest;
    if dest.flags & DEST_RESOLVED == 0 || dest.method != FORWARD_DIRECT_ROUTE {
        return Err(others);
    }
    let opens = transport::segment(frame, packet).is_some_and(|segment| segment == Segment::Open);
    maps::count_traffic(service.id, choice.id, packet.end as u64, opens);
    Ok(forward::send(frame, dest, ingress))
}

#[inline(always)]
fn plain_ports(frame: &Frame, packet: &Packet) -> Option<Ports> {
    if !packet.is_plain() {
        return None;
    }
    parse::ports(frame, packet).copied()
}

#[inline(always)]
const fn key(packet: &Packet, ports: &Ports) -> ServiceKey {
    ServiceKey {
        address: packet.destination.address(),
        port: ports.destination,
        protocol: packet.protocol,
        pad: 0,
    }
}

/// A plain IPv4 packet for a service.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn serve4(context: *mut xdp_md) -> u32 {
    let context = XdpContext::new(context);
    let mut frame = Frame::new(context.data(), context.data_end());
    let packet = parse::ipv4(&frame, &Link::PLAIN);
    xdp_verdict(serve(&mut frame, packet, &context))
}

/// A plain IPv6 packet for a service.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn serve6(context: *mut xdp_md) -> u32 {
    let context = XdpContext::new(context);
    let mut frame = Frame::new(context.data(), context.data_end());
    let packet = parse::ipv6(&frame, &Link::PLAIN);
    xdp_verdict(serve(&mut frame, packet, &context))
}

#[inline(always)]
fn serve(frame: &mut Frame, packet: Option<Packet>, context: &XdpContext) -> Outcome {
    let Some(packet) = packet else {
        return Outcome::Pass;
    };
    let Some(ports) = plain_ports(frame, &packet) else {
        return Outcome::Pass;
    };
    // It may be gone meanwhile.
    let Some(service) = service::find(&key(&packet, &ports)) else {
        return Outcome::Pass;
    };
    let ingress = context.ingress_ifindex() as u32;
    serve::serve(frame, &packet, &ports, service, ingress)
}
