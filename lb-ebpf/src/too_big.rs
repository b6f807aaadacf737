//! Tells the sender of a packet that is too long for its tunnel how long it may be: "fragmentation needed" (RFC 792, RFC 1191) or
//! "packet too big" (RFC 4443 §3.2).

use aya_ebpf::{
    bindings::xdp_md,
    helpers::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail},
    programs::XdpContext,
};
use lb_common::checksum::Sum;

use crate::{
    bytes,
    frame::Frame,
    outcome::Outcome,
    packet::{
        DONT_FRAGMENT, Ethernet, ICMP_UNREACHABLE, ICMPV6_TOO_BIG, Icmp, Ipv4, Ipv6, PROTOCOL_ICMP,
        PROTOCOL_ICMPV6,
    },
    parse::{self, Packet},
    verdict::xdp_verdict,
};

/// Bytes of an ICMP error at most (RFC 1812 §4.3.2.3).
const LONGEST: usize = 576;
/// Bytes of an ICMPv6 error at most: the smallest MTU (RFC 4443 §2.4).
const LONGEST_V6: usize = 1280;
/// TTL and hop limit of what this host says.
const TTL: u8 = 64;
/// [`Icmp::code`] of [`ICMP_UNREACHABLE`]: fragmentation needed.
const FRAGMENTATION_NEEDED: u8 = 4;

/// Makes the answer out of the packet; `mtu` is what the sender may send.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn too_big(context: *mut xdp_md, mtu: u32) -> u32 {
    let context = XdpContext::new(context);
    xdp_verdict(tell(&context, mtu).unwrap_or(Outcome::NoRoom))
}

#[inline(always)]
fn tell(context: &XdpContext, mtu: u32) -> Option<Outcome> {
    let frame = Frame::new(context.data(), context.data_end());
    let link = parse::link(&frame)?;
    let packet = parse::ip(&frame, &link)?;
    let headers = if packet.family == 4 {
        size_of::<Ipv4>() + size_of::<Icmp>()
    } else {
        size_of::<Ipv6>() + size_of::<Icmp>()
    };
    let longest = if packet.family == 4 {
        LONGEST
    } else {
        LONGEST_V6
    };
    let quoted = (packet.end - packet.network).min(longest - headers);
    let len = context.data_end() - context.data();
    let surplus = len.checked_sub(packet.network + quoted)?;
    // SAFETY: the program's own context; the frame from before is not used again.
    let made = unsafe {
        bpf_xdp_adjust_tail(context.ctx, -(surplus as i32)) == 0
            && bpf_xdp_adjust_head(context.ctx, -(headers as i32)) == 0
    };
    if !made {
        return None;
    }
    let sum = bytes::sum(context.ctx, packet.network + headers, quoted)?;
    let mut frame = Frame::new(context.data(), context.data_end());
    link.move_to_start(&mut frame, headers, link.kind)?;
    let ethernet = frame.get_mut::<Ethernet>(0)?;
    let (destination, source) = (ethernet.source, ethernet.destination);
    ethernet.readdress(&destination, &source);
    if packet.family == 4 {
        write_v4(&mut frame, &packet, mtu, quoted, sum)?;
    } else {
        write_v6(&mut frame, &packet, mtu, quoted, sum)?;
    }
    Some(Outcome::TooBigTold)
}

#[inline(always)]
fn write_v4(frame: &mut Frame, packet: &Packet, mtu: u32, quoted: usize, sum: Sum) -> Option<()> {
    let length = size_of::<Ipv4>() + size_of::<Icmp>() + quoted;
    *frame.get_mut(packet.network)? = Ipv4 {
        version_length: 0x45,
        service: 0,
        total_length: (length as u16).to_be_bytes(),
        id: [0; 2],
        fragment: DONT_FRAGMENT,
        ttl: TTL,
        protocol: PROTOCOL_ICMP,
        checksum: [0; 2],
        source: packet.destination.v4(),
        destination: packet.source.v4(),
    }
    .sealed();
    let [high, low] = (mtu as u16).to_be_bytes();
    let kind = [ICMP_UNREACHABLE, FRAGMENTATION_NEEDED];
    write_icmp(
        frame,
        packet.network + size_of::<Ipv4>(),
        kind,
        [0, 0, high, low],
        sum,
    )
}

#[inline(always)]
fn write_v6(frame: &mut Frame, packet: &Packet, mtu: u32, quoted: usize, sum: Sum) -> Option<()> {
    let payload_length = ((size_of::<Icmp>() + quoted) as u16).to_be_bytes();
    *frame.get_mut(packet.network)? = Ipv6 {
        version_class_label: [0x60, 0, 0, 0],
        payload_length,
        next_header: PROTOCOL_ICMPV6,
        hop_limit: TTL,
        source: packet.destination.address(),
        destination: packet.source.address(),
    };
    let sum = sum
        .add(packet.source.sum())
        .add(packet.destination.sum())
        .add16(payload_length)
        .add16([0, PROTOCOL_ICMPV6]);
    write_icmp(
        frame,
        packet.network + size_of::<Ipv6>(),
        [ICMPV6_TOO_BIG, 0],
        mtu.to_be_bytes(),
        sum,
    )
}

/// Writes type, code and the rest; `sum` is of all else under the checksum.
#[inline(always)]
fn write_icmp(
    frame: &mut Frame,
    at: usize,
    [kind, code]: [u8; 2],
    rest: [u8; 4],
    sum: Sum,
) -> Option<()> {
    *frame.get_mut(at)? = Icmp {
        kind,
        code,
        checksum: sum.add16([kind, code]).add32(rest).checksum(),
        rest,
    };
    Some(())
}
