//! From frame to headers. Nothing here judges: what is not understood is `None` and passes.

use bytemuck::Zeroable;

use crate::{
    frame::{Frame, length},
    ip::Ip,
    packet::{
        ETHER_IPV4, ETHER_IPV6, ETHER_QINQ, ETHER_VLAN, Ethernet, Extension, Ipv4, Ipv6,
        PROTOCOL_DESTINATION, PROTOCOL_FRAGMENT, PROTOCOL_HOP_BY_HOP, PROTOCOL_ROUTING,
        PROTOCOL_SCTP, PROTOCOL_TCP, PROTOCOL_UDP, PortsHeader, Vlan,
    },
};

/// What is inside the Ethernet header and its tags.
pub struct Link {
    /// EtherType of the payload.
    pub kind: [u8; 2],
    /// Offset of the payload.
    pub payload: usize,
    /// VLAN id of the outer tag, 0 without one.
    pub vlan: u16,
    /// Number of tags.
    pub tags: u8,
}

/// VLAN tags at most.
pub const MAX_TAGS: usize = 2;

/// Parses the Ethernet header and at most [`MAX_TAGS`] VLAN tags.
#[inline(always)]
pub fn link(frame: &Frame) -> Option<Link> {
    let mut link = Link {
        kind: frame.get::<Ethernet>(0)?.kind,
        payload: size_of::<Ethernet>(),
        vlan: 0,
        tags: 0,
    };
    while usize::from(link.tags) < MAX_TAGS && (link.kind == ETHER_VLAN || link.kind == ETHER_QINQ)
    {
        let tag = frame.get::<Vlan>(link.payload)?;
        if link.tags == 0 {
            link.vlan = u16::from_be_bytes(tag.control) & 0xfff;
        }
        link.kind = tag.kind;
        link.payload += size_of::<Vlan>();
        link.tags += 1;
    }
    Some(link)
}

impl Link {
    /// Brings what stands before IP from `from` to the start of the frame, before an IP header of EtherType `kind`.
    #[inline(always)]
    pub fn move_to_start(&self, frame: &mut Frame, from: usize, kind: [u8; 2]) -> Option<()> {
        let mut ethernet = *frame.get::<Ethernet>(from)?;
        if self.tags == 0 {
            ethernet.kind = kind;
        }
        *frame.get_mut(0)? = ethernet;
        for tag in 0..MAX_TAGS {
            if tag < usize::from(self.tags) {
                let at = size_of::<Ethernet>() + tag * size_of::<Vlan>();
                let mut vlan = *frame.get::<Vlan>(from + at)?;
                if tag + 1 == usize::from(self.tags) {
                    vlan.kind = kind;
                }
                *frame.get_mut(at)? = vlan;
            }
        }
        Some(())
    }

    /// That of a frame without tags.
    pub const PLAIN: Self = Self {
        kind: [0; 2],
        payload: size_of::<Ethernet>(),
        vlan: 0,
        tags: 0,
    };
}

/// The ports of a packet, network byte order. Aligned, because the kernel wants that of everything on the stack.
#[repr(C, align(4))]
#[derive(Clone, Copy, Zeroable)]
pub struct Ports {
    /// Source port.
    pub source: [u8; 2],
    /// Destination port.
    pub destination: [u8; 2],
}

/// An IP packet of either family. 72 bytes without gaps, so that it can be handed to a global function.
#[repr(C)]
#[derive(Clone, Copy, Zeroable)]
pub struct Packet {
    /// Source, IPv4-mapped for IPv4.
    pub source: Ip,
    /// Destination, IPv4-mapped for IPv4.
    pub destination: Ip,
    /// Offset of the IP header.
    pub network: usize,
    /// Offset of what follows the IP header and its extensions; in a later fragment that is no header.
    pub transport: usize,
    /// Offset of the end by the IP header's own account, which may be wrong.
    pub end: usize,
    /// VLAN id of the outer tag, 0 without one.
    pub vlan: u16,
    /// Number of tags.
    pub tags: u8,
    /// 4 or 6.
    pub family: u8,
    /// Protocol of what follows.
    pub protocol: u8,
    /// TTL or hop limit.
    pub ttl: u8,
    /// `HAS_*` and `IS_*` bits.
    pub flags: u8,
    /// Zero.
    pub pad: u8,
    /// Identification that fragments of one packet share; network byte order.
    pub id: u32,
    /// With `HAS_PORTS` the ports, those of a later fragment being the first's.
    pub ports: Ports,
}

/// There are IPv4 options or IPv6 extension headers.
pub const HAS_OPTIONS: u8 = 1;
/// It is a part of a packet.
pub const IS_FRAGMENT: u8 = 2;
/// It is a part of a packet, and not the first.
pub const IS_LATER_FRAGMENT: u8 = 4;

/// The ports are known.
pub const HAS_PORTS: u8 = 8;

/// Extension headers that are followed, one after the other.
const EXTENSIONS: usize = 8;
/// The largest offset of a transport header.
const LAST_TRANSPORT: usize = 0x1ff;

impl Packet {
    /// True without options, extension headers and fragmentation.
    #[inline(always)]
    pub const fn is_plain(&self) -> bool {
        self.flags & (HAS_OPTIONS | IS_FRAGMENT | IS_LATER_FRAGMENT) == 0
    }

    /// True for the part of a packet that has its transport header.
    #[inline(always)]
    pub const fn is_first_fragment(&self) -> bool {
        self.flags & (IS_FRAGMENT | IS_LATER_FRAGMENT) == IS_FRAGMENT
    }

