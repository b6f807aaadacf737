//! Real servers on this host: the kernel has their packets, and `lb_tc` gives the replies that leave their virtual source. For
//! [clients](crate::client) on this host `lb_local` does.
//!
//! What a packet that is being sent has for a checksum may be a part of it, which the device or the kernel completes later. So its
//! checksums are the helpers' to mend. SCTP's is over nothing that changes here: [`DEST_LOCAL`](lb_common::dest::DEST_LOCAL) is
//! for real servers of the virtual port then.

use core::mem::offset_of;

use aya_ebpf::{
    bindings::{__sk_buff, BPF_F_MARK_MANGLED_0, BPF_F_PSEUDO_HDR},
    programs::TcContext,
};
use bytemuck::Zeroable;
use lb_common::counter::Counter;

use crate::{
    flow::Segment,
    forward::{End, Endpoint},
    frame::{self, Frame},
    ip::Ip,
    long::{self, UNDECIDED},
    maps,
    packet::{Ipv4, Ipv6, PROTOCOL_TCP, PROTOCOL_UDP, PortsHeader, Tcp, Udp},
    parse::{self, Packet},
    reply, service, transport,
    verdict::{UNHINDERED, tc_verdict},
};

/// Decides about a packet of this host that leaves, if it is a reply of a real server here. The pieces are walked by the verifier once
/// each.
#[inline(always)]
pub fn reply(context: *mut __sk_buff) -> i32 {
    let mut packet = Packet::zeroed();
    let segment = leaving(context, &raw mut packet);
    if segment == NOT_TRANSPORT {
        return UNHINDERED;
    }
    reply_of(context, &packet, segment)
}

/// [`reply`] for a packet that is parsed.
#[inline(always)]
pub fn reply_of(context: *mut __sk_buff, packet: &Packet, segment: u32) -> i32 {
    match leaving_front(packet, segment) {
        UNDECIDED => UNHINDERED,
        service => leave(context, packet, service).cast_signed(),
    }
}

/// No packet with ports.
pub const NOT_TRANSPORT: u32 = u32::MAX;

/// Parses a packet with ports that leaves; says what it does to its flow, or [`NOT_TRANSPORT`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn leaving(context: *mut __sk_buff, packet: *mut Packet) -> u32 {
    let context = TcContext::new(context);
    let frame = Frame::new(context.data(), context.data_end());
    // SAFETY: the verifier sees to it that a caller hands a whole one or none.
    let Some(to) = (unsafe { packet.as_mut() }) else {
        return NOT_TRANSPORT;
    };
    let Some(parsed) = parsed(&frame) else {
        return NOT_TRANSPORT;
    };
    *to = parsed;
    transport::segment(&frame, &parsed).map_or(NOT_TRANSPORT, |segment| segment as u32)
}

#[inline(always)]
fn parsed(frame: &Frame) -> Option<Packet> {
    let packet = parse::whole_ip(frame, &parse::link(frame)?)?;
    let ports = long::ports(frame, &packet)?;
    Some(Packet { ports, ..packet })
}

/// The id of the service that a packet is a reply of, or [`UNDECIDED`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn leaving_front(packet: *const Packet, segment: u32) -> u32 {
    let front =
        Packet::handed(packet).and_then(|packet| reply::find(&packet, Segment::of_number(segment)));
    front.map_or(UNDECIDED, |front| front.service)
}

/// Gives a reply of `service` that leaves its virtual source.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn leave(context: *mut __sk_buff, packet: *const Packet, service: u32) -> u32 {
    let context = TcContext::new(context);
    let (Some(packet), Some(front)) = (Packet::handed(packet), maps::front(service)) else {
        return UNHINDERED.cast_unsigned();
    };
    let verdict = match service::enter(front.gate) {
        Ok(()) => {
            if packet.is_first_fragment() {
                long::remember(&packet);
            }
            let to = Endpoint::before(front, packet.ports.source);
            if write(&context, &packet, End::Source, &to).is_some() {
                maps::count(Counter::Replied);
            }
            UNHINDERED
        }
        Err(outcome) => tc_verdict(outcome),
    };
    verdict.cast_unsigned()
}

/// Replaces one end of a packet that leaves.
#[inline(always)]
pub fn write(context: &TcContext, packet: &Packet, end: End, to: &Endpoint) -> Option<()> {
    let (address, v4, v6) = match end {
        End::Destination => (
            packet.destination,
            offset_of!(Ipv4, destination),
            offset_of!(Ipv6, destination),
        ),
        End::Source => (
            packet.source,
            offset_of!(Ipv4, source),
            offset_of!(Ipv6, source),
        ),
    };
    if !packet.is_later_fragment() {
        write_port(context, packet, end, address, to)?;
    }
    if packet.family == 4 {
        let [from, new] = [address, to.address].map(|ip| u64::from(u32::from_ne_bytes(ip.v4())));
        let at = packet.network + offset_of!(Ipv4, checksum);
        context.l3_csum_replace(at, from, new, 4).ok()?;
        frame::put(context, packet.network + v4, &to.address.v4())
    } else {
        frame::put(context, packet.network + v6, &to.address.address())
    }
}

/// The port, and in the checksum the addresses too.
#[inline(always)]
fn write_port(
    context: &TcContext,
    packet: &Packet,
    end: End,
    address: Ip,
    to: &Endpoint,
) -> Option<()> {
    let (port, offset) = match end {
        End::Destination => (
            packet.ports.destination,
            offset_of!(PortsHeader, destination),
        ),
        End::Source => (packet.ports.source, offset_of!(PortsHeader, source)),
    };
    let (checksum, flags) = match packet.protocol {
        PROTOCOL_TCP => (offset_of!(Tcp, checksum), 0),
        PROTOCOL_UDP => (offset_of!(Udp, checksum), u64::from(BPF_F_MARK_MANGLED_0)),
        _ => return Some(()),
    };
    let at = packet.transport + checksum;
    let pseudo = flags | u64::from(BPF_F_PSEUDO_HDR) | 4;
    let [before, after] = [address, to.address].map(Ip::quarters);
    let [from, new] = [port, to.port].map(|port| u64::from(u16::from_ne_bytes(port)));
    for (from, new) in before.into_iter().zip(after) {
        if from != new {
            let replaced = context.l4_csum_replace(at, u64::from(from), u64::from(new), pseudo);
            replaced.ok()?;
        }
    }
    context.l4_csum_replace(at, from, new, flags | 2).ok()?;
    frame::put(context, packet.transport + offset, &to.port)
}
