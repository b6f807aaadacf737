//! QUIC packets go to the real server that their connection ID names.

use lb_common::{
    dest::{DEST_RESOLVED, FORWARD_DIRECT_ROUTE},
    quic::QuicKey,
    service::{SCHEDULER_MH, SCHEDULER_RR, SERVICE_QUIC, ServiceValue},
};
use tests::{
    packet::Packet,
    prog::{Plane, TX},
};

use crate::scene::{DESTS, SERVICE, Scene, all, dest_of};

/// Bytes of a server id.
const LENGTH: usize = 3;
/// The first byte of a connection ID, and its nonce.
const FIRST: u8 = 0x20;
const NONCE: [u8; 5] = [9; 5];

fn scenes() -> impl Iterator<Item = Scene> {
    all().filter(|scene| scene.protocol == 17 && scene.method == FORWARD_DIRECT_ROUTE)
}

const fn server_id(dest: u16) -> [u8; LENGTH] {
    let [high, low] = dest.to_be_bytes();
    [0xa0, high, low]
}

fn plane(scene: Scene) -> Plane {
    let mut plane = scene.plane();
    let ring = scene.ring(&mut plane, 0, &DESTS);
    for id in DESTS {
        let [a, b, c] = server_id(id);
        let key = QuicKey {
            server: u64::from(u32::from_be_bytes([0, a, b, c])),
            service: SERVICE,
            pad: 0,
        };
        let servers = &mut plane.checker.quic_servers;
        servers.insert(key, u32::from(id), 0).unwrap();
    }
    let value = scene.service(ring, ring);
    let value = ServiceValue {
        flags: value.flags | SERVICE_QUIC,
        quic_length: LENGTH as u8,
        ..value
    };
    scene.write(&mut plane, value);
    plane
}

fn connection_id(first: u8, server: [u8; LENGTH]) -> Vec<u8> {
    [&[first][..], &server, &NONCE].concat()
}

/// A packet of 1-RTT.
fn short(id: &[u8]) -> Vec<u8> {
    [&[0x40][..], id, &[1; 24]].concat()
}

/// A packet of this long type: 0 Initial, 1 0-RTT, 2 Handshake.
fn long(kind: u8, id: &[u8]) -> Vec<u8> {
    let head = [0xc0 | kind << 4, 0, 0, 0, 1, id.len() as u8];
    [&head[..], id, &[0; 30]].concat()
}

fn sent(plane: &mut Plane, scene: Scene, client: u16, payload: Vec<u8>) -> u16 {
    let packet = Packet {
        payload,
        ..scene.packet(client, 0)
    };
    let answer = plane.xdp(&packet.bytes());
    assert_eq!(answer.verdict, TX, "{scene:?}");
    dest_of(&answer.packet)
}

#[test]
fn a_packet_goes_where_its_connection_id_says_whoever_sends_it() {
    for scene in scenes() {
        let mut plane = plane(scene);
        for id in DESTS {
            let named = connection_id(FIRST, server_id(id));
            let packets = [
                short(&named),
                long(0, &named),
                long(1, &named),
                long(2, &named),
            ];
            for (client, payload) in
                (0..40).flat_map(|client| packets.iter().map(move |p| (client, p)))
            {
                let to = sent(&mut plane, scene, client, payload.clone());
                assert_eq!(to, id, "{scene:?} {client} {payload:x?}");
            }
            let traffic = plane.read.dest_traffic(id).unwrap();
            assert_eq!((traffic.packets, traffic.flows), (160, 0), "{scene:?}");
        }
        let entries = plane.read.flow_counts().unwrap().services;
        assert_eq!(entries.values().sum::<u64>(), 0, "{scene:?}");
    }
}

#[test]
fn what_names_nobody_goes_by_the_scheduler() {
    for scene in scenes() {
        let mut plane = plane(scene);
        let mut gone = scene.dest(DESTS[0]);
        gone.flags = DEST_RESOLVED;
        let right = connection_id(FIRST, server_id(DESTS[1]));
        let payloads = [
            short(&connection_id(FIRST, [1, 2, 3])),
            short(&connection_id(0xe0, server_id(DESTS[1]))),
            long(0, &right[..LENGTH]),
            long(0, &[]),
            short(&right)[..4].to_vec(),
            long(2, &right)[..7].to_vec(),
            vec![0x40],
            vec![],
        ];
        for payload in payloads {
            let mut seen: Vec<u16> = (0..60)
                .map(|client| sent(&mut plane, scene, client, payload.clone()))
                .collect();
            let again: Vec<u16> = (0..60)
                .map(|client| sent(&mut plane, scene, client, payload.clone()))
                .collect();
            assert_eq!(again, seen, "{scene:?} {payload:x?}: by its flow");
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen, DESTS, "{scene:?} {payload:x?}: spread");
        }
        plane.set_dest(DESTS[0], &gone, scene.protocol);
        let lost = short(&connection_id(FIRST, server_id(DESTS[0])));
        if scene.scheduler == SCHEDULER_RR {
            let to = sent(&mut plane, scene, 100, lost);
            assert_ne!(to, DESTS[0], "{scene:?}: it is not usable");
        }
    }
}

#[test]
fn a_service_that_does_not_ask_goes_by_the_scheduler() {
    for scene in scenes().filter(|scene| scene.scheduler == SCHEDULER_MH) {
        let mut plane = plane(scene);
        let ring = scene.ring(&mut plane, 0, &DESTS);
        scene.set_service(&mut plane, ring, ring);
        let named = short(&connection_id(FIRST, server_id(DESTS[0])));
        let mut seen: Vec<u16> = (0..60)
            .map(|client| sent(&mut plane, scene, client, named.clone()))
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, DESTS, "{scene:?}");
    }
}
