//! Real servers on the director itself.

use std::net::SocketAddr;

use lb_common::{
    counter::Counter,
    dest::{DEST_LOCAL, DEST_RESOLVED, DestValue, FORWARD_GUE, FORWARD_NAT},
    gate::{GATE_FENCED, GATE_PASS},
    service::SCHEDULER_RR,
};
use tests::{
    packet::{ACK, Packet, SYN, Transport},
    prog::{DROP, PASS, Plane, TC_OK, TC_SHOT, TX},
};

use crate::scene::{DESTS, GATE, Scene, all, dest_of};

/// The real server that is here.
const HERE: u16 = DESTS[0];

/// It as a dest.
fn here(scene: Scene) -> DestValue {
    let dest = scene.dest(HERE);
    DestValue {
        flags: dest.flags & !DEST_RESOLVED | DEST_LOCAL,
        ..dest
    }
}

/// A plane of which one real server is the director.
fn plane(scene: Scene) -> Plane {
    let mut plane = scene.plane();
    plane.set_dest(HERE, &here(scene), scene.protocol);
    plane
}

/// What of a packet the kernel is given.
fn delivered(scene: Scene, packet: &Packet) -> Packet {
    if scene.method != FORWARD_NAT {
        return packet.clone();
    }
    let real: SocketAddr = scene.real(HERE).parse().unwrap();
    Packet {
        destination: real.ip(),
        destination_port: real.port(),
        ..packet.clone()
    }
}

/// Opens connections until one is here; its number.
fn begin(plane: &mut Plane, scene: Scene) -> u16 {
    let is_here = |number: &u16| {
        let packet = scene.packet(*number, SYN);
        let answer = plane.xdp(&packet.bytes());
        if answer.verdict == TX {
            assert_ne!(dest_of(&answer.packet), HERE, "{scene:?}");
            return false;
        }
        assert_eq!(answer.verdict, PASS, "{scene:?}");
        assert_eq!(
            answer.packet,
            delivered(scene, &packet).bytes(),
            "{scene:?}"
        );
        true
    };
    (0..100).find(is_here).expect("a share is here")
}

#[test]
fn packets_for_a_real_server_here_are_the_kernels() {
    for scene in all() {
        let mut plane = plane(scene);
        let number = begin(&mut plane, scene);
        let before = plane.counter(Counter::Delivered);
        for flags in [ACK, ACK] {
            let packet = scene.packet(number, flags);
            let answer = plane.xdp(&packet.bytes());
            assert_eq!(answer.verdict, PASS, "{scene:?}");
            assert_eq!(
                answer.packet,
                delivered(scene, &packet).bytes(),
                "{scene:?}"
            );
        }
        let last = Packet {
            ttl: 1,
            ..scene.packet(number, ACK)
        };
        let answer = plane.xdp(&last.bytes());
        assert_eq!(answer.packet, delivered(scene, &last).bytes(), "{scene:?}");
        assert_eq!(plane.counter(Counter::Delivered), before + 3, "{scene:?}");
        assert!(
            plane.read.dest_traffic(HERE).unwrap().packets >= 4,
            "{scene:?}"
        );
    }
}

#[test]
fn no_tunnel_begins_and_ends_on_one_host() {
    for scene in all().filter(|scene| scene.method != FORWARD_NAT) {
        let mut plane = plane(scene);
        let mut dest = here(scene);
        dest.method = FORWARD_GUE;
        plane.set_dest(HERE, &dest, scene.protocol);
        begin(&mut plane, scene);
    }
}

#[test]
fn replies_of_a_real_server_here_leave_with_their_virtual_source() {
    for scene in all().filter(|scene| scene.method == FORWARD_NAT) {
        let mut plane = plane(scene);
        let number = begin(&mut plane, scene);
        let reply = scene.reply(number, HERE, ACK);
        for payload in [vec![], vec![1; 33], vec![2; 1200]] {
            let reply = Packet {
                payload,
                ..reply.clone()
            };
            let answer = plane.tc(&reply.bytes());
            assert_eq!(answer.verdict, TC_OK, "{scene:?}");
            assert_eq!(answer.packet, scene.replied(&reply).bytes(), "{scene:?}");
        }
        assert_eq!(plane.counter(Counter::Replied), 3, "{scene:?}");
        let others = [
            scene.reply(number + 1, HERE, ACK),
            Packet {
                source_port: 9,
                ..reply.clone()
            },
            scene.packet(number, ACK),
        ];
        for other in others {
            let answer = plane.tc(&other.bytes());
            assert_eq!(answer.verdict, TC_OK, "{scene:?}");
            assert_eq!(answer.packet, other.bytes(), "{scene:?}");
        }
        let forwarded = plane.tc_from(1, &reply.bytes());
        assert_eq!(
            forwarded.packet,
            reply.bytes(),
            "{scene:?}: of another host"
        );
    }
}

