//! Programs that the configuration names, run to their end as the user they belong to.
//!
//! [`Rights`] turns a configured command into a [`Script`] right before it runs: whose it is, where it is, and whether
//! it may run at all. [`run`] and [`report`] run it.

mod complaint;
mod identity;
mod path;
mod process;
mod rights;
#[cfg(test)]
mod tests;

use std::{convert::Infallible, fmt, time::Duration};

use tokio::task::spawn_blocking;

pub(super) use self::process::Running;
pub use self::{
    identity::{Identity, Unknown},
    path::Unusable,
    rights::{Refused, Rights},
};

/// What is run, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The program's path and its arguments; never empty.
    pub words: Vec<String>,
    /// User and group; `None` keeps those of this process.
    pub identity: Option<Identity>,
    /// Variables beside ours.
    pub environment: Vec<(String, String)>,
    /// The longest it may take.
    pub timeout: Duration,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal, not of ours.
    Signalled(i32),
    /// It took too long and was ended, with everything it had started.
    TimedOut,
    /// It could not be started.
    NotStarted(String),
}

impl Outcome {
    /// Whether it succeeded.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Exited(0))
    }
}

impl fmt::Display for Outcome {
    /// What goes on after the program's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(0) => f.write_str("succeeded"),
            Self::Exited(status) => write!(f, "exited with status {status}"),
            Self::Signalled(signal) => write!(f, "was ended by signal {signal}"),
            Self::TimedOut => f.write_str("took too long and was ended"),
            Self::NotStarted(why) => write!(f, "could not be started: {why}"),
        }
    }
}

/// How a program ended, and what it said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The last line on its standard error, cut after 256 bytes; `None` when it said nothing.
    pub complaint: Option<String>,
}

/// Runs a program in a process group of its own, without a shell, with nothing on its standard streams. A file without
/// `#!` is run by `/bin/sh`. Dropping the future ends the program with SIGKILL, with everything it had started.
pub async fn run(script: &Script) -> Outcome {
    report(script).await.outcome
}

/// As [`run`], with the program's last words.
pub async fn report(script: &Script) -> Report {
    report_made({
        let script = script.clone();
        move || Ok::<_, Infallible>(script)
    })
    .await
    .unwrap_or_else(|never| match never {})
}

/// As [`report`], for a script that is made right before it runs. Both making and starting it are done beside the loop:
/// a file system that does not answer, or a fork of much memory, must not delay adverts.
///
/// # Errors
/// What `make` says.
pub async fn report_made<E: Send + 'static>(
    make: impl FnOnce() -> Result<Script, E> + Send + 'static,
) -> Result<Report, E> {
    let not_started = |error: String| Report {
        outcome: Outcome::NotStarted(error),
        complaint: None,
    };
    let start = || make().map(|script| (Running::start(&script), script.timeout));
    let (started, limit) = match spawn_blocking(start).await {
        Ok(made) => made?,
        Err(error) => return Ok(not_started(error.to_string())),
    };
    Ok(match started {
        Ok(running) => running.watch(limit).await,
        Err(error) => not_started(error.to_string()),
    })
}
