//! From frame to headers. Nothing here judges: what is not understood is `None` and passes.

use crate::{
    frame::Frame,
    ip::Ip,
    packet::{
        ETHER_QINQ, ETHER_VLAN, Ethernet, Ipv4, Ipv6, PROTOCOL_TCP, PROTOCOL_UDP, Ports, Vlan,
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

/// Parses the Ethernet header and at most two VLAN tags.
#[inline(always)]
pub fn link(frame: &Frame) -> Option<Link> {
    let mut link = Link {
        kind: frame.get::<Ethernet>(0)?.kind,
        payload: size_of::<Ethernet>(),
        vlan: 0,
        tags: 0,
    };
    while link.tags < 2 && (link.kind == ETHER_VLAN || link.kind == ETHER_QINQ) {
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

/// An IP packet of either family.
pub struct Packet {
    /// 4 or 6.
    pub family: u8,
    /// Offset of the IP header.
    pub network: usize,
    /// Offset of what follows the IP header; meaningless unless `plain`.
    pub transport: usize,
    /// Offset of the end by the IP header's own account, which may be wrong.
    pub end: usize,
    /// Source, IPv4-mapped for IPv4.
    pub source: Ip,
    /// Destination, IPv4-mapped for IPv4.
    pub destination: Ip,
    /// Protocol of what follows the IP header.
    pub protocol: u8,
    /// TTL or hop limit.
    pub ttl: u8,
    /// No IPv4 options and not a fragment: what follows the IP header is a transport header.
    pub plain: bool,
}

/// Parses an IPv4 header.
#[inline(always)]
pub fn ipv4(frame: &Frame, network: usize) -> Option<Packet> {
    let header = frame.get::<Ipv4>(network)?;
    if header.version_length >> 4 != 4 {
        return None;
    }
    // More fragments, or an offset: all but the reserved and the "don't fragment" bit.
    let fragment = u16::from_be_bytes(header.fragment) & 0x3fff != 0;
    Some(Packet {
        family: 4,
        network,
        transport: network + size_of::<Ipv4>(),
        end: network + usize::from(u16::from_be_bytes(header.total_length)),
        source: Ip::mapped(header.source),
        destination: Ip::mapped(header.destination),
        protocol: header.protocol,
        ttl: header.ttl,
        plain: header.version_length == 0x45 && !fragment,
    })
}

/// Parses an IPv6 header. Extension headers are not followed: their protocol is none of ours.
#[inline(always)]
pub fn ipv6(frame: &Frame, network: usize) -> Option<Packet> {
    let header = frame.get::<Ipv6>(network)?;
    let transport = network + size_of::<Ipv6>();
    Some(Packet {
        family: 6,
        network,
        transport,
        end: transport + usize::from(u16::from_be_bytes(header.payload_length)),
        source: Ip::new(&header.source),
        destination: Ip::new(&header.destination),
        protocol: header.next_header,
        ttl: header.hop_limit,
        plain: true,
    })
}

/// The ports of a TCP or UDP packet.
#[inline(always)]
pub fn ports<'a>(frame: &'a Frame, packet: &Packet) -> Option<&'a Ports> {
    let transport = packet.protocol == PROTOCOL_TCP || packet.protocol == PROTOCOL_UDP;
    if !transport || !packet.plain {
        return None;
    }
    frame.get::<Ports>(packet.transport)
}
