//! What a socket's keepalive is made of, within the kernel's bounds.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a word is no value of keepalive.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ValueError {
    /// Not what it must look like.
    #[error("{word:?} is no {what}: {form}")]
    Form {
        /// What was expected.
        what: &'static str,
        /// The word.
        word: String,
        /// How it is written.
        form: &'static str,
    },
    /// The kernel takes no such value.
    #[error("{word} is no {what}: the kernel takes {least} to {most} {unit}")]
    Bounds {
        /// What was expected.
        what: &'static str,
        /// The value.
        word: String,
        /// The least the kernel takes.
        least: u32,
        /// The most the kernel takes.
        most: u32,
        /// Of what.
        unit: &'static str,
    },
}

const TIME: &str = "write seconds, or a number with ms, s, m or h";
const COUNT: &str = "write a whole number";

/// Reads a time: `1500ms`, `90s`, `5m`, `2h`, or seconds alone.
fn time(what: &'static str, word: &str) -> Result<Duration, ValueError> {
    let form = || ValueError::Form {
        what,
        word: word.to_owned(),
        form: TIME,
    };
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    let mut units = units.into_iter();
    let with_unit = units.find_map(|(unit, length)| Some((word.strip_suffix(unit)?, length)));
    let (digits, length) = with_unit.unwrap_or((word, 1000));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(form());
    }
    let number: u64 = digits.parse().map_err(|_| form())?;
    let milliseconds = number.checked_mul(length).ok_or_else(form)?;
    Ok(Duration::from_millis(milliseconds))
}

