//! Virtual MACs: written where no link has them, turned back, and kept out of membership reports.

use std::time::Duration;

use bytemuck::Zeroable;
use lb_common::{
    Mac,
    counter::Counter,
    gate::{GATE_FENCED, GATE_OPEN, GATE_PASS},
    hint::{HINT_RESTRICTED, HINT_VIRTUAL_MAC},
    router::{ROUTER_FLAG_YIELD, ROUTER_LEASE, RouterKey, RouterValue},
    virtual_mac::VIRTUAL_MAC_FLAG_LINK,
};
use tests::{
    packet::{
        CLIENT_MAC, DIRECTOR_MAC, Packet, SYN, Transport, address, advert, arp, checksum, neighbour,
    },
    prog::{INGRESS, PASS, Plane, TC_OK, TC_SHOT, TX},
};

use crate::scene::{self, all};

const GATE: u32 = 5;
const VRID: u8 = 51;
const VIRTUAL: Mac = [0, 0, 0x5e, 0, 1, VRID];
const OTHER_INTERFACE: u32 = INGRESS + 1;
/// A virtual address and one that is not ours, of each family.
const V4: [[u8; 4]; 2] = [[10, 0, 0, 100], [10, 0, 0, 101]];
const V6: [&str; 2] = ["2001:db8::100", "2001:db8::101"];

