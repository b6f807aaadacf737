//! Fenced gates: this node has the address but may not use it, because another may have taken over.

use lb_common::gate::OwnedKey;

use crate::{
    frame::Frame,
    ip::Ip,
    maps,
    packet::{
        ARP_IPV4, ARP_REQUEST, Arp, NEIGHBOUR_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, Neighbour,
        PROTOCOL_ICMPV6,
    },
    parse::Packet,
};

/// True when `address` is behind a fenced gate. One array look-up as long as no gate is fenced.
#[inline(always)]
pub fn covers(address: Ip) -> bool {
    let hint = match maps::fence_hint() {
        Some(hint) => hint.load(),
        None => 0,
    };
    if hint == 0 {
        return false;
    }
    let key = OwnedKey {
        address: address.address(),
    };
    match maps::owned_gate(&key) {
        Some(gate) => maps::is_fenced(gate),
        None => false,
    }
}

/// True for an ARP request that asks for an address behind a fenced gate.
#[inline(always)]
pub fn arp_asks(frame: &Frame, offset: usize) -> bool {
    let Some(arp) = frame.get::<Arp>(offset) else {
        return false;
    };
    arp.types == ARP_IPV4 && arp.operation == ARP_REQUEST && covers(Ip::mapped(arp.target))
}

/// True for any ARP message that says an address behind a fenced gate is here.
#[inline(always)]
pub fn arp_claims(frame: &Frame, offset: usize) -> bool {
    let Some(arp) = frame.get::<Arp>(offset) else {
        return false;
    };
    arp.types == ARP_IPV4 && covers(Ip::mapped(arp.sender))
}

/// True for a neighbour solicitation that asks for an address behind a fenced gate.
#[inline(always)]
pub fn neighbour_asks(frame: &Frame, packet: &Packet) -> bool {
    neighbour(frame, packet, NEIGHBOUR_SOLICITATION)
}

/// True for a neighbour advertisement that says an address behind a fenced gate is here.
#[inline(always)]
pub fn neighbour_claims(frame: &Frame, packet: &Packet) -> bool {
    neighbour(frame, packet, NEIGHBOUR_ADVERTISEMENT)
}

#[inline(always)]
fn neighbour(frame: &Frame, packet: &Packet, kind: u8) -> bool {
    if packet.family != 6 || packet.protocol != PROTOCOL_ICMPV6 {
        return false;
    }
    let Some(message) = frame.get::<Neighbour>(packet.transport) else {
        return false;
    };
    message.kind == kind && covers(Ip::new(&message.target))
}
