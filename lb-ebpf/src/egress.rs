//! The way of a packet through `lb_tc`: adverts renew the lease, and nothing claims or uses an address behind a
//! fenced gate.

use crate::{
    fence,
    frame::Frame,
    heartbeat::{self, Place},
    outcome::Outcome,
    packet::{ETHER_ARP, ETHER_IPV4, ETHER_IPV6},
    parse,
};

/// Decides about the packet in `frame`, which leaves by `ifindex`. `vlan` is the id of a tag the kernel keeps
/// beside the packet, 0 without one.
#[inline(always)]
pub fn handle<const TIMERS: bool>(frame: &Frame, ifindex: u32, vlan: u16) -> Outcome {
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
    if heartbeat::is_advert(&packet) {
        let vlan = if vlan == 0 { link.vlan } else { vlan };
        let place = Place { ifindex, vlan };
        return if TIMERS {
            heartbeat::send(frame, &packet, &place)
        } else {
            Outcome::Pass
        };
    }
    if fence::neighbour_claims(frame, &packet) {
        Outcome::FencedNeighbour
    } else if fence::covers(packet.source) {
        Outcome::Fenced
    } else {
        Outcome::Pass
    }
}
