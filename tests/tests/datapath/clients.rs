//! Clients on the director itself.

use lb_common::{
    counter::Counter,
    dest::{DEST_LOCAL, DEST_RESOLVED, DestValue, FORWARD_NAT},
    gate::{GATE_FENCED, GATE_PASS},
    service::SCHEDULER_RR,
};
use tests::{
    packet::{ACK, DIRECTOR_MAC, Packet, SYN, Transport},
    prog::{PASS, TC_OK, TC_REDIRECT, TC_SHOT},
};

use crate::scene::{DESTS, GATE, Scene, all, dest_of};

/// What a client on the director sends: from the virtual address, and from no MAC to none.
fn packet(scene: Scene, number: u16, flags: u8) -> Packet {
    let client = scene.packet(number, flags);
    Packet {
        source: scene.vip().parse().unwrap(),
        to_mac: [0; 6],
        from_mac: [0; 6],
        ..client
    }
}

/// What of it leaves towards the real server of `id`: this host is no hop.
fn sent(scene: Scene, packet: &Packet, id: u16) -> Packet {
    Packet {
        ttl: packet.ttl,
        ..scene.forwarded(packet, id)
    }
}

fn nat() -> impl Iterator<Item = Scene> {
    all().filter(|scene| scene.method == FORWARD_NAT)
}

#[test]
fn a_flow_from_here_has_one_real_server_and_its_replies_come_back() {
    for scene in nat() {
        let mut plane = scene.plane();
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..50 {
            let first = packet(scene, number, SYN);
            let answer = plane.local(&first.bytes());
            assert_eq!(answer.verdict, TC_REDIRECT, "{scene:?}");
            let id = dest_of(&answer.packet);
            seen.insert(id);
            assert_eq!(answer.packet, sent(scene, &first, id).bytes(), "{scene:?}");
            let next = Packet {
                payload: vec![7; 1200],
                ..packet(scene, number, ACK)
            };
            let answer = plane.local(&next.bytes());
            assert_eq!(answer.packet, sent(scene, &next, id).bytes(), "{scene:?}");
            let reply = Packet {
                destination: next.source,
                destination_port: next.source_port,
                to_mac: DIRECTOR_MAC,
                ..scene.reply(number, id, ACK)
            };
            let answer = plane.xdp(&reply.bytes());
            assert_eq!(answer.verdict, PASS, "{scene:?}: the kernel's");
            assert_eq!(answer.packet, scene.replied(&reply).bytes(), "{scene:?}");
        }
        // By the client's address alone, of which there is one, `mh` knows one real server.
        let expected = if scene.scheduler == SCHEDULER_RR {
            3
        } else {
            1
        };
        assert_eq!(seen.len(), expected, "{scene:?}: {seen:?}");
        assert_eq!(plane.counter(Counter::Forwarded), 100, "{scene:?}");
        assert_eq!(plane.counter(Counter::Replied), 50, "{scene:?}");
    }
}

#[test]
fn what_is_behind_no_nat_stays_here() {
    for scene in all().filter(|scene| scene.method != FORWARD_NAT) {
        let mut plane = scene.plane();
        for flags in [SYN, ACK] {
            let packet = packet(scene, 1, flags).bytes();
            let answer = plane.local(&packet);
            assert_eq!(
                (answer.verdict, answer.packet),
                (TC_OK, packet),
                "{scene:?}"
            );
        }
    }
}

#[test]
fn what_is_for_nobody_stays_here() {
    for scene in nat() {
        let mut plane = scene.plane();
        let to_another_port = Packet {
            destination_port: 81,
            ..packet(scene, 1, SYN)
        };
        let echo = Packet {
            transport: Transport::Raw(1),
            ..packet(scene, 1, SYN)
        };
        for other in [to_another_port, echo] {
            let bytes = other.bytes();
            let answer = plane.local(&bytes);
            assert_eq!((answer.verdict, answer.packet), (TC_OK, bytes), "{scene:?}");
        }
    }
}

#[test]
fn the_gate_counts_here_too() {
    for scene in nat() {
        let mut plane = scene.plane();
        let bytes = packet(scene, 1, SYN).bytes();
        plane.set_gate(GATE, GATE_FENCED);
        assert_eq!(plane.local(&bytes).verdict, TC_SHOT, "{scene:?}");
        plane.set_gate(GATE, GATE_PASS);
        let answer = plane.local(&bytes);
        assert_eq!((answer.verdict, answer.packet), (TC_OK, bytes), "{scene:?}");
    }
}

#[test]
fn a_real_server_here_answers_a_client_here() {
    for scene in nat().filter(|scene| scene.scheduler == SCHEDULER_RR) {
        let mut plane = scene.plane();
        for id in DESTS {
            let dest = scene.dest(id);
            let here = DestValue {
                flags: dest.flags & !DEST_RESOLVED | DEST_LOCAL,
                ..dest
            };
            plane.set_dest(id, &here, scene.protocol);
        }
        let request = packet(scene, 1, SYN);
        let answer = plane.local(&request.bytes());
        assert_eq!(answer.verdict, TC_OK, "{scene:?}");
        let delivered = |id: &u16| {
            let expected = Packet {
                to_mac: [0; 6],
                from_mac: [0; 6],
                ..sent(scene, &request, *id)
            };
            expected.bytes() == answer.packet
        };
        let id = DESTS.into_iter().find(delivered).expect("one of them");
        let reply = Packet {
            destination: request.source,
            ..scene.reply(1, id, ACK)
        };
        let answer = plane.local(&reply.bytes());
        assert_eq!(answer.verdict, TC_OK, "{scene:?}");
        assert_eq!(answer.packet, scene.replied(&reply).bytes(), "{scene:?}");
    }
}

#[test]
fn sctp_from_here_keeps_its_port_or_stays() {
    for family in [4, 6] {
        let scene = Scene {
            family,
            method: FORWARD_NAT,
            scheduler: SCHEDULER_RR,
            protocol: 132,
        };
        let mut plane = scene.plane();
        let packet = Packet {
            transport: Transport::Sctp(1),
            ..packet(scene, 1, SYN)
        };
        let answer = plane.local(&packet.bytes());
        assert_eq!(answer.verdict, TC_OK, "{scene:?}: another port");
        assert_eq!(answer.packet, packet.bytes(), "{scene:?}");
        for id in DESTS {
            let dest = DestValue {
                port: 80_u16.to_be_bytes(),
                ..scene.dest(id)
            };
            plane.set_dest(id, &dest, scene.protocol);
        }
        let answer = plane.local(&packet.bytes());
        assert_eq!(answer.verdict, TC_REDIRECT, "{scene:?}");
        let id = dest_of(&answer.packet);
        let expected = Packet {
            destination_port: 80,
            ..sent(scene, &packet, id)
        };
        assert_eq!(answer.packet, expected.bytes(), "{scene:?}");
    }
}
