//! Authentication: who proves what to whom.

use std::time::{Duration, Instant};

use super::scene::{A, B, Node, Scene, ms, session, start};
use crate::{
    bfd::{Key, Wanted, packet::State},
    config::model::{
        Word as _,
        bfd::{Authentication, AuthenticationKind},
    },
};

fn signed(name: &str, neighbor: [u8; 4], proof: (AuthenticationKind, u8, &str)) -> Wanted {
    let (kind, key_id, key) = proof;
    let mut config = session(name, neighbor);
    config.multiplier = 3;
    config.authentication = Some(Authentication {
        kind,
        key_id,
        file: "/key".to_owned(),
    });
    (config, Some(Key::new(kind, key.into()).unwrap()))
}

fn plain(name: &str, neighbor: [u8; 4]) -> Wanted {
    let mut config = session(name, neighbor);
    config.multiplier = 3;
    (config, None)
}

#[test]
fn ends_that_prove_the_same_come_up_and_stay() {
    for kind in AuthenticationKind::VALUES {
        let proof = (*kind, 7, "secret");
        let mut scene = Scene::new(signed("b", B, proof), signed("a", A, proof), 1);
        scene.run(Duration::from_secs(30));
        assert_eq!(scene.states(), [State::Up; 2], "{kind:?}");
        for node in &scene.nodes {
            assert_eq!(node.turns.len(), 1, "{kind:?}");
            assert!(node.snapshot(scene.now).refused.is_empty(), "{kind:?}");
        }
    }
}

#[test]
fn ends_that_do_not_stay_down() {
    use AuthenticationKind::{Md5, MeticulousMd5, MeticulousSha1, Sha1, Simple};
    let unlike: &[(_, _, &str)] = &[
        ((Simple, 1, "a"), (Simple, 1, "b"), "authentication_failed"),
        ((Simple, 1, "a"), (Simple, 1, "aa"), "authentication_failed"),
        ((Md5, 1, "a"), (Md5, 1, "b"), "authentication_failed"),
        ((Sha1, 1, "a"), (Sha1, 1, "b"), "authentication_failed"),
        (
            (MeticulousSha1, 1, "a"),
            (MeticulousSha1, 1, "b"),
            "authentication_failed",
        ),
        (
            (MeticulousMd5, 1, "a"),
            (MeticulousMd5, 2, "a"),
            "authentication_key",
        ),
        (
            (Md5, 1, "a"),
            (MeticulousMd5, 1, "a"),
            "authentication_type",
        ),
        ((Md5, 1, "a"), (Sha1, 1, "a"), "authentication_type"),
    ];
    for (one, other, name) in unlike {
        let mut scene = Scene::new(signed("b", B, *one), signed("a", A, *other), 1);
        scene.run(Duration::from_secs(5));
        assert_eq!(scene.states(), [State::Down; 2], "{one:?} {other:?}");
        for node in &scene.nodes {
            let refused = node.snapshot(scene.now).refused;
            assert!(
                refused.contains_key(*name),
                "{one:?} {other:?}: {refused:?}"
            );
            assert_eq!(refused.len(), 1, "{one:?} {other:?}: {refused:?}");
        }
    }
    let mut scene = Scene::new(signed("b", B, (Sha1, 1, "a")), plain("a", A), 1);
    scene.run(Duration::from_secs(5));
    assert_eq!(scene.states(), [State::Down; 2]);
    let [a, b] = [0, 1].map(|node| scene.nodes[node].snapshot(scene.now).refused);
    assert!(a.contains_key("authentication_missing"));
    assert!(b.contains_key("authentication_unexpected"));
}

/// A node that is Up with `B`, and all that `B` said.
fn recorded(kind: AuthenticationKind) -> (Node, Vec<Vec<u8>>, Instant) {
    let proof = (kind, 7, "secret");
    let now = start();
    let mut nodes = [Node::new(A, 1), Node::new(B, 2)];
    nodes[0].configure(&[signed("b", B, proof)], &[], now);
    nodes[1].configure(&[signed("a", A, proof)], &[], now);
    let mut said = Vec::new();
    for _ in 0..4 {
        for sender in [0, 1] {
            for bytes in nodes[sender].drain(now) {
                nodes[1 - sender].hear(nodes[sender].address, &bytes, now);
                if sender == 1 {
                    said.push(bytes);
                }
            }
        }
    }
    let [node, _] = nodes;
    assert_eq!(node.state(now), State::Up, "{kind:?}");
    (node, said, now)
}

#[test]
fn a_packet_heard_again_counts_only_where_its_number_may_stay() {
    use AuthenticationKind::{MeticulousMd5, MeticulousSha1};
    for kind in AuthenticationKind::VALUES {
        let (mut node, said, now) = recorded(*kind);
        let before = node.snapshot(now).received;
        node.hear(B.into(), said.last().unwrap(), now + ms(1));
        let seen = node.snapshot(now);
        let is_meticulous = matches!(kind, MeticulousMd5 | MeticulousSha1);
        assert_eq!(seen.received == before, is_meticulous, "{kind:?}");
        assert_eq!(
            seen.refused.contains_key("authentication_sequence"),
            is_meticulous,
            "{kind:?}"
        );
    }
}

#[test]
fn every_bit_of_a_digested_packet_matters() {
    for kind in &AuthenticationKind::VALUES[1..] {
        let (mut node, said, now) = recorded(*kind);
        let good = said.last().unwrap();
        let before = node.snapshot(now);
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            node.hear(B.into(), &bytes, now + ms(1));
            node.drain(now);
            let seen = node.snapshot(now);
            assert_eq!(
                (seen.state, seen.received),
                (before.state, before.received),
                "{kind:?}: bit {bit}"
            );
        }
    }
}

#[test]
fn an_end_that_begins_to_count_anew_is_believed_after_a_while() {
    let kind = AuthenticationKind::MeticulousSha1;
    let proof = (kind, 7, "secret");
    let mut scene = Scene::new(signed("b", B, proof), signed("a", A, proof), 1).up();
    let mut node = Node::new(B, 999);
    node.configure(&[signed("a", A, proof)], &[], scene.now);
    scene.nodes[1] = node;
    scene.carry();
    scene.run(ms(20));
    let refused = scene.nodes[0].snapshot(scene.now).refused;
    assert!(
        refused.contains_key("authentication_sequence"),
        "{refused:?}"
    );
    scene.run(Duration::from_secs(5));
    assert_eq!(scene.states(), [State::Up; 2]);
}

#[test]
fn the_next_child_takes_a_session_up_where_its_numbers_may_stay() {
    use AuthenticationKind::{Md5, MeticulousMd5, MeticulousSha1, Sha1, Simple};
    for (kind, goes_on) in [
        (Simple, true),
        (Md5, true),
        (Sha1, true),
        (MeticulousMd5, false),
        (MeticulousSha1, false),
    ] {
        let proof = (kind, 7, "secret");
        let mut scene = Scene::new(signed("b", B, proof), signed("a", A, proof), 1).up();
        let left = scene.nodes[0].bfd.remembered();
        assert_eq!(!left.is_empty(), goes_on, "{kind:?}");
        let mut node = Node::new(A, 55);
        node.configure(&[signed("b", B, proof)], &left, scene.now);
        scene.nodes[0] = node;
        scene.carry();
        scene.run(Duration::from_secs(5));
        assert_eq!(scene.states(), [State::Up; 2], "{kind:?}");
        assert_eq!(scene.nodes[1].turns.is_empty(), goes_on, "{kind:?}");
    }
}
