//! cargo-deny: found, or built once.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::Result;

use crate::{build, step, workspace};

const VERSION: &str = "0.20.2";

const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// Longest time the download of the advisory database may take.
const FETCH_LIMIT: Duration = Duration::from_secs(60);

/// Checks the dependencies against `deny.toml`; advisories only where their database can be had.
pub(super) fn check() -> Result<()> {
    let deny = prepare()?;
    run(Command::new(&deny).args([
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]))?;
    let mut fetch = Command::new(&deny);
    fetch.args(["fetch", "db"]).current_dir(workspace::root());
    match step::run(
        "advisories",
        "advisories: fetching the database",
        &mut fetch,
        FETCH_LIMIT,
    ) {
        Ok(()) => run(Command::new(&deny).args(["check", "--disable-fetch", "advisories"])),
        Err(_) => {
            step::say("advisories: not checked, their database cannot be reached from here");
            Ok(())
        }
    }
}

fn run(command: &mut Command) -> Result<()> {
    build::succeed(command.current_dir(workspace::root()), "cargo-deny")
}

fn prepare() -> Result<PathBuf> {
    let folder = workspace::prepared();
    let built = folder.join("bin/cargo-deny");
    if works(&built) {
        return Ok(built);
    }
    if let Some(found) = workspace::which("cargo-deny") {
        return Ok(found);
    }
    let target = folder.join("build-deny");
    let mut command = workspace::cargo();
    command
        .args([
            "install",
            "cargo-deny",
            "--version",
            VERSION,
            "--locked",
            "--force",
            "--debug",
        ])
        .arg("--root")
        .arg(&folder)
        .arg("--target-dir")
        .arg(&target)
        // A tool that runs for a second: quick to build matters, quick to run does not.
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    let title = format!("cargo-deny {VERSION}: building (once, a few minutes)");
    step::run("cargo-deny", &title, &mut command, BUILD_LIMIT)?;
    fs::remove_dir_all(target)?;
    Ok(built)
}

fn works(deny: &PathBuf) -> bool {
    let version = Command::new(deny)
        .arg("--version")
        .stderr(Stdio::null())
        .output();
    version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(VERSION))
}
