//! Two ends on one clock, and a wire that loses packets.

use std::time::{Duration, Instant};

use super::scene::{B, FLIGHT, Scene, control, in_state, ms, session, start};
use crate::bfd::packet::{Control, State};

const SEEDS: u64 = 50;

/// Multiplier and interval of both ends.
const RATES: [(u8, u64); 4] = [(3, 50), (3, 10), (5, 10), (1, 100)];

/// Both ends at one of them.
fn at_rate((multiplier, interval): (u8, u64), seed: u64) -> Scene {
    Scene::alike(
        |config| {
            config.multiplier = multiplier;
            (config.min_tx, config.min_rx) = (ms(interval), ms(interval));
        },
        seed,
    )
}

#[test]
fn two_ends_find_each_other_and_stay() {
    for (multiplier, interval) in RATES {
        for seed in 0..SEEDS {
            let mut scene = at_rate((multiplier, interval), seed);
            scene.run(Duration::from_secs(3));
            assert_eq!(scene.states(), [State::Up; 2], "seed {seed}");
            for node in &scene.nodes {
                assert_eq!(node.turns.len(), 1, "seed {seed}: no flap");
                let seen = node.snapshot(scene.now);
                assert!(!seen.polling, "seed {seed}");
                let detection = interval * u64::from(multiplier);
                assert_eq!(
                    seen.detection_time_ms,
                    Some(ms(detection).as_secs_f64() * 1e3)
                );
                assert!((seen.tx_interval_ms - ms(interval).as_secs_f64() * 1e3).abs() < 1e-9);
            }
        }
    }
}

#[test]
fn less_than_the_multiplier_lost_in_a_row_keeps_both_up() {
    for seed in 0..SEEDS {
        let mut scene = Scene::alike(|config| config.multiplier = 3, seed).up();
        // Two of three, in both directions, at changing places.
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut lost = [0; 2];
        scene.lose(move |sender, _| {
            let loses = lost[sender] < 2 && rng.u8(..4) > 0;
            lost[sender] = if loses { lost[sender] + 1 } else { 0 };
            loses
        });
        scene.run(Duration::from_secs(20));
        assert_eq!(scene.states(), [State::Up; 2], "seed {seed}");
        assert!(scene.nodes.iter().all(|node| node.turns.is_empty()));
    }
}

#[test]
fn total_loss_brings_both_down_within_the_detection_time() {
    for (multiplier, interval) in RATES {
        for seed in 0..SEEDS {
            let mut scene = at_rate((multiplier, interval), seed).up();
            // Not always at the same place between two packets.
            scene.run(Duration::from_micros(seed * 977));
            scene.lose(|_, _| true);
            let cut = scene.now;
            let detection = ms(interval * u64::from(multiplier));
            scene.run(detection + ms(interval) + FLIGHT);
            assert_eq!(scene.states(), [State::Down; 2], "seed {seed}");
            for node in &scene.nodes {
                let [(at, false)] = node.turns[..] else {
                    panic!("seed {seed}: {:?}", node.turns);
                };
                // What was on the wire may arrive yet.
                assert!(at <= cut + FLIGHT + detection, "seed {seed}");
                assert!(at + ms(interval) >= cut + detection, "seed {seed}");
            }
        }
    }
}

#[test]
fn loss_in_one_direction_is_known_to_both() {
    for seed in 0..SEEDS {
        let mut scene = Scene::alike(|config| config.multiplier = 3, seed).up();
        scene.lose(|sender, _| sender == 0);
        scene.run(ms(30) + ms(10) + 3 * FLIGHT);
        let [a, b] = [0, 1].map(|node| scene.nodes[node].snapshot(scene.now));
        assert_eq!([a.state, b.state], [State::Down; 2], "seed {seed}");
        assert_eq!(b.diagnostic, "Control Detection Time Expired");
        assert_eq!(a.diagnostic, "Neighbor Signaled Session Down");
        assert_eq!(a.remote_diagnostic, "Control Detection Time Expired");
        scene.lose(|_, _| false);
        scene.run(Duration::from_secs(4));
        assert_eq!(scene.states(), [State::Up; 2], "seed {seed}");
    }
}

#[test]
fn the_slower_of_what_one_sends_and_the_other_takes_counts() {
    for ((a_tx, a_rx), (b_tx, b_rx)) in [((10, 10), (300, 40)), ((50, 200), (20, 70))] {
        let mut scene = Scene::alike(|config| config.multiplier = 3, 1);
        let (mut a, mut b) = (session("b", B), session("a", super::scene::A));
        (a.min_tx, a.min_rx, a.multiplier) = (ms(a_tx), ms(a_rx), 3);
        (b.min_tx, b.min_rx, b.multiplier) = (ms(b_tx), ms(b_rx), 4);
        scene = Scene::new((a, None), (b, None), scene.states().len() as u64);
        scene.run(Duration::from_secs(6));
        let [a, b] = [0, 1].map(|node| scene.nodes[node].snapshot(scene.now));
        let close = |found: f64, millis: u64| (found - millis as f64).abs() < 1e-9;
        assert!(close(a.tx_interval_ms, a_tx.max(b_rx)));
        assert!(close(b.tx_interval_ms, b_tx.max(a_rx)));
        assert!(close(a.detection_time_ms.unwrap(), 4 * a_rx.max(b_tx)));
        assert!(close(b.detection_time_ms.unwrap(), 3 * b_rx.max(a_tx)));
    }
}

