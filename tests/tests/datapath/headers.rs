//! What may stand between Ethernet and the payload: options, extension headers, fragments, SCTP.

use lb_common::{dest::FORWARD_NAT, fragment::FRAGMENT_SECONDS};
use tests::{
    packet::{ACK, Packet, SYN, Transport},
    prog::{DROP, PASS, Plane, TX},
};

use crate::scene::{Scene, all, dest_of};

/// IPv4 option: router alert.
pub const ROUTER_ALERT: [u8; 4] = [0x94, 4, 0, 0];

/// Bytes of transport header and payload in a fragment.
const FRAGMENT: usize = 24;

/// An extension header of this protocol, in units of eight bytes.
fn extension(protocol: u8, units: usize) -> (u8, Vec<u8>) {
    let mut rest = vec![units as u8 - 1];
    rest.resize(units * 8 - 1, 0);
    (protocol, rest)
}

/// Packets of `scene` with everything that may stand before the transport header.
pub fn shapes(scene: Scene) -> Vec<(String, Packet)> {
    let plain = scene.packet(1, SYN);
    let with = |options: &[u8], extensions: &[(u8, usize)]| Packet {
        options: options.to_vec(),
        extensions: extensions
            .iter()
            .map(|(protocol, units)| extension(*protocol, *units))
            .collect(),
        ..plain.clone()
    };
    let mut shapes = if scene.family == 4 {
        vec![
            ("router alert".to_owned(), with(&ROUTER_ALERT, &[])),
            ("forty bytes of options".to_owned(), with(&[1; 40], &[])),
        ]
    } else {
        let chains: [&[(u8, usize)]; 5] = [
            &[(0, 1)],
            &[(43, 3)],
            &[(60, 2)],
            &[(0, 1), (60, 1), (43, 2), (60, 1)],
            &[(60, 1); 6],
        ];
        chains
            .into_iter()
            .map(|chain| (format!("{chain:?}"), with(&[], chain)))
            .collect()
    };
    shapes.push(("nothing".to_owned(), plain));
    shapes
}

#[test]
fn options_extension_headers_and_tags_are_no_hindrance() {
    for scene in all() {
        for (name, shape) in shapes(scene) {
            for vlans in [vec![], vec![5], vec![6, 7]] {
                let mut plane = scene.plane();
                let packet = Packet {
                    vlans,
                    ..shape.clone()
                };
                let answer = plane.xdp(&packet.bytes());
                assert_eq!(answer.verdict, TX, "{scene:?} {name}");
                let expected = scene.forwarded(&packet, dest_of(&answer.packet));
                assert_eq!(answer.packet, expected.bytes(), "{scene:?} {name}");
            }
        }
    }
}

#[test]
fn packets_with_options_cut_anywhere_never_leave() {
    for scene in all() {
        for (name, shape) in shapes(scene) {
            let mut plane = scene.plane();
            let whole = shape.bytes();
            for len in 14..whole.len() {
                let answer = plane.xdp(&whole[..len]);
                let stays = answer.verdict == PASS || answer.verdict == DROP;
                assert!(stays, "{scene:?} {name} {len}");
                assert_eq!(answer.packet, whole[..len], "{scene:?} {name} {len}");
            }
        }
    }
}

#[test]
fn what_has_too_many_extension_headers_or_an_unknown_one_passes() {
    let chains = [
        vec![extension(60, 1); 9],
        // Past where a transport header may be.
        vec![extension(60, 60)],
        // Authentication, encapsulation, nothing after this one.
        vec![extension(51, 3)],
        vec![extension(50, 2)],
        vec![extension(59, 1)],
    ];
    for scene in all().filter(|scene| scene.family == 6) {
        for extensions in &chains {
            let mut plane = scene.plane();
            let packet = Packet {
                extensions: extensions.clone(),
                ..scene.packet(1, SYN)
            };
            let answer = plane.xdp(&packet.bytes());
            assert_eq!(answer.verdict, PASS, "{scene:?} {extensions:?}");
            assert_eq!(answer.packet, packet.bytes(), "{scene:?} {extensions:?}");
        }
    }
}

/// Sends the packet in fragments; each must be as `expected`.
fn send(plane: &mut Plane, packet: &Packet, verdict: u32, expected: &Packet) {
    let sent = packet.fragments(FRAGMENT);
    assert!(sent.len() > 2, "a first, a last and one between");
    for (fragment, expected) in sent.iter().zip(expected.fragments(FRAGMENT)) {
        let answer = plane.xdp(fragment);
        assert_eq!(answer.verdict, verdict, "{packet:?}");
        assert_eq!(answer.packet, expected, "{packet:?}");
    }
}

#[test]
fn the_first_fragment_teaches_the_others() {
    for scene in all() {
        for (name, shape) in shapes(scene) {
            let mut plane = scene.plane();
            // The flow is known, so that its real server is.
            let id = dest_of(&plane.xdp(&scene.packet(1, SYN).bytes()).packet);
            let packet = Packet {
                payload: (0..90).collect(),
                ..shape
            };
            println!("{scene:?} {name}");
            send(&mut plane, &packet, TX, &scene.forwarded(&packet, id));
        }
    }
}

