//! Tunnels: the packet as it is, one hop older, behind an outer IP header, and behind one of GUE or GRE where the real server wants
//! it (RFC 2003, RFC 2473, RFC 2784, draft-ietf-intarea-gue).
//!
//! As in IPVS the outer header takes over TOS and TTL, and of an IPv4 packet whether it may be fragmented. What may not and would be
//! too long for the way is answered with how long it may be; what may is left to the kernel, in its tunnel: it cuts, and finds the
//! way (which needs forwarding, and `accept_local`, since the source is an address of this host).

use aya_ebpf::{
    bindings::xdp_md,
    helpers::{bpf_get_prandom_u32, bpf_xdp_adjust_head},
    programs::XdpContext,
};
use lb_common::{
    checksum::Sum,
    dest::{DEST_TUNNEL_CHECKSUM, DestValue, FORWARD_GRE, FORWARD_GUE},
    hash,
};

use crate::{
    bytes, forward,
    frame::Frame,
    ip::Ip,
    maps,
    outcome::Outcome,
    packet::{
        DONT_FRAGMENT, Ethernet, Gre, GreChecksum, Gue, Ipv4, Ipv6, PROTOCOL_GRE, PROTOCOL_IPIP,
        PROTOCOL_IPV6, PROTOCOL_UDP, Udp, ether_type,
    },
    parse::{self, Packet},
    verdict::xdp_verdict,
};

/// The smallest MTU that IPv6 allows (RFC 8200 §5): a packet of no more bytes has to get through.
const IPV6_MTU: usize = 1280;

/// Sends the packet to the dest `id` through its tunnel.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn tunnel(pointer: *mut xdp_md, id: u32) -> u32 {
    let context = XdpContext::new(pointer);
    let sent = maps::dest(id as u16).and_then(|dest| send(&context, dest));
    xdp_verdict(sent.unwrap_or(Outcome::Malformed))
}

#[inline(always)]
fn send(context: &XdpContext, dest: &'static DestValue) -> Option<Outcome> {
    let mut frame = Frame::new(context.data(), context.data_end());
    let link = parse::link(&frame)?;
    let packet = parse::ip(&frame, &link)?;
    if !frame.holds(packet.end) {
        return None;
    }
    let inner = Inner::of(&frame, &packet)?;
    let tunnel = Tunnel::to(dest, packet.family);
    let room = usize::from(dest.mtu).saturating_sub(tunnel.overhead());
    if let Some(mtu) = inner.is_too_big_for(room) {
        return Some(Outcome::TooBig(mtu as u32));
    }
    forward::age(&mut frame, &packet)?;
    let sum = if tunnel.has_checksum {
        bytes::sum(context.ctx, packet.network, inner.length)?
    } else {
        Sum::new()
    };
    // SAFETY: the program's own context; the frame from before is not used again.
    if unsafe { bpf_xdp_adjust_head(context.ctx, -(tunnel.overhead() as i32)) } != 0 {
        return Some(Outcome::NoRoom);
    }
    let mut frame = Frame::new(context.data(), context.data_end());
    let is_routed = inner.length > room;
    link.move_to_start(&mut frame, tunnel.overhead(), ether_type(tunnel.family))?;
    if !is_routed {
        let ethernet = frame.get_mut::<Ethernet>(0)?;
        ethernet.readdress_from(&dest.next_hop, &dest.source);
    }
    tunnel.write(&mut frame, link.payload, &inner, dest, sum)?;
    let ingress = context.ingress_ifindex() as u32;
    Some(if is_routed {
        Outcome::TunnelRouted
    } else if dest.ifindex == ingress {
        Outcome::Forward
    } else {
        Outcome::ForwardTo(dest.ifindex)
    })
}

/// What the outer headers take over.
struct Inner {
    family: u8,
    /// Type of service or traffic class.
    service: u8,
    /// After this hop.
    ttl: u8,
    /// Bytes of header and payload.
    length: usize,
    /// IPv4: "don't fragment".
    is_whole: bool,
    /// Of the flow.
    hash: u32,
}

impl Inner {
    #[inline(always)]
    fn of(frame: &Frame, packet: &Packet) -> Option<Self> {
        let (service, is_whole) = if packet.family == 4 {
            let header = frame.get::<Ipv4>(packet.network)?;
            (header.service, header.fragment[0] & DONT_FRAGMENT[0] != 0)
        } else {
            let [first, second, ..] = frame.get::<Ipv6>(packet.network)?.version_class_label;
            (first << 4 | second >> 4, false)
        };
        let ports = match parse::ports(frame, packet) {
            Some(ports) if packet.is_plain() => ports,
            _ => packet.ports,
        };
        Some(Self {
            family: packet.family,
            service,
            ttl: packet.ttl.wrapping_sub(1),
            length: packet.end - packet.network,
            is_whole,
            hash: hash::flow(&packet.source.address(), ports.source, ports.destination),
        })
    }

    /// How long it might be, when it is longer and must not be fragmented.
    #[inline(always)]
    fn is_too_big_for(&self, room: usize) -> Option<usize> {
        let (limit, must_fit) = if self.family == 4 {
            (room, self.is_whole)
        } else {
            (room.max(IPV6_MTU), true)
        };
        (must_fit && self.length > limit).then_some(limit)
    }
}

/// The headers between Ethernet and the packet.
struct Tunnel {
    /// Of the outer IP header: 4 or 6.
    family: u8,
    /// One of the tunnels of `FORWARD_*`.
    method: u8,
    has_checksum: bool,
    /// IP protocol of the packet inside.
    protocol: u8,
    /// EtherType of the packet inside.
    kind: [u8; 2],
}

