//! What is not for us passes as it came.

use tests::{
    packet::{Packet, SYN, Transport, advert, arp, neighbour},
    prog::PASS,
};

use crate::{headers::ROUTER_ALERT, scene::all};

#[test]
fn everything_else_passes_untouched() {
    let udp = |source, destination| Packet::new(Transport::Udp, source, destination);
    let raw = |protocol, source, destination| Packet {
        transport: Transport::Raw(protocol),
        ..udp(source, destination)
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a runt", vec![0; 14]),
        (
            "an unknown EtherType",
            [vec![0; 12], vec![0x88, 0xb5], vec![1; 40]].concat(),
        ),
        (
            "three VLAN tags",
            [vec![0; 12], [0x81, 0, 0, 1].repeat(3), vec![8, 0, 0x45]].concat(),
        ),
        (
            "half an IPv4 header",
            [vec![0; 12], vec![8, 0, 0x45, 0, 0, 40]].concat(),
        ),
        (
            "IPv4 of version 5",
            [vec![0; 12], vec![8, 0, 0x55], vec![0; 60]].concat(),
        ),
        ("an ARP request", arp(1, [10, 0, 0, 1], [10, 0, 0, 100])),
        ("an ARP reply", arp(2, [10, 0, 0, 100], [10, 0, 0, 1])),
        (
            "half an ARP message",
            arp(1, [10, 0, 0, 1], [10, 0, 0, 100])[..30].to_vec(),
        ),
        ("ICMP", raw(1, "10.0.0.1:0", "10.0.0.100:0").bytes()),
        (
            "ICMPv6",
            raw(58, "[2001:db8::1]:0", "[2001:db8::100]:0").bytes(),
        ),
        (
            "a solicitation",
            neighbour(135, "2001:db8::1", "2001:db8::100").bytes(),
        ),
        (
            "IGMP with router alert",
            Packet {
                options: ROUTER_ALERT.to_vec(),
                ..raw(2, "10.0.0.1:0", "224.0.0.22:0")
            }
            .bytes(),
        ),
        ("GRE", raw(47, "10.0.0.1:0", "10.0.0.100:0").bytes()),
        ("SCTP", raw(132, "10.0.0.1:0", "10.0.0.100:0").bytes()),
        (
            "an advert of an unknown router",
            advert(3, 9, 100, "10.0.0.1", &["10.0.0.5"]).bytes(),
        ),
        (
            "an IPv6 advert",
            advert(3, 9, 100, "fe80::1", &["fe80::5"]).bytes(),
        ),
        (
            "host TCP",
            Packet::new(Transport::Tcp(SYN), "10.0.0.1:5", "10.0.0.7:22").bytes(),
        ),
        ("host UDP", udp("10.0.0.1:5", "10.0.0.7:53").bytes()),
        (
            "an IPv6 hop-by-hop header",
            raw(0, "[2001:db8::1]:5", "[2001:db8::100]:80").bytes(),
        ),
        (
            "an IPv6 fragment",
            raw(44, "[2001:db8::1]:5", "[2001:db8::100]:80").bytes(),
        ),
    ];
    let scenes: Vec<_> = all().collect();
    for scene in scenes {
        let mut plane = scene.plane();
        for (what, packet) in &cases {
            let answer = plane.xdp(packet);
            assert_eq!(answer.verdict, PASS, "{what}");
            assert_eq!(&answer.packet, packet, "{what}");
        }
    }
}

#[test]
fn packets_cut_anywhere_never_leave() {
    for scene in all() {
        let mut plane = scene.plane();
        let whole = scene.packet(1, SYN).bytes();
        for len in 14..whole.len() {
            let answer = plane.xdp(&whole[..len]);
            assert!(
                answer.verdict == PASS || answer.verdict == tests::prog::DROP,
                "{len}"
            );
            assert_eq!(answer.packet, whole[..len], "{scene:?} {len}");
        }
    }
}
