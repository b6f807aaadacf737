//! Intervals the RFCs derive from priority and advert interval, exact to the nanosecond.

use std::time::{Duration, Instant};

use crate::config::model::{Priority, Version};

/// The longest a resigned MASTER waits for its successor: children are given 5 s to stop
/// (`child_wait_time`), and their addresses have to be removed within them too.
const LONGEST_FAREWELL: Duration = Duration::from_secs(3);
/// What an advert may be early by, once, when the tenth of its interval is more.
const LONGEST_TICK: Duration = Duration::from_millis(10);

/// Skew_Time: `(256 − priority) / 256` of a second (RFC 3768 §6.1) or of the master's advert interval
/// (RFC 9568 §6.1).
#[must_use]
pub fn skew_time(version: Version, priority: Priority, advert_interval: Duration) -> Duration {
    skew(version, u32::from(priority.get()), advert_interval)
}

/// Skew_Time of the lowest priority there is, 1: nobody who hears a priority 0 waits longer.
#[must_use]
pub fn longest_skew_time(version: Version, advert_interval: Duration) -> Duration {
    skew(version, 1, advert_interval)
}

/// Master_Down_Interval: `adverts` advert intervals, three but for `down_timer_adverts`, and the skew
/// (RFC 9568 §6.1 Active_Down_Interval).
#[must_use]
pub fn master_down_interval(
    version: Version,
    priority: Priority,
    advert_interval: Duration,
    adverts: u8,
) -> Duration {
    advert_interval * u32::from(adverts) + skew_time(version, priority, advert_interval)
}

/// When the advert after one that leaves now is due: after the interval, or up to a tick earlier, so that a tick begins then;
/// ticks are a tenth of the interval and 10 ms at most, counted from `beat`. The adverts of many virtual routers come to
/// leave together in this way, in one system call, and from then on at their exact interval.
#[must_use]
pub fn next_advert(beat: Instant, now: Instant, advert_interval: Duration) -> Instant {
    let tick = (advert_interval / 10).min(LONGEST_TICK);
    let due = now + advert_interval;
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or_default();
    let since = nanoseconds(due.saturating_duration_since(beat));
    let past = since.checked_rem(nanoseconds(tick)).unwrap_or_default();
    due - Duration::from_nanos(past)
}

/// How long an advert sent entitles its sender to the addresses: the advert intervals of the
/// Master_Down_Interval without the skew, so it ends before any backup, even of priority 254, takes over.
///
/// `adverts` is `down_timer_adverts`. It must be the same on all nodes; ours is the best we know of theirs.
/// With 1 an advert that leaves at its time would come too late, so half the shortest skew is added.
#[must_use]
pub fn lease(version: Version, advert_interval: Duration, adverts: u8) -> Duration {
    let whole = advert_interval * u32::from(adverts);
    match adverts {
        1 => whole + skew(version, 254, advert_interval) / 2,
        _ => whole,
    }
}

/// How long a MASTER that has sent priority 0 goes on for want of a successor: twice the time the most
/// patient backup takes, as far as that is sensible.
///
/// A MASTER has not heard its backups, so it takes their priority to be the lowest. The wait is of no
/// harm: the first advert of a successor ends it.
#[must_use]
pub fn farewell(version: Version, advert_interval: Duration) -> Duration {
    (longest_skew_time(version, advert_interval) * 2).min(LONGEST_FAREWELL)
}

fn skew(version: Version, priority: u32, advert_interval: Duration) -> Duration {
    let whole = match version {
        Version::V2 => Duration::from_secs(1),
        Version::V3 => advert_interval,
    };
    whole * (256 - priority) / 256
}