    /// True for a part of a packet.
    #[inline(always)]
    pub const fn is_fragment(&self) -> bool {
        self.flags & IS_FRAGMENT != 0
    }

    /// True for a part of a packet without its transport header.
    #[inline(always)]
    pub const fn is_later_fragment(&self) -> bool {
        self.flags & IS_LATER_FRAGMENT != 0
    }

    /// One that a global function was handed: the verifier knows nothing of what is in it, so the offsets are told to be small.
    #[inline(always)]
    pub fn handed(packet: *const Self) -> Option<Self> {
        // SAFETY: the verifier sees to it that a caller hands a whole one or none.
        let packet = unsafe { packet.as_ref()? };
        Some(Self {
            network: packet.network & 0x1f,
            transport: packet.transport & LAST_TRANSPORT,
            end: packet.end & 0x1_ffff,
            ..*packet
        })
    }
}

/// Parses the IP header behind `link`; `None` for what is not IP.
#[inline(always)]
pub fn ip(frame: &Frame, link: &Link) -> Option<Packet> {
    match link.kind {
        ETHER_IPV4 => ipv4(frame, link),
        ETHER_IPV6 => ipv6(frame, link),
        _ => None,
    }
}

/// The same, behind the extension headers of IPv6 too.
#[inline(always)]
pub fn whole_ip(frame: &Frame, link: &Link) -> Option<Packet> {
    let mut packet = ip(frame, link)?;
    if packet.family == 6 {
        extensions(frame, &mut packet);
    }
    Some(packet)
}

/// Parses an IPv4 header.
#[inline(always)]
pub fn ipv4(frame: &Frame, link: &Link) -> Option<Packet> {
    let network = link.payload;
    let header = frame.get::<Ipv4>(network)?;
    let header_length = usize::from(header.version_length & 0xf) * 4;
    if header.version_length >> 4 != 4 || header_length < size_of::<Ipv4>() {
        return None;
    }
    let options = if header_length == size_of::<Ipv4>() {
        0
    } else {
        HAS_OPTIONS
    };
    let fragment = u16::from_be_bytes(header.fragment);
    let flags = options | fragmentation(fragment & 0x2000 != 0, fragment & 0x1fff);
    Some(Packet {
        source: Ip::mapped(header.source),
        destination: Ip::mapped(header.destination),
        network,
        transport: network + header_length,
        end: network + length(header.total_length),
        vlan: link.vlan,
        tags: link.tags,
        family: 4,
        protocol: header.protocol,
        ttl: header.ttl,
        flags,
        pad: 0,
        id: u32::from(u16::from_ne_bytes(header.id)),
        ports: Ports::zeroed(),
    })
}

#[inline(always)]
const fn fragmentation(more: bool, offset: u16) -> u8 {
    match (more, offset) {
        (false, 0) => 0,
        (true, 0) => IS_FRAGMENT,
        _ => IS_FRAGMENT | IS_LATER_FRAGMENT,
    }
}

/// Parses an IPv6 header, whose extensions are left to [`extensions`].
#[inline(always)]
pub fn ipv6(frame: &Frame, link: &Link) -> Option<Packet> {
    let network = link.payload;
    let header = frame.get::<Ipv6>(network)?;
    if header.version_class_label[0] >> 4 != 6 {
        return None;
    }
    let transport = network + size_of::<Ipv6>();
    Some(Packet {
        source: Ip::new(&header.source),
        destination: Ip::new(&header.destination),
        network,
        transport,
        end: transport + length(header.payload_length),
        vlan: link.vlan,
        tags: link.tags,
        family: 6,
        protocol: header.next_header,
        ttl: header.hop_limit,
        flags: 0,
        pad: 0,
        id: 0,
        ports: Ports::zeroed(),
    })
}

/// Follows the extension headers of an IPv6 packet (RFC 8200 §4). Where they go on too far the protocol stays that of an extension
/// header, which is none of ours.
#[inline(always)]
fn extensions(frame: &Frame, packet: &mut Packet) {
    for _ in 0..EXTENSIONS {
        let is_fragment = packet.protocol == PROTOCOL_FRAGMENT;
        let is_option = packet.protocol == PROTOCOL_HOP_BY_HOP
            || packet.protocol == PROTOCOL_ROUTING
            || packet.protocol == PROTOCOL_DESTINATION;
        // What a later fragment begins with says nothing of headers.
        if !is_fragment && !is_option || packet.is_later_fragment() {
            return;
        }
        let Some(header) = frame.get::<Extension>(packet.transport) else {
            return;
        };
        let length = if is_fragment {
            let offset = u16::from_be_bytes(header.offset);
            packet.flags |= fragmentation(offset & 1 != 0, offset >> 3);
            packet.id = u32::from_ne_bytes(header.id);
            size_of::<Extension>()
        } else {
            (usize::from(header.length) + 1) * 8
        };
        if packet.transport + length > LAST_TRANSPORT {
            return;
        }
        packet.flags |= HAS_OPTIONS;
        packet.transport += length;
        packet.protocol = header.next_header;
    }
}

/// The ports of a TCP, UDP or SCTP packet.
#[inline(always)]
pub fn ports(frame: &Frame, packet: &Packet) -> Option<Ports> {
    if !has_ports(packet.protocol) || packet.is_later_fragment() {
        return None;
    }
    let header = frame.get::<PortsHeader>(packet.transport)?;
    Some(Ports {
        source: header.source,
        destination: header.destination,
    })
}

/// True for the protocols that services may have.
#[inline(always)]
pub const fn has_ports(protocol: u8) -> bool {
    protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP
}
