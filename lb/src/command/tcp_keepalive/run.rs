//! `run`: a command in a control group of its own.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
};

use anyhow::Context as _;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

use super::groups::{complain_of, rules};
use crate::{
    cli::tcp_keepalive::RuleArguments,
    io::tcp_keepalive::{Group, Programs},
};

/// What shells say of a command that a signal ended: 128 and its number.
const SIGNALLED: i32 = 128;

/// Runs it to its end.
pub(super) fn run(arguments: &RuleArguments, command: &[OsString]) -> anyhow::Result<u8> {
    let rules = rules(arguments)?;
    let programs = Programs::default();
    let group = Group::make(&format!("lb-tcp-keepalive-{}", std::process::id()))?;
    let ended = programs
        .attach(&group, &rules)
        .map_err(anyhow::Error::from)
        .and_then(|outcome| {
            complain_of(&outcome);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .context("tokio")?;
            runtime.block_on(carry_out(&group, command))
        });
    // What it left running keeps the group and keepalive: `lb tcp-keepalive detach` is for that.
    if group.remove()? {
        programs.forget(group.id())?;
    }
    let status = ended?;
    let code = status.code();
    let code = code.unwrap_or_else(|| SIGNALLED + status.signal().unwrap_or_default());
    Ok(u8::try_from(code).unwrap_or(u8::MAX))
}

async fn carry_out(group: &Group, command: &[OsString]) -> anyhow::Result<ExitStatus> {
    let [program, arguments @ ..] = command else {
        anyhow::bail!("no command to run");
    };
    let child = start(group, program, arguments)
        .with_context(|| format!("cannot run {}", program.display()))?;
    wait(child).await
}

fn start(group: &Group, program: &OsString, arguments: &[OsString]) -> io::Result<Child> {
    let entrance = group.entrance().map_err(io::Error::other)?;
    let mut command = Command::new(program);
    command.args(arguments);
    let enter = move || (&entrance).write_all(b"0");
    // SAFETY: between fork and exec it only writes to a descriptor.
    unsafe { command.pre_exec(enter) };
    command.spawn()
}

/// Waits for its end, and hands on what is said to us meanwhile; a terminal tells it itself.
async fn wait(mut child: Child) -> anyhow::Result<ExitStatus> {
    let catch = |kind| signal(kind).context("signals");
    let mut terminate = catch(SignalKind::terminate())?;
    let mut hangup = catch(SignalKind::hangup())?;
    let mut interrupt = catch(SignalKind::interrupt())?;
    let mut quit = catch(SignalKind::quit())?;
    loop {
        let said = tokio::select! {
            ended = child.wait() => return ended.context("cannot wait for the command"),
            _ = terminate.recv() => Some(Signal::SIGTERM),
            _ = hangup.recv() => Some(Signal::SIGHUP),
            _ = interrupt.recv() => None,
            _ = quit.recv() => None,
        };
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        if let (Some(said), Some(pid)) = (said, pid) {
            // It may just have ended.
            kill(Pid::from_raw(pid), said).ok();
        }
    }
}
