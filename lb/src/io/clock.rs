//! The clock of the programs, `bpf_ktime_get_ns`.

use std::{
    io,
    time::{Duration, Instant},
};

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds on `CLOCK_MONOTONIC`.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn monotonic() -> io::Result<u64> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(nanoseconds(Duration::from(now)))
}

/// 584 years at most.
#[must_use]
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// When the programs' clock showed `at`.
///
/// # Errors
/// When the kernel refuses to say what it shows now.
pub(super) fn instant(at: u64) -> io::Result<Instant> {
    let age = Duration::from_nanos(monotonic()?.saturating_sub(at));
    let now = Instant::now();
    Ok(now.checked_sub(age).unwrap_or(now))
}
