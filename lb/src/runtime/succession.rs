//! How a child follows one of an earlier daemon, which goes on until its successor has a plan.

use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;
use tokio::task::JoinHandle;

use crate::{
    cli::Role,
    io::process::Process,
    observe::log,
    supervisor::{PidFile, RunDir},
};

/// Longest wait for a process to be gone after SIGKILL.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whose turn it is: the pid file is the predecessor's first, then the child's.
#[derive(Debug)]
pub struct Succession {
    role: Role,
    run_dir: RunDir,
    predecessor: Option<u32>,
    held: Held,
}

/// The pid file of the child.
#[derive(Debug)]
enum Held {
    /// The predecessor has it.
    Not,
    /// Somebody waits for it, and keeps it then.
    Soon { _keeper: JoinHandle<()> },
    /// The child has it.
    Here { _lock: PidFile },
}

impl Succession {
    /// It is the child's turn at once where there is no predecessor.
    ///
    /// # Errors
    /// When another process has its pid file.
    pub fn of(role: Role, run_dir: &RunDir, predecessor: Option<u32>) -> anyhow::Result<Self> {
        let held = match predecessor {
            Some(_) => Held::Not,
            None => Held::Here {
                _lock: run_dir.lock_child(role)?,
            },
        };
        Ok(Self {
            role,
            run_dir: run_dir.clone(),
            predecessor,
            held,
        })
    }

    /// Ends the predecessor: its successor is about to do what it did. What it did for the kernel stays, and its leases run until they are
    /// renewed.
    ///
    /// # Errors
    /// When it does not end, or another process has the pid file.
    pub(super) async fn enter(&mut self) -> anyhow::Result<()> {
        let Some(pid) = self.predecessor.take() else {
            return Ok(());
        };
        self.held = match self.role {
            // Adverts and BFD packets are expected within milliseconds, and the kernel takes tens of them to close sockets. It does not
            // return to a program that has a SIGKILL.
            Role::Vrrp | Role::Bfd => {
                let ending = kill(self.role, pid);
                let (role, run_dir) = (self.role, self.run_dir.clone());
                let keeper = async move {
                    let lock = match ending {
                        Some(process) => lock_after(&process, role, &run_dir).await,
                        None => run_dir.lock_child(role),
                    };
                    match lock {
                        Ok(_lock) => std::future::pending().await,
                        Err(error) => log::pid_file_lost(role, &error),
                    }
                };
                Held::Soon {
                    _keeper: tokio::spawn(keeper),
                }
            }
            Role::Checkers => {
                end(self.role, pid).await?;
                let lock = self.run_dir.lock_child(self.role);
                Held::Here {
                    _lock: lock.context("an earlier child is gone")?,
                }
            }
        };
        Ok(())
    }
}

async fn lock_after(process: &Process, role: Role, run_dir: &RunDir) -> anyhow::Result<PidFile> {
    gone(process, role).await?;
    run_dir.lock_child(role)
}

/// Ends a child of an earlier daemon; one that ended by itself meanwhile is as well.
///
/// # Errors
/// When it does not end.
pub(crate) async fn end(role: Role, pid: u32) -> anyhow::Result<()> {
    match kill(role, pid) {
        Some(process) => gone(&process, role).await,
        None => Ok(()),
    }
}

fn kill(role: Role, pid: u32) -> Option<Process> {
    log::orphan(role, pid);
    let process = Process::open(pid).ok()?;
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
