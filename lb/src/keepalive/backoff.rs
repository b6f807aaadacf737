//! When what died is started again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What ran this long is started again at once.
const STEADY: Duration = Duration::from_secs(60);

/// keepalived's back-off: at once, then 1, 2, 4 … seconds for what keeps dying early. The first restart is at once, because
/// somebody waits for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    wait: Option<Duration>,
}

impl Backoff {
    /// Nothing has ended yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { wait: None }
    }

    /// It ended after it had run for `lived`; returns how long to wait before the next start, at most `longest`.
    pub fn ended(&mut self, lived: Duration, longest: Duration) -> Duration {
        let wait = match self.wait {
            _ if lived >= STEADY => Duration::ZERO,
            None => Duration::ZERO,
            Some(Duration::ZERO) => Duration::from_secs(1),
            Some(wait) => wait * 2,
        }
        .min(longest);
        self.wait = Some(wait);
        wait
    }
}

#[cfg(test)]
mod tests;
