//! The service manager that started the daemon, if it wants to be told (sd_notify(3)). Nothing here fails: a service manager that does not
//! listen has to get along without.

use std::time::Duration;

use sd_notify::NotifyState;

/// Variables that are the daemon's alone, not its children's.
pub const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"];

/// The daemon forwards and elects as its configuration says: `READY=1`, with the pid, which is another after a fork.
pub fn ready(status: &str) {
    let pid = NotifyState::MainPid(std::process::id());
    say(&[NotifyState::Ready, pid, NotifyState::Status(status)]);
}

/// A reload begins; [`ready`] ends it, whether it changed anything or not.
pub fn reloading() {
    let Ok(now) = NotifyState::monotonic_usec_now() else {
        return;
    };
    say(&[NotifyState::Reloading, now]);
}

/// The daemon stops.
pub fn stopping() {
    say(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// The daemon's loop turns.
pub fn alive() {
    say(&[NotifyState::Watchdog]);
}

/// How often [`alive`] is expected: half of what the service manager waits.
#[must_use]
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|patience| patience / 2)
}

fn say(states: &[NotifyState<'_>]) {
    sd_notify::notify(states).ok();
}
