//! What happens to a frame between two nodes.

use std::{net::IpAddr, ops::Range, time::Duration};

/// An advert on the wire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Frame {
    pub(super) source: IpAddr,
    pub(super) payload: Vec<u8>,
}

/// A segment that loses, delays, reorders and keeps apart.
#[derive(Debug)]
pub struct Network {
    /// Probability that a frame does not reach a given node.
    pub loss: f64,
    /// The most losses in a row between two nodes.
    pub most_in_a_row: u32,
    /// One-way delay, drawn per frame and receiver, so that frames overtake each other.
    pub delay: Range<Duration>,
    /// Time the kernel takes for an address operation.
    pub operation: Range<Duration>,
    /// Nodes hear each other when their groups are the same.
    pub groups: Vec<u8>,
    rng: fastrand::Rng,
    in_a_row: Vec<u32>,
}

impl Network {
    /// No loss, a delay of 50 to 100 µs, one group.
    pub(super) fn perfect(seed: u64, nodes: usize) -> Self {
        Self {
            loss: 0.0,
            most_in_a_row: u32::MAX,
            delay: Duration::from_micros(50)..Duration::from_micros(100),
            operation: Duration::from_micros(20)..Duration::from_micros(500),
            groups: vec![0; nodes],
            rng: fastrand::Rng::with_seed(seed),
            in_a_row: vec![0; nodes * nodes],
        }
    }

    /// Whether two nodes hear each other.
    #[must_use]
    pub fn connects(&self, a: usize, b: usize) -> bool {
        self.groups[a] == self.groups[b]
    }

    /// Whether something of this probability happens now.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.rng.f64() < probability
    }

    /// Delay of a frame, or nothing when it gets lost.
    pub(super) fn carry(&mut self, from: usize, to: usize) -> Option<Duration> {
        if !self.connects(from, to) {
            return None;
        }
        let lost = self.chance(self.loss);
        let in_a_row = &mut self.in_a_row[from * self.groups.len() + to];
        if lost && *in_a_row < self.most_in_a_row {
            *in_a_row += 1;
            return None;
        }
        *in_a_row = 0;
        Some(draw(&mut self.rng, &self.delay))
    }

    /// Time an address operation takes.
    pub(super) fn latency(&mut self) -> Duration {
        draw(&mut self.rng, &self.operation)
    }
}

fn draw(rng: &mut fastrand::Rng, range: &Range<Duration>) -> Duration {
    let width = range.end.saturating_sub(range.start);
    range.start + width.mul_f64(rng.f64())
}
