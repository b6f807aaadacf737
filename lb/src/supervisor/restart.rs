//! When a dead child is started again.

use std::time::{Duration, Instant};

/// A child that ran this long is started again at once.
const STEADY: Duration = Duration::from_secs(60);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(60);

/// keepalived's back-off: at once, then 1, 2, 4 … 60 seconds for a child that keeps dying early. The first restart is at
/// once because the master's lease is running.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    started: Option<Instant>,
    wait: Option<Duration>,
}

impl Backoff {
    /// The child was started.
    pub(super) fn started(&mut self, now: Instant) {
        self.started = Some(now);
    }

    /// The child ended; returns how long to wait before the next start.
    pub(super) fn ended(&mut self, now: Instant) -> Duration {
        let steady = self
            .started
            .is_some_and(|at| now.saturating_duration_since(at) >= STEADY);
        let wait = match self.wait {
            _ if steady => Duration::ZERO,
            None => Duration::ZERO,
            Some(Duration::ZERO) => Duration::from_secs(1),
            Some(wait) => (wait * 2).min(LONGEST),
        };
        self.wait = Some(wait);
        wait
    }
}

#[cfg(test)]
mod tests;
