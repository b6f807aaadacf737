//! Clients that stay with their real server, and datagrams that do not.

use lb_common::{
    dest::{DEST_DRAINING, FORWARD_DIRECT_ROUTE, FORWARD_NAT},
    service::{SCHEDULER_MH_COUNTED, SCHEDULER_RR, SERVICE_ONE_PACKET, ServiceValue},
};
use tests::{
    packet::{ACK, FIN, SYN},
    prog::{PASS, Plane, TX},
};

use crate::scene::{DESTS, SERVICE, Scene, all, dest_of, next_hop};

/// Seconds for which clients stay.
const STAY: u32 = 50;

fn scenes(scheduler: u8) -> impl Iterator<Item = Scene> {
    all()
        .filter(|scene| scene.scheduler == SCHEDULER_RR && scene.protocol == 6)
        .filter(|scene| scene.method == FORWARD_DIRECT_ROUTE)
        .map(move |scene| Scene { scheduler, ..scene })
}

/// A plane whose service keeps clients together that are alike in so many bits.
fn persistent(scene: Scene, granularity: u8) -> Plane {
    let mut plane = scene.plane();
    let ring = plane.set_ring(5, &DESTS, true);
    let value = ServiceValue {
        persistence: STAY,
        granularity,
        ..scene.service(ring, ring)
    };
    scene.write(&mut plane, value);
    plane
}

/// Where connection `port` of client `number` goes. The last byte of the address is that of the number.
fn sent(plane: &mut Plane, scene: Scene, number: u8, port: u16, flags: u8) -> Option<u16> {
    let mut packet = scene.packet(1, flags);
    packet.source_port = port;
    let text = if scene.family == 4 {
        format!("172.16.9.{number}")
    } else {
        format!("2001:db8:1::{number:x}")
    };
    packet.source = text.parse().unwrap();
    let answer = plane.xdp(&packet.bytes());
    (answer.verdict == TX).then(|| dest_of(&answer.packet))
}

const fn whole(scene: Scene) -> u8 {
    if scene.family == 4 { 32 } else { 128 }
}

#[test]
fn every_connection_of_a_client_goes_where_its_first_one_went() {
    for scheduler in [SCHEDULER_RR, SCHEDULER_MH_COUNTED] {
        for scene in scenes(scheduler) {
            let mut plane = persistent(scene, whole(scene));
            let mut seen = Vec::new();
            for client in 1..40 {
                let first = sent(&mut plane, scene, client, 2000, SYN).unwrap();
                for port in 2001..2010 {
                    let next = sent(&mut plane, scene, client, port, SYN);
                    assert_eq!(next, Some(first), "{scene:?}");
                }
                seen.push(first);
            }
            for id in DESTS {
                assert!(seen.contains(&id), "{scene:?}: nobody went to {id}");
            }
        }
    }
}

#[test]
fn clients_that_are_alike_stay_together() {
    for scene in scenes(SCHEDULER_RR) {
        let coarse = whole(scene) - 3;
        let mut plane = persistent(scene, coarse);
        let mut seen = Vec::new();
        for group in 0..8u8 {
            let of_group: Vec<_> = (group * 8..group * 8 + 8)
                .map(|client| sent(&mut plane, scene, client, 2000, SYN).unwrap())
                .collect();
            assert!(of_group.iter().all(|id| *id == of_group[0]), "{scene:?}");
            seen.push(of_group[0]);
        }
        assert_eq!(seen[..3], DESTS, "{scene:?}: each group is a turn");
    }
}

#[test]
fn a_client_is_free_again_when_its_time_is_over() {
    for scene in scenes(SCHEDULER_RR) {
        let mut plane = persistent(scene, whole(scene));
        let first = sent(&mut plane, scene, 1, 2000, SYN).unwrap();
        let _ = sent(&mut plane, scene, 1, 2000, FIN | ACK);
        plane.age_flows(STAY - 5);
        assert_eq!(sent(&mut plane, scene, 1, 2001, SYN), Some(first));
        let _ = sent(&mut plane, scene, 1, 2001, FIN | ACK);
        // The second connection made it stay anew.
        plane.age_flows(STAY - 5);
        assert_eq!(sent(&mut plane, scene, 1, 2002, SYN), Some(first));
        let _ = sent(&mut plane, scene, 1, 2002, FIN | ACK);
        plane.age_flows(STAY + 5);
        let next = sent(&mut plane, scene, 1, 2003, SYN);
        assert!(next.is_some() && next != Some(first), "{scene:?}");
    }
}

