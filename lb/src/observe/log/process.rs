//! What the daemon says of its own processes.

use std::{fmt::Display, net::IpAddr, path::Path, time::Duration};

use nix::sys::signal::Signal;
use tracing::{error, info, warn};

use crate::{cli::Role, keepalive::record::Ending};

/// What keepalived calls a child in sentences.
const fn title(role: Role) -> &'static str {
    match role {
        Role::Vrrp => "VRRP",
        Role::Checkers => "Healthcheck",
        Role::Bfd => "BFD",
    }
}

/// A child runs.
pub fn child_started(role: Role, pid: u32) {
    info!("Starting {} child process, pid={pid}", title(role));
}

/// A child could not be started.
pub fn child_failed(role: Role, error: &anyhow::Error) {
    error!("Starting the {} child failed: {error:#}", role.name());
}

/// How a process ended, behind "died" or "ended".
#[must_use]
pub fn ending(ending: Ending) -> String {
    match ending {
        Ending::Exited(0) => "normally".to_owned(),
        Ending::Exited(code) => format!("with exit code {code}"),
        Ending::Signalled(signal) => match Signal::try_from(signal) {
            Ok(signal) => format!("by {signal}"),
            Err(_) => format!("by signal {signal}"),
        },
        Ending::Unknown => "unseen".to_owned(),
        Ending::NotStarted => "before it began".to_owned(),
    }
}

/// A child ended; one that died is started again, or is the end of the daemon (`-R`).
pub fn child_exited(role: Role, pid: u32, how: Ending, respawned: Option<bool>) {
    let (how, child, title) = (ending(how), role.name(), title(role));
    match respawned {
        Some(true) => {
            warn!(
                child,
                "{title} child process({pid}) died: Respawning (it ended {how})"
            );
        }
        Some(false) => warn!(
            child,
            "{title} child process({pid}) died: Exiting (it ended {how})"
        ),
        None => info!(child, "{title} child process({pid}) ended {how}"),
    }
}

/// A child did not take a message; its end follows.
pub fn child_deaf(role: Role, error: &anyhow::Error) {
    warn!("{} child does not listen: {error:#}", role.name());
}

/// A child does not stop in time.
pub fn child_stuck(role: Role, pid: u32) {
    warn!(
        "{} child process({pid}) does not stop, killing it",
        role.name()
    );
}

/// A signal could not be sent.
pub fn child_unreachable(pid: u32, error: impl Display) {
    warn!("Signalling process {pid} failed: {error}");
}

/// A child of a killed parent still runs.
pub fn orphan(role: Role, pid: u32) {
    warn!(
        "Taking over from the {} child {pid} of an earlier daemon",
        role.name()
    );
}

/// The parent of this child is gone.
pub fn parent_gone(role: Role, error: Option<&anyhow::Error>) {
    let why = error.map_or(String::new(), |error| format!(" ({error:#})"));
    warn!(
        "The parent is gone; the {} child goes on without it{why}",
        role.name()
    );
}

/// The parent of this child does not read its answers.
pub fn parent_deaf(role: Role) {
    warn!(
        "The parent does not take the {} child's answers",
        role.name()
    );
}

/// `-V`: the vrrp child ended and left what it had installed.
pub fn vrrp_stays() {
    info!(
        "Virtual addresses, routes and rules stay (-V), and the data plane with them: it fences them when the lease ends, and the next start takes them away"
    );
}

/// `-a`: an address came or went.
pub fn address_changed(address: IpAddr, is_there: bool) {
    let verb = if is_there { "added" } else { "removed" };
    info!(target: "lb::addresses", "Netlink reflector reports IP {address} {verb}");
}

/// `--perf`: the recording is there.
pub fn perf_recorded(file: &Path) {
    info!("perf(1) recorded the vrrp child in {}", file.display());
}

/// `--perf`: there is no recording, or not all of it.
pub fn perf_failed(file: &Path, why: &dyn Display) {
    warn!(
        "perf(1) did not record to its end in {}: {why}",
        file.display()
    );
}

/// `--perf`: there is no perf(1).
pub fn perf_missing(error: &dyn Display) {
    warn!("--perf: perf(1) cannot be started, so nothing is recorded: {error}; install linux-perf");
}

/// A PID file of a child cannot be had; the child is worth more.
pub fn no_pid_file(role: Role, error: &anyhow::Error) {
    warn!("The {} child has no PID file: {error:#}", role.name());
}

/// The file that tells whose turn it is can be locked and not written.
pub fn pid_not_written(path: &Path) {
    warn!(
        "{}: the file system takes no writes; going on without the pid in it",
        path.display()
    );
}

/// The kernel refuses what is configured about scheduling.
pub fn scheduling_refused(role: Role, what: &str, error: &dyn Display) {
    warn!("{} process: {what} is not granted: {error}", role.name());
}

/// `max_auto_priority`.
pub fn priority_raised(role: Role, priority: u8, late: Duration) {
    warn!(
        "{} process: a timer ran {late:?} late; real-time priority raised to {priority}",
        role.name()
    );
}

/// SIGXCPU.
pub fn real_time_exceeded(role: Role, limit: Duration) {
    warn!(
        "{} process ran longer than {limit:?} in real time without a pause ({}_rlimit_rttime)",
        role.name(),
        match role {
            Role::Vrrp => "vrrp",
            Role::Checkers => "checker",
            Role::Bfd => "bfd",
        }
    );
}

/// A child goes on, though another seems to be the child.
pub fn turn_lost(role: Role, error: &anyhow::Error) {
    error!("{} process: two at a time? {error:#}", title(role));
}

/// A child keeps rights that it has no use for.
pub fn privileges_kept(role: Role, error: &dyn Display) {
    warn!(
        "{} process: rights it does not need stay: {error}",
        title(role)
    );
}

/// A process ends because of this, `None` being the parent.
pub fn process_failed(role: Option<Role>, error: &anyhow::Error) {
    let who = role.map_or("lb", title);
    error!("{who} process ends: {error:#}");
}

/// SIGQUIT, but the next daemon could not go on.
pub fn no_hand_over() {
    warn!(
        "No hand-over without leases in the kernel (vrrp_fence off, or no BPF timers): stopping in order"
    );
}
