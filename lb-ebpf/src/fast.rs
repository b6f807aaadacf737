//! The short way, which most packets take: TCP and UDP without tags, options or fragments, to a service whose ring decides
//! alone and whose real server is on the link, or to nobody here.
//!
//! It is written once per family with offsets that the compiler knows, and holds so little at a time that all of it stays in
//! registers. What it is not sure of goes the long way, [`ingress`](crate::ingress), and so does all that is rare.

use lb_common::{
    dest::{DEST_RESOLVED, DEST_USABLE, DestValue, FORWARD_DIRECT_ROUTE},
    hash,
    service::{SCHEDULER_MH, ServiceKey, ServiceValue},
};

use crate::{
    frame::Frame,
    ip::Ip,
    maps,
    outcome::Outcome,
    packet::{
        ETHER_IPV4, ETHER_IPV6, Ethernet, Ipv4, Ipv6, PROTOCOL_TCP, PROTOCOL_UDP, Ports, TCP_ACK,
        TCP_FIN, TCP_RST, TCP_SYN, Tcp, Udp,
    },
    service,
};

/// What the short way reads of an IP header.
struct Header {
    source: Ip,
    destination: Ip,
    protocol: u8,
    /// Offset of the end by the header's own account.
    end: usize,
}

/// Decides about the packet in `frame`, which came by interface `ingress`; `None` sends it the long way, untouched.
#[inline(always)]
pub fn handle(frame: &mut Frame, ingress: u32) -> Option<Outcome> {
    const NETWORK: usize = size_of::<Ethernet>();
    match frame.get::<Ethernet>(0)?.kind {
        ETHER_IPV4 => {
            const TRANSPORT: usize = NETWORK + size_of::<Ipv4>();
            let header = frame.get::<Ipv4>(NETWORK)?;
            // All but the reserved and the "don't fragment" bit.
            let fragment = u16::from_be_bytes(header.fragment) & 0x3fff;
            if header.version_length != 0x45 || fragment != 0 {
                return None;
            }
            let header = Header {
                source: Ip::mapped(header.source),
                destination: Ip::mapped(header.destination),
                protocol: header.protocol,
                end: NETWORK + usize::from(u16::from_be_bytes(header.total_length)),
            };
            transport::<TRANSPORT>(frame, &header, ingress)
        }
        ETHER_IPV6 => {
            const TRANSPORT: usize = NETWORK + size_of::<Ipv6>();
            let header = frame.get::<Ipv6>(NETWORK)?;
            let header = Header {
                source: Ip::new(&header.source),
                destination: Ip::new(&header.destination),
                protocol: header.next_header,
                end: TRANSPORT + usize::from(u16::from_be_bytes(header.payload_length)),
            };
            transport::<TRANSPORT>(frame, &header, ingress)
        }
        _ => None,
    }
}

#[inline(always)]
fn transport<const TRANSPORT: usize>(
    frame: &mut Frame,
    header: &Header,
    ingress: u32,
) -> Option<Outcome> {
    if header.protocol != PROTOCOL_TCP && header.protocol != PROTOCOL_UDP {
        return None;
    }
    let ports = *frame.get::<Ports>(TRANSPORT)?;
    let key = ServiceKey {
        address: header.destination.address(),
        port: ports.destination,
        protocol: header.protocol,
        pad: 0,
    };
    let table = maps::service_header()?;
    let Some(service) = service::find_in(&table, &key) else {
        // The table may have been swapped meanwhile; and somebody may care for what is no service's.
        let is_nobodys =
            table.nat_sources == 0 && !maps::has_hints() && maps::service_header()? == table;
        return is_nobodys.then_some(Outcome::Pass);
    };
    let is_decided = service.scheduler == SCHEDULER_MH
        && service.ring == service.previous
        && maps::is_open(service.gate);
    if !is_decided {
        return None;
    }
    let is_open = is_sound::<TRANSPORT>(frame, header)?;
    let hash = hash::flow(&header.source.address(), ports.source, ports.destination);
    let (id, dest) = dest(service, hash)?;
    let ethernet = frame.get_mut::<Ethernet>(0)?;
    ethernet.readdress(&dest.next_hop, &dest.source);
    maps::count_traffic(service.id, id, header.end as u64, is_open);
    Some(if dest.ifindex == ingress {
        Outcome::Forward
    } else {
        Outcome::ForwardTo(dest.ifindex)
    })
}

/// Whether the packet opens a connection; `None` unless frame, IP header and transport header agree on where it ends.
#[inline(always)]
fn is_sound<const TRANSPORT: usize>(frame: &Frame, header: &Header) -> Option<bool> {
    let (length, is_open) = if header.protocol == PROTOCOL_TCP {
        let tcp = frame.get::<Tcp>(TRANSPORT)?;
        let opens = tcp.flags & (TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST) == TCP_SYN;
        let length = usize::from(tcp.length >> 4) * 4;
        ((length >= size_of::<Tcp>()).then_some(length)?, opens)
    } else {
        let length = usize::from(u16::from_be_bytes(frame.get::<Udp>(TRANSPORT)?.length));
        ((length >= size_of::<Udp>()).then_some(length)?, false)
    };
    let agree = TRANSPORT + length <= header.end && frame.holds(header.end);
    agree.then_some(is_open)
}

/// The dest that the ring has for a flow, if its packets need a new Ethernet header and nothing else.
#[inline(always)]
fn dest(service: &ServiceValue, hash: u32) -> Option<(u16, &'static DestValue)> {
    let ring = service.ring;
    if ring.len == 0 {
        return None;
    }
    let id = maps::ring_dest(ring, hash::position(hash, ring.len))?;
    let dest = maps::dest(id)?;
    let ready = DEST_USABLE | DEST_RESOLVED;
    let is_simple = id != 0 && dest.flags & ready == ready && dest.method == FORWARD_DIRECT_ROUTE;
    is_simple.then_some((id, dest))
}
