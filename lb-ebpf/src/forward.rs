//! Towards the real server: Ethernet addresses for DR; destination address, port, checksums and TTL too for
//! NAT. What goes through a [tunnel](crate::tunnel) is left to that.
//!
//! DR leaves the IP header alone: the real server is one Ethernet hop away, and a packet that comes back to a
//! director by mistake is caught by its gate, not by its TTL.

use lb_common::{
    checksum::{Sum, update, update_udp},
    crc32c,
    dest::{
        DEST_KEEPS_PORT, DEST_LOCAL, DEST_RESOLVED, DestValue, FORWARD_DIRECT_ROUTE,
        FORWARD_FULLNAT, FrontValue, is_nat, is_tunnel,
    },
    service::SERVICE_ALL_PORTS,
};

use crate::{
    frame::Frame,
    ip::Ip,
    outcome::Outcome,
    packet::{Ethernet, Ipv4, Ipv6, PROTOCOL_SCTP, PROTOCOL_TCP, PortsHeader, Sctp, Tcp, Udp},
    parse::Packet,
    select::Choice,
};

/// An address and a port to put in place of others.
pub struct Endpoint {
    /// Address.
    pub address: Ip,
    /// Port.
    pub port: [u8; 2],
}

impl Endpoint {
    /// A real server, for a packet to `port` of its service.
    #[inline(always)]
    pub fn of(dest: &DestValue, port: [u8; 2]) -> Self {
        let keeps = dest.flags & DEST_KEEPS_PORT != 0;
        Self {
            address: Ip::new(&dest.address),
            port: if keeps { port } else { dest.port },
        }
    }

    /// A service, for a packet from `port` of its real server.
    #[inline(always)]
    pub fn before(front: &FrontValue, port: [u8; 2]) -> Self {
        let keeps = front.flags & SERVICE_ALL_PORTS != 0;
        Self {
            address: Ip::new(&front.address),
            port: if keeps { port } else { front.port },
        }
    }
}

/// Which end of a packet to rewrite.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client's address stays.
    Destination,
    /// The real server's becomes the virtual one.
    Source,
}

/// Whose hop this is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// Takes one off TTL or hop limit, which the caller has seen to be more than 1.
    Ours,
    /// The TTL stays: the kernel's, or somebody's later.
    Others,
}

/// Rewrites the packet for `dest` and says where it leaves; `ingress` is where it came from.
#[inline(always)]
pub fn forward(frame: &mut Frame, packet: &Packet, choice: &Choice, ingress: u32) -> Outcome {
    let dest = choice.dest;
    let is_local = dest.flags & DEST_LOCAL != 0;
    if !is_local {
        if let Err(outcome) = may_leave(packet, dest, ingress) {
            return outcome;
        }
        if is_tunnel(dest.method) {
            return Outcome::Tunnel(u32::from(choice.id));
        }
        if dest.method == FORWARD_FULLNAT {
            return Outcome::FullNat(u32::from(choice.id));
        }
    }
    if is_nat(dest.method) {
        let port = packet.ports.destination;
        let real = Endpoint::of(dest, port);
        if !can_change_port(packet, port, real.port) {
            return Outcome::Pass;
        }
        let hop = if is_local { Hop::Others } else { Hop::Ours };
        if rewrite(frame, packet, End::Destination, &real, hop).is_none() {
            return Outcome::Malformed;
        }
    }
    if is_local {
        Outcome::Delivered
    } else {
        send(frame, dest, ingress)
    }
}

/// Whether a packet that came by interface `ingress` may go to `dest`: no other interface would understand its VLAN tags.
///
/// # Errors
/// What becomes of it where it may not.
#[inline(always)]
pub fn may_leave(packet: &Packet, dest: &DestValue, ingress: u32) -> Result<(), Outcome> {
    if dest.flags & DEST_RESOLVED == 0 {
        return Err(Outcome::Unresolved);
    }
    if packet.tags != 0 && dest.ifindex != ingress {
        return Err(Outcome::Pass);
    }
    if dest.method != FORWARD_DIRECT_ROUTE && packet.ttl <= 1 {
        return Err(Outcome::TtlExpired);
    }
    Ok(())
}

/// Addresses the frame to `dest` and says where it leaves.
#[inline(always)]
pub fn send(frame: &mut Frame, dest: &'static DestValue, ingress: u32) -> Outcome {
    let Some(ethernet) = frame.get_mut::<Ethernet>(0) else {
        return Outcome::Malformed;
    };
    ethernet.readdress_from(&dest.next_hop, &dest.source);
    if dest.ifindex == ingress {
        Outcome::Forward
    } else {
        Outcome::ForwardTo(dest.ifindex)
    }
}

