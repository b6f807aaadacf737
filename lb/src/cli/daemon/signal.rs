//! `--signum`: which signals ask the daemon for what.

use nix::libc;

/// The number of the signal by which keepalived's users know what it asks for; the C library numbers the real-time ones.
#[must_use]
pub fn signal_number(name: &str) -> Option<i32> {
    Some(match name {
        "STOP" => libc::SIGTERM,
        "RELOAD" => libc::SIGHUP,
        "DATA" => libc::SIGUSR1,
        "STATS" => libc::SIGUSR2,
        "STATS_CLEAR" => libc::SIGRTMAX() - 1,
        "JSON" => libc::SIGRTMIN() + 2,
        "TDUMP" => libc::SIGRTMAX(),
        _ => return None,
    })
}
