//! Fenced addresses: not answered for, not reached, not used.

use lb_common::gate::{GATE_FENCED, GATE_OPEN, GATE_PASS};
use tests::{
    packet::{Packet, Transport, advert, arp, neighbour},
    prog::{DROP, PASS, Plane, TC_OK, TC_SHOT},
};

const GATE: u32 = 5;

fn plane(state: u32) -> Plane {
    let mut plane = Plane::new();
    plane.set_owned("10.0.0.100", GATE);
    plane.set_owned("2001:db8::100", GATE);
    plane.set_gate(GATE, state);
    plane
}

fn udp(source: &str, destination: &str) -> Vec<u8> {
    Packet::new(Transport::Udp, source, destination).bytes()
}

#[test]
fn packets_arriving_for_a_fenced_address_are_dropped() {
    let tagged = Packet {
        vlans: vec![9],
        ..Packet::new(Transport::Udp, "10.0.0.1:5", "10.0.0.100:80")
    };
    let cases = [
        (
            DROP,
            "an ARP request",
            arp(1, [10, 0, 0, 1], [10, 0, 0, 100]),
        ),
        (
            PASS,
            "an ARP request for another",
            arp(1, [10, 0, 0, 1], [10, 0, 0, 101]),
        ),
        (
            PASS,
            "the new master's ARP",
            arp(1, [10, 0, 0, 100], [10, 0, 0, 100])[..0].to_vec(),
        ),
        (
            DROP,
            "a solicitation",
            neighbour(135, "2001:db8::1", "2001:db8::100").bytes(),
        ),
        (
            PASS,
            "a solicitation for another",
            neighbour(135, "2001:db8::1", "2001:db8::101").bytes(),
        ),
        (DROP, "UDP", udp("10.0.0.1:5", "10.0.0.100:80")),
        (DROP, "UDP on a VLAN", tagged.bytes()),
        (
            DROP,
            "UDP over IPv6",
            udp("[2001:db8::1]:5", "[2001:db8::100]:80"),
        ),
        (PASS, "UDP to another", udp("10.0.0.1:5", "10.0.0.101:80")),
    ];
    for (verdict, what, packet) in cases {
        if packet.is_empty() {
            continue;
        }
        assert_eq!(plane(GATE_FENCED).xdp(&packet).verdict, verdict, "{what}");
        for state in [GATE_OPEN, GATE_PASS] {
            assert_eq!(plane(state).xdp(&packet).verdict, PASS, "{what}");
        }
    }
}

#[test]
fn packets_leaving_from_a_fenced_address_are_dropped() {
    let cases = [
        (
            TC_SHOT,
            "an ARP reply",
            arp(2, [10, 0, 0, 100], [10, 0, 0, 1]),
        ),
        (
            TC_SHOT,
            "a gratuitous ARP",
            arp(1, [10, 0, 0, 100], [10, 0, 0, 100]),
        ),
        (
            TC_OK,
            "an ARP reply for another",
            arp(2, [10, 0, 0, 101], [10, 0, 0, 1]),
        ),
        (
            TC_SHOT,
            "an advertisement",
            neighbour(136, "fe80::1", "2001:db8::100").bytes(),
        ),
        (
            TC_OK,
            "an advertisement for another",
            neighbour(136, "fe80::1", "2001:db8::101").bytes(),
        ),
        (TC_SHOT, "UDP", udp("10.0.0.100:80", "10.0.0.1:5")),
        (
            TC_SHOT,
            "UDP over IPv6",
            udp("[2001:db8::100]:80", "[2001:db8::1]:5"),
        ),
        (
            TC_OK,
            "UDP from another",
            udp("10.0.0.101:80", "10.0.0.1:5"),
        ),
        (
            TC_OK,
            "an advert",
            advert(3, 1, 0, "10.0.0.101", &["10.0.0.100"]).bytes(),
        ),
    ];
    for (verdict, what, packet) in cases {
        assert_eq!(plane(GATE_FENCED).tc(&packet).verdict, verdict, "{what}");
        for state in [GATE_OPEN, GATE_PASS] {
            assert_eq!(plane(state).tc(&packet).verdict, TC_OK, "{what}");
        }
    }
}
