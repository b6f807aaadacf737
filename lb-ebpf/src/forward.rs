//! Towards the real server: Ethernet addresses for DR; destination address, port, checksums and TTL too for
//! NAT.
//!
//! DR leaves the IP header alone: the real server is one Ethernet hop away, and a packet that comes back to a
//! director by mistake is caught by its gate, not by its TTL.

use lb_common::{
    checksum::{Sum, update, update_udp},
    dest::{DEST_RESOLVED, DestValue, FORWARD_NAT},
};

use crate::{
    frame::Frame,
    ip::Ip,
    outcome::Outcome,
    packet::{Ethernet, Ipv4, Ipv6, PROTOCOL_TCP, Ports, Tcp, Udp},
    parse::Packet,
};

/// An address and a port to put in place of others.
pub struct Endpoint {
    /// Address.
    pub address: Ip,
    /// Port.
    pub port: [u8; 2],
}

/// Which end of a packet to rewrite.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client's address stays.
    Destination,
    /// The real server's becomes the virtual one.
    Source,
}

/// Rewrites the packet for `dest` and says where it leaves. `ingress` is where it came from; `tagged` is true
/// when it carries a VLAN tag, which no other interface would understand.
#[inline(always)]
pub fn forward(
    frame: &mut Frame,
    packet: &Packet,
    dest: &DestValue,
    ingress: u32,
    tagged: bool,
) -> Outcome {
    if dest.flags & DEST_RESOLVED == 0 {
        return Outcome::Unresolved;
    }
    if tagged && dest.ifindex != ingress {
        return Outcome::Pass;
    }
    if dest.method == FORWARD_NAT {
        if packet.ttl <= 1 {
            return Outcome::TtlExpired;
        }
        let to = Endpoint {
            address: Ip::new(&dest.address),
            port: dest.port,
        };
        if rewrite(frame, packet, End::Destination, &to).is_none() || age(frame, packet).is_none() {
            return Outcome::Malformed;
        }
    }
    let Some(ethernet) = frame.get_mut::<Ethernet>(0) else {
        return Outcome::Malformed;
    };
    ethernet.readdress(&dest.next_hop, &dest.source);
    if dest.ifindex == ingress {
        Outcome::Forward
    } else {
        Outcome::ForwardTo(dest.ifindex)
    }
}

/// Replaces one end of the packet and mends the checksums. The frame holds the transport header, or nothing
/// is changed.
#[inline(always)]
pub fn rewrite(frame: &mut Frame, packet: &Packet, end: End, to: &Endpoint) -> Option<()> {
    let ports = *frame.get::<Ports>(packet.transport)?;
    let (address, port) = match end {
        End::Destination => (packet.destination, ports.destination),
        End::Source => (packet.source, ports.source),
    };
    let addresses = to.address.sum().sub_address(&address.address());
    rewrite_transport(frame, packet, end, to, addresses.sub16(port).add16(to.port))?;
    if packet.family == 4 {
        let header = frame.get_mut::<Ipv4>(packet.network)?;
        match end {
            End::Destination => header.destination = to.address.v4(),
            End::Source => header.source = to.address.v4(),
        }
        header.checksum = update(header.checksum, addresses);
    } else {
        let header = frame.get_mut::<Ipv6>(packet.network)?;
        match end {
            End::Destination => header.destination = to.address.address(),
            End::Source => header.source = to.address.address(),
        }
    }
    Some(())
}

#[inline(always)]
fn rewrite_transport(
    frame: &mut Frame,
    packet: &Packet,
    end: End,
    to: &Endpoint,
    change: Sum,
) -> Option<()> {
    if packet.protocol == PROTOCOL_TCP {
        let header = frame.get_mut::<Tcp>(packet.transport)?;
        header.checksum = update(header.checksum, change);
    } else {
        let header = frame.get_mut::<Udp>(packet.transport)?;
        header.checksum = update_udp(header.checksum, change);
    }
    let ports = frame.get_mut::<Ports>(packet.transport)?;
    match end {
        End::Destination => ports.destination = to.port,
        End::Source => ports.source = to.port,
    }
    Some(())
}

/// Takes one off TTL or hop limit. The caller has seen that it is more than 1.
#[inline(always)]
pub fn age(frame: &mut Frame, packet: &Packet) -> Option<()> {
    if packet.family == 4 {
        let header = frame.get_mut::<Ipv4>(packet.network)?;
        let ttl = header.ttl.wrapping_sub(1);
        let change = Sum::new()
            .sub16([header.ttl, header.protocol])
            .add16([ttl, header.protocol]);
        header.ttl = ttl;
        header.checksum = update(header.checksum, change);
    } else {
        let header = frame.get_mut::<Ipv6>(packet.network)?;
        header.hop_limit = header.hop_limit.wrapping_sub(1);
    }
    Some(())
}
