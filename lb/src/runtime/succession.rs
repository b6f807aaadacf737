//! How a child follows one of an earlier daemon, which goes on until its successor has a plan.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::bail;
use nix::sys::signal::Signal;
use tokio::task::JoinHandle;

use crate::{
    cli::Role,
    io::process::Process,
    observe::log,
    supervisor::{PidFile, RunDir, Tenure},
};

/// Longest wait for a process to be gone after SIGKILL.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whose turn it is: the predecessor's first, then the child's.
#[derive(Debug)]
pub struct Succession {
    role: Role,
    run_dir: RunDir,
    pid_file: PathBuf,
    predecessor: Option<u32>,
    turn: State,
}

/// The files that tell it.
#[derive(Debug)]
enum State {
    /// The predecessor has them.
    Predecessor,
    /// A task waits for them, and keeps them then.
    Soon { _keeper: JoinHandle<()> },
    /// The child has them.
    Here { _files: Files },
}

/// Locked, both of them.
#[derive(Debug)]
struct Files {
    _tenure: Tenure,
    /// `None` where somebody else has it, which is said.
    _pid_file: Option<PidFile>,
}

impl Files {
    fn take(role: Role, run_dir: &RunDir, pid_file: &Path) -> anyhow::Result<Self> {
        let _tenure = run_dir.lock_child(role)?;
        let pid_file = PidFile::take(pid_file).inspect_err(|error| log::no_pid_file(role, error));
        Ok(Self {
            _tenure,
            _pid_file: pid_file.ok(),
        })
    }
}

impl Succession {
    /// It is the child's turn at once where there is no predecessor.
    ///
    /// # Errors
    /// When another process is the child.
    pub fn of(
        role: Role,
        run_dir: &RunDir,
        pid_file: &Path,
        predecessor: Option<u32>,
    ) -> anyhow::Result<Self> {
        let turn = match predecessor {
            Some(_) => State::Predecessor,
            None => State::Here {
                _files: Files::take(role, run_dir, pid_file)?,
            },
        };
        Ok(Self {
            role,
            run_dir: run_dir.clone(),
            pid_file: pid_file.to_owned(),
            predecessor,
            turn,
        })
    }

    /// Ends the predecessor: its successor is about to do what it did. What it did for the kernel stays, and its leases run until they are
    /// renewed.
    ///
    /// # Errors
    /// When it does not end, or another process is the child.
    pub(super) async fn enter(&mut self) -> anyhow::Result<()> {
        let Some(pid) = self.predecessor.take() else {
            return Ok(());
        };
        let (role, run_dir, pid_file) = (self.role, self.run_dir.clone(), self.pid_file.clone());
        let ending = kill(role, &run_dir, pid);
        let files = async move { after(ending, role, &run_dir, &pid_file).await };
        self.turn = if role == Role::Checkers {
            State::Here {
                _files: files.await?,
            }
        } else {
            // Adverts and BFD packets are expected within milliseconds, and the kernel takes tens of them to close sockets. It does not
            // return to a program that has a SIGKILL.
            State::Soon {
                _keeper: tokio::spawn(keep(role, files)),
            }
        };
        Ok(())
    }
}

/// Waits for the files, and keeps them as long as the process lives.
async fn keep(role: Role, files: impl Future<Output = anyhow::Result<Files>>) {
    match files.await {
        Ok(_files) => std::future::pending().await,
        Err(error) => {
            // Two would do the same things. The parent starts another one, which knows whom it follows.
            log::turn_lost(role, &error);
            std::process::exit(1);
        }
    }
}

/// Takes the files when `ending` is gone.
async fn after(
    ending: Option<Process>,
    role: Role,
    run_dir: &RunDir,
    pid_file: &Path,
) -> anyhow::Result<Files> {
    if let Some(process) = ending {
        gone(&process, role).await?;
    }
    Files::take(role, run_dir, pid_file)
}

/// Ends a child of an earlier daemon; one that ended by itself meanwhile is as well.
///
/// # Errors
/// When it does not end.
pub(crate) async fn end(role: Role, run_dir: &RunDir, pid: u32) -> anyhow::Result<()> {
    match kill(role, run_dir, pid) {
        Some(process) => gone(&process, role).await,
        None => Ok(()),
    }
}

/// `None` where it is gone, and somebody else may have its pid.
fn kill(role: Role, run_dir: &RunDir, pid: u32) -> Option<Process> {
    log::orphan(role, pid);
    let process = Process::open(pid).ok()?;
    run_dir.holder(role).ok()?.filter(|holder| *holder == pid)?;
    process.signal(Signal::SIGKILL).ok()?;
    Some(process)
}

async fn gone(process: &Process, role: Role) -> anyhow::Result<()> {
    let pid = process.id().pid;
    if tokio::time::timeout(PATIENCE, process.gone())
        .await
        .is_err()
    {
        bail!(
            "the {} child of an earlier daemon, pid {pid}, does not end",
            role.name()
        );
    }
    Ok(())
}
