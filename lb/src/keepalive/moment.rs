//! Time as a daemon and its successor share it.

use std::{ops::Add, time::Duration};

use serde::{Deserialize, Serialize};

/// A moment since the host was started, time asleep included (`CLOCK_BOOTTIME`): it means the same to a daemon and to its
/// successor. Microseconds in the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub struct Moment(Duration);

impl Moment {
    /// This long after the start of the host.
    #[must_use]
    pub const fn since_boot(time: Duration) -> Self {
        Self(time)
    }

    /// The time between an earlier moment and this one; zero if it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

impl From<u64> for Moment {
    fn from(microseconds: u64) -> Self {
        Self(Duration::from_micros(microseconds))
    }
}

impl From<Moment> for u64 {
    fn from(moment: Moment) -> Self {
        Self::try_from(moment.0.as_micros()).unwrap_or(Self::MAX)
    }
}
