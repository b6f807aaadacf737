//! Flow entries: states, drain, eviction, live counts.

use bytemuck::Zeroable as _;
use lb_common::{
    counter::Counter,
    flow::{BUSY, FlowBucket4, FlowBucket6},
    service::SCHEDULER_RR,
};
use tests::{
    packet::{ACK, FIN, RST, SYN},
    prog::{DROP, PASS, Plane, TX},
};

use crate::scene::{DESTS, SERVICE, Scene, all, dest_of};

fn rr() -> impl Iterator<Item = Scene> {
    all().filter(|scene| scene.scheduler == SCHEDULER_RR)
}

fn sent(plane: &mut Plane, scene: Scene, number: u16, flags: u8) -> u16 {
    let answer = plane.xdp(&scene.packet(number, flags).bytes());
    assert_eq!(answer.verdict, TX, "{scene:?} {number}");
    dest_of(&answer.packet)
}

#[test]
fn tcp_without_a_flow_is_the_kernels() {
    for scene in rr().filter(|scene| scene.protocol == 6) {
        for flags in [ACK, FIN | ACK, RST, SYN | ACK] {
            let mut plane = scene.plane();
            let packet = scene.packet(1, flags).bytes();
            let answer = plane.xdp(&packet);
            assert_eq!((answer.verdict, answer.packet), (PASS, packet), "{scene:?}");
            assert_eq!(plane.counter(Counter::FlowMissed), 1, "{scene:?}");
            assert_eq!(plane.counter(Counter::FlowCreated), 0, "{scene:?}");
        }
    }
}

#[test]
fn a_repeated_syn_stays_and_a_syn_after_the_end_starts_over() {
    for scene in rr().filter(|scene| scene.protocol == 6) {
        for end in [FIN | ACK, RST] {
            let mut plane = scene.plane();
            let first = sent(&mut plane, scene, 1, SYN);
            assert_eq!(sent(&mut plane, scene, 1, SYN), first, "{scene:?}");
            assert_eq!(sent(&mut plane, scene, 1, ACK), first, "{scene:?}");
            assert_eq!(sent(&mut plane, scene, 1, end), first, "{scene:?}");
            assert_eq!(sent(&mut plane, scene, 1, ACK), first, "{scene:?}");
            assert_ne!(sent(&mut plane, scene, 1, SYN), first, "{scene:?}");
            assert_eq!(plane.counter(Counter::FlowCreated), 2, "{scene:?}");
            assert_eq!(plane.counter(Counter::FlowEvicted), 0, "{scene:?}");
        }
    }
}

#[test]
fn a_drained_real_server_keeps_its_flows_and_gets_no_more() {
    for scene in rr() {
        let mut plane = scene.plane();
        let before: Vec<u16> = (0..30).map(|n| sent(&mut plane, scene, n, SYN)).collect();
        let ring = scene.ring(&mut plane, 1, &[11, 13]);
        scene.set_service(&mut plane, ring, ring);
        for (number, before) in (0..).zip(&before) {
            assert_eq!(sent(&mut plane, scene, number, ACK), *before, "{scene:?}");
        }
        for number in 30..60 {
            assert_ne!(sent(&mut plane, scene, number, SYN), 12, "{scene:?}");
        }
    }
}

#[test]
fn live_flows_are_counted_by_service_and_dest() {
    for scene in rr() {
        let mut plane = scene.plane();
        for number in 0..30 {
            sent(&mut plane, scene, number, SYN);
        }
        let counts = plane.read.flow_counts().unwrap();
        assert_eq!(counts.services.get(&SERVICE), Some(&30), "{scene:?}");
        for id in DESTS {
            assert_eq!(counts.dests.get(&id), Some(&10), "{scene:?}");
        }
    }
}

#[test]
fn a_full_bucket_gives_up_its_oldest_entry_and_says_so() {
    for scene in rr() {
        let mut plane = scene.plane();
        for number in 0..6000 {
            sent(&mut plane, scene, number, SYN);
        }
        assert_eq!(plane.counter(Counter::FlowCreated), 6000, "{scene:?}");
        let evicted = plane.counter(Counter::FlowEvicted);
        let live: u64 = plane.read.flow_counts().unwrap().services.values().sum();
        assert_eq!(evicted + live, 6000, "{scene:?}");
        assert!(evicted > 1000, "{scene:?}: {evicted}");
        let last = sent(&mut plane, scene, 5999, SYN);
        assert_eq!(sent(&mut plane, scene, 5999, ACK), last, "{scene:?}");
    }
}

#[test]
fn round_robin_takes_turns() {
    for scene in rr() {
        let mut plane = scene.plane();
        let order: Vec<u16> = (0..9).map(|n| sent(&mut plane, scene, n, SYN)).collect();
        assert_eq!(order, DESTS.repeat(3), "{scene:?}");
    }
}

/// Makes every entry look as if another processor were writing it, or free.
fn set_busy(plane: &mut Plane, is_busy: bool) {
    let [a, b, c, d, e, f, g, h] = if is_busy { BUSY } else { [0; 8] };
    let (mut four, mut six) = (FlowBucket4::zeroed(), FlowBucket6::zeroed());
    for entry in &mut four.entries {
        entry.client = [a, b, c, d];
        entry.port = [e, f];
        entry.service = u16::from_ne_bytes([g, h]);
    }
    for entry in &mut six.entries {
        entry.port = [a, b];
        entry.service = u16::from_ne_bytes([c, d]);
        entry.pad = u32::from_ne_bytes([e, f, g, h]);
    }
    for at in 0..plane.read.flows4.len() {
        plane.read.flows4.set(at, four, 0).unwrap();
        plane.read.flows6.set(at, six, 0).unwrap();
    }
}

#[test]
fn a_flow_that_no_entry_can_be_made_for_waits_for_its_next_packet() {
    for scene in rr() {
        let mut plane = scene.plane();
        set_busy(&mut plane, true);
        let answer = plane.xdp(&scene.packet(1, SYN).bytes());
        assert_eq!(answer.verdict, DROP, "{scene:?}");
        assert_eq!(plane.counter(Counter::FlowContended), 1, "{scene:?}");
        assert_eq!(plane.counter(Counter::FlowCreated), 0, "{scene:?}");
        set_busy(&mut plane, false);
        sent(&mut plane, scene, 1, SYN);
    }
}
