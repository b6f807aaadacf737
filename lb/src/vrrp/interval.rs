//! Intervals the RFCs derive from priority and advert interval, exact to the nanosecond.

use std::time::Duration;

use crate::config::model::{Priority, Version};

/// Skew_Time: `(256 − priority) / 256` of a second (RFC 3768 §6.1) or of the master's advert interval
/// (RFC 9568 §6.1).
#[must_use]
pub fn skew_time(version: Version, priority: Priority, advert_interval: Duration) -> Duration {
    let whole = match version {
        Version::V2 => Duration::from_secs(1),
        Version::V3 => advert_interval,
    };
    whole * (256 - u32::from(priority.get())) / 256
}

/// Master_Down_Interval: three advert intervals and the skew (RFC 9568 §6.1 Active_Down_Interval).
#[must_use]
pub fn master_down_interval(
    version: Version,
    priority: Priority,
    advert_interval: Duration,
) -> Duration {
    advert_interval * 3 + skew_time(version, priority, advert_interval)
}

/// How long an advert sent entitles its sender to the addresses: three advert intervals, which is shorter
/// than the Master_Down_Interval of any backup by that backup's skew.
#[must_use]
pub fn lease(advert_interval: Duration) -> Duration {
    advert_interval * 3
}