/// True when the transport header takes another port than `from`: the checksum of SCTP is over the whole packet, of which a
/// fragment does not know the length.
#[inline(always)]
pub fn can_change_port(packet: &Packet, from: [u8; 2], to: [u8; 2]) -> bool {
    packet.protocol != PROTOCOL_SCTP || from == to || !packet.is_fragment()
}

/// What the checksum of an SCTP packet changes by when a port changes and `following` bytes come behind it; ports as the packet has
/// them. Loops, which the verifier is to walk once.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn sctp_change(from: u32, to: u32, following: u32) -> u32 {
    let [from, to] = [from as u16, to as u16].map(u16::to_ne_bytes);
    crc32c::change(from, to, following)
}

/// Replaces one end of the packet and mends the checksums. The frame holds the transport header, or nothing
/// is changed.
#[inline(always)]
pub fn rewrite(
    frame: &mut Frame,
    packet: &Packet,
    end: End,
    to: &Endpoint,
    hop: Hop,
) -> Option<()> {
    let address = match end {
        End::Destination => packet.destination,
        End::Source => packet.source,
    };
    let addresses = address.change(to.address, packet.family);
    if !packet.is_later_fragment() {
        rewrite_transport(frame, packet, end, to, addresses)?;
    }
    rewrite_network(frame, packet, end, to.address, addresses, hop)
}

/// Replaces one address of the packet; `change` is what that adds to checksums.
#[inline(always)]
pub fn rewrite_network(
    frame: &mut Frame,
    packet: &Packet,
    end: End,
    to: Ip,
    change: Sum,
    hop: Hop,
) -> Option<()> {
    if hop == Hop::Ours {
        return rewrite_and_age(frame, packet, end, to, change);
    }
    if packet.family == 4 {
        let header = frame.get_mut::<Ipv4>(packet.network)?;
        match end {
            End::Destination => header.destination = to.v4(),
            End::Source => header.source = to.v4(),
        }
        header.checksum = update(header.checksum, change);
    } else {
        let header = frame.get_mut::<Ipv6>(packet.network)?;
        match end {
            End::Destination => header.destination = to.address(),
            End::Source => header.source = to.address(),
        }
    }
    Some(())
}

/// [`rewrite_network`] and [`age`] with one look at the checksum.
#[inline(always)]
fn rewrite_and_age(
    frame: &mut Frame,
    packet: &Packet,
    end: End,
    to: Ip,
    change: Sum,
) -> Option<()> {
    let ttl = packet.ttl.wrapping_sub(1);
    if packet.family == 4 {
        let header = frame.get_mut::<Ipv4>(packet.network)?;
        header.ttl = ttl;
    } else {
        let header = frame.get_mut::<Ipv6>(packet.network)?;
        header.hop_limit = ttl;
    }
    let change = change
        .sub16([packet.ttl, packet.protocol])
        .add16([ttl, packet.protocol]);
    rewrite_network(frame, packet, end, to, change, Hop::Others)
}

#[inline(always)]
fn rewrite_transport(
    frame: &mut Frame,
    packet: &Packet,
    end: End,
    to: &Endpoint,
    addresses: Sum,
) -> Option<()> {
    let ports = frame.get::<PortsHeader>(packet.transport)?;
    let port = match end {
        End::Destination => ports.destination,
        End::Source => ports.source,
    };
    let change = addresses.sub16(port).add16(to.port);
    if packet.protocol == PROTOCOL_TCP {
        let header = frame.get_mut::<Tcp>(packet.transport)?;
        header.checksum = update(header.checksum, change);
    } else if packet.protocol == PROTOCOL_SCTP {
        let end_of_port = match end {
            End::Destination => size_of::<PortsHeader>(),
            End::Source => size_of::<PortsHeader>() / 2,
        };
        if port != to.port {
            let following = packet.end - packet.transport - end_of_port;
            let [from, to] = [port, to.port].map(|port| u32::from(u16::from_ne_bytes(port)));
            let change = sctp_change(from, to, following as u32);
            let header = frame.get_mut::<Sctp>(packet.transport)?;
            let checksum = u32::from_le_bytes(header.checksum) ^ change;
            header.checksum = checksum.to_le_bytes();
        }
    } else {
        let header = frame.get_mut::<Udp>(packet.transport)?;
        header.checksum = update_udp(header.checksum, change);
    }
    let ports = frame.get_mut::<PortsHeader>(packet.transport)?;
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
