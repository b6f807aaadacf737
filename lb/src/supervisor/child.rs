//! Children: this same binary, started with its role and a control line as standard input.

use std::{
    ffi::OsString,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt as _},
    },
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use nix::sys::signal::Signal;
use tokio::sync::mpsc;

use super::{Event, run_dir::RunDir};
use crate::{
    cli::{Cli, Role},
    io::{process::Process, service_manager::VARIABLES},
    keepalive::record::Ending,
    observe::{log, logging::Format},
    runtime::{
        self,
        channel::{ParentSender, ToChild, parent_line},
    },
};

/// Longest wait for a child to take a message.
const PATIENCE: Duration = Duration::from_secs(1);

/// A running child.
#[derive(Debug)]
pub(super) struct Child {
    process: Arc<Process>,
    line: ParentSender,
}

/// What a child is told when it starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    /// The pid of one of an earlier daemon.
    pub(super) predecessor: Option<u32>,
    /// The daemon's name among several.
    pub(super) instance: Option<&'a str>,
    /// Its PID file.
    pub(super) pid_file: &'a Path,
}

/// How a child ended.
#[derive(Debug)]
pub(super) struct Exit {
    /// Its pid.
    pub(super) pid: u32,
    /// How it ended: with 0 when it was told to, with everything done.
    pub(super) ending: Ending,
}

impl Child {
    /// Starts a child; its messages and its end arrive as events.
    pub(super) fn spawn(
        cli: &Cli,
        role: Role,
        told: &Told<'_>,
        events: mpsc::Sender<Event>,
    ) -> anyhow::Result<Self> {
        let (ours, theirs) = UnixStream::pair().context("control line")?;
        let started = command(cli, role, told)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()
            .with_context(|| format!("cannot start the {} child", role.name()))?;
        // It has not been waited for, so the pid is still its own.
        let process = Process::open(started.id()).context("the child cannot be watched")?;
        let process = Arc::new(process);
        let watched = Arc::clone(&process);
        let pid = process.id().pid;
        let (line, mut messages) = parent_line(ours.into())?;
        tokio::spawn(async move {
            while let Ok(Some(message)) = messages.recv().await {
                if events
                    .send(Event::Message(role, pid, message))
                    .await
                    .is_err()
                {
                    return;
                }
            }
            let ending = watched.ended().await;
            let exit = Exit { pid, ending };
            // The parent is gone when nobody listens.
            events.send(Event::Exited(role, exit)).await.ok();
        });
        Ok(Self { process, line })
    }

    /// The child's pid.
    pub(super) fn pid(&self) -> u32 {
        self.process.id().pid
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the child is gone, or does not read for a second.
    pub(super) async fn send(&mut self, message: ToChild) -> anyhow::Result<()> {
        match tokio::time::timeout(PATIENCE, self.line.send(message)).await {
            Ok(sent) => sent,
            Err(_) => bail!("it takes no message"),
        }
    }

    /// Sends a signal.
    pub(super) fn signal(&self, signal: Signal) {
        if let Err(error) = self.process.signal(signal) {
            log::child_unreachable(self.pid(), error);
        }
    }
}

/// The child's command line. A process group of its own keeps the terminal's Ctrl-C for the parent.
fn command(cli: &Cli, role: Role, told: &Told<'_>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0(format!("lb-{}", role.name())).process_group(0);
    for _ in 0..cli.log_detail {
        command.arg("-D");
    }
    if cli.log_console {
        command.arg("-l");
    }
    if cli.no_syslog {
        command.arg("-G");
    }
    if let Some(namespace) = &cli.namespace {
        command.args(["-s", namespace]);
    }
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    let daemon = &cli.daemon;
    if let Some(facility) = &daemon.log_facility {
        command.args(["-S", facility]);
    }
    if let Some(file) = daemon.log_file() {
        let mut option = OsString::from("--log-file=");
        option.push(file);
        command.arg(option);
    }
    if daemon.log_format == Format::Json {
        command.args(["--log-format", "json"]);
    }
    if let Some(debug) = daemon.debugged() {
        command.arg(format!("--debug={debug}"));
    }
    if daemon.address_monitoring {
        command.arg("-a");
    }
    command
        .args(["child", role.name(), "--pid-file"])
        .arg(told.pid_file);
    if let Some(pid) = told.predecessor {
        command.args(["--predecessor", &pid.to_string()]);
    }
    if let Some(instance) = told.instance {
        command.args(["--instance", instance]);
    }
    command
}

/// Ends a child that outlived its parent, where the configuration has nothing for it any more. What it did for the kernel stays.
///
/// # Errors
/// When it cannot be found or does not end.
pub(super) async fn end_orphan(run_dir: &RunDir, role: Role) -> anyhow::Result<()> {
    let Some(pid) = run_dir.holder(role)? else {
        return Ok(());
    };
    runtime::succession::end(role, run_dir, pid).await
}
