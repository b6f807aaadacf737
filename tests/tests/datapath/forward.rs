//! Towards real servers: every method, scheduler, family and protocol.

use lb_common::{
    counter::Counter,
    dest::{DEST_RESOLVED, DEST_USABLE, FORWARD_NAT},
    gate::{GATE_FENCED, GATE_OPEN, GATE_PASS},
    service::{RingRef, SCHEDULER_MH},
};
use tests::{
    packet::{ACK, FIN, Packet, SYN, Transport},
    prog::{DROP, PASS, Plane, REDIRECT, TX},
};

use crate::scene::{DESTS, GATE, SERVICE, Scene, all, dest_of};

/// What must leave towards the real server of `id`, built from scratch.
fn expected(scene: Scene, packet: &Packet, id: u16) -> Vec<u8> {
    scene.forwarded(packet, id).bytes()
}

#[test]
fn a_flow_goes_to_one_real_server_with_every_byte_right() {
    for scene in all() {
        let mut plane = scene.plane();
        let first = scene.packet(1, SYN);
        let answer = plane.xdp(&first.bytes());
        assert_eq!(answer.verdict, TX, "{scene:?}");
        let id = dest_of(&answer.packet);
        assert_eq!(answer.packet, expected(scene, &first, id), "{scene:?}");
        for flags in [ACK, ACK, FIN | ACK, ACK] {
            let packet = scene.packet(1, flags);
            let answer = plane.xdp(&packet.bytes());
            assert_eq!(answer.verdict, TX, "{scene:?}");
            assert_eq!(answer.packet, expected(scene, &packet, id), "{scene:?}");
        }
        assert_eq!(plane.counter(Counter::Forwarded), 5, "{scene:?}");
    }
}

#[test]
fn new_flows_spread_over_all_real_servers() {
    for scene in all() {
        let mut plane = scene.plane();
        let mut spread = std::collections::BTreeMap::new();
        for number in 0..300 {
            let answer = plane.xdp(&scene.packet(number, SYN).bytes());
            *spread.entry(dest_of(&answer.packet)).or_insert(0) += 1;
        }
        assert_eq!(
            spread.keys().copied().collect::<Vec<_>>(),
            DESTS,
            "{scene:?}"
        );
        assert!(spread.values().all(|&n| n >= 70), "{scene:?}: {spread:?}");
    }
}

#[test]
fn traffic_is_counted_per_service_and_dest() {
    for scene in all() {
        let mut plane = scene.plane();
        let packet = scene.packet(5, SYN).bytes();
        let id = dest_of(&plane.xdp(&packet).packet);
        let second = scene.packet(5, ACK).bytes();
        let _ = plane.xdp(&second);
        for traffic in [
            plane.read.service_traffic(SERVICE).unwrap(),
            plane.read.dest_traffic(id).unwrap(),
        ] {
            assert_eq!(traffic.packets, 2, "{scene:?}");
            assert_eq!(
                traffic.bytes,
                (packet.len() + second.len()) as u64,
                "{scene:?}"
            );
            // A stateless datagram tells nothing about its flow.
            let stateless = scene.scheduler == SCHEDULER_MH && scene.method != FORWARD_NAT;
            let flows = u64::from(!(stateless && scene.protocol == 17));
            assert_eq!(traffic.flows, flows, "{scene:?}");
        }
    }
}

#[test]
fn a_gate_decides_before_anything_else() {
    for scene in all() {
        for (state, verdict, counter) in [
            (GATE_PASS, PASS, Counter::GateClosed),
            (GATE_FENCED, DROP, Counter::FencedDrop),
            (GATE_OPEN, TX, Counter::Forwarded),
        ] {
            let mut plane = scene.plane();
            plane.set_gate(GATE, state);
            let packet = scene.packet(1, SYN).bytes();
            let answer = plane.xdp(&packet);
            assert_eq!(answer.verdict, verdict, "{scene:?} {state}");
            assert_eq!(plane.counter(counter), 1, "{scene:?} {state}");
            if verdict != TX {
                assert_eq!(answer.packet, packet, "untouched");
            }
        }
    }
}

#[test]
fn another_interface_is_reached_by_redirect_and_a_tag_stays_on_its_own() {
    for scene in all() {
        let mut plane = scene.plane();
        for id in DESTS {
            let mut dest = scene.dest(id);
            dest.ifindex = 2;
            plane.set_dest(id, &dest, scene.protocol);
        }
        let mut packet = scene.packet(1, SYN);
        assert_eq!(plane.xdp(&packet.bytes()).verdict, REDIRECT, "{scene:?}");
        packet.vlans = vec![5];
        assert_eq!(plane.xdp(&packet.bytes()).verdict, PASS, "{scene:?}");
    }
}

#[test]
fn vlan_tags_are_kept() {
    for scene in all() {
        for vlans in [vec![5], vec![6, 7]] {
            let mut plane = scene.plane();
            let mut packet = scene.packet(1, SYN);
            packet.vlans = vlans;
            let answer = plane.xdp(&packet.bytes());
            assert_eq!(answer.verdict, TX, "{scene:?}");
            let id = dest_of(&answer.packet);
            assert_eq!(answer.packet, expected(scene, &packet, id), "{scene:?}");
        }
    }
}

