//! Programs that the configuration names, run to their end as the user they belong to.

#[cfg(test)]
mod tests;

use std::{
    io,
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

/// Time a program has after SIGTERM before SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// What is run, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The program's path and its arguments; never empty.
    pub words: Vec<String>,
    /// User and group; `None` keeps those of this process.
    pub identity: Option<Identity>,
    /// The longest it may take.
    pub timeout: Duration,
}

/// A user with a group, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
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

/// Runs a program in a process group of its own, without a shell, with nothing on its standard streams. Dropping the
/// future ends the program with SIGKILL.
pub async fn run(script: &Script) -> Outcome {
    match start(script) {
        Ok(mut child) => watch(&mut child, script.timeout).await,
        Err(error) => Outcome::NotStarted(error.to_string()),
    }
}

fn start(script: &Script) -> io::Result<Child> {
    let (program, arguments) = script
        .words
        .split_first()
        .ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(identity) = script.identity {
        // With a uid, std also drops root's supplementary groups.
        command.uid(identity.uid).gid(identity.gid);
    }
    command.spawn()
}

async fn watch(child: &mut Child, limit: Duration) -> Outcome {
    let group = child.id().and_then(|pid| i32::try_from(pid).ok());
    if let Ok(ended) = timeout(limit, child.wait()).await {
        return outcome(ended);
    }
    for (signal, patience) in [(Signal::SIGTERM, GRACE), (Signal::SIGKILL, GRACE)] {
        if let Some(group) = group {
            // The group is gone when its last process is.
            let _ = killpg(Pid::from_raw(group), signal);
        }
        if timeout(patience, child.wait()).await.is_ok() {
            break;
        }
    }
    Outcome::TimedOut
}

fn outcome(ended: io::Result<ExitStatus>) -> Outcome {
    match ended {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Outcome::Exited(code),
            (None, signal) => Outcome::Signalled(signal.unwrap_or_default()),
        },
        Err(error) => Outcome::NotStarted(error.to_string()),
    }
}
