//! The short way, which most packets take: TCP and UDP without tags, options or fragments, to a service or to nobody here.
//!
//! It is compiled once per family with offsets that the compiler knows. What needs least of it, a service whose ring decides alone
//! and whose real server is on the link, is decided in the program itself; other services in a global function per family. What is
//! left goes the [long way](crate::long).

use aya_ebpf::{bindings::xdp_md, programs::XdpContext};
use lb_common::{
    dest::{DEST_RESOLVED, FORWARD_DIRECT_ROUTE},
    service::SCHEDULER_MH,
};

use crate::{
    flow::Segment,
    forward,
    frame::Frame,
    maps,
    outcome::Outcome,
    packet::{ETHER_IPV4, ETHER_IPV6, Ethernet},
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
    let ethernet = frame.get::<Ethernet>(0).ok_or(Rest::Long)?;
    // Twice the same call, so that the compiler knows the offsets in each.
    match ethernet.kind {
        ETHER_IPV4 => transport(frame, plain4(frame), ingress, Rest::Service4),
        ETHER_IPV6 => transport(frame, plain6(frame), ingress, Rest::Service6),
        _ => Err(Rest::Long),
    }
}

#[inline(always)]
fn transport(
    frame: &mut Frame,
    packet: Option<Packet>,
    ingress: u32,
    others: Rest,
) -> Result<Outcome, Rest> {
    let packet = &packet.ok_or(Rest::Long)?;
    let table = Table::read().ok_or(Rest::Long)?;
    let Some(service) = table.find(&service::key(packet)) else {
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
    let choice = select::by_ring(service.ring, serve::hash(packet)).ok_or(others)?;
    let dest = choice.dest;
    if dest.flags & DEST_RESOLVED == 0 || dest.method != FORWARD_DIRECT_ROUTE {
        return Err(others);
    }
    let opens = transport::segment(frame, packet).is_some_and(|segment| segment == Segment::Open);
    maps::count_traffic(service.id, choice.id, packet.end as u64, opens);
    Ok(forward::send(frame, dest, ingress))
}

#[inline(always)]
fn plain4(frame: &Frame) -> Option<Packet> {
    plain(frame, parse::ipv4(frame, &Link::PLAIN)?)
}

#[inline(always)]
fn plain6(frame: &Frame) -> Option<Packet> {
    plain(frame, parse::ipv6(frame, &Link::PLAIN)?)
}

#[inline(always)]
fn plain(frame: &Frame, packet: Packet) -> Option<Packet> {
    if !packet.is_plain() {
        return None;
    }
    let ports = *parse::ports(frame, &packet)?;
    Some(Packet { ports, ..packet })
}

/// A plain IPv4 packet for a service.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn serve4(context: *mut xdp_md) -> u32 {
    served(context, plain4)
}

/// A plain IPv6 packet for a service.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn serve6(context: *mut xdp_md) -> u32 {
    served(context, plain6)
}

#[inline(always)]
fn served(context: *mut xdp_md, plain: impl Fn(&Frame) -> Option<Packet>) -> u32 {
    let context = XdpContext::new(context);
    let mut frame = Frame::new(context.data(), context.data_end());
    // Both may be gone meanwhile.
    let found =
        plain(&frame).and_then(|packet| Some((packet, service::find(&service::key(&packet))?)));
    let outcome = match found {
        Some((packet, service)) => serve::serve(
            &mut frame,
            &packet,
            service,
            context.ingress_ifindex() as u32,
        ),
        None => Outcome::Pass,
    };
    xdp_verdict(outcome)
}
