//! `--perf`: perf(1) records the vrrp child.

use std::{
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::process::{Child, Command};

use super::run_dir::RunDir;
use crate::{
    cli::{Role, daemon::Perf},
    observe::log,
};

/// Longest wait for the recording to be written.
const WAIT: Duration = Duration::from_secs(5);

/// Recordings of the vrrp child, one at a time.
#[derive(Debug)]
pub(super) struct Recorder {
    when: Option<Perf>,
    /// For root alone, unlike the shared directory where keepalived has it.
    file: PathBuf,
    child: Option<u32>,
    running: Option<Child>,
}

impl Recorder {
    /// Records when it is asked for, into `perf_vrrp.data`.
    pub(super) fn new(when: Option<Perf>, run_dir: &RunDir) -> Self {
        Self {
            when,
            file: run_dir.path().join("perf_vrrp.data"),
            child: None,
            running: None,
        }
    }

    /// A child was started.
    pub(super) fn handle_start(&mut self, role: Role, pid: u32) {
        if role == Role::Vrrp {
            self.child = Some(pid);
            if self.when == Some(Perf::All) {
                self.begin();
            }
        }
    }

    /// A child has its configuration, the first one or another.
    pub(super) fn handle_configured(&mut self, role: Role, pid: u32) {
        let is_first = role == Role::Vrrp && self.child == Some(pid) && self.running.is_none();
        if is_first && self.when == Some(Perf::Run) {
            self.begin();
        }
    }

    /// The child is about to be told to stop.
    pub(super) fn handle_stop(&mut self) {
        match self.when {
            Some(Perf::End) if self.running.is_none() => self.begin(),
            Some(Perf::Run) => {
                let running = self.running.as_ref().and_then(Child::id);
                let pid = running.and_then(|pid| i32::try_from(pid).ok());
                if let Some(pid) = pid {
                    // One that has ended already has nothing left to write.
                    kill(Pid::from_raw(pid), Signal::SIGINT).ok();
                }
            }
            Some(Perf::All | Perf::End) | None => {}
        }
    }

    /// Waits for the recording, which ends with the child at the latest.
    pub(super) async fn finish(&mut self) {
        let Some(mut running) = self.running.take() else {
            return;
        };
        match tokio::time::timeout(WAIT, running.wait()).await {
            Ok(Ok(status)) if is_fine(status) => log::perf_recorded(&self.file),
            Ok(Ok(status)) => log::perf_failed(&self.file, &status),
            Ok(Err(error)) => log::perf_failed(&self.file, &error),
            Err(_) => log::perf_failed(&self.file, &"it does not end"),
        }
    }

    fn begin(&mut self) {
        let Some(pid) = self.child else {
            return;
        };
        let started = Command::new("perf")
            .args(["record", "-q", "-g", "-o"])
            .arg(&self.file)
            .arg("-p")
            .arg(pid.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        match started {
            Ok(running) => self.running = Some(running),
            Err(error) => log::perf_missing(&error),
        }
    }
}

/// perf tells by its own death that it was told to stop.
fn is_fine(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.success() || status.signal() == Some(Signal::SIGINT as i32)
}