impl Tunnel {
    #[inline(always)]
    fn to(dest: &DestValue, inner: u8) -> Self {
        let protocol = if inner == 4 {
            PROTOCOL_IPIP
        } else {
            PROTOCOL_IPV6
        };
        Self {
            family: if Ip::new(&dest.address).is_mapped() {
                4
            } else {
                6
            },
            method: dest.method,
            has_checksum: dest.flags & DEST_TUNNEL_CHECKSUM != 0,
            protocol,
            kind: ether_type(inner),
        }
    }

    /// Bytes of the outer IP header.
    #[inline(always)]
    const fn outer(&self) -> usize {
        if self.family == 4 {
            size_of::<Ipv4>()
        } else {
            size_of::<Ipv6>()
        }
    }

    /// Bytes between it and the packet.
    #[inline(always)]
    const fn between(&self) -> usize {
        match self.method {
            FORWARD_GUE => size_of::<Udp>() + size_of::<Gue>(),
            FORWARD_GRE if self.has_checksum => size_of::<Gre>() + size_of::<GreChecksum>(),
            FORWARD_GRE => size_of::<Gre>(),
            _ => 0,
        }
    }

    /// Bytes of both.
    #[inline(always)]
    const fn overhead(&self) -> usize {
        self.outer() + self.between()
    }

    /// Writes the headers from `at` on; `sum` is that of the packet.
    #[inline(always)]
    fn write(
        &self,
        frame: &mut Frame,
        at: usize,
        inner: &Inner,
        dest: &DestValue,
        sum: Sum,
    ) -> Option<()> {
        let protocol = match self.method {
            FORWARD_GUE => PROTOCOL_UDP,
            FORWARD_GRE => PROTOCOL_GRE,
            _ => self.protocol,
        };
        let payload = self.between() + inner.length;
        if self.family == 4 {
            write_ipv4(frame.get_mut(at)?, inner, dest, protocol, payload);
        } else {
            write_ipv6(frame.get_mut(at)?, inner, dest, protocol, payload);
        }
        let at = at + self.outer();
        match self.method {
            FORWARD_GUE => self.write_gue(frame, at, inner, dest, sum),
            FORWARD_GRE => self.write_gre(frame, at, sum),
            _ => Some(()),
        }
    }

    /// The source port differs from flow to flow, so that routers and cards spread them (RFC 6335 §6: from the dynamic ones).
    #[inline(always)]
    fn write_gue(
        &self,
        frame: &mut Frame,
        at: usize,
        inner: &Inner,
        dest: &DestValue,
        sum: Sum,
    ) -> Option<()> {
        let length = ((self.between() + inner.length) as u16).to_be_bytes();
        let source = (inner.hash as u16 | 0xc000).to_be_bytes();
        let checksum = if self.has_checksum {
            let sum = sum
                .add(Ip::new(&dest.address).sum())
                .add(Ip::new(&dest.local).sum())
                .add16([0, PROTOCOL_UDP])
                .add16(length)
                .add16(source)
                .add16(dest.tunnel_port)
                .add16(length)
                .add16([0, self.protocol]);
            match sum.checksum() {
                [0, 0] => [0xff, 0xff],
                checksum => checksum,
            }
        } else {
            [0, 0]
        };
        *frame.get_mut(at)? = Udp {
            source,
            destination: dest.tunnel_port,
            length,
            checksum,
        };
        *frame.get_mut(at + size_of::<Udp>())? = Gue {
            version_length: 0,
            protocol: self.protocol,
            flags: [0; 2],
        };
        Some(())
    }

    #[inline(always)]
    fn write_gre(&self, frame: &mut Frame, at: usize, sum: Sum) -> Option<()> {
        let flags = if self.has_checksum { [0x80, 0] } else { [0, 0] };
        *frame.get_mut(at)? = Gre {
            flags,
            protocol: self.kind,
        };
        if self.has_checksum {
            *frame.get_mut(at + size_of::<Gre>())? = GreChecksum {
                checksum: sum.add16(flags).add16(self.kind).checksum(),
                reserved: [0; 2],
            };
        }
        Some(())
    }
}

#[inline(always)]
fn write_ipv4(to: &mut Ipv4, inner: &Inner, dest: &DestValue, protocol: u8, payload: usize) {
    let total_length = ((size_of::<Ipv4>() + payload) as u16).to_be_bytes();
    let (id, fragment) = if inner.is_whole {
        ([0; 2], DONT_FRAGMENT)
    } else {
        // SAFETY: draws a number.
        let number = unsafe { bpf_get_prandom_u32() };
        ((number as u16).to_ne_bytes(), [0; 2])
    };
    let (source, destination) = (Ip::new(&dest.local).v4(), Ip::new(&dest.address).v4());
    *to = Ipv4 {
        version_length: 0x45,
        service: inner.service,
        total_length,
        id,
        fragment,
        ttl: inner.ttl,
        protocol,
        checksum: [0; 2],
        source,
        destination,
    }
    .sealed();
}

#[inline(always)]
fn write_ipv6(to: &mut Ipv6, inner: &Inner, dest: &DestValue, protocol: u8, payload: usize) {
    *to = Ipv6 {
        version_class_label: [0x60 | inner.service >> 4, inner.service << 4, 0, 0],
        payload_length: (payload as u16).to_be_bytes(),
        next_header: protocol,
        hop_limit: inner.ttl,
        source: Ip::new(&dest.local).address(),
        destination: Ip::new(&dest.address).address(),
    };
}
