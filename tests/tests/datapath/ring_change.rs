//! `mh` while its ring changes: what stays, what moves, what is remembered.

use fastrand::Rng;
use lb::{io::mirror, mirror::displaced::Displaced};
use lb_common::{
    counter::Counter,
    dest::{DEST_RESOLVED, FORWARD_NAT},
    service::{RingRef, SCHEDULER_MH, SCHEDULER_RR},
};
use tests::{
    packet::{ACK, FIN, SYN},
    prog::{PASS, Plane, TX},
};

use crate::scene::{DESTS, Scene, all, dest_of};

fn mh() -> impl Iterator<Item = Scene> {
    all().filter(|scene| scene.scheduler == SCHEDULER_MH)
}

fn sent(plane: &mut Plane, scene: Scene, number: u16, flags: u8) -> u16 {
    let answer = plane.xdp(&scene.packet(number, flags).bytes());
    assert_eq!(answer.verdict, TX, "{scene:?} {number}");
    dest_of(&answer.packet)
}

#[test]
fn a_stable_ring_keeps_entries_for_nat_only() {
    for scene in mh() {
        let mut plane = scene.plane();
        for number in 0..100 {
            sent(&mut plane, scene, number, SYN);
        }
        let entries = plane
            .read
            .flow_counts()
            .unwrap()
            .services
            .values()
            .sum::<u64>();
        let expected = if scene.method == FORWARD_NAT { 100 } else { 0 };
        assert_eq!(entries, expected, "{scene:?}");
    }
}

#[test]
fn after_a_change_flows_under_way_stay_and_new_ones_follow_the_new_ring() {
    for scene in mh() {
        let mut plane = scene.plane();
        let before: Vec<u16> = (0..200).map(|n| sent(&mut plane, scene, n, SYN)).collect();
        let old = scene.ring(&mut plane, 0, &DESTS);
        // 12 is drained: usable, but in the new ring no more.
        let new = scene.ring(&mut plane, 1, &[11, 13]);
        scene.set_service(&mut plane, new, old);
        for (number, before) in (0..).zip(&before) {
            assert_eq!(
                sent(&mut plane, scene, number, ACK),
                *before,
                "{scene:?} {number}"
            );
        }
        if scene.protocol == 6 {
            for number in 200..400 {
                let dest = sent(&mut plane, scene, number, SYN);
                assert_ne!(dest, 12, "{scene:?} {number}");
                assert_eq!(
                    sent(&mut plane, scene, number, ACK),
                    dest,
                    "{scene:?} {number}"
                );
            }
        }
    }
}

#[test]
fn without_a_previous_ring_entries_hold_their_flows_and_the_rest_follows_the_new_one() {
    for scene in mh() {
        let mut plane = scene.plane();
        let old = scene.ring(&mut plane, 0, &DESTS);
        let new = scene.ring(&mut plane, 1, &[11, 13]);
        scene.set_service(&mut plane, new, old);
        // Few flows: an entry pushed out of a full bucket would lose its way.
        let remembered: Vec<u16> = (0..20).map(|n| sent(&mut plane, scene, n, ACK)).collect();
        assert!(remembered.contains(&12), "{scene:?}");
        scene.set_service(&mut plane, new, RingRef::default());
        for (number, before) in (0..).zip(&remembered) {
            let after = sent(&mut plane, scene, number, ACK);
            assert_eq!(after, *before, "{scene:?} {number}");
        }
        for number in 200..400 {
            let after = sent(&mut plane, scene, number, ACK);
            assert_ne!(after, 12, "{scene:?} {number}");
        }
    }
}

#[test]
fn where_a_real_server_is_gone_its_flows_go_by_the_new_ring() {
    for scene in mh() {
        let mut plane = scene.plane();
        let before: Vec<u16> = (0..200).map(|n| sent(&mut plane, scene, n, SYN)).collect();
        let old = scene.ring(&mut plane, 0, &DESTS);
        let mut gone = scene.dest(12);
        gone.flags = DEST_RESOLVED;
        plane.set_dest(12, &gone, scene.protocol);
        let new = scene.ring(&mut plane, 1, &[11, 13]);
        scene.set_service(&mut plane, new, old);
        for (number, before) in (0..).zip(&before) {
            let after = sent(&mut plane, scene, number, ACK);
            if *before == 12 {
                assert_ne!(after, 12, "{scene:?} {number}");
            } else {
                assert_eq!(after, *before, "{scene:?} {number}");
            }
        }
    }
}

