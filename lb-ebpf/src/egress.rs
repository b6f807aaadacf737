//! The way of a packet through `lb_tc`: adverts renew the lease, nothing claims or uses an address behind a
//! fenced gate, nor answers from one that is not accepted, and what tells neighbours of a virtual router has its MAC.

use crate::{
    fence::{self, Say},
    frame::Frame,
    heartbeat::{self, Place},
    outcome::Outcome,
    packet::{Advert, ETHER_ARP},
    parse::{self, Packet},
    virtual_mac::{self, Source},
};

/// Decides about the packet in `frame`, which leaves at `place`, whose VLAN is that of a tag the kernel keeps beside the
/// packet, and about its source. `made_here` is true for one that was not forwarded: another host's has its own MAC.
#[inline(always)]
pub fn handle<const TIMERS: bool>(
    frame: &Frame,
    place: Place,
    made_here: bool,
) -> (Outcome, Option<Source>) {
    let Some(link) = parse::link(frame) else {
        return (Outcome::Pass, None);
    };
    let packet = match link.kind {
        ETHER_ARP if fence::arp_claims(frame, link.payload) => {
            return (Outcome::FencedNeighbour, None);
        }
        ETHER_ARP if made_here => {
            return (Outcome::Pass, virtual_mac::of_arp(frame, link.payload));
        }
        _ => parse::ip(frame, &link),
    };
    let Some(packet) = packet else {
        return (Outcome::Pass, None);
    };
    if let Some(transport) = heartbeat::leaving_advert(frame, &packet) {
        return advert::<TIMERS>(frame, &packet, transport, place, made_here);
    }
    let outcome = restrict(frame, &packet, made_here);
    if !made_here || !matches!(outcome, Outcome::Pass) {
        return (outcome, None);
    }
    let source = virtual_mac::of_neighbour(frame, &packet)
        .or_else(|| virtual_mac::of_membership(frame, &packet, place.ifindex));
    (outcome, source)
}

/// An advert, which begins at `transport`.
#[inline(always)]
fn advert<const TIMERS: bool>(
    frame: &Frame,
    packet: &Packet,
    transport: usize,
    place: Place,
    made_here: bool,
) -> (Outcome, Option<Source>) {
    let Some(advert) = frame.get::<Advert>(transport) else {
        return (Outcome::Pass, None);
    };
    let vlan = if place.vlan == 0 {
        packet.vlan
    } else {
        place.vlan
    };
    let key = heartbeat::key_of(packet, advert.vrid, &Place { vlan, ..place });
    let outcome = if TIMERS {
        heartbeat::send(packet, advert, key)
    } else {
        Outcome::Pass
    };
    let source = if made_here {
        virtual_mac::of_advert(&key)
    } else {
        None
    };
    (outcome, source)
}

#[inline(always)]
fn restrict(frame: &Frame, packet: &Packet, made_here: bool) -> Outcome {
    if fence::neighbour_claims(frame, packet) {
        return Outcome::FencedNeighbour;
    }
    match fence::say(packet.source) {
        Say::Nothing => Outcome::Pass,
        Say::Fenced => Outcome::Fenced,
        Say::NotAccepted if made_here && !fence::is_neighbour_discovery(frame, packet) => {
            Outcome::NotAccepted
        }
        Say::NotAccepted => Outcome::Pass,
    }
}
