//! What the kernel is asked to watch, and that it changes nothing.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use super::{
    kernel::Kernel,
    scene::{A, B, Node, control, in_state, ms, session, start},
};
use crate::bfd::{
    output::Watch,
    packet::{Control, State},
};

const SEEDS: u64 = 200;

/// A node whose session is Up and watched, and its discriminator.
fn watched(now: Instant) -> (Node, u32) {
    let (mut node, ours) = in_state(State::Up, session("b", B), now);
    node.kernel = Some(Kernel::default());
    node.hear(B.into(), &control(State::Up, ours).emit(), now);
    node.drain(now);
    assert!(watch(&node).is_some());
    (node, ours)
}

fn watch(node: &Node) -> Option<&Watch> {
    node.kernel.as_ref().and_then(Kernel::watch)
}

/// What a peer of many moods says, and how long after what it said before: mostly the same again.
fn moods(seed: u64) -> Vec<(Duration, Control)> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut said = control(State::Down, 0);
    let step = |_| {
        said.poll = false;
        match rng.u8(..40) {
            0 => said.state = State::Down,
            1 => said.desired_min_tx = ms(rng.u64(5..20)),
            2 => said.poll = true,
            3..6 => said.state = State::Init,
            6..20 => said.state = State::Up,
            _ => {}
        }
        let late = rng.u8(..60) == 0;
        let wait = if late { 20_000..90_000 } else { 500..9_000 };
        (Duration::from_micros(rng.u64(wait)), said)
    };
    (0..2_000).map(step).collect()
}

/// Name, time and what a node makes of it; and what it has counted.
fn listen(seed: u64, kernel: Option<Kernel>) -> (Vec<(Duration, bool)>, u64, u64) {
    let begin = start();
    let mut now = begin;
    let mut node = Node::new(A, seed);
    node.kernel = kernel;
    node.configure(&[(session("b", B), None)], &[], now);
    let ours = NonZeroU32::new(node.snapshot(now).discriminator);
    for (wait, said) in moods(seed) {
        let until = now + wait;
        while let Some(due) = node.due().filter(|due| *due <= until) {
            now = due.max(now);
            node.wake(now);
            node.drain(now);
        }
        now = until;
        let said = Control {
            your_discriminator: ours,
            ..said
        };
        node.hear(B.into(), &said.emit(), now);
        node.drain(now);
    }
    let mut absorbed = 0;
    if let Some(kernel) = &mut node.kernel {
        kernel.tell(&mut node.bfd);
        absorbed = kernel.absorbed;
    }
    let turns = node.turns.iter().map(|(at, is_up)| (*at - begin, *is_up));
    (turns.collect(), node.snapshot(now).received, absorbed)
}

#[test]
fn with_and_without_a_watching_kernel_a_node_decides_the_same_at_the_same_time() {
    for seed in 0..SEEDS {
        let (turns, received, absorbed) = listen(seed, Some(Kernel::default()));
        let (alone, received_alone, _) = listen(seed, None);
        assert_eq!(turns, alone, "seed {seed}");
        assert_eq!(received, received_alone, "seed {seed}");
        assert!(turns.len() > 10, "seed {seed}: {turns:?}");
        assert!(
            absorbed > received / 4,
            "seed {seed}: {absorbed} of {received}"
        );
    }
}

/// What is said of a packet, the state of the session, what the packet differs by, and whether it
/// may be watched.
type Case = (&'static str, State, fn(&mut Control), bool);

#[test]
fn only_a_packet_that_may_be_repeated_is_watched() {
    let now = start();
    let plain = |ours| control(State::Up, ours);
    let cases: [Case; 6] = [
        ("one that says nothing new", State::Up, |_| {}, true),
        (
            "another interval",
            State::Up,
            |it| it.desired_min_tx = ms(7),
            true,
        ),
        ("a question", State::Up, |it| it.poll = true, false),
        ("an answer", State::Up, |it| it.is_final = true, false),
        (
            "the end of the session",
            State::Up,
            |it| it.state = State::Down,
            false,
        ),
        (
            "Down at both ends",
            State::Down,
            |it| it.state = State::Init,
            false,
        ),
    ];
    for (name, state, change, is_watched) in cases {
        let (mut node, ours) = in_state(state, session("b", B), now);
        node.kernel = Some(Kernel::default());
        let mut said = plain(ours);
        change(&mut said);
        node.hear(B.into(), &said.emit(), now);
        node.drain(now);
        assert_eq!(watch(&node).is_some(), is_watched, "{name}");
        if let Some(watch) = watch(&node) {
            assert_eq!(watch.payload, said.emit(), "{name}");
            assert_eq!((watch.source, watch.destination), (B.into(), A.into()));
            assert_eq!(
                watch.detection,
                3 * said.desired_min_tx.max(ms(10)),
                "{name}"
            );
            assert_eq!(watch.min_ttl, 255, "{name}");
        }
    }
}

#[test]
fn a_question_ends_the_watch_and_the_next_packet_begins_another() {
    let now = start();
    let (mut node, ours) = watched(now);
    let slower = Control {
        desired_min_tx: ms(50),
        ..control(State::Up, ours)
    };
    let question = Control {
        poll: true,
        ..slower
    };
    node.hear(B.into(), &question.emit(), now);
    assert!(node.said(now).iter().any(|said| said.is_final));
    assert_eq!(watch(&node), None);
    node.hear(B.into(), &slower.emit(), now);
    node.drain(now);
    assert_eq!(watch(&node).unwrap().detection, ms(150));
}

#[test]
fn a_reload_ends_the_watch_and_silence_counts_from_the_last_packet() {
    let begin = start();
    let (mut node, ours) = watched(begin);
    let heard = begin + ms(25);
    node.hear(B.into(), &control(State::Up, ours).emit(), heard);
    let mut config = session("b", B);
    config.max_hops = Some(3);
    let mut now = heard + ms(20);
    node.configure(&[(config, None)], &[], now);
    node.drain(now);
    assert_eq!(watch(&node), None);
    let _ = node.sleep(&mut now, heard + ms(29));
    assert_eq!(node.state(now), State::Up);
    let _ = node.sleep(&mut now, heard + ms(30));
    assert_eq!(node.state(now), State::Down);
}

#[test]
fn silence_that_ended_before_it_was_told_is_none() {
    let begin = start();
    let (mut node, ours) = watched(begin);
    // The packet comes when the kernel's timer has ended, and up the socket.
    let mut kernel = node.kernel.take().unwrap();
    let late = begin + ms(31);
    node.hear(B.into(), &control(State::Up, ours).emit(), late);
    node.drain(late);
    kernel.wake(&mut node.bfd, &mut fastrand::Rng::with_seed(1), late);
    node.kernel = Some(kernel);
    node.drain(late);
    assert_eq!(node.state(late), State::Up);
    assert!(node.turns.iter().all(|(_, is_up)| *is_up));
    let due = node.kernel.as_ref().and_then(Kernel::due);
    assert_eq!(due, Some(late + ms(30)), "watched anew since then");
}

#[test]
fn without_a_kernel_silence_is_seen_all_the_same() {
    let begin = start();
    let (mut node, ours) = in_state(State::Up, session("b", B), begin);
    node.hear(B.into(), &control(State::Up, ours).emit(), begin);
    node.drain(begin);
    let mut now = begin;
    let _ = node.sleep(&mut now, begin + ms(29));
    assert_eq!(node.state(now), State::Up);
    let _ = node.sleep(&mut now, begin + ms(30));
    assert_eq!(node.state(now), State::Down);
}