/// With and without timers.
fn planes() -> [(&'static str, Plane); 2] {
    [("timers", Plane::new()), ("plain", Plane::plain())]
}

/// The frame with another source.
fn sent_by(mac: Mac, packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet[6..12].copy_from_slice(&mac);
    packet
}

/// The frame with another destination.
fn sent_to(mac: Mac, packet: &[u8]) -> Vec<u8> {
    [&mac, &packet[6..]].concat()
}

/// Runs a packet that was made here through `lb_tc`, and says how many were given another source.
fn leaves(plane: &mut Plane, packet: &[u8]) -> (u32, Vec<u8>, u64) {
    let before = plane.counter(Counter::VirtualMac);
    let answer = plane.tc(packet);
    let changed = plane.counter(Counter::VirtualMac) - before;
    (answer.verdict, answer.packet, changed)
}

fn raw(protocol: u8, source: &str, destination: &str, payload: &[u8]) -> Packet {
    Packet {
        payload: payload.to_vec(),
        from_mac: VIRTUAL,
        ..Packet::new(Transport::Raw(protocol), source, destination)
    }
}

/// An ICMPv6 message behind hop-by-hop options with a router alert.
fn listener(kind: u8) -> Packet {
    let payload = [58, 0, 5, 2, 0, 0, 1, 0, kind, 0, 0, 0, 0, 0, 0, 0];
    raw(0, "[fe80::1]:0", "[ff02::16]:0", &payload)
}

/// Packets and whether they are membership messages from the virtual MAC.
fn memberships() -> Vec<(bool, String, Vec<u8>)> {
    let igmp = raw(
        2,
        "10.0.0.1:0",
        "224.0.0.22:0",
        &[0x22, 0, 0, 0, 0, 0, 0, 0],
    );
    let mut alerted = igmp.bytes();
    alerted[14] = 0x46;
    alerted.splice(34..34, [0x94, 4, 0, 0]);
    let tagged = Packet {
        vlans: vec![9],
        ..listener(143)
    };
    let long = raw(0, "[fe80::1]:0", "[ff02::16]:0", &[58, 1, 1, 12]);
    let long = [long.bytes(), vec![0; 12], vec![143, 0, 0, 0]].concat();
    let cut = listener(143).bytes();
    let mut cases: Vec<(bool, String, Vec<u8>)> = [130, 131, 132, 143]
        .map(|kind| (true, format!("ICMPv6 type {kind}"), listener(kind).bytes()))
        .into();
    let more = [
        (true, "IGMP", igmp.bytes()),
        (true, "IGMP with router alert", alerted),
        (true, "MLD on a VLAN", tagged.bytes()),
        (false, "an echo request", listener(128).bytes()),
        (false, "a neighbour solicitation", listener(135).bytes()),
        (false, "longer options", long),
        (
            false,
            "UDP behind options",
            raw(
                0,
                "[fe80::1]:0",
                "[ff02::16]:0",
                &[17, 0, 1, 4, 0, 0, 0, 0, 143],
            )
            .bytes(),
        ),
        (false, "a cut report", cut[..cut.len() - 8].to_vec()),
        (
            false,
            "a report without options",
            raw(58, "[fe80::1]:0", "[ff02::16]:0", &[143; 8]).bytes(),
        ),
        (
            false,
            "UDP",
            Packet {
                from_mac: VIRTUAL,
                ..Packet::new(Transport::Udp, "10.0.0.1:5", "10.0.0.2:5")
            }
            .bytes(),
        ),
        (
            false,
            "IPv6's protocol 2",
            raw(2, "[fe80::1]:0", "[ff02::16]:0", &[0; 8]).bytes(),
        ),
        (
            false,
            "IPv4's protocol 0",
            raw(0, "10.0.0.1:0", "10.0.0.2:0", &listener(143).payload).bytes(),
        ),
        (
            false,
            "IGMP from another MAC",
            sent_by(CLIENT_MAC, &igmp.bytes()),
        ),
    ];
    cases.extend(more.map(|(is, what, bytes)| (is, what.to_owned(), bytes)));
    cases
}

#[test]
fn membership_reports_leave_with_the_interfaces_own_mac() {
    for (is_membership, what, packet) in memberships() {
        let mended = sent_by(DIRECTOR_MAC, &packet);
        for (kind, mut plane) in planes() {
            let what = format!("{what}, {kind}");
            let check = |plane: &mut Plane, changes: bool, how: &str| {
                let expected = if changes { &mended } else { &packet };
                let expected = (TC_OK, expected.clone(), u64::from(changes));
                assert_eq!(leaves(plane, &packet), expected, "{what}, {how}");
            };
            check(&mut plane, false, "no virtual MAC");
            plane.set_virtual_mac_on(OTHER_INTERFACE, VIRTUAL, GATE, 0);
            check(&mut plane, false, "on another interface");
            for flags in [VIRTUAL_MAC_FLAG_LINK, 0] {
                for gate in [GATE_PASS, GATE_OPEN, GATE_FENCED] {
                    plane.set_gate(GATE, gate);
                    plane.set_virtual_mac(VIRTUAL, GATE, flags);
                    check(&mut plane, is_membership, "ours");
                }
            }
            let forwarded = plane.tc_from(OTHER_INTERFACE, &packet);
            assert_eq!(forwarded.packet, packet, "{what}, forwarded");
        }
    }
}

fn key(packet: &Packet) -> RouterKey {
    RouterKey {
        ifindex: INGRESS,
        vlan: 0,
        vrid: VRID,
        family: if packet.source.is_ipv4() { 4 } else { 6 },
    }
}

fn lease(packet: &Packet, version: u8) -> RouterValue {
    RouterValue {
        interval: Duration::from_secs(600).as_nanos() as u64,
        gate: GATE,
        role: ROUTER_LEASE,
        priority: 100,
        version,
        seconds: 1,
        flags: ROUTER_FLAG_YIELD,
        min_ttl: 255,
        max_ttl: 255,
        own: address(packet.source),
        destination: address(packet.destination),
        ..RouterValue::zeroed()
    }
}

/// Our adverts.
fn adverts() -> Vec<(&'static str, u8, Packet)> {
    let plain = advert(2, VRID, 100, "10.0.0.5", &["10.0.0.100"]);
    let mut header = vec![112, 4, 0, 0];
    header.extend([7; 20]);
    let signed = Packet {
        transport: Transport::Raw(51),
        payload: [header, plain.payload.clone()].concat(),
        ..plain.clone()
    };
    vec![
        ("version 2", 2, plain),
        ("behind an authentication header", 2, signed),
        (
            "version 3",
            3,
            advert(3, VRID, 100, "10.0.0.5", &["10.0.0.100"]),
        ),
        ("IPv6", 3, advert(3, VRID, 100, "fe80::5", &["fe80::100"])),
        (
            "a resignation",
            3,
            advert(3, VRID, 0, "10.0.0.5", &["10.0.0.100"]),
        ),
    ]
}

#[test]
fn adverts_leave_with_the_virtual_mac_of_their_router() {
    for (what, version, advert) in adverts() {
        let packet = advert.bytes();
        let key = key(&advert);
        for (kind, mut plane) in planes() {
            let what = format!("{what}, {kind}");
            let check = |plane: &mut Plane, changes: bool, how: &str| {
                let expected = sent_by(if changes { VIRTUAL } else { CLIENT_MAC }, &packet);
                let expected = (TC_OK, expected, u64::from(changes));
                assert_eq!(leaves(plane, &packet), expected, "{what}, {how}");
            };
            plane.set_hints(HINT_VIRTUAL_MAC);
            check(&mut plane, false, "unknown");
            let others = [
                RouterKey {
                    vrid: VRID + 1,
                    ..key
                },
                RouterKey { vlan: 7, ..key },
                RouterKey {
                    family: 10 - key.family,
                    ..key
                },
                RouterKey {
                    ifindex: OTHER_INTERFACE,
                    ..key
                },
            ];
            for other in others {
                plane.set_router_mac(other, VIRTUAL);
            }
            check(&mut plane, false, "another router");
            plane.set_router_mac(key, VIRTUAL);
            check(&mut plane, true, "ours");
            plane.set_hints(HINT_RESTRICTED);
            check(&mut plane, false, "no hint");
            plane.set_hints(HINT_VIRTUAL_MAC);
            let forwarded = plane.tc_from(OTHER_INTERFACE, &packet);
            assert_eq!(forwarded.packet, packet, "{what}, forwarded");
            for (state, renews) in [(GATE_OPEN, true), (GATE_FENCED, false)] {
                plane.set_gate(GATE, state);
                plane.set_router(key, &lease(&advert, version));
                plane.set_hints(HINT_VIRTUAL_MAC);
                let before = plane.counter(Counter::LeaseRenewed);
                check(&mut plane, true, "with a lease");
                let renewals = plane.counter(Counter::LeaseRenewed) - before;
                let renews = renews && plane.timers.is_some() && !what.contains("resignation");
                assert_eq!(renewals, u64::from(renews), "{what}, gate {state}");
            }
        }
    }
}

#[test]
fn an_advert_on_a_vlan_has_the_mac_of_the_router_there() {
    let mut advert = advert(3, VRID, 100, "10.0.0.5", &["10.0.0.100"]);
    advert.vlans = vec![7];
    for (_, mut plane) in planes() {
        let key = RouterKey {
            vlan: 7,
            ..key(&advert)
        };
        plane.set_router_mac(key, VIRTUAL);
        plane.set_hints(HINT_VIRTUAL_MAC);
        let expected = (TC_OK, sent_by(VIRTUAL, &advert.bytes()), 1);
        assert_eq!(leaves(&mut plane, &advert.bytes()), expected);
    }
}

/// A neighbour message with a correct checksum.
fn discovery(kind: u8, source: &str, target: &str, from: Mac, options: &[u8]) -> Vec<u8> {
    let mut packet = neighbour(kind, source, target);
    packet.from_mac = from;
    packet.payload.extend(options);
    let summed = [
        packet.pseudo_header(packet.payload.len()),
        packet.payload.clone(),
    ];
    packet.payload[2..4].copy_from_slice(&checksum(&summed.concat()));
    packet.bytes()
}

fn option(kind: u8, mac: Mac) -> Vec<u8> {
    [&[kind, 1], &mac[..]].concat()
}

/// What we say of `address`: as it comes from the kernel, and with the virtual MAC in place.
fn arps(address: [u8; 4]) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let cases = [
        ("a reply", arp(2, address, [10, 0, 0, 1])),
        ("a request", arp(1, address, [10, 0, 0, 1])),
        ("an announcement", arp(1, address, address)),
    ];
    let dressed = |packet: &[u8]| {
        let mut packet = sent_by(VIRTUAL, packet);
        packet[22..28].copy_from_slice(&VIRTUAL);
        packet
    };
    cases
        .map(|(what, packet)| (what, packet.clone(), dressed(&packet)))
        .into()
}