#[test]
fn replies_in_fragments_get_their_virtual_source_again() {
    for scene in all().filter(|scene| scene.method == FORWARD_NAT) {
        let mut plane = scene.plane();
        let id = dest_of(&plane.xdp(&scene.packet(1, SYN).bytes()).packet);
        let reply = Packet {
            payload: (0..90).collect(),
            ..scene.reply(1, id, ACK)
        };
        send(&mut plane, &reply, PASS, &scene.replied(&reply));
    }
}

#[test]
fn a_first_fragment_of_long_ago_teaches_nobody() {
    for scene in all() {
        let mut plane = scene.plane();
        let packet = Packet {
            payload: vec![0; 100],
            ..scene.packet(1, SYN)
        };
        let fragments = packet.fragments(FRAGMENT);
        assert_eq!(plane.xdp(&fragments[0]).verdict, TX, "{scene:?}");
        assert_eq!(plane.xdp(&fragments[1]).verdict, TX, "{scene:?}");
        plane.age_fragments(FRAGMENT_SECONDS);
        assert_eq!(plane.xdp(&fragments[1]).verdict, PASS, "{scene:?}");
    }
}

#[test]
fn fragments_that_nobody_taught_pass() {
    for scene in all() {
        let mut plane = scene.plane();
        let mut packet = scene.packet(1, SYN);
        packet.payload = (0..90).collect();
        let fragments = packet.fragments(FRAGMENT);
        for fragment in &fragments[1..] {
            let answer = plane.xdp(fragment);
            assert_eq!(answer.verdict, PASS, "{scene:?}");
            assert_eq!(&answer.packet, fragment, "{scene:?}");
        }
        let _ = plane.xdp(&fragments[0]);
        // Of another packet, from somebody else, of another protocol.
        let id_at = if scene.family == 4 { 19 } else { 61 };
        let mut other_id = fragments[1].clone();
        other_id[id_at] ^= 1;
        let mut other_source = packet.clone();
        other_source.source = scene.packet(2, SYN).source;
        let mut other_protocol = fragments[1].clone();
        other_protocol[if scene.family == 4 { 23 } else { 54 }] = 132;
        for fragment in [
            other_id,
            other_source.fragments(FRAGMENT)[1].clone(),
            other_protocol,
        ] {
            assert_eq!(plane.xdp(&fragment).verdict, PASS, "{scene:?}");
        }
        assert_eq!(plane.xdp(&fragments[1]).verdict, TX, "{scene:?}");
    }
}

/// The scenes as SCTP; those of TCP and UDP would be the same twice.
fn sctp() -> impl Iterator<Item = Scene> {
    all()
        .filter(|scene| scene.protocol == 6)
        .map(|scene| Scene {
            protocol: 132,
            ..scene
        })
}

const INIT: u8 = 1;
const DATA: u8 = 0;
const SHUTDOWN: u8 = 7;

fn with(chunk: u8, packet: Packet) -> Packet {
    Packet {
        transport: Transport::Sctp(chunk),
        ..packet
    }
}

#[test]
fn sctp_is_forwarded_and_answered_with_its_checksum_mended() {
    for scene in sctp() {
        for len in [0, 1, 90, 1400] {
            let mut plane = scene.plane();
            let mut ids = Vec::new();
            for chunk in [INIT, DATA, SHUTDOWN, DATA] {
                let mut packet = with(chunk, scene.packet(1, 0));
                packet.payload = vec![7; len];
                let answer = plane.xdp(&packet.bytes());
                assert_eq!(answer.verdict, TX, "{scene:?} {len}");
                let id = dest_of(&answer.packet);
                let expected = scene.forwarded(&packet, id).bytes();
                assert_eq!(answer.packet, expected, "{scene:?} {len}");
                ids.push(id);
            }
            ids.dedup();
            assert_eq!(ids.len(), 1, "{scene:?}");
            if scene.method == FORWARD_NAT {
                let reply = with(DATA, scene.reply(1, ids[0], 0));
                let answer = plane.xdp(&reply.bytes());
                assert_eq!(answer.packet, scene.replied(&reply).bytes(), "{scene:?}");
            }
        }
    }
}

#[test]
fn fragments_of_sctp_whose_port_changes_are_the_kernels() {
    for scene in sctp().filter(|scene| scene.method == FORWARD_NAT) {
        let mut plane = scene.plane();
        let mut packet = with(INIT, scene.packet(1, 0));
        packet.payload = vec![7; 90];
        for fragment in packet.fragments(FRAGMENT) {
            let answer = plane.xdp(&fragment);
            assert_eq!(answer.verdict, PASS, "{scene:?}");
            assert_eq!(answer.packet, fragment, "{scene:?}");
        }
    }
}
