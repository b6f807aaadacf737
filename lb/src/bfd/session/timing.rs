//! How long to wait before the next packet.

use std::time::Duration;

/// Packets that are due within this are sent with those that are due now, so that one wake-up serves many sessions.
pub(in crate::bfd) const MOST_SLACK: Duration = Duration::from_millis(1);
/// The part of the interval that a packet may be early by, beyond its jitter.
const SLACK: u32 = 32;

/// How early a packet may be sent.
pub(super) fn slack(interval: Duration) -> Duration {
    (interval / SLACK).min(MOST_SLACK)
}

/// The interval less up to 25 %, and at least 10 % where a single packet that is missing ends the session (RFC 5880 §6.8.7); the slack
/// is taken into account.
pub(super) fn jittered(interval: Duration, multiplier: u8, rng: &mut fastrand::Rng) -> Duration {
    let least = if multiplier == 1 { 0.1 } else { 0.0 };
    let most = 0.25 - 1.0 / f64::from(SLACK);
    interval.mul_f64(1.0 - (least + (most - least) * rng.f64()))
}