fn neighbours(address: &str) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let advertisement = |mac, options: &[u8]| discovery(136, "fe80::5", address, mac, options);
    let solicitation = |mac, options: &[u8]| discovery(135, address, "fe80::1", mac, options);
    let both = |kind, mac| [option(kind, mac), vec![14, 1, 1, 2, 3, 4, 5, 6]].concat();
    vec![
        (
            "an advertisement",
            advertisement(CLIENT_MAC, &option(2, CLIENT_MAC)),
            advertisement(VIRTUAL, &option(2, VIRTUAL)),
        ),
        (
            "an advertisement without option",
            advertisement(CLIENT_MAC, &[]),
            advertisement(VIRTUAL, &[]),
        ),
        (
            "an advertisement with another option",
            advertisement(CLIENT_MAC, &option(1, CLIENT_MAC)),
            advertisement(VIRTUAL, &option(1, CLIENT_MAC)),
        ),
        (
            "a solicitation",
            solicitation(CLIENT_MAC, &option(1, CLIENT_MAC)),
            solicitation(VIRTUAL, &option(1, VIRTUAL)),
        ),
        (
            "a solicitation with a nonce",
            solicitation(CLIENT_MAC, &both(1, CLIENT_MAC)),
            solicitation(VIRTUAL, &both(1, VIRTUAL)),
        ),
        (
            "a solicitation with a longer option",
            solicitation(CLIENT_MAC, &[vec![1, 2], vec![9; 14]].concat()),
            solicitation(VIRTUAL, &[vec![1, 2], vec![9; 14]].concat()),
        ),
    ]
}

