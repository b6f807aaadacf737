//! `no_accept`: a MASTER that forwards for its addresses, and is found at them, but does not answer at them.

use lb_common::{
    counter::Counter,
    gate::{GATE_OPEN, GATE_PASS, OWNED_FLAG_NO_ACCEPT},
    hint::HINT_RESTRICTED,
};
use tests::{
    packet::{Packet, SYN, Transport, arp, neighbour},
    prog::{DROP, PASS, Plane, TC_OK, TC_SHOT, TX},
};

use crate::scene::{self, all};

const GATE: u32 = 5;

fn plane(state: u32, flags: u32) -> Plane {
    let mut plane = Plane::new();
    plane.set_gate(GATE, state);
    plane.set_owned_with("10.0.0.100", GATE, flags);
    plane.set_owned_with("2001:db8::100", GATE, flags);
    plane.set_hints(HINT_RESTRICTED);
    plane
}

fn packet(protocol: u8, source: &str, destination: &str) -> Vec<u8> {
    Packet::new(Transport::Raw(protocol), source, destination).bytes()
}

fn discovery(kind: u8, source: &str, destination: &str) -> Vec<u8> {
    let mut packet = neighbour(kind, source, destination);
    packet.destination = destination.parse().unwrap();
    packet.bytes()
}

#[test]
fn what_is_for_the_host_itself_is_dropped_and_neighbours_are_answered() {
    let (v4, v6) = ("10.0.0.100:0", "[2001:db8::100]:0");
    let cases = [
        (DROP, "ICMP", packet(1, "10.0.0.1:0", v4)),
        (DROP, "UDP", packet(17, "10.0.0.1:0", v4)),
        (DROP, "ICMPv6", packet(58, "[2001:db8::1]:0", v6)),
        (DROP, "ESP over IPv6", packet(50, "[2001:db8::1]:0", v6)),
        (
            PASS,
            "ICMP to another",
            packet(1, "10.0.0.1:0", "10.0.0.7:0"),
        ),
        (
            PASS,
            "an ARP request",
            arp(1, [10, 0, 0, 1], [10, 0, 0, 100]),
        ),
        (
            PASS,
            "a solicitation to the address itself",
            discovery(135, "2001:db8::1", "2001:db8::100"),
        ),
        (
            PASS,
            "an advertisement to it",
            discovery(136, "2001:db8::1", "2001:db8::100"),
        ),
        (
            PASS,
            "a solicitation to its group",
            neighbour(135, "2001:db8::1", "2001:db8::100").bytes(),
        ),
    ];
    for (verdict, what, packet) in cases {
        let mut restricted = plane(GATE_OPEN, OWNED_FLAG_NO_ACCEPT);
        assert_eq!(restricted.xdp(&packet).verdict, verdict, "{what}");
        assert_eq!(
            restricted.counter(Counter::NotAccepted),
            u64::from(verdict == DROP),
            "{what}"
        );
        for (state, flags) in [(GATE_OPEN, 0), (GATE_PASS, OWNED_FLAG_NO_ACCEPT)] {
            assert_eq!(plane(state, flags).xdp(&packet).verdict, PASS, "{what}");
        }
    }
}

#[test]
fn the_host_itself_does_not_speak_from_the_address() {
    let cases = [
        (TC_SHOT, "ICMP", packet(1, "10.0.0.100:0", "10.0.0.1:0")),
        (
            TC_OK,
            "an advertisement",
            discovery(136, "2001:db8::100", "2001:db8::1"),
        ),
        (
            TC_OK,
            "an ARP reply",
            arp(2, [10, 0, 0, 100], [10, 0, 0, 1]),
        ),
        (
            TC_OK,
            "ICMP from another",
            packet(1, "10.0.0.7:0", "10.0.0.1:0"),
        ),
    ];
    for (verdict, what, packet) in cases {
        let mut plane = plane(GATE_OPEN, OWNED_FLAG_NO_ACCEPT);
        assert_eq!(plane.tc(&packet).verdict, verdict, "{what}");
    }
}

#[test]
fn services_at_the_address_are_served_and_other_ports_are_not() {
    for scene in all() {
        let mut plane = scene.plane();
        plane.set_owned_with(scene.vip(), scene::GATE, OWNED_FLAG_NO_ACCEPT);
        plane.set_hints(HINT_RESTRICTED);
        let mut packet = scene.packet(1, SYN);
        assert_eq!(plane.xdp(&packet.bytes()).verdict, TX, "{scene:?}");
        packet.destination_port = 22;
        assert_eq!(plane.xdp(&packet.bytes()).verdict, DROP, "{scene:?}");
    }
}
