//! Every state × every state heard, and what else moves a session.

use std::time::Duration;

use super::scene::{A, B, Node, control, in_state, ms, session, start};
use crate::bfd::{
    output::Note,
    packet::{Control, Diagnostic, State},
};

use State::{AdminDown, Down, Init, Up};

/// State here, state heard, state afterwards, whether the packet counts (RFC 5880 §6.2, §6.8.6).
const TABLE: [(State, State, State, bool); 16] = [
    (AdminDown, AdminDown, AdminDown, false),
    (AdminDown, Down, AdminDown, false),
    (AdminDown, Init, AdminDown, false),
    (AdminDown, Up, AdminDown, false),
    (Down, AdminDown, Down, true),
    (Down, Down, Init, true),
    (Down, Init, Up, true),
    (Down, Up, Down, true),
    (Init, AdminDown, Down, true),
    (Init, Down, Init, true),
    (Init, Init, Up, true),
    (Init, Up, Up, true),
    (Up, AdminDown, Down, true),
    (Up, Down, Down, true),
    (Up, Init, Up, true),
    (Up, Up, Up, true),
];

#[test]
fn every_state_meets_every_state_as_in_the_rfc() {
    let now = start();
    for (local, heard, after, counts) in TABLE {
        for (poll, is_final) in [(false, false), (true, false), (false, true)] {
            let case = format!("{local} hears {heard}, P {poll}, F {is_final}");
            let (mut node, ours) = in_state(local, session("b", B), now);
            let before = node.snapshot(now);
            node.notes.clear();
            node.turns.clear();
            let packet = Control {
                poll,
                is_final,
                ..control(heard, ours)
            };
            node.hear(B.into(), &packet.emit(), now + ms(1));
            let said = node.said(now);
            let seen = node.snapshot(now);
            assert_eq!(seen.state, after, "{case}");
            assert_eq!(seen.received > before.received, counts, "{case}");
            assert_eq!(
                seen.refused.contains_key("admin_down"),
                !counts,
                "{case}: {:?}",
                seen.refused
            );
            // The answer to a poll comes at once, whatever the state.
            let answers = said.iter().filter(|control| control.is_final).count();
            assert_eq!(answers, usize::from(poll && counts), "{case}");
            let turned: Vec<bool> = node.turns.iter().map(|(_, is_up)| *is_up).collect();
            let expected = match (local == Up, after == Up) {
                (false, true) => vec![true],
                (true, false) => vec![false],
                _ => vec![],
            };
            assert_eq!(turned, expected, "{case}");
            if after == Down && local != Down {
                assert_eq!(seen.diagnostic, "Neighbor Signaled Session Down", "{case}");
            }
            if counts && local != after {
                // A change is said at once, not at the next interval.
                let told = said.last().map(|control| control.state);
                assert_eq!(told, Some(after), "{case}");
            }
        }
    }
}

#[test]
fn silence_takes_every_state_but_down_down() {
    for (local, after, expires) in [
        (AdminDown, AdminDown, false),
        (Down, Down, false),
        (Init, Down, true),
        (Up, Down, true),
    ] {
        let mut now = start();
        let (mut node, _) = in_state(local, session("b", B), now);
        node.notes.clear();
        node.turns.clear();
        let start = now;
        // 3 × max(10 ms here, 10 ms there).
        node.sleep(&mut now, start + ms(29));
        assert_eq!(node.state(now), local, "{local} lasts");
        node.sleep(&mut now, start + ms(31));
        assert_eq!(node.state(now), after, "{local} is over");
        let noted = node
            .notes
            .iter()
            .any(|note| matches!(note, Note::Expired { .. }));
        assert_eq!(noted, expires, "{local}");
        if local == Up {
            assert_eq!(node.turns, [(start + ms(30), false)]);
            let seen = node.snapshot(now);
            assert_eq!(seen.diagnostic, "Control Detection Time Expired");
            assert_eq!(seen.remote_discriminator, 0);
        }
    }
}

#[test]
fn a_session_that_is_not_up_sends_once_a_second_at_most() {
    let mut now = start();
    for state in [Down, Init] {
        let config = session("b", B);
        let (mut node, ours) = in_state(state, config, now);
        let until = now + Duration::from_secs(60);
        let mut sent = Vec::new();
        while now < until {
            if state == Init {
                // It is heard all the time.
                node.hear(B.into(), &control(Down, ours).emit(), now);
            }
            let next = now + ms(10);
            sent.extend(node.sleep(&mut now, next));
        }
        let gaps = sent.windows(2).map(|pair| pair[1].0 - pair[0].0);
        for gap in gaps {
            assert!(
                gap >= ms(750) && gap <= ms(1000),
                "{state}: {gap:?} between two packets"
            );
        }
        for (_, control) in &sent {
            assert_eq!(control.desired_min_tx, ms(1000));
            assert_eq!(control.state, state);
        }
        assert!(sent.len() >= 60, "{state}: {} in a minute", sent.len());
    }
}

