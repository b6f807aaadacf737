//! The short way, which most packets take: TCP and UDP without tags, options or fragments, to a service or to nobody here.
//!
//! It is compiled once per family with offsets that the compiler knows. What needs least of it, a service whose ring decides alone
//! and whose real server is on the link, is decided in the program itself; other services in a global function per family. What is
//! left goes the [long way](crate::long).

use aya_ebpf::{bindings::xdp_md, programs::XdpContext};
use lb_common::{
    dest::{DEST_RESOLVED, FORWARD_DIRECT_ROUTE, FORWARD_IPIP},
    service::{SCHEDULER_MH, SERVICE_NAT, SERVICE_QUIC, ServiceValue},
};

use crate::{
    bfd,
    flow::Segment,
    forward,
    frame::Frame,
    long::UNDECIDED,
    maps,
    outcome::Outcome,
    packet::{ETHER_IPV4, ETHER_IPV6, Ethernet},
    parse::{self, Link, Packet},
    quic, reply, select,
    serve::{self, Service},
    service::{self, Table},
    transport,
    verdict::xdp_verdict,
};

/// Who decides about a packet that is not decided yet.
#[derive(Clone, Copy)]
pub enum Rest {
    /// [`Service4`], for the service in this slot of the fast table.
    Service4(u32),
    /// [`Service6`], likewise.
    Service6(u32),
    /// [`reply4`].
    Reply4,
    /// [`reply6`].
    Reply6,
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
    if ethernet.is_to_group() {
        return Err(Rest::Long);
    }
    // Twice the same call, so that the compiler knows the offsets in each.
    match ethernet.kind {
        ETHER_IPV4 => {
            let packet = plain4(frame).ok_or(Rest::Long)?;
            let others = Others {
                service: Rest::Service4,
                reply: Rest::Reply4,
            };
            transport(frame, &packet, ingress, others)
        }
        ETHER_IPV6 => {
            let packet = plain6(frame).ok_or(Rest::Long)?;
            let others = Others {
                service: Rest::Service6,
                reply: Rest::Reply6,
            };
            transport(frame, &packet, ingress, others)
        }
        _ => Err(Rest::Long),
    }
}

/// Who decides about packets of one family.
struct Others {
    service: fn(u32) -> Rest,
    reply: Rest,
}

#[inline(always)]
fn transport(
    frame: &mut Frame,
    packet: &Packet,
    ingress: u32,
    others: Others,
) -> Result<Outcome, Rest> {
    let table = Table::read().ok_or(Rest::Long)?;
    let Some(found) = table.find(&service::key(packet)) else {
        // The table may have been swapped meanwhile; and somebody may care for what is no service's.
        if maps::has_hints() || table.has_wildcards() || bfd::is_control(packet, &packet.ports) {
            return Err(Rest::Long);
        }
        if table.has_nat_sources() && maps::may_be_nat_source(&reply::source(packet)) {
            return Err(others.reply);
        }
        let is_same = Table::read().is_some_and(|again| again == table);
        return if is_same {
            Ok(Outcome::Pass)
        } else {
            Err(Rest::Long)
        };
    };
    let (service, others) = (found.value, (others.service)(found.slot));
    let is_decided = service.scheduler == SCHEDULER_MH
        && service.flags & (SERVICE_NAT | SERVICE_QUIC) == 0
        && service.ring == service.previous
        && maps::is_open(service.gate)
        && transport::check(frame, packet).is_some();
    if !is_decided {
        return Err(others);
    }
    let choice = select::by_ring(service.ring, serve::entry(packet, service)).ok_or(others)?;
    let dest = choice.dest;
    if dest.flags & DEST_RESOLVED == 0 {
        return Err(others);
    }
    let is_tunnelled = dest.method == FORWARD_IPIP && packet.ttl > 1;
    if !is_tunnelled && dest.method != FORWARD_DIRECT_ROUTE {
        return Err(others);
    }
    let opens = transport::segment(frame, packet).is_some_and(|segment| segment == Segment::Open);
    maps::count_traffic(service.id, choice.id, packet.end as u64, opens);
    Ok(if is_tunnelled {
        Outcome::Tunnel(u32::from(choice.id))
    } else {
        forward::send(frame, dest, ingress)
    })
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
    let ports = parse::ports(frame, &packet)?;
    Some(Packet { ports, ..packet })
}