/// What is about another address, or says nothing of ours.
fn unrelated() -> Vec<(&'static str, Vec<u8>)> {
    let link = option(1, CLIENT_MAC);
    vec![
        ("a request for it", arp(1, V4[1], V4[0])),
        ("a probe", arp(1, [0; 4], V4[0])),
        ("half an ARP message", arp(2, V4[0], V4[1])[..30].to_vec()),
        ("a reply of another", arp(2, V4[1], [10, 0, 0, 1])),
        (
            "a solicitation for it",
            discovery(135, "fe80::5", V6[0], CLIENT_MAC, &link),
        ),
        (
            "duplicate address detection",
            discovery(135, "::", V6[0], CLIENT_MAC, &[]),
        ),
        (
            "an advertisement of another",
            discovery(136, V6[0], V6[1], CLIENT_MAC, &option(2, CLIENT_MAC)),
        ),
        (
            "an echo request from it",
            discovery(128, V6[0], "fe80::1", CLIENT_MAC, &[]),
        ),
        (
            "UDP from it",
            Packet::new(Transport::Udp, "10.0.0.100:5", "10.0.0.1:5").bytes(),
        ),
    ]
}

fn own(plane: &mut Plane, state: u32, mac: Mac) {
    plane.set_owned_as("10.0.0.100", GATE, 0, mac);
    plane.set_owned_as(V6[0], GATE, 0, mac);
    plane.set_gate(GATE, state);
    plane.set_hints(HINT_VIRTUAL_MAC | HINT_RESTRICTED);
}