#[test]
fn a_client_stays_while_it_has_a_connection() {
    for scene in scenes(SCHEDULER_RR) {
        let mut plane = persistent(scene, whole(scene));
        let first = sent(&mut plane, scene, 1, 2000, SYN).unwrap();
        for _ in 0..10 {
            assert_eq!(sent(&mut plane, scene, 1, 2000, ACK), Some(first));
            plane.sweep();
            plane.age_flows(STAY - 10);
        }
        assert_eq!(sent(&mut plane, scene, 1, 2001, SYN), Some(first));
    }
}

#[test]
fn a_client_of_a_dead_real_server_gets_another() {
    for scene in scenes(SCHEDULER_RR) {
        let mut plane = persistent(scene, whole(scene));
        let first = sent(&mut plane, scene, 1, 2000, SYN).unwrap();
        let mut dead = scene.dest(first);
        dead.flags &= !lb_common::dest::DEST_USABLE;
        plane.set_dest(first, &dead, scene.protocol);
        let next = sent(&mut plane, scene, 1, 2001, SYN);
        assert!(next.is_some() && next != Some(first), "{scene:?}");
        assert_eq!(sent(&mut plane, scene, 1, 2002, SYN), next, "{scene:?}");
    }
}

/// Takes a real server out of the ring.
fn take_out(plane: &mut Plane, scene: Scene, id: u16) {
    let others: Vec<u16> = DESTS.into_iter().filter(|other| *other != id).collect();
    let ring = plane.set_ring(6, &others, true);
    let value = ServiceValue {
        persistence: STAY,
        granularity: whole(scene),
        ..scene.service(ring, ring)
    };
    scene.write(plane, value);
}

#[test]
fn a_quiescent_real_server_keeps_its_clients() {
    for scene in scenes(SCHEDULER_RR) {
        let mut plane = persistent(scene, whole(scene));
        let first = sent(&mut plane, scene, 1, 2000, SYN).unwrap();
        take_out(&mut plane, scene, first);
        assert_eq!(sent(&mut plane, scene, 1, 2001, SYN), Some(first));
        assert_ne!(sent(&mut plane, scene, 2, 2000, SYN), Some(first));
    }
}

#[test]
fn a_drained_real_server_takes_no_new_flows_of_its_clients_and_keeps_those_they_have() {
    for scene in scenes(SCHEDULER_RR) {
        let mut plane = persistent(scene, whole(scene));
        let first = sent(&mut plane, scene, 1, 2000, SYN).unwrap();
        let mut dest = scene.dest(first);
        dest.flags |= DEST_DRAINING;
        plane.set_dest(first, &dest, scene.protocol);
        take_out(&mut plane, scene, first);
        let second = sent(&mut plane, scene, 1, 2001, SYN).unwrap();
        assert_ne!(second, first);
        assert_eq!(
            sent(&mut plane, scene, 1, 2002, SYN),
            Some(second),
            "they stay together"
        );
        assert_eq!(sent(&mut plane, scene, 1, 2000, ACK), Some(first));
    }
}

#[test]
fn templates_are_the_last_to_go_from_a_full_table_and_no_flows() {
    for scene in scenes(SCHEDULER_RR) {
        let mut plane = persistent(scene, whole(scene));
        let first: Vec<_> = (1..10)
            .map(|client| sent(&mut plane, scene, client, 2000, SYN))
            .collect();
        assert_eq!(
            plane.read.flow_counts().unwrap().services.get(&SERVICE),
            Some(&9)
        );
        for port in 10_000..16_000 {
            let _ = sent(&mut plane, scene, 200, port, SYN);
        }
        let again: Vec<_> = (1..10)
            .map(|client| sent(&mut plane, scene, client, 2001, SYN))
            .collect();
        assert_eq!(first, again, "{scene:?}");
    }
}

/// UDP, one datagram at a time, there and back.
#[test]
fn datagrams_of_one_packet_scheduling_take_turns_and_leave_nothing() {
    for scene in all().filter(|scene| scene.scheduler == SCHEDULER_RR && scene.protocol == 17) {
        let mut plane = scene.plane();
        let ring = plane.set_ring(5, &DESTS, true);
        scene.set_service_with(&mut plane, SERVICE_ONE_PACKET, ring, ring);
        let to: Vec<u16> = (0..9)
            .map(|_| dest_of(&plane.xdp(&scene.packet(1, 0).bytes()).packet))
            .collect();
        assert_eq!(to, DESTS.repeat(3), "{scene:?}");
        assert!(plane.read.flow_counts().unwrap().services.is_empty());
        if scene.method == FORWARD_NAT {
            let reply = scene.reply(1, DESTS[1], 0);
            let answer = plane.xdp(&reply.bytes());
            assert_eq!(answer.verdict, PASS, "the kernel finds the way");
            assert_eq!(answer.packet, scene.replied(&reply).bytes(), "{scene:?}");
        }
        assert_eq!(next_hop(to[0])[5], 11);
    }
}
