//! Full NAT: a real server sees this host as its client, so its replies come back here by whatever way they take.
//!
//! A packet to it gets the real server as destination and one of [this host's ports](crate::local_port) as source, a reply the virtual
//! source and the client, both at once and with everything in between mended.

use aya_ebpf::{bindings::xdp_md, programs::XdpContext};
use lb_common::dest::DestValue;

use crate::{
    flow::Segment,
    forward::{self, End, Endpoint, Hop},
    frame::Frame,
    icmp,
    ip::Ip,
    local_port::{self, NOWHERE, Owner},
    long::{self, Piece, UNDECIDED},
    maps,
    outcome::Outcome,
    parse::Packet,
    reply, transport,
    verdict::xdp_verdict,
};

/// Sends a packet to the dest `id`; `packet` is room for what is parsed of it.
#[inline(always)]
pub fn send(context: *mut xdp_md, packet: &mut Packet, id: u32) -> u32 {
    long::long_parse(context, packet);
    let port = match full_nat_port(packet, id) {
        0 => take(packet, id),
        port => port,
    };
    match port {
        0 => xdp_verdict(Outcome::NoPort),
        port => full_nat_send(context, packet, id, port),
    }
}

#[inline(always)]
fn take(packet: *const Packet, id: u32) -> u32 {
    match full_nat_take(packet, id, 0) {
        0 => full_nat_take(packet, id, 1),
        port => port,
    }
}

/// Sends an ICMP error to the dest `id`; one whose flow has no port is nobody's.
#[inline(always)]
pub fn send_error(context: *mut xdp_md, packet: &mut Packet, id: u32) -> u32 {
    long::long_parse(context, packet);
    let port = if long::long_quoted(context, packet) == 0 {
        0
    } else {
        full_nat_port(packet, id)
    };
    long::long_parse(context, packet);
    match port {
        0 => xdp_verdict(Outcome::Pass),
        port => full_nat_send_error(context, packet, id, port),
    }
}

/// Gives a packet from a real server its virtual source and its client.
#[inline(always)]
pub fn reply(context: *mut xdp_md, packet: *const Packet) -> u32 {
    match full_nat_entry(context, packet, 0) {
        NOWHERE => UNDECIDED,
        entry => full_nat_reply(context, packet, entry),
    }
}

/// The same of an ICMP error about what full NAT has sent; `packet` is what it is about, turned round, and the error itself afterwards.
#[inline(always)]
pub fn error_back(context: *mut xdp_md, packet: &mut Packet) -> u32 {
    let entry = full_nat_entry(context, packet, 1);
    long::long_parse(context, packet);
    if entry == NOWHERE {
        UNDECIDED
    } else {
        full_nat_error_back(context, packet, entry)
    }
}

/// The port that the packet's flow to the dest `id` has; 0 without one.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn full_nat_port(packet: *const Packet, id: u32) -> u32 {
    let (Some(packet), Some(dest)) = (Packet::handed(packet), maps::dest(id as u16)) else {
        return 0;
    };
    local_port::find(&Owner::of(&packet, id), dest)
}

/// A port for the packet's flow to the dest `id`, of the first or the second group that it may be of; 0 where none is free.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn full_nat_take(packet: *const Packet, id: u32, group: u32) -> u32 {
    let (Some(packet), Some(dest)) = (Packet::handed(packet), maps::dest(id as u16)) else {
        return 0;
    };
    local_port::take(&Owner::of(&packet, id), dest, group)
}

/// [`local_port::of_reply`]; `quoted` is not 0 where the packet is only quoted.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn full_nat_entry(context: *mut xdp_md, packet: *const Packet, quoted: u32) -> u32 {
    let context = XdpContext::new(context);
    let frame = Frame::new(context.data(), context.data_end());
    let Some(packet) = Packet::handed(packet) else {
        return NOWHERE;
    };
    let segment = if quoted == 0 {
        transport::segment(&frame, &packet)
    } else {
        Some(Segment::Related)
    };
    segment.map_or(NOWHERE, |segment| local_port::of_reply(&packet, segment))
}

