//! A service whose ring is empty: what has an entry goes on, and whatever begins is left to IPVS.

use lb_common::{
    connection::DestLimits,
    counter::Counter,
    dest::{DEST_DRAINING, is_nat},
    service::{
        RingRef, SCHEDULER_MH, SCHEDULER_MH_COUNTED, SCHEDULER_RR, SCHEDULER_WLC, SERVICE_FALLBACK,
        SERVICE_ONE_PACKET, ServiceValue,
    },
};
use tests::{
    packet::{ACK, FIN, SYN},
    prog::{PASS, Plane, TX},
};

use crate::scene::{DESTS, SERVICE, Scene, all, dest_of};

const TCP: u8 = 6;

/// Every family, method and protocol, with schedulers that keep entries.
fn scenes() -> impl Iterator<Item = Scene> {
    let schedulers = [SCHEDULER_RR, SCHEDULER_WLC, SCHEDULER_MH_COUNTED];
    all()
        .filter(|scene| scene.scheduler == SCHEDULER_RR)
        .flat_map(move |scene| schedulers.map(|scheduler| Scene { scheduler, ..scene }))
}

/// A plane whose real servers have weights.
fn plane(scene: Scene) -> Plane {
    let mut plane = scene.plane();
    for id in DESTS {
        plane.set_limits(
            id,
            DestLimits {
                weight: 1,
                ..DestLimits::default()
            },
        );
    }
    plane
}

/// Has the service leave.
fn leave(plane: &mut Plane, scene: Scene) {
    for id in DESTS {
        let mut dest = scene.dest(id);
        dest.flags |= DEST_DRAINING;
        plane.set_dest(id, &dest, scene.protocol);
    }
    scene.set_service(plane, RingRef::default(), RingRef::default());
}

/// Where a packet went; `None` where it was the kernel's, as it came.
fn sent(plane: &mut Plane, scene: Scene, number: u16, flags: u8) -> Option<u16> {
    let packet = scene.packet(number, flags).bytes();
    let answer = plane.xdp(&packet);
    match answer.verdict {
        TX => Some(dest_of(&answer.packet)),
        PASS => {
            assert_eq!(answer.packet, packet, "{scene:?}: as it came");
            None
        }
        other => panic!("{scene:?}: verdict {other}"),
    }
}

#[test]
fn flows_go_on_where_they_are_and_none_begins() {
    for scene in scenes() {
        let mut plane = plane(scene);
        let begun: Vec<_> = (0..20)
            .map(|number| sent(&mut plane, scene, number, SYN).unwrap())
            .collect();
        leave(&mut plane, scene);
        for (number, id) in (0..).zip(&begun) {
            assert_eq!(sent(&mut plane, scene, number, ACK), Some(*id), "{scene:?}");
            if is_nat(scene.method) {
                let reply = scene.reply(number, *id, ACK);
                let answer = plane.xdp(&reply.bytes());
                let source = if scene.family == 4 { 26..30 } else { 22..38 };
                let expected = scene.replied(&reply).bytes();
                assert_eq!(answer.packet[source.clone()], expected[source], "{scene:?}");
            }
        }
        for number in 100..120 {
            assert_eq!(sent(&mut plane, scene, number, SYN), None, "{scene:?}");
            assert_eq!(sent(&mut plane, scene, number, ACK), None, "{scene:?}");
        }
        assert!(plane.counter(Counter::NoDest) >= 20, "{scene:?}");
        let flows = plane.read.flow_counts().unwrap();
        assert_eq!(flows.services.get(&SERVICE), Some(&20), "{scene:?}");
    }
}

#[test]
fn a_connection_that_begins_anew_in_place_of_an_ended_one_is_not_caught_half_way() {
    for scene in scenes().filter(|scene| scene.protocol == TCP) {
        let mut plane = plane(scene);
        let id = sent(&mut plane, scene, 1, SYN).unwrap();
        sent(&mut plane, scene, 1, ACK);
        leave(&mut plane, scene);
        assert_eq!(sent(&mut plane, scene, 1, FIN | ACK), Some(id), "{scene:?}");
        assert_eq!(plane.connections(id).inactive, 1, "{scene:?}");
        assert_eq!(sent(&mut plane, scene, 1, SYN), None, "{scene:?}");
        let left = plane.connections(id);
        assert_eq!((left.active, left.inactive), (0, 0), "{scene:?}");
        assert_eq!(sent(&mut plane, scene, 1, ACK), None, "{scene:?}");
    }
}

#[test]
fn one_that_begins_anew_takes_no_other_along() {
    for scene in scenes().filter(|scene| scene.protocol == TCP) {
        let mut plane = plane(scene);
        let others: Vec<_> = (2..10)
            .map(|number| sent(&mut plane, scene, number, SYN).unwrap())
            .collect();
        sent(&mut plane, scene, 1, SYN);
        sent(&mut plane, scene, 1, FIN | ACK);
        leave(&mut plane, scene);
        assert_eq!(sent(&mut plane, scene, 1, SYN), None, "{scene:?}");
        for (number, id) in (2..).zip(others) {
            assert_eq!(sent(&mut plane, scene, number, ACK), Some(id), "{scene:?}");
        }
    }
}

#[test]
fn neither_persistence_nor_a_fallback_nor_single_datagrams_bring_anybody() {
    for scene in scenes() {
        let mut plane = plane(scene);
        let ring = scene.ring(&mut plane, 0, &DESTS);
        let persistent = |ring| ServiceValue {
            persistence: 50,
            granularity: if scene.family == 4 { 32 } else { 128 },
            flags: scene.service(ring, ring).flags | SERVICE_FALLBACK,
            ..scene.service(ring, ring)
        };
        scene.write(&mut plane, persistent(ring));
        let id = sent(&mut plane, scene, 1, SYN).unwrap();
        leave(&mut plane, scene);
        scene.write(&mut plane, persistent(RingRef::default()));
        let mut again = scene.packet(1, SYN);
        again.source_port += 1;
        assert_eq!(plane.xdp(&again.bytes()).verdict, PASS, "{scene:?}");
        assert_eq!(sent(&mut plane, scene, 1, ACK), Some(id), "{scene:?}");
        let nobody = RingRef::default();
        scene.set_service_with(&mut plane, SERVICE_ONE_PACKET, nobody, nobody);
        assert_eq!(sent(&mut plane, scene, 2, SYN), None, "{scene:?}");
    }
}

#[test]
fn a_ring_that_decided_alone_leaves_only_what_has_entries() {
    for scene in all().filter(|scene| scene.scheduler == SCHEDULER_MH) {
        let mut plane = plane(scene);
        let begun: Vec<_> = (0..20)
            .map(|number| sent(&mut plane, scene, number, SYN).unwrap())
            .collect();
        let counted = Scene {
            scheduler: SCHEDULER_MH_COUNTED,
            ..scene
        };
        leave(&mut plane, counted);
        for (number, id) in (0..).zip(begun) {
            let expected = is_nat(scene.method).then_some(id);
            assert_eq!(
                sent(&mut plane, counted, number, ACK),
                expected,
                "{scene:?}"
            );
        }
    }
}
