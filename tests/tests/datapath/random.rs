//! Packets damaged at random: whatever comes, the programs drop or pass what is malformed and write only what they may.

use std::{collections::BTreeMap, env};

use fastrand::Rng;
use tests::prog::{DROP, PASS};

use crate::every::{cases, plane, show, world};

/// Packets in each run; `LB_RANDOM_PACKETS` for more.
const PACKETS: u64 = 200_000;
/// Seed of the first run; `LB_RANDOM_SEED` for another.
const SEED: u64 = 1;

fn number(name: &str, default: u64) -> u64 {
    let given = env::var(name).ok();
    given.map_or(default, |text| text.parse().expect(name))
}

/// One to four changes of the sorts that find what is wrong with parsers.
fn damage(frame: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.usize(1..=4) {
        let headers = frame.len().min(90);
        let at = rng.usize(..headers.max(1));
        let Some(byte) = frame.get_mut(at) else {
            return;
        };
        match rng.u8(..8) {
            0 => *byte ^= 1 << rng.u8(..8),
            1 => *byte = rng.u8(..),
            2 => *byte = [0, 1, 0x7f, 0x80, 0xff, 0x45, 0x46, 0x4f][rng.usize(..8)],
            3 => frame.truncate(rng.usize(14..=frame.len().max(14))),
            4 => {
                let more = frame.len() + rng.usize(1..64);
                frame.resize(more.min(1500), rng.u8(..));
            }
            // The lengths that headers have.
            5 => {
                let at = [16, 18, 38, 46, 58][rng.usize(..5)];
                if let Some(length) = frame.get_mut(at..at + 2) {
                    let value = rng.u16(..).min(rng.u16(..)) >> rng.u8(..12);
                    length.copy_from_slice(&value.to_be_bytes());
                }
            }
            6 => {
                let from = rng.usize(..headers);
                frame.swap(at, from);
            }
            // Another source port: another flow.
            _ => {
                let port = if frame[12] == 8 { 34 } else { 54 };
                if let Some(port) = frame.get_mut(port..port + 2) {
                    port.copy_from_slice(&rng.u16(..).to_be_bytes());
                }
            }
        }
    }
}

#[test]
fn damaged_packets_are_dropped_or_passed_and_nothing_is_written_that_may_not() {
    let world = world();
    let corpus: Vec<_> = cases().into_iter().map(|case| case.frame).collect();
    let mut plane = plane();
    for frame in &corpus {
        let _ = plane.xdp(frame);
    }
    let mut rng = Rng::with_seed(number("LB_RANDOM_SEED", SEED));
    let mut verdicts: BTreeMap<&str, u64> = BTreeMap::new();
    for round in 0..number("LB_RANDOM_PACKETS", PACKETS) {
        let mut frame = corpus[rng.usize(..corpus.len())].clone();
        damage(&mut frame, &mut rng);
        // The kernel runs no shorter one.
        frame.resize(frame.len().max(14), 0);
        let answer = plane.xdp(&frame);
        let judged = world.judge(&frame, &answer);
        assert_eq!(judged, Ok(()), "packet {round}: {}", show(&frame, &answer));
        let verdict = match answer.verdict {
            PASS if answer.packet == frame => "passed",
            PASS => "routed",
            DROP => "dropped",
            _ => "sent",
        };
        *verdicts.entry(verdict).or_default() += 1;
    }
    println!("{verdicts:?}");
    assert_eq!(verdicts.len(), 4, "each way is gone: {verdicts:?}");
}