#[test]
fn an_entry_does_not_outlive_its_dests_generation() {
    for scene in all().filter(|s| s.scheduler == SCHEDULER_RR && s.protocol == 6) {
        let mut plane = scene.plane();
        let id = sent(&mut plane, scene, 1, SYN);
        let mut other = scene.dest(id);
        other.generation = 2;
        plane.set_dest(id, &other, scene.protocol);
        let answer = plane.xdp(&scene.packet(1, ACK).bytes());
        assert_eq!(answer.verdict, PASS, "{scene:?}");
        assert_eq!(plane.counter(Counter::FlowMissed), 1, "{scene:?}");
    }
}

#[test]
fn another_director_with_the_same_ring_sends_flows_to_the_same_real_servers() {
    for scene in mh() {
        let (mut first, mut second) = (scene.plane(), scene.plane());
        for number in 0..200 {
            let before = sent(&mut first, scene, number, SYN);
            assert_eq!(
                sent(&mut second, scene, number, ACK),
                before,
                "{scene:?} {number}"
            );
        }
    }
}

/// Ports that connections use again and again: few, so that none is pushed out of a full bucket.
const PORTS: u16 = 16;

/// Connections that come and go on the same ports while the ring changes.
struct Walk {
    scene: Scene,
    plane: Plane,
    /// Two of each.
    rings: [RingRef; 8],
    ring: RingRef,
    previous: RingRef,
    /// The dest of the open connection of each port.
    open: [Option<u16>; PORTS as usize],
}

impl Walk {
    fn new(scene: Scene) -> Self {
        let mut plane = scene.plane();
        let contents: [&[u16]; 4] = [&DESTS, &[12, 13], &[13, 11, 12], &[12, 11, 11, 13]];
        let rings = std::array::from_fn(|at| {
            scene.ring(&mut plane, 1 + at as u32, contents[at % contents.len()])
        });
        let ring = scene.ring(&mut plane, 0, &DESTS);
        Self {
            scene,
            plane,
            rings,
            ring,
            previous: ring,
            open: [None; PORTS as usize],
        }
    }

    fn set(&mut self, ring: RingRef, previous: RingRef) {
        (self.ring, self.previous) = (ring, previous);
        self.scene.set_service(&mut self.plane, ring, previous);
    }

    /// As the planner has it: a new ring lies where none is in use, and what the ring before the first of several changes says
    /// counts until they are held or settled.
    fn change(&mut self, ring: RingRef) {
        if [self.ring, self.previous].contains(&ring) {
            return;
        }
        let decides = self.previous.len == 0 || self.previous == self.ring;
        let previous = if decides { self.ring } else { self.previous };
        self.set(ring, previous);
    }

    /// Every open connection has been heard of since the change.
    fn hold(&mut self) {
        for port in 0..PORTS {
            if self.open[usize::from(port)].is_some() {
                self.send(port, ACK);
            }
        }
        self.set(self.ring, RingRef::default());
    }

    /// The ring alone decides as soon as it says what all entries say.
    fn settle(&mut self) {
        if self.previous.len != 0 {
            return;
        }
        let image = mirror::load(&self.plane.checker).unwrap();
        let mut displaced = Displaced::new(&image);
        let read = &self.plane.read;
        read.each_flow(|flow| displaced.see(&flow)).unwrap();
        if displaced.into_counts().is_empty() {
            self.set(self.ring, self.ring);
        }
    }

    fn send(&mut self, port: u16, flags: u8) {
        let dest = sent(&mut self.plane, self.scene, port, flags);
        let open = &mut self.open[usize::from(port)];
        match *open {
            Some(before) => assert_eq!(dest, before, "{:?} port {port}", self.scene),
            None => *open = Some(dest),
        }
        if flags & FIN != 0 {
            *open = None;
        }
    }

    fn step(&mut self, rng: &mut Rng) {
        match rng.u8(0..40) {
            0 => {
                let ring = self.rings[rng.usize(0..self.rings.len())];
                self.change(ring);
            }
            1 => self.hold(),
            2 => self.settle(),
            _ => {
                let port = rng.u16(0..PORTS);
                let flags = match (self.open[usize::from(port)], rng.u8(0..4)) {
                    (None, _) => SYN,
                    (Some(_), 0) => ACK | FIN,
                    (Some(_), _) => ACK,
                };
                self.send(port, flags);
            }
        }
    }
}

#[test]
fn a_connection_stays_whatever_its_port_had_before_and_however_the_ring_changes() {
    for scene in mh().filter(|scene| scene.protocol == 6) {
        for seed in 0..4 {
            let mut walk = Walk::new(scene);
            let mut rng = Rng::with_seed(seed);
            for _ in 0..1000 {
                walk.step(&mut rng);
            }
        }
    }
}