#[test]
fn no_real_server_passes_up_and_an_unresolved_one_drops() {
    for scene in all() {
        let packet = scene.packet(1, SYN).bytes();

        let mut plane = scene.plane();
        scene.set_service(&mut plane, RingRef::default(), RingRef::default());
        assert_eq!(plane.xdp(&packet).verdict, PASS, "{scene:?}");
        assert_eq!(plane.counter(Counter::NoDest), 1, "{scene:?}");

        for (flags, verdict, counter) in [
            (DEST_USABLE, DROP, Counter::Unresolved),
            (DEST_RESOLVED, PASS, Counter::NoDest),
        ] {
            let mut plane = scene.plane();
            for id in DESTS {
                let mut dest = scene.dest(id);
                dest.flags = flags;
                plane.set_dest(id, &dest, scene.protocol);
            }
            assert_eq!(plane.xdp(&packet).verdict, verdict, "{scene:?}");
            assert_eq!(plane.counter(counter), 1, "{scene:?}");
        }
    }
}

#[test]
fn lying_lengths_to_a_service_are_dropped_and_to_anybody_else_pass() {
    for scene in all() {
        let ip = 14;
        let transport = if scene.family == 4 { 34 } else { 54 };
        let total = if scene.family == 4 { ip + 2 } else { ip + 4 };
        let lies: &[(&str, usize, [u8; 2])] = &[
            ("IP length beyond the frame", total, [0x05, 0xdc]),
            ("IP length within the headers", total, [0, 4]),
            if scene.protocol == 6 {
                ("TCP header beyond the packet", transport + 12, [0xf0, SYN])
            } else {
                ("UDP length beyond the packet", transport + 4, [0xff, 0xff])
            },
            if scene.protocol == 6 {
                ("TCP header too short", transport + 12, [0x40, SYN])
            } else {
                ("UDP length too short", transport + 4, [0, 7])
            },
        ];
        for (lie, at, bytes) in lies {
            let mut plane = scene.plane();
            let mut packet = scene.packet(1, SYN).bytes();
            packet[*at..at + 2].copy_from_slice(bytes);
            assert_eq!(plane.xdp(&packet).verdict, DROP, "{scene:?}: {lie}");
            assert_eq!(plane.counter(Counter::Malformed), 1, "{scene:?}: {lie}");

            let mut other = scene.packet(1, SYN);
            other.destination_port = 81;
            let mut other = other.bytes();
            other[*at..at + 2].copy_from_slice(bytes);
            assert_eq!(plane.xdp(&other).verdict, PASS, "{scene:?}: {lie}");
        }
    }
}

#[test]
fn a_used_up_ttl_is_dropped_by_nat_and_ignored_by_dr() {
    for scene in all() {
        let mut plane = scene.plane();
        let mut packet = scene.packet(1, SYN);
        packet.ttl = 1;
        let verdict = plane.xdp(&packet.bytes()).verdict;
        let expected = if scene.method == FORWARD_NAT {
            DROP
        } else {
            TX
        };
        assert_eq!(verdict, expected, "{scene:?}");
    }
}

#[test]
fn nat_keeps_a_missing_udp_checksum_missing() {
    let scene = all().find(|s| s.method == FORWARD_NAT && s.protocol == 17 && s.family == 4);
    let scene = scene.unwrap();
    let mut plane = scene.plane();
    let mut packet = scene.packet(1, 0);
    packet.transport = Transport::UdpUnsummed;
    let answer = plane.xdp(&packet.bytes());
    let id = dest_of(&answer.packet);
    assert_eq!(answer.packet, expected(scene, &packet, id));
}

#[test]
fn nat_mends_checksums_of_any_value() {
    for scene in all().filter(|s| s.method == FORWARD_NAT) {
        let mut plane = scene.plane();
        for number in 0..2000_u16 {
            let mut packet = scene.packet(number, SYN);
            packet.payload = number.to_be_bytes().repeat(7);
            let answer = plane.xdp(&packet.bytes());
            let id = dest_of(&answer.packet);
            assert_eq!(
                answer.packet,
                expected(scene, &packet, id),
                "{scene:?} {number}"
            );
        }
    }
}

#[test]
fn services_are_told_apart_by_address_port_and_protocol() {
    for scene in all() {
        let mut plane: Plane = scene.plane();
        let right = scene.packet(1, SYN);
        let other_port = Packet {
            destination_port: 443,
            ..right.clone()
        };
        let other_protocol = Packet {
            transport: match scene.protocol {
                6 => Transport::Udp,
                _ => Transport::Tcp(SYN),
            },
            ..right.clone()
        };
        let other_address = Packet {
            destination: right.source,
            ..right.clone()
        };
        for packet in [other_port, other_protocol, other_address] {
            assert_eq!(plane.xdp(&packet.bytes()).verdict, PASS, "{scene:?}");
        }
        assert_eq!(plane.xdp(&right.bytes()).verdict, TX, "{scene:?}");
    }
}