#[test]
fn neighbours_learn_the_virtual_mac_of_an_address_behind_an_open_gate() {
    let cases = || arps(V4[0]).into_iter().chain(neighbours(V6[0]));
    for (what, packet, dressed) in cases() {
        for (kind, mut plane) in planes() {
            let what = format!("{what}, {kind}");
            let kept = (TC_OK, packet.clone(), 0);
            own(&mut plane, GATE_OPEN, VIRTUAL);
            assert_eq!(
                leaves(&mut plane, &packet),
                (TC_OK, dressed.clone(), 1),
                "{what}"
            );
            // What has it already stays.
            assert_eq!(leaves(&mut plane, &dressed).1, dressed, "{what}, again");
            let forwarded = plane.tc_from(OTHER_INTERFACE, &packet);
            assert_eq!(forwarded.packet, packet, "{what}, forwarded");
            plane.set_hints(HINT_RESTRICTED);
            assert_eq!(leaves(&mut plane, &packet), kept, "{what}, no hint");
            own(&mut plane, GATE_PASS, VIRTUAL);
            assert_eq!(leaves(&mut plane, &packet), kept, "{what}, gate passes");
            own(&mut plane, GATE_FENCED, VIRTUAL);
            let stopped = (TC_SHOT, packet.clone(), 0);
            assert_eq!(leaves(&mut plane, &packet), stopped, "{what}, fenced");
            own(&mut plane, GATE_OPEN, [0; 6]);
            assert_eq!(leaves(&mut plane, &packet), kept, "{what}, no virtual MAC");
        }
    }
    for (what, packet) in unrelated() {
        for (kind, mut plane) in planes() {
            own(&mut plane, GATE_OPEN, VIRTUAL);
            let kept = (TC_OK, packet.clone(), 0);
            assert_eq!(leaves(&mut plane, &packet), kept, "{what}, {kind}");
        }
    }
}

#[test]
fn the_checksum_of_a_neighbour_message_is_right_for_every_mac() {
    let mut plane = Plane::new();
    let macs: [Mac; 5] = [
        [0xff; 6],
        [0, 0, 0, 0, 0, 1],
        [0xff, 0xff, 0, 0, 0xff, 0xfe],
        [0x80; 6],
        CLIENT_MAC,
    ];
    for mac in macs {
        for was in macs {
            own(&mut plane, GATE_OPEN, mac);
            let packet = discovery(136, "fe80::5", V6[0], was, &option(2, was));
            let answer = plane.tc(&packet).packet;
            let mut message = neighbour(136, "fe80::5", V6[0]);
            message.payload = answer[54..].to_vec();
            let summed = [message.pseudo_header(32), message.payload.clone()].concat();
            assert_eq!(checksum(&summed), [0, 0], "{was:?} to {mac:?}");
            assert_eq!(message.payload[26..], mac);
            assert_eq!(answer[6..12], mac);
        }
    }
}

#[test]
fn a_fence_leaves_the_other_hint() {
    let packet = advert(3, VRID, 150, "10.0.0.9", &["10.0.0.100"]);
    let ours = advert(3, VRID, 100, "10.0.0.5", &["10.0.0.100"]);
    let mut plane = Plane::new();
    plane.set_gate(GATE, GATE_OPEN);
    plane.set_router(key(&ours), &lease(&ours, 3));
    for hints in [0, HINT_VIRTUAL_MAC, HINT_VIRTUAL_MAC | HINT_RESTRICTED] {
        plane.set_hints(hints);
        assert_eq!(plane.xdp(&packet.bytes()).verdict, PASS);
        let after = plane.vrrp.hints.get(&0, 0).unwrap();
        assert_eq!(after, hints | HINT_RESTRICTED);
    }
}

