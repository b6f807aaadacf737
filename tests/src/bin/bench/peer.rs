//! The two programs that are measured beside each other.

use std::{path::PathBuf, process::Command};

use anyhow::Context as _;
use xtask::lab::Daemon;

/// Where Debian keeps root's programs, and the others.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The `lb` that `LB_BINARY` names; without it, the one beside this binary.
///
/// # Errors
/// When it is not there.
pub(crate) fn lb_binary() -> anyhow::Result<PathBuf> {
    let lb = match std::env::var_os("LB_BINARY") {
        Some(path) => PathBuf::from(path),
        None => std::env::current_exe()?.with_file_name("lb"),
    };
    lb.canonicalize()
        .with_context(|| format!("find {}: build it with `cargo xtask build`", lb.display()))
}

/// A daemon's name in messages of progress.
pub(crate) const fn name(daemon: &Daemon) -> &'static str {
    match daemon {
        Daemon::Lb { .. } => "lb",
        Daemon::Keepalived | Daemon::KeepalivedCheckers => "keepalived",
        Daemon::Frr | Daemon::FrrBfd => "FRR",
        Daemon::Bird => "BIRD",
    }
}

/// Debian's keepalived, to be given arguments.
pub(crate) fn keepalived() -> Command {
    let mut command = Command::new("keepalived");
    command.env("PATH", PATH);
    command
}

/// `keepalived-2.2.7`, from `Keepalived v2.2.7 (01/16,2022)` on stderr.
///
/// # Errors
/// When it is not installed or tells no version.
pub(crate) fn keepalived_name() -> anyhow::Result<String> {
    let output = keepalived()
        .arg("--version")
        .output()
        .context("start keepalived")?;
    let text = String::from_utf8_lossy(&output.stderr);
    let version = text
        .split_once(" v")
        .and_then(|(_, rest)| rest.split(' ').next());
    let version = version.context("keepalived tells no version")?;
    Ok(format!("keepalived-{version}"))
}
