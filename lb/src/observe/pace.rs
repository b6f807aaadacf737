//! How often the log says the same kind of thing.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// Lets through so many lines of each cause in a time, and counts the others.
#[derive(Debug)]
pub struct Pace<C> {
    lines: u32,
    time: Duration,
    causes: BTreeMap<C, Window>,
    /// The same causes in the order in which their time began.
    order: VecDeque<(Instant, C)>,
}

/// The lines of a cause since its time began.
#[derive(Debug, Default)]
struct Window {
    said: u32,
    left_out: u64,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It is said.
    Say,
    /// It is said, and is the last of its cause until the time is over.
    SayLast,
    /// It is counted.
    LeaveOut,
}

impl<C: Clone + Ord> Pace<C> {
    /// `lines` of each cause in `time`.
    #[must_use]
    pub const fn new(lines: u32, time: Duration) -> Self {
        Self {
            lines,
            time,
            causes: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }

    /// A line is to be said. Causes whose time is over are to be taken out first.
    pub fn turn(&mut self, cause: C, now: Instant) -> Said {
        if !self.causes.contains_key(&cause) {
            self.order.push_back((now, cause.clone()));
        }
        let window = self.causes.entry(cause).or_default();
        if window.said >= self.lines {
            window.left_out += 1;
            return Said::LeaveOut;
        }
        window.said += 1;
        if window.said == self.lines {
            Said::SayLast
        } else {
            Said::Say
        }
    }

    /// A cause whose time is over and of which lines were left out, with their number; the next one with the next call.
    pub fn over(&mut self, now: Instant) -> Option<(C, u64)> {
        while let Some((began, _)) = self.order.front() {
            if now.saturating_duration_since(*began) < self.time {
                return None;
            }
            let (_, cause) = self.order.pop_front()?;
            let left_out = self.causes.remove(&cause).map_or(0, |it| it.left_out);
            if left_out > 0 {
                return Some((cause, left_out));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
