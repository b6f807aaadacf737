//! Schedulers whose choice is known beforehand: 100,000 connections each, against IPVS's own formula.

use lb_common::{
    hash::BUCKETS,
    service::{SCHEDULER_MH, SCHEDULER_RR, SCHEDULER_SH, SERVICE_HASH_PORT},
};
use tests::{
    packet::{Packet, SYN, address},
    prog::{Plane, TX},
};

use crate::scene::{DESTS, Scene, all, dest_of};

const CONNECTIONS: u32 = 100_000;

/// DR over TCP in both families, for one scheduler.
fn scenes(scheduler: u8) -> impl Iterator<Item = Scene> {
    all()
        .filter(|scene| scene.scheduler == SCHEDULER_RR && scene.protocol == 6)
        .filter(|scene| scene.method == lb_common::dest::FORWARD_DIRECT_ROUTE)
        .map(move |scene| Scene { scheduler, ..scene })
}

fn set(plane: &mut Plane, scene: Scene, entries: &[u16], flags: u8) {
    let ring = plane.set_ring(4, entries, true);
    scene.set_service_with(plane, flags, ring, ring);
}

/// The SYN of connection `number`: 50,000 ports of each client.
fn syn(scene: Scene, number: u32) -> Packet {
    let mut packet = scene.packet((number / 50_000) as u16, SYN);
    packet.source_port = 1024 + (number % 50_000) as u16;
    packet
}

#[test]
fn turns_are_taken_in_order() {
    let [a, b, c] = DESTS;
    // wrr with weights 3, 2 and 1.
    let turns = [a, a, b, a, b, c];
    for scene in scenes(SCHEDULER_RR) {
        let mut plane = scene.plane();
        set(&mut plane, scene, &turns, 0);
        let expected = turns.iter().cycle();
        for (number, expected) in (0..CONNECTIONS).zip(expected) {
            let answer = plane.xdp(&syn(scene, number).bytes());
            assert_eq!(answer.verdict, TX, "{scene:?} {number}");
            assert_eq!(dest_of(&answer.packet), *expected, "{scene:?} {number}");
        }
    }
}

/// `ip_vs_sh_hashkey` of Linux 6.
fn bucket(packet: &Packet, with_port: bool) -> usize {
    let port = if with_port { packet.source_port } else { 0 };
    let bytes = address(packet.source);
    let words = bytes.as_chunks::<4>().0.iter();
    let mut words = words.map(|word| u32::from_be_bytes(*word));
    let folded = if packet.source.is_ipv4() {
        words.next_back().unwrap()
    } else {
        words.fold(0, |sum, word| sum ^ word)
    };
    (folded
        .wrapping_add(u32::from(port))
        .wrapping_mul(0x61c8_8647)
        >> 24) as usize
}

#[test]
fn sh_goes_by_the_bucket_of_the_client() {
    let buckets: Vec<u16> = (0..BUCKETS as usize).map(|at| DESTS[at * 7 % 3]).collect();
    for scene in scenes(SCHEDULER_SH) {
        for flags in [0, SERVICE_HASH_PORT] {
            let mut plane = scene.plane();
            set(&mut plane, scene, &buckets, flags);
            for number in 0..CONNECTIONS {
                let packet = syn(scene, number);
                let answer = plane.xdp(&packet.bytes());
                let expected = buckets[bucket(&packet, flags == SERVICE_HASH_PORT)];
                assert_eq!(dest_of(&answer.packet), expected, "{scene:?} {number}");
            }
        }
    }
}

#[test]
fn an_empty_bucket_is_nobodys() {
    for scene in scenes(SCHEDULER_SH) {
        let mut plane = scene.plane();
        set(&mut plane, scene, &[0; BUCKETS as usize], 0);
        let answer = plane.xdp(&syn(scene, 1).bytes());
        assert_eq!(answer.verdict, tests::prog::PASS, "{scene:?}");
        assert_eq!(plane.counter(lb_common::counter::Counter::NoDest), 1);
    }
}

#[test]
fn mh_keeps_a_client_at_one_real_server_unless_its_port_counts() {
    for scene in scenes(SCHEDULER_MH) {
        for (flags, spreads) in [(0, false), (SERVICE_HASH_PORT, true)] {
            let mut plane = scene.plane();
            let ring = plane.set_ring(0, &DESTS, false);
            scene.set_service_with(&mut plane, flags, ring, ring);
            let mut per_dest = [0u32; 3];
            for number in 0..30_000 {
                let mut packet = scene.packet(1, SYN);
                packet.source_port = 1024 + number;
                let to = dest_of(&plane.xdp(&packet.bytes()).packet);
                per_dest[usize::from(to - DESTS[0])] += 1;
            }
            per_dest.sort_unstable();
            if spreads {
                let fair = 9_700..10_300;
                assert!(per_dest.iter().all(|n| fair.contains(n)), "{per_dest:?}");
            } else {
                assert_eq!(per_dest, [0, 0, 30_000], "{scene:?}");
            }
        }
    }
}