#[test]
fn a_datagram_without_a_checksum_is_left_without() {
    let scenes = all().filter(|scene| scene.method == FORWARD_NAT && scene.family == 4);
    for scene in scenes.filter(|scene| scene.protocol == 17 && scene.scheduler == SCHEDULER_RR) {
        let mut plane = plane(scene);
        let number = begin(&mut plane, scene);
        let reply = scene.reply(number, HERE, 0);
        let without = |packet: &Packet| {
            let mut bytes = packet.bytes();
            bytes[40..42].fill(0);
            bytes
        };
        let answer = plane.tc(&without(&reply));
        assert_eq!(answer.packet, without(&scene.replied(&reply)), "{scene:?}");
    }
}

#[test]
fn nothing_answers_from_behind_a_gate_that_is_not_open() {
    for scene in all().filter(|scene| scene.method == FORWARD_NAT) {
        let mut plane = plane(scene);
        let number = begin(&mut plane, scene);
        let reply = scene.reply(number, HERE, ACK).bytes();
        plane.set_gate(GATE, GATE_FENCED);
        assert_eq!(plane.tc(&reply).verdict, TC_SHOT, "{scene:?}");
        let request = scene.packet(number, ACK).bytes();
        assert_eq!(plane.xdp(&request).verdict, DROP, "{scene:?}");
        plane.set_gate(GATE, GATE_PASS);
        let answer = plane.tc(&reply);
        assert_eq!(answer.verdict, TC_OK, "{scene:?}");
        assert_eq!(answer.packet, reply, "{scene:?}");
    }
}

#[test]
fn sctp_of_the_virtual_port_leaves_with_the_checksum_it_has() {
    for family in [4, 6] {
        let scene = Scene {
            family,
            method: FORWARD_NAT,
            scheduler: SCHEDULER_RR,
            protocol: 132,
        };
        let mut plane = scene.plane();
        let front: SocketAddr = scene.front().parse().unwrap();
        let mut dest = here(scene);
        dest.port = front.port().to_be_bytes();
        plane.set_dest(HERE, &dest, scene.protocol);
        let real: SocketAddr = scene.real(HERE).parse().unwrap();
        let packet = |from: SocketAddr, to: SocketAddr, chunk| {
            let (from, to) = (from.to_string(), to.to_string());
            Packet::new(Transport::Sctp(chunk), &from, &to)
        };
        let real = SocketAddr::new(real.ip(), front.port());
        let is_here = |client: &SocketAddr| {
            let init = packet(*client, front, 1);
            plane.xdp(&init.bytes()).verdict == PASS
        };
        let mut clients = (0..100).map(|number| scene.client(number).parse().unwrap());
        let client = clients.find(is_here).expect("a share is here");
        let answer = plane.tc(&packet(real, client, 2).bytes());
        let expected = packet(front, client, 2).bytes();
        assert_eq!(answer.packet, expected, "{scene:?}");
    }
}

#[test]
fn fragments_of_a_reply_leave_with_their_virtual_source() {
    for scene in all().filter(|scene| scene.method == FORWARD_NAT && scene.protocol == 17) {
        let mut plane = plane(scene);
        let number = begin(&mut plane, scene);
        let reply = Packet {
            payload: (0..800_u16).map(|at| at as u8).collect(),
            ..scene.reply(number, HERE, 0)
        };
        let sent = scene.replied(&reply);
        for (part, expected) in reply.fragments(304).iter().zip(sent.fragments(304)) {
            let answer = plane.tc(part);
            assert_eq!(answer.verdict, TC_OK, "{scene:?}");
            assert_eq!(answer.packet, expected, "{scene:?}");
        }
    }
}