/// A whole number within bounds, as the kernel counts it.
macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident, $what:literal, $least:literal..=$most:expr, $unit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u32", into = "u32")]
        pub struct $name(u32);

        impl $name {
            /// The least the kernel takes.
            pub const LEAST: u32 = $least;
            /// The most the kernel takes.
            pub const MOST: u32 = $most;

            /// The number, in the kernel's unit.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0
            }
        }

        impl TryFrom<u32> for $name {
            type Error = ValueError;

            fn try_from(value: u32) -> Result<Self, ValueError> {
                if (Self::LEAST..=Self::MOST).contains(&value) {
                    return Ok(Self(value));
                }
                Err(ValueError::Bounds {
                    what: $what,
                    word: value.to_string(),
                    least: Self::LEAST,
                    most: Self::MOST,
                    unit: $unit,
                })
            }
        }

        impl TryFrom<i64> for $name {
            type Error = ValueError;

            fn try_from(value: i64) -> Result<Self, ValueError> {
                Self::try_from(u32::try_from(value).unwrap_or(0))
            }
        }

        impl From<$name> for i64 {
            fn from(value: $name) -> Self {
                value.0.into()
            }
        }

        impl From<$name> for u32 {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// Whole seconds.
macro_rules! seconds {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        bounded!($(#[$doc])* $name, $what, 1..=32_767, "seconds");

        impl $name {
            /// As a time.
            #[must_use]
            pub const fn time(self) -> Duration {
                Duration::from_secs(self.0 as u64)
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(word: &str) -> Result<Self, ValueError> {
                let time = time($what, word)?;
                let whole = time.subsec_nanos() == 0;
                let seconds = u32::try_from(time.as_secs()).ok().filter(|_| whole);
                seconds
                    .and_then(|seconds| Self::try_from(seconds).ok())
                    .ok_or_else(|| ValueError::Bounds {
                        what: $what,
                        word: word.to_owned(),
                        least: Self::LEAST,
                        most: Self::MOST,
                        unit: "whole seconds",
                    })
            }
        }
    };
}

/// A whole number of something.
macro_rules! count {
    ($(#[$doc:meta])* $name:ident, $what:literal, $most:literal, $unit:literal) => {
        bounded!($(#[$doc])* $name, $what, 1..=$most, $unit);

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(word: &str) -> Result<Self, ValueError> {
                let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
                if !digits {
                    return Err(ValueError::Form {
                        what: $what,
                        word: word.to_owned(),
                        form: COUNT,
                    });
                }
                Self::try_from(word.parse().unwrap_or(u32::MAX))
            }
        }
    };
}

seconds!(
    /// How long a connection is idle before the first probe (`TCP_KEEPIDLE`, `tcp_keepalive_time`). What a socket may have bounds
    /// the setting of the kernel too.
    Idle,
    "idle time"
);
seconds!(
    /// From one probe without an answer to the next (`TCP_KEEPINTVL`, `tcp_keepalive_intvl`).
    Interval,
    "interval"
);
count!(
    /// Probes without an answer until the connection is given up (`TCP_KEEPCNT`, `tcp_keepalive_probes`).
    Probes,
    "number of probes",
    127,
    "probes"
);
count!(
    /// How often data is sent again before the connection is given up (`tcp_retries2`).
    Retries,
    "number of retries",
    255,
    "retries"
);
bounded!(
    /// How long data, or a probe, may be without an answer, in milliseconds (`TCP_USER_TIMEOUT`, RFC 5482).
    UserTimeout,
    "user timeout",
    1..=0x7fff_ffff,
    "milliseconds"
);

impl UserTimeout {
    /// As a time.
    #[must_use]
    pub const fn time(self) -> Duration {
        Duration::from_millis(self.0 as u64)
    }
}

impl TryFrom<Duration> for UserTimeout {
    type Error = ValueError;

    fn try_from(time: Duration) -> Result<Self, ValueError> {
        let milliseconds = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        Self::try_from(milliseconds)
    }
}

impl FromStr for UserTimeout {
    type Err = ValueError;

    fn from_str(word: &str) -> Result<Self, ValueError> {
        time("user timeout", word)?.try_into()
    }
}

/// The kernel's three values, those of a socket or those of a network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keepalive {
    /// Until the first probe.
    pub idle: Idle,
    /// Between two.
    pub interval: Interval,
    /// How many.
    pub probes: Probes,
}

impl Keepalive {
    /// What the kernel has unless told otherwise.
    pub const KERNEL: Self = Self {
        idle: Idle(7200),
        interval: Interval(75),
        probes: Probes(9),
    };
    /// What connections are given unless told otherwise: within the idle times of most of what forgets connections (350 s of
    /// clouds, 900 s of IPVS).
    pub const OURS: Self = Self {
        idle: Idle(180),
        interval: Interval(30),
        probes: Probes(3),
    };
    /// What `KEEPALIVE_CHECK` has unless told otherwise.
    pub const CHECK: Self = Self {
        idle: Idle(5),
        interval: Interval(1),
        probes: Probes(3),
    };

    /// Until a peer that is gone is noticed: `idle + interval × probes`.
    #[must_use]
    pub const fn span(&self) -> Duration {
        let seconds = self.idle.0 + self.interval.0 * self.probes.0;
        Duration::from_secs(seconds as u64)
    }
}

/// Keepalive of a connection of our own, with its `TCP_USER_TIMEOUT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarded {
    /// The kernel's three values.
    pub keepalive: Keepalive,
    /// When unacknowledged data gives it up.
    pub user_timeout: UserTimeoutChoice,
}

impl Default for Guarded {
    fn default() -> Self {
        Self {
            keepalive: Keepalive::CHECK,
            user_timeout: UserTimeoutChoice::Auto,
        }
    }
}

/// `--user-timeout`: when unacknowledged data gives a connection up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UserTimeoutChoice {
    /// When keepalive would have: `idle + interval × probes`.
    #[default]
    Auto,
    /// When `tcp_retries2` says.
    None,
    /// After this.
    After(UserTimeout),
}

impl UserTimeoutChoice {
    /// What a socket with these values has.
    #[must_use]
    pub fn of(self, keepalive: &Keepalive) -> Option<UserTimeout> {
        match self {
            Self::Auto => UserTimeout::try_from(keepalive.span()).ok(),
            Self::None => None,
            Self::After(time) => Some(time),
        }
    }
}

impl FromStr for UserTimeoutChoice {
    type Err = ValueError;

    fn from_str(word: &str) -> Result<Self, ValueError> {
        match word {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            time => time.parse().map(Self::After),
        }
    }
}

impl fmt::Display for UserTimeoutChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::None => f.write_str("none"),
            Self::After(time) => write!(f, "{time}ms"),
        }
    }
}
