//! What is said when operators ask for something.

use std::{
    fmt::Display,
    io,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::{error, info, warn};

use crate::{
    cli::Role,
    observe::{dump::Civil, level::LogLevel},
};

/// Lines about requests that make no sense: one at once, then one in a while with their number.
const PAUSE: Duration = Duration::from_secs(60);

static REFUSED: Mutex<Option<(Instant, u64)>> = Mutex::new(None);

/// A file was written because a signal asked for it, or was not.
pub fn dumped(path: &Path, result: Result<&(), &io::Error>) {
    let path = path.display();
    match result {
        Ok(()) => info!("Wrote {path} on signal"),
        Err(error) => error!("{path} is not written, and what was there stays: {error}"),
    }
}

/// A child does not say what would be in its file.
pub fn dump_incomplete(role: Role) {
    let role = role.name();
    warn!("Nothing is written of the {role} child, which has not answered");
}

/// A signal asks for what is only there with virtual routers.
pub fn dump_empty() {
    info!("Nothing is written on signal: there is no virtual router to tell of");
}

/// Files asked for earlier are still being written.
pub fn dump_held_up() {
    warn!("Nothing is written: files asked for earlier are still being written");
}

/// There is no thread to write with.
pub fn dump_impossible(error: &io::Error) {
    error!("Nothing is written: no thread to do it: {error}");
}

/// Counters begin anew.
pub fn stats_cleared() {
    info!("Cleared the counters of virtual routers");
}

/// A request made no sense, or came from somebody who may not ask. However many come, the log has one line in a minute.
pub fn request_refused(why: &str, peer: impl Display) {
    let mut refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    match &mut *refused {
        Some((said, more)) if now.duration_since(*said) < PAUSE => *more += 1,
        other => {
            let more = other.map_or(0, |(_, more)| more);
            *other = Some((now, 0));
            let before = match more {
                0 => String::new(),
                more => format!("; {more} more since the last such line"),
            };
            warn!("Control socket: a request of {peer} is refused: {why}{before}");
        }
    }
}

/// No connection can be taken.
pub fn control_held_up(error: &io::Error) {
    warn!("Control socket: no connection can be taken: {error}");
}

/// The level of all processes changed.
pub fn log_level(level: LogLevel) {
    // Also where the new level is a quiet one.
    error!("Logging from {level} on");
}

/// A reload will happen at a time that a file says.
pub fn reload_planned(path: &Path, time: Civil) {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        ..
    } = time;
    info!(
        "A reload is scheduled at {year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} by {}",
        path.display()
    );
}

/// The file is gone, and the reload is off.
pub fn reload_time_gone(path: &Path) {
    info!(
        "The scheduled reload is cancelled: {} is gone",
        path.display()
    );
}

/// The file plans no reload.
pub fn reload_time_unread(path: &Path, error: &dyn Display) {
    warn!("No reload is scheduled by {}: {error}", path.display());
}

/// The file is there still though its reload is over.
pub fn reload_time_stays(path: &Path, error: &io::Error) {
    warn!(
        "{} cannot be removed after its reload: {error}",
        path.display()
    );
}

/// `reload_file` cannot be made or removed.
pub fn reload_not_marked(path: &Path, error: &io::Error) {
    warn!(
        "{} does not show when the configuration is read: {error}",
        path.display()
    );
}
