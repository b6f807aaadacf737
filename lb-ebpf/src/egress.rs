//! The way of a packet through `lb_tc`: adverts renew the lease, and nothing claims or uses an address behind a
//! fenced gate, nor answers from one that is not accepted.

use crate::{
    fence::{self, Say},
    frame::Frame,
    heartbeat::{self, Place},
    outcome::Outcome,
    packet::{ETHER_ARP, ETHER_IPV4, ETHER_IPV6},
    parse,
};

/// Decides about the packet in `frame`, which leaves at `place`, whose VLAN is that of a tag the kernel keeps beside the
/// packet. `made_here` is true for one that was not forwarded.
#[inline(always)]
pub fn handle<const TIMERS: bool>(frame: &Frame, place: Place, made_here: bool) -> Outcome {
    let Some(link) = parse::link(frame) else {
        return Outcome::Pass;
    };
    let packet = match link.kind {
        ETHER_IPV4 => parse::ipv4(frame, link.payload),
        ETHER_IPV6 => parse::ipv6(frame, link.payload),
        ETHER_ARP if fence::arp_claims(frame, link.payload) => return Outcome::FencedNeighbour,
        _ => None,
    };
    let Some(packet) = packet else {
        return Outcome::Pass;
    };
    if let Some(transport) = heartbeat::leaving_advert(frame, &packet) {
        let vlan = if place.vlan == 0 {
            link.vlan
        } else {
            place.vlan
        };
        let place = Place { vlan, ..place };
        return if TIMERS {
            heartbeat::send(frame, &packet, transport, &place)
        } else {
            Outcome::Pass
        };
    }
    if fence::neighbour_claims(frame, &packet) {
        return Outcome::FencedNeighbour;
    }
    match fence::say(packet.source) {
        Say::Nothing => Outcome::Pass,
        Say::Fenced => Outcome::Fenced,
        Say::NotAccepted if made_here && !fence::is_neighbour_discovery(frame, &packet) => {
            Outcome::NotAccepted
        }
        Say::NotAccepted => Outcome::Pass,
    }
}
