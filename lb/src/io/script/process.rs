//! A program while it runs: started with nothing of ours but its environment, watched, ended with its whole group.

use std::{
    io::{self, PipeWriter},
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::{
        prctl::set_pdeathsig,
        signal::{Signal, killpg},
    },
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{Outcome, Report, Script, complaint::Complaint};
use crate::io::process::{become_user, settle};

/// Time a program has after SIGTERM before SIGKILL.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// How often a group without its leader is looked at while it may still end by itself.
const LOOK: Duration = Duration::from_millis(20);

/// What a program does when this process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bond {
    /// It goes on.
    Free,
    /// It is ended.
    EndsWithUs,
}

/// A program that was started. Dropping it ends its group with SIGKILL.
#[derive(Debug)]
pub(in crate::io) struct Running {
    child: Child,
    group: Option<Pid>,
    complaint: Option<Complaint>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Not waited for yet, so the number is still its own.
        if self.child.id().is_some() {
            self.signal(Signal::SIGKILL);
        }
    }
}

impl Running {
    /// Starts a program in a process group of its own.
    ///
    /// # Errors
    /// When it cannot be started, as this user.
    pub(in crate::io) fn start(script: &Script) -> io::Result<Self> {
        Self::start_with(script, Bond::Free)
    }

    /// As [`Self::start`], and it gets SIGTERM when this process ends in whatever way.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(in crate::io) fn start_bound(script: &Script) -> io::Result<Self> {
        Self::start_with(script, Bond::EndsWithUs)
    }

    fn start_with(script: &Script, bond: Bond) -> io::Result<Self> {
        let (program, arguments) = script
            .words
            .split_first()
            .ok_or(io::ErrorKind::InvalidInput)?;
        let (complaint, stderr) = Complaint::new()?;
        // execvp(3) gives a script without `#!` to /bin/sh.
        let child = command(program, arguments, script, bond, stderr).spawn()?;
        let group = child.id().and_then(|pid| i32::try_from(pid).ok());
        Ok(Self {
            child,
            group: group.map(Pid::from_raw),
            complaint: Some(complaint),
        })
    }

    /// Waits for its end, and makes one when it takes longer than `limit`.
    pub(in crate::io) async fn watch(mut self, limit: Duration) -> Report {
        let outcome = match timeout(limit, self.wait()).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.end().await;
                Outcome::TimedOut
            }
        };
        Report {
            outcome,
            complaint: self.complaint.take().and_then(Complaint::finish),
        }
    }

    /// Waits for its end, however long. Safe to cancel.
    pub(in crate::io) async fn wait(&mut self) -> Outcome {
        let Some(complaint) = &mut self.complaint else {
            return outcome(self.child.wait().await);
        };
        tokio::select! {
            biased;
            ended = self.child.wait() => outcome(ended),
            never = complaint.listen() => match never {},
        }
    }

    /// Ends the whole group: SIGTERM, then SIGKILL for whoever is left of it, the leader or not.
    pub(in crate::io) async fn end(&mut self) {
        let deadline = Instant::now() + GRACE;
        self.signal(Signal::SIGTERM);
        if timeout_at(deadline, self.wait()).await.is_ok() {
            while self.others_live() && Instant::now() < deadline {
                sleep(LOOK).await;
            }
        }
        if self.child.id().is_some() || self.others_live() {
            self.signal(Signal::SIGKILL);
            // Only a process in the kernel's hands is not gone at once; nothing more can be done about it.
            let _gone = timeout(GRACE, self.wait()).await;
        }
    }

    /// Whether the group of a leader that was waited for has other members. As long as it has, its number is not given
    /// to anybody else.
    fn others_live(&self) -> bool {
        self.group.is_some_and(|group| killpg(group, None).is_ok())
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // The group is gone when its last process is.
            let _gone = killpg(group, signal);
        }
    }
}

fn command(
    program: &str,
    arguments: &[String],
    script: &Script,
    bond: Bond,
    stderr: PipeWriter,
) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(script.environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::from(stderr))
        .process_group(0)
        .kill_on_drop(true);
    let become_whom = script
        .identity
        .map(|identity| (identity, identity.groups()));
    let settle = move || {
        settle()?;
        if let Some((identity, groups)) = &become_whom {
            become_user(*identity, groups)?;
        }
        match bond {
            Bond::Free => Ok(()),
            // Last, because the kernel forgets it when the user changes.
            Bond::EndsWithUs => Ok(set_pdeathsig(Signal::SIGTERM)?),
        }
    };
    // SAFETY: between fork and exec the closure makes system calls only: no allocation, no lock, nothing that another
    // thread could have left half done.
    unsafe { command.pre_exec(settle) };
    command
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