#[test]
fn jitter_is_up_to_a_quarter_and_at_least_a_tenth_with_multiplier_1() {
    for (multiplier, most) in [(1, 9_000), (2, 10_000), (5, 10_000)] {
        let mut now = start();
        let mut config = session("b", B);
        config.multiplier = multiplier;
        let (mut node, ours) = in_state(Up, config, now);
        let mut sent = Vec::new();
        for _ in 0..2000 {
            node.hear(B.into(), &control(Up, ours).emit(), now);
            let next = now + ms(5);
            sent.extend(node.sleep(&mut now, next));
        }
        let gaps: Vec<u128> = sent
            .windows(2)
            .map(|pair| (pair[1].0 - pair[0].0).as_micros())
            .collect();
        let (least, longest) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
        assert!(*least >= 7_500, "multiplier {multiplier}: {least} µs");
        assert!(*longest <= most, "multiplier {multiplier}: {longest} µs");
        assert!(longest - least > 500, "it is jitter");
    }
}

#[test]
fn a_passive_end_waits_for_the_other_one() {
    let mut now = start();
    let mut config = session("b", B);
    config.passive = true;
    let mut node = Node::new(A, 1);
    node.configure(&[(config, None)], &[], now);
    let until = now + Duration::from_secs(10);
    assert_eq!(node.sleep(&mut now, until), []);
    node.hear(B.into(), &control(Down, 0).emit(), now);
    let said = node.said(now);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].state, Init);
    assert_eq!(said[0].your_discriminator.unwrap().get(), 77);
    // Nothing more is heard: the discriminator is forgotten, and it waits again.
    let until = now + ms(100);
    node.sleep(&mut now, until);
    let until = now + Duration::from_secs(10);
    assert_eq!(node.sleep(&mut now, until), []);
}

#[test]
fn a_peer_that_takes_no_packets_gets_none() {
    let mut now = start();
    let (mut node, ours) = in_state(Up, session("b", B), now);
    let quiet = Control {
        required_min_rx: Duration::ZERO,
        ..control(Up, ours)
    };
    for _ in 0..100 {
        node.hear(B.into(), &quiet.emit(), now);
        let next = now + ms(5);
        assert_eq!(node.sleep(&mut now, next), []);
    }
    // But for the answer to a poll.
    let poll = Control {
        poll: true,
        ..quiet
    };
    node.hear(B.into(), &poll.emit(), now);
    assert!(node.said(now)[0].is_final);
}

#[test]
fn demand_mode_of_the_other_end_is_honoured_while_both_are_up() {
    let mut now = start();
    let (mut node, ours) = in_state(Up, session("b", B), now);
    let demand = Control {
        demand: true,
        ..control(Up, ours)
    };
    for _ in 0..100 {
        node.hear(B.into(), &demand.emit(), now);
        let next = now + ms(5);
        assert_eq!(node.sleep(&mut now, next), []);
    }
    // A poll of ours is sent all the same, until it is answered.
    let mut faster = session("b", B);
    faster.min_tx = ms(5);
    node.configure(&[(faster, None)], &[], now);
    assert!(node.said(now)[0].poll);
    node.hear(B.into(), &demand.emit(), now);
    let next = now + ms(20);
    let said = node.sleep(&mut now, next);
    assert!(!said.is_empty() && said.iter().all(|(_, control)| control.poll));
    let answer = Control {
        is_final: true,
        ..demand
    };
    node.hear(B.into(), &answer.emit(), now);
    let next = now + ms(20);
    assert_eq!(node.sleep(&mut now, next), []);
    // Without D it speaks again.
    node.hear(B.into(), &control(Up, ours).emit(), now);
    let next = now + ms(20);
    assert!(!node.sleep(&mut now, next).is_empty());
}

#[test]
fn a_stop_says_that_it_is_meant() {
    let now = start();
    let (mut node, _) = in_state(Up, session("b", B), now);
    node.stop(now);
    let said = node.said(now);
    assert_eq!(said.len(), 1);
    assert_eq!(
        (said[0].state, said[0].diagnostic),
        (AdminDown, Diagnostic::ADMIN_DOWN)
    );
    assert_eq!(node.bfd.poll_timeout(), None);
}
