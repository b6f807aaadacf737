//! Restricted addresses: those behind fenced gates, which this node has but may not use, because another may have taken
//! over, and those of a MASTER that forwards for them but does not accept them.

use lb_common::{
    gate::{GATE_FENCED, GATE_OPEN, OWNED_FLAG_NO_ACCEPT, OwnedKey},
    hint::HINT_RESTRICTED,
};

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

/// What `owned` says about an address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Say {
    /// Nothing: it is not ours, or ours without restriction.
    Nothing,
    /// It is behind a fenced gate.
    Fenced,
    /// It is ours now, but not for this host itself (`no_accept`).
    NotAccepted,
}

/// Asks about `address`. One array look-up as long as `owned` has nothing to say about any.
#[inline(always)]
pub fn say(address: Ip) -> Say {
    if !maps::is_hinted(HINT_RESTRICTED) {
        return Say::Nothing;
    }
    let key = OwnedKey {
        address: address.address(),
    };
    let Some(owned) = maps::owned(&key) else {
        return Say::Nothing;
    };
    match maps::gate(owned.gate).map(|gate| gate.load()) {
        Some(GATE_FENCED) => Say::Fenced,
        Some(GATE_OPEN) if owned.flags & OWNED_FLAG_NO_ACCEPT != 0 => Say::NotAccepted,
        _ => Say::Nothing,
    }
}

/// True when `address` is behind a fenced gate.
#[inline(always)]
fn covers(address: Ip) -> bool {
    say(address) == Say::Fenced
}

/// True for a neighbour solicitation or advertisement, without which nobody would find an address.
#[inline(always)]
pub fn is_neighbour_discovery(frame: &Frame, packet: &Packet) -> bool {
    message(frame, packet).is_some_and(|message| {
        message.kind == NEIGHBOUR_SOLICITATION || message.kind == NEIGHBOUR_ADVERTISEMENT
    })
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
    message(frame, packet)
        .is_some_and(|message| message.kind == kind && covers(Ip::new(&message.target)))
}

#[inline(always)]
fn message<'a>(frame: &'a Frame, packet: &Packet) -> Option<&'a Neighbour> {
    if packet.family != 6 || packet.protocol != PROTOCOL_ICMPV6 {
        return None;
    }
    frame.get::<Neighbour>(packet.transport)
}