/// A plain IPv4 packet for the service in `slot`, to the dest `id`, or to where its flow goes.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn serve4(context: *mut xdp_md, slot: u32, id: u32) -> u32 {
    served(context, slot, id, plain4)
}

/// A plain IPv6 packet for a service, likewise.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn serve6(context: *mut xdp_md, slot: u32, id: u32) -> u32 {
    served(context, slot, id, plain6)
}

/// A plain IPv4 packet that begins a flow.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn begin4(context: *mut xdp_md, slot: u32) -> u32 {
    begun(context, slot, plain4)
}

/// A plain IPv6 packet that begins a flow.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn begin6(context: *mut xdp_md, slot: u32) -> u32 {
    begun(context, slot, plain6)
}

/// A plain IPv4 packet, perhaps of a real server; [`long::UNDECIDED`] where it is none.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn reply4(context: *mut xdp_md) -> u32 {
    replied(context, plain4)
}

/// A plain IPv6 packet, likewise.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn reply6(context: *mut xdp_md) -> u32 {
    replied(context, plain6)
}

#[inline(always)]
fn replied(context: *mut xdp_md, plain: impl Fn(&Frame) -> Option<Packet>) -> u32 {
    let context = XdpContext::new(context);
    let mut frame = Frame::new(context.data(), context.data_end());
    let outcome = plain(&frame).and_then(|packet| reply::answer(&mut frame, &packet));
    outcome.map_or(UNDECIDED, xdp_verdict)
}

/// [`serve4`] and [`begin4`].
pub struct Service4(pub *mut xdp_md, pub u32);

/// [`serve6`] and [`begin6`].
pub struct Service6(pub *mut xdp_md, pub u32);

impl Service for Service4 {
    #[inline(always)]
    fn serve(&self, dest: u32) -> u32 {
        serve4(self.0, self.1, dest)
    }
    #[inline(always)]
    fn begin(&self) -> u32 {
        begin4(self.0, self.1)
    }
    #[inline(always)]
    fn named(&self) -> u32 {
        quic::named(self.0, self.1)
    }
}

impl Service for Service6 {
    #[inline(always)]
    fn serve(&self, dest: u32) -> u32 {
        serve6(self.0, self.1, dest)
    }
    #[inline(always)]
    fn begin(&self) -> u32 {
        begin6(self.0, self.1)
    }
    #[inline(always)]
    fn named(&self) -> u32 {
        quic::named(self.0, self.1)
    }
}

#[inline(always)]
fn served(
    context: *mut xdp_md,
    slot: u32,
    id: u32,
    plain: impl Fn(&Frame) -> Option<Packet>,
) -> u32 {
    let context = XdpContext::new(context);
    let mut frame = Frame::new(context.data(), context.data_end());
    let Some((packet, service)) = found(&frame, slot, plain) else {
        return UNDECIDED;
    };
    let ingress = context.ingress_ifindex() as u32;
    xdp_verdict(serve::serve(&mut frame, &packet, service, id, ingress))
}

#[inline(always)]
fn begun(context: *mut xdp_md, slot: u32, plain: impl Fn(&Frame) -> Option<Packet>) -> u32 {
    let context = XdpContext::new(context);
    let frame = Frame::new(context.data(), context.data_end());
    found(&frame, slot, plain).map_or(UNDECIDED, |(packet, service)| {
        xdp_verdict(serve::begin(&frame, &packet, service))
    })
}

/// The packet and its service, which may be elsewhere by now.
#[inline(always)]
fn found(
    frame: &Frame,
    slot: u32,
    plain: impl Fn(&Frame) -> Option<Packet>,
) -> Option<(Packet, &'static ServiceValue)> {
    let packet = plain(frame)?;
    let service = service::at(slot, &service::key(&packet))?;
    Some((packet, service))
}
