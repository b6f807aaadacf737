//! When a peer that is gone is noticed: what Linux's timers come to (`tcp_keepalive_timer`, `tcp_retransmit_timer`).
//!
//! Keepalive looks at idle connections only. As long as something is not acknowledged its timer is put off, and what counts is how
//! often that is sent again: `tcp_retries2`, or `TCP_USER_TIMEOUT` in its place.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;

use super::values::{Keepalive, Retries, UserTimeout};

/// The least time before something is sent again (`TCP_RTO_MIN`): what a near peer has.
pub const RTO: Duration = Duration::from_millis(200);
/// The longest (`TCP_RTO_MAX`, `tcp_rto_max_ms`).
pub const RTO_MAX: Duration = Duration::from_mins(2);

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// What its `SO_KEEPALIVE` does; nothing where that is off.
    pub keepalive: Option<Keepalive>,
    /// Its `TCP_USER_TIMEOUT`.
    pub user_timeout: Option<UserTimeout>,
    /// `tcp_retries2` of its network namespace.
    pub retries: Retries,
    /// Its retransmission timeout, as `ss -i` shows it.
    pub rto: Duration,
}

/// What ends a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// As many probes had no answer as `TCP_KEEPCNT` says.
    Probes,
    /// A probe had no answer, and `TCP_USER_TIMEOUT` was over.
    UserTimeout,
    /// Data was sent as often as `tcp_retries2` says.
    Retries,
}

/// When a peer that is gone is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Noticed {
    /// Never.
    Never,
    /// After so long.
    After {
        /// Since the last sign of life, or since data was written.
        time: Duration,
        /// What was waited for.
        cause: Cause,
        /// Probes, or times the data was sent again.
        sent: u32,
    },
}

impl Noticed {
    /// The time, if it comes.
    #[must_use]
    pub const fn time(&self) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::After { time, .. } => Some(*time),
        }
    }
}

impl Connection {
    /// When nothing is under way: since the last sign of life of the peer.
    #[must_use]
    pub fn when_idle(&self) -> Noticed {
        let Some(keepalive) = self.keepalive else {
            return Noticed::Never;
        };
        let (idle, interval) = (keepalive.idle.time(), keepalive.interval.time());
        let Some(limit) = self.user_timeout else {
            return Noticed::After {
                time: keepalive.span(),
                cause: Cause::Probes,
                sent: keepalive.probes.get(),
            };
        };
        // Looked at with each probe but the first. The number of probes does not count.
        let beyond = limit.time().saturating_sub(idle);
        let probes = beyond.as_nanos().div_ceil(interval.as_nanos()).max(1);
        let probes = u32::try_from(probes).unwrap_or(u32::MAX);
        Noticed::After {
            time: idle + interval.saturating_mul(probes),
            cause: Cause::UserTimeout,
            sent: probes,
        }
    }

    /// When data has no acknowledgement: since it was written.
    #[must_use]
    pub fn when_unacknowledged(&self) -> Noticed {
        // A lone segment is sent once more when a round trip and the least timeout are over (RFC 8985 §7), and the timer begins
        // again. What is sent then is the first time that counts.
        let first = self.rto * 2;
        let (limit, cause) = match self.user_timeout {
            Some(limit) => (limit.time(), Cause::UserTimeout),
            None => (model(self.retries), Cause::Retries),
        };
        let (mut since, mut wait, mut sent) = (Duration::ZERO, self.rto, 1);
        loop {
            wait = (wait * 2).min(RTO_MAX.max(self.rto));
            if cause == Cause::UserTimeout {
                wait = wait.min(limit - since);
            }
            since += wait;
            if since >= limit {
                let time = first + since;
                return Noticed::After { time, cause, sent };
            }
            sent += 1;
        }
    }
}

/// How long the kernel takes so many retries to last, whatever the connection's own timeout (`tcp_model_timeout`).
fn model(retries: Retries) -> Duration {
    let retries = retries.get();
    // Doublings until the longest wait.
    let doublings = (RTO_MAX.as_millis() / RTO.as_millis()).ilog2();
    let doubled = |times: u32| RTO * ((2 << times) - 1);
    if retries <= doublings {
        doubled(retries)
    } else {
        doubled(doublings) + RTO_MAX * (retries - doublings)
    }
}

/// From one probe that is answered to the next: after each probe the kernel looks again when the interval is over, whether it was
/// answered or not.
#[must_use]
pub fn silence(idle: Duration, interval: Duration) -> Duration {
    idle.max(interval)
}

/// A time in words: `2 h 11 min 15 s`.
#[must_use]
pub fn words(time: Duration) -> String {
    let seconds = time.as_secs();
    let milliseconds = time.subsec_millis();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
    ];
    let mut text = String::new();
    for (number, unit) in parts.into_iter().filter(|(number, _)| *number > 0) {
        write!(text, "{number} {unit} ").ok();
    }
    let rest = seconds % 60;
    match (rest, milliseconds) {
        (0, 0) if !text.is_empty() => {}
        (rest, 0) => {
            write!(text, "{rest} s").ok();
        }
        (rest, milliseconds) => {
            let decimal = format!("{rest}.{milliseconds:03}");
            write!(text, "{} s", decimal.trim_end_matches('0')).ok();
        }
    }
    text.trim_end().to_owned()
}

/// What an idle connection does, in a sentence.
#[must_use]
pub fn idle_sentence(connection: &Connection) -> String {
    let (Some(keepalive), Noticed::After { time, cause, sent }) =
        (connection.keepalive, connection.when_idle())
    else {
        return "an idle connection never notices that its peer is gone: nothing is sent"
            .to_owned();
    };
    let (idle, interval) = (keepalive.idle, keepalive.interval);
    let sum = format!("{idle} + {sent} × {interval} s = {}", words(time));
    let late = silence(idle.time(), interval.time()) - idle.time();
    let sum = if late.is_zero() {
        sum
    } else {
        format!(
            "{sum}, up to {} later once a probe was answered, because the interval is longer than the idle time",
            words(late)
        )
    };
    match cause {
        Cause::UserTimeout if sent != keepalive.probes.get() => format!(
            "an idle connection notices a dead peer after {sum}: TCP_USER_TIMEOUT decides, not the {} probes",
            keepalive.probes
        ),
        _ => format!("an idle connection notices a dead peer after {sum}"),
    }
}

/// What a connection with unacknowledged data does, in a sentence.
#[must_use]
pub fn unacknowledged_sentence(connection: &Connection) -> String {
    let Noticed::After { time, cause, sent } = connection.when_unacknowledged() else {
        return String::new();
    };
    let time = words(time);
    match cause {
        Cause::UserTimeout => format!(
            "unacknowledged data gives up after {time} (TCP_USER_TIMEOUT); keepalive does not run meanwhile"
        ),
        Cause::Retries | Cause::Probes => format!(
            "unacknowledged data gives up after {time}, sent {sent} times more (tcp_retries2 {}); keepalive does not run \
             meanwhile: TCP_USER_TIMEOUT would shorten it",
            connection.retries
        ),
    }
}