#[test]
fn what_comes_to_a_virtual_mac_that_no_link_has_is_turned_back() {
    let tagged = Packet {
        vlans: vec![9, 8],
        ..Packet::new(Transport::Udp, "10.0.0.1:5", "10.0.0.100:80")
    };
    let cases = [
        ("an ARP request", arp(1, [10, 0, 0, 1], V4[0])),
        (
            "TCP",
            Packet::new(Transport::Tcp(SYN), "10.0.0.1:5", "10.0.0.100:22").bytes(),
        ),
        (
            "UDP over IPv6",
            Packet::new(Transport::Udp, "[2001:db8::1]:5", "[2001:db8::100]:53").bytes(),
        ),
        ("UDP on a VLAN", tagged.bytes()),
        (
            "to be routed",
            Packet::new(Transport::Udp, "10.0.0.1:5", "192.0.2.1:53").bytes(),
        ),
        (
            "an advert",
            advert(3, VRID, 100, "10.0.0.1", &["10.0.0.100"]).bytes(),
        ),
        (
            "an unknown EtherType",
            [vec![0; 12], vec![0x88, 0xb5], vec![1; 40]].concat(),
        ),
    ];
    for (what, packet) in cases {
        let packet = sent_to(VIRTUAL, &packet);
        let turned = sent_to(DIRECTOR_MAC, &packet);
        for (kind, mut plane) in planes() {
            let check = |plane: &mut Plane, turns: bool, how: &str| {
                let before = plane.counter(Counter::VirtualMac);
                let answer = plane.xdp(&packet);
                let what = format!("{what}, {kind}, {how}");
                assert_eq!(answer.verdict, PASS, "{what}");
                let expected = if turns { &turned } else { &packet };
                assert_eq!(&answer.packet, expected, "{what}");
                let count = plane.counter(Counter::VirtualMac) - before;
                assert_eq!(count, u64::from(turns), "{what}");
            };
            plane.set_gate(GATE, GATE_OPEN);
            plane.set_hints(HINT_VIRTUAL_MAC);
            check(&mut plane, false, "unknown");
            plane.set_virtual_mac_on(OTHER_INTERFACE, VIRTUAL, GATE, 0);
            plane.set_virtual_mac([0, 0, 0x5e, 0, 1, VRID + 1], GATE, 0);
            check(&mut plane, false, "elsewhere");
            plane.set_virtual_mac(VIRTUAL, GATE, VIRTUAL_MAC_FLAG_LINK);
            check(&mut plane, false, "a link has it");
            plane.set_virtual_mac(VIRTUAL, GATE, 0);
            check(&mut plane, true, "ours");
            plane.set_hints(HINT_RESTRICTED);
            check(&mut plane, false, "no hint");
            for state in [GATE_PASS, GATE_FENCED] {
                plane.set_gate(GATE, state);
                plane.set_hints(HINT_VIRTUAL_MAC | HINT_RESTRICTED);
                check(&mut plane, false, "gate not open");
            }
        }
    }
}

#[test]
fn what_is_dropped_at_a_virtual_mac_is_not_turned_back() {
    let mut plane = Plane::new();
    // The gate of the MAC is open, that of the address is not.
    own(&mut plane, GATE_FENCED, VIRTUAL);
    plane.set_virtual_mac(VIRTUAL, 0, 0);
    let packet = sent_to(VIRTUAL, &arp(1, [10, 0, 0, 1], V4[0]));
    assert_eq!(plane.xdp(&packet).packet, packet);
    assert_eq!(plane.counter(Counter::FencedNeighbour), 1);
    assert_eq!(plane.counter(Counter::VirtualMac), 0);
}

#[test]
fn services_are_served_at_a_virtual_mac() {
    for scene in all() {
        let packet = scene.packet(1, SYN).bytes();
        let usual = scene.plane().xdp(&packet);
        assert_eq!(usual.verdict, TX, "{scene:?}");
        for flags in [0, VIRTUAL_MAC_FLAG_LINK] {
            let mut plane = scene.plane();
            plane.set_virtual_mac(VIRTUAL, scene::GATE, flags);
            plane.set_hints(HINT_VIRTUAL_MAC);
            let answer = plane.xdp(&sent_to(VIRTUAL, &packet));
            assert_eq!(answer, usual, "{scene:?}");
            assert_eq!(plane.counter(Counter::VirtualMac), 0, "{scene:?}");
        }
    }
}