/// When node 0 sent, and the longest time between two of its packets.
fn longest_gap(log: &[(Instant, usize, Control)]) -> Duration {
    let sent: Vec<_> = log.iter().filter(|(_, sender, _)| *sender == 0).collect();
    let gaps = sent.windows(2).map(|pair| pair[1].0 - pair[0].0);
    gaps.max().unwrap_or_default()
}

#[test]
fn slower_intervals_count_once_the_other_end_knows() {
    for seed in 0..SEEDS {
        let mut scene = Scene::alike(|config| config.multiplier = 3, seed).up();
        // The first polls, and the first answers, are lost.
        scene.lose(|_, number| number % 3 > 0);
        let mut slow = session("b", B);
        (slow.min_tx, slow.multiplier) = (ms(200), 3);
        let now = scene.now;
        scene.nodes[0].configure(&[(slow, None)], &[], now);
        scene.carry();
        while scene.nodes[0].snapshot(scene.now).polling {
            scene.run(ms(1));
            assert!(scene.now < now + ms(500), "seed {seed}: it is answered");
        }
        assert!(
            longest_gap(&scene.log) <= ms(10),
            "seed {seed}: not slower before"
        );
        scene.lose(|_, _| false);
        scene.log.clear();
        scene.run(Duration::from_secs(2));
        assert!(longest_gap(&scene.log) > ms(140), "seed {seed}: slower now");
        assert!(
            scene.nodes.iter().all(|node| node.turns.is_empty()),
            "seed {seed}"
        );
        let there = scene.nodes[1].snapshot(scene.now);
        assert_eq!(there.detection_time_ms, Some(600.0));
    }
}

#[test]
fn a_shorter_detection_time_counts_once_the_other_end_is_faster() {
    for seed in 0..SEEDS {
        let slowly = |config: &mut crate::config::model::bfd::BfdInstance| {
            (config.min_rx, config.multiplier) = (ms(300), 3);
        };
        let mut scene = Scene::alike(slowly, seed).up();
        let mut fast = session("b", B);
        (fast.min_rx, fast.multiplier) = (ms(20), 3);
        let now = scene.now;
        scene.nodes[0].configure(&[(fast, None)], &[], now);
        assert_eq!(scene.nodes[0].snapshot(now).detection_time_ms, Some(900.0));
        scene.carry();
        scene.run(Duration::from_secs(2));
        assert_eq!(
            scene.nodes[0].snapshot(scene.now).detection_time_ms,
            Some(60.0)
        );
        assert_eq!(scene.states(), [State::Up; 2]);
        assert!(
            scene.nodes.iter().all(|node| node.turns.is_empty()),
            "seed {seed}"
        );
    }
}

#[test]
fn a_change_during_a_poll_sequence_has_a_sequence_of_its_own() {
    let now = start();
    let (mut node, ours) = in_state(State::Up, session("b", B), now);
    for millis in [100, 200] {
        let mut slow = session("b", B);
        slow.min_tx = ms(millis);
        node.configure(&[(slow, None)], &[], now);
    }
    let answer = Control {
        is_final: true,
        ..control(State::Up, ours)
    };
    for (polling, interval) in [(true, 10.0), (false, 200.0), (false, 200.0)] {
        assert!(node.said(now).iter().all(|said| said.poll));
        node.hear(B.into(), &answer.emit(), now);
        let seen = node.snapshot(now);
        assert_eq!((seen.polling, seen.tx_interval_ms), (polling, interval));
    }
}

#[test]
fn a_machine_that_stood_still_takes_in_what_came_before_it_believes_in_silence() {
    for standstill in [32, 40, 500] {
        for seed in 0..SEEDS {
            let mut scene = at_rate((3, 10), seed).up();
            scene.now += ms(standstill);
            scene.run(Duration::from_secs(1));
            assert_eq!(scene.states(), [State::Up; 2], "seed {seed}");
            assert!(scene.nodes.iter().all(|node| node.turns.is_empty()));
        }
    }
}

#[test]
fn silence_that_is_seen_late_is_believed_two_milliseconds_later_however_late_that_is() {
    let mut scene = at_rate((3, 10), 1).up();
    scene.lose(|_, _| true);
    scene.run(ms(5));
    scene.now += ms(40);
    let late = scene.now;
    scene.nodes[0].wake(late);
    assert_eq!(scene.nodes[0].state(late), State::Up);
    let due = scene.nodes[0].due().unwrap();
    assert!(due <= late + ms(2), "{:?}", due - late);
    // It is late again.
    scene.nodes[0].wake(late + ms(50));
    assert_eq!(scene.nodes[0].state(late), State::Down);
}