/// Sends a packet to the dest `id` from `port`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn full_nat_send(
    context: *mut xdp_md,
    packet: *const Packet,
    id: u32,
    port: u32,
) -> u32 {
    long::piece(context, packet, &Requests { id, port })
}

/// Sends an ICMP error to the dest `id` from `port`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn full_nat_send_error(
    context: *mut xdp_md,
    packet: *const Packet,
    id: u32,
    port: u32,
) -> u32 {
    long::piece(context, packet, &Errors { id, port })
}

/// A packet from the real server whose flow has `entry`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn full_nat_reply(context: *mut xdp_md, packet: *const Packet, entry: u32) -> u32 {
    long::piece(context, packet, &Replies { entry })
}

/// An ICMP error about what was sent to the real server whose flow has `entry`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn full_nat_error_back(
    context: *mut xdp_md,
    packet: *const Packet,
    entry: u32,
) -> u32 {
    long::piece(context, packet, &ErrorsBack { entry })
}

struct Requests {
    id: u32,
    port: u32,
}

impl Piece for Requests {
    #[inline(always)]
    fn decide(&self, context: &XdpContext, frame: &mut Frame, packet: &Packet) -> Option<Outcome> {
        let dest = maps::dest(self.id as u16)?;
        let (real, local) = (
            Endpoint::of(dest, packet.ports.destination),
            local(dest, self.port),
        );
        let can_change = forward::can_change_port(packet, packet.ports.destination, real.port)
            && forward::can_change_port(packet, packet.ports.source, local.port);
        if !can_change {
            return Some(Outcome::Pass);
        }
        forward::rewrite(frame, packet, End::Destination, &real, Hop::Ours)?;
        forward::rewrite(frame, packet, End::Source, &local, Hop::Others)?;
        Some(forward::send(frame, dest, context.ingress_ifindex() as u32))
    }
}

struct Errors {
    id: u32,
    port: u32,
}

impl Piece for Errors {
    #[inline(always)]
    fn decide(&self, context: &XdpContext, frame: &mut Frame, packet: &Packet) -> Option<Outcome> {
        let error = icmp::parse(frame, packet)?;
        let dest = maps::dest(self.id as u16)?;
        let (real, local) = (
            Endpoint::of(dest, error.inner.ports.source),
            local(dest, self.port),
        );
        error.rewrite(frame, End::Destination, &real, Hop::Ours)?;
        error.rewrite(frame, End::Source, &local, Hop::Others)?;
        Some(forward::send(frame, dest, context.ingress_ifindex() as u32))
    }
}

struct Replies {
    entry: u32,
}

impl Piece for Replies {
    #[inline(always)]
    fn decide(&self, _context: &XdpContext, frame: &mut Frame, packet: &Packet) -> Option<Outcome> {
        let (dest, client) = local_port::owner(self.entry)?;
        let front = maps::front(maps::dest(dest)?.service)?;
        if !forward::can_change_port(packet, packet.ports.destination, client.port) {
            return None;
        }
        let outcome = reply::rewrite(frame, packet, front);
        if let Outcome::Replied = outcome {
            forward::rewrite(frame, packet, End::Destination, &client, Hop::Others)?;
        }
        Some(outcome)
    }
}

struct ErrorsBack {
    entry: u32,
}

impl Piece for ErrorsBack {
    #[inline(always)]
    fn decide(&self, _context: &XdpContext, frame: &mut Frame, packet: &Packet) -> Option<Outcome> {
        let error = icmp::parse(frame, packet)?;
        let (dest, client) = local_port::owner(self.entry)?;
        let front = maps::front(maps::dest(dest)?.service)?;
        let outcome = error.reply(frame, front)?;
        if let Outcome::Replied = outcome {
            error.rewrite(frame, End::Destination, &client, Hop::Others)?;
        }
        Some(outcome)
    }
}

/// The end of this host that a dest sees.
#[inline(always)]
fn local(dest: &DestValue, port: u32) -> Endpoint {
    Endpoint {
        address: Ip::new(&dest.local),
        port: (port as u16).to_be_bytes(),
    }
}
