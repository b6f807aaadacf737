//! What a keepalive daemon does to the system: its table, processes, output files, scripts.

pub mod cgroup;
pub mod launch;
pub mod notify;
pub mod output;
pub mod ready;
pub mod script;
pub mod search;
pub mod table;
#[cfg(test)]
mod tests;

use std::{io, path::PathBuf, time::Duration};

use nix::time::{ClockId, clock_gettime};

use crate::keepalive::Moment;

/// Where a daemon keeps what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The table, the control socket, the pid file.
    pub run: PathBuf,
    /// Output of processes.
    pub logs: PathBuf,
    /// Scripts that are named without a path.
    pub scripts: PathBuf,
}

impl Places {
    /// The table.
    #[must_use]
    pub fn table(&self) -> PathBuf {
        self.run.join("table")
    }

    /// The control socket.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.run.join("control.sock")
    }

    /// A word that tells what belongs to this daemon from what belongs to another.
    #[must_use]
    pub fn tag(&self) -> String {
        let path = self.run.to_string_lossy();
        path.trim_matches('/').replace('/', "-")
    }

    /// What marks a process of a start with this mark: the value of `KEEPALIVE_ID`.
    #[must_use]
    pub fn id_of(&self, mark: &str) -> String {
        format!("{}/{mark}", self.tag())
    }
}

/// The time.
///
/// # Errors
/// On kernels before 2.6.39.
pub fn now() -> io::Result<Moment> {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME)?;
    Ok(Moment::since_boot(Duration::from(time)))
}
