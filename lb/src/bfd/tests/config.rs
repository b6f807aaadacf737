//! Reload, restart, and whose packet it is.

use std::time::Duration;

use super::scene::{A, B, Node, Scene, control, in_state, ms, session, start};
use crate::bfd::{
    output::{Incoming, Note},
    packet::State,
};

#[test]
fn a_reload_leaves_what_stays_alone() {
    let mut scene = Scene::alike(|config| config.multiplier = 3, 5).up();
    let before = scene.nodes[0].snapshot(scene.now);
    let mut same = session("b", B);
    same.multiplier = 3;
    let other = session("c", [192, 0, 2, 3]);
    let now = scene.now;
    scene.nodes[0].configure(&[(other, None), (same.clone(), None)], &[], now);
    let sent = scene.nodes[0].drain(now);
    assert_eq!(sent.len(), 1, "the new one speaks, the old one does not");
    let after = scene.nodes[0].snapshot(now);
    assert_eq!(
        (after.discriminator, after.state, after.polling),
        (before.discriminator, State::Up, false)
    );
    // And what goes says so.
    scene.nodes[0].configure(&[(same, None)], &[], now);
    assert_eq!(scene.nodes[0].drain(now).len(), 1);
    assert_eq!(scene.nodes[0].bfd.snapshot(now).len(), 1);
    assert!(scene.nodes[0].turns.iter().all(|(_, is_up)| !is_up));
}

#[test]
fn another_neighbor_is_another_session() {
    let now = start();
    let (mut node, ours) = in_state(State::Up, session("b", B), now);
    node.configure(&[(session("b", [192, 0, 2, 9]), None)], &[], now);
    let said = node.said(now);
    assert_eq!(said.len(), 2);
    assert!(said.iter().any(|it| it.state == State::AdminDown));
    let seen = node.snapshot(now);
    assert_eq!(
        (seen.state, seen.discriminator == ours),
        (State::Down, false)
    );
}

#[test]
fn discriminators_are_random_and_not_zero() {
    let now = start();
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let mut node = Node::new(A, seed);
        let sessions = (0..10).map(|n| (session(&n.to_string(), [192, 0, 2, 10 + n]), None));
        node.configure(&sessions.collect::<Vec<_>>(), &[], now);
        let all = node.bfd.snapshot(now);
        seen.extend(all.iter().map(|session| session.discriminator));
    }
    assert_eq!(seen.len(), 2000);
    assert!(!seen.contains(&0));
    let high = seen.iter().filter(|it| **it > u32::MAX / 2).count();
    assert!((800..1200).contains(&high), "{high} in the upper half");
}

#[test]
fn a_packet_without_our_discriminator_is_found_by_its_ends() {
    let now = start();
    let mut node = Node::new(A, 1);
    let mut bound = session("bound", B);
    bound.source = Some(A.into());
    let free = session("free", B);
    let mut far = session("far", B);
    far.multihop = true;
    node.configure(&[(free, None), (bound, None), (far, None)], &[], now);
    for (name, destination, is_multihop) in [
        ("bound", A, false),
        ("free", [192, 0, 2, 8], false),
        ("far", A, true),
    ] {
        let packet = control(State::Down, 0).emit();
        node.take(
            &Incoming {
                source: B.into(),
                destination: destination.into(),
                ttl: 255,
                is_multihop,
                payload: &packet,
            },
            now,
        );
        let all = node.bfd.snapshot(now);
        let found = all.iter().find(|session| session.name == name).unwrap();
        assert_eq!(found.state, State::Init, "{name}");
    }
    assert!(node.bfd.refused().is_empty());
}

#[test]
fn the_next_child_goes_on_where_the_last_one_was() {
    for gap in [0, 20] {
        let mut scene = Scene::alike(|config| config.multiplier = 5, 9).up();
        let left = scene.nodes[0].bfd.remembered();
        assert_eq!(left.len(), 1);
        let mut config = session("b", B);
        config.multiplier = 5;
        scene.nodes[0] = Node::new(A, 4242);
        scene.run(ms(gap));
        let now = scene.now;
        scene.nodes[0].configure(&[(config, None)], &left, now);
        assert_eq!(
            scene.nodes[0].bfd.facts().count(),
            0,
            "not told before it is heard"
        );
        scene.carry();
        scene.run(ms(20));
        let facts: Vec<_> = scene.nodes[0].bfd.facts().collect();
        assert_eq!(facts, [("b", true)]);
        scene.run(Duration::from_secs(1));
        assert_eq!(scene.states(), [State::Up; 2]);
        assert!(
            scene.nodes[1].turns.is_empty(),
            "the other end notices nothing"
        );
        assert_eq!(scene.nodes[0].turns.len(), 1);
    }
}

#[test]
fn what_an_earlier_child_left_is_over_after_the_detection_time() {
    let scene = Scene::alike(|config| config.multiplier = 5, 9).up();
    let left = scene.nodes[0].bfd.remembered();
    let mut node = Node::new(A, 1);
    let mut now = scene.now;
    node.configure(&[(session("b", B), None)], &left, now);
    let until = now + ms(49);
    node.sleep(&mut now, until);
    assert_eq!(node.state(now), State::Up);
    let until = now + ms(2);
    node.sleep(&mut now, until);
    assert_eq!(node.state(now), State::Down);
    let turned: Vec<bool> = node.turns.iter().map(|(_, is_up)| *is_up).collect();
    assert_eq!(turned, [false]);
    assert!(
        node.notes
            .iter()
            .any(|note| matches!(note, Note::Expired { .. }))
    );
}

#[test]
fn what_is_left_of_another_session_is_not_taken_up() {
    let scene = Scene::alike(|config| config.multiplier = 5, 9).up();
    let left = scene.nodes[0].bfd.remembered();
    for other in [session("c", B), session("b", [192, 0, 2, 3])] {
        let mut node = Node::new(A, 1);
        node.configure(&[(other, None)], &left, scene.now);
        assert_eq!(node.state(scene.now), State::Down);
    }
}

#[test]
fn one_wake_up_serves_sessions_that_are_due_at_almost_the_same_time() {
    let mut now = start();
    let mut node = Node::new(A, 1);
    let sessions: Vec<_> = (0..200)
        .map(|n| (session(&n.to_string(), [192, 0, 2, n]), None))
        .collect();
    node.configure(&sessions, &[], now);
    let names = node.bfd.snapshot(now);
    for session in &names {
        for state in [State::Down, State::Up] {
            let packet = control(state, session.discriminator).emit();
            node.hear(session.neighbor, &packet, now);
        }
    }
    node.drain(now);
    let (mut wakes, mut packets) = (0, 0);
    let start = now;
    while now < start + Duration::from_secs(1) {
        for session in &names {
            let packet = control(State::Up, session.discriminator).emit();
            node.hear(session.neighbor, &packet, now);
        }
        let until = now + ms(9);
        while let Some((due, _)) = node.bfd.poll_timeout().filter(|(due, _)| *due <= until) {
            now = due;
            node.wake(now);
            wakes += 1;
            packets += node.drain(now).len();
        }
        now = until;
    }
    // 200 sessions × 115 packets.
    assert!(packets > 20_000, "{packets} packets");
    assert!(
        wakes < packets / 4,
        "{wakes} wake-ups for {packets} packets"
    );
    assert!(
        node.bfd
            .snapshot(now)
            .iter()
            .all(|it| it.state == State::Up)
    );
}
