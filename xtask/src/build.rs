//! Builds the eBPF objects and the daemon that embeds them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{toolchain::Toolchain, workspace};

/// How the daemon is built; the eBPF object always has its own profile, `bpf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build.
    Dev,
    /// Quick to run.
    Release,
}

impl Profile {
    /// Returns the name of the profile's folder below the target directory.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// What every build for this machine selects: cargo unites the features of the packages it is given, so nothing is built
/// twice for another choice of packages.
pub const PACKAGES: [&str; 4] = [
    "--package=lb",
    "--package=lb-common",
    "--package=tests",
    "--package=xtask",
];

/// Returns where [`ebpf`] puts the object of the data plane; that of the programs for sockets is beside it.
#[must_use]
pub fn object() -> PathBuf {
    workspace::target().join("ebpf/lb.o")
}

/// Prepares the toolchain and builds the eBPF objects; returns the path of the data plane's.
///
/// # Errors
/// Says what the toolchain lacks, or that the build failed after cargo has said why.
pub fn ebpf() -> Result<PathBuf> {
    let toolchain = Toolchain::prepare()?;
    succeed(
        &mut bpf_cargo(&toolchain, "build"),
        "the build of the eBPF programs",
    )?;
    let built = workspace::target().join("ebpf/bpfel-unknown-none/bpf");
    copy_if_changed(&built.join("lb-ebpf"), &object())?;
    let sockets = object().with_file_name("lb-tcp-keepalive.o");
    copy_if_changed(&built.join("lb-tcp-keepalive"), &sockets)?;
    Ok(object())
}

/// Returns the cargo command that applies `verb` (`build`, `clippy`) to the eBPF crate on its target.
#[must_use]
pub fn bpf_cargo(toolchain: &Toolchain, verb: &str) -> Command {
    let mut command = workspace::cargo();
    toolchain.apply(&mut command);
    // `core` comes from source because no BPF target is distributed; that option and the BTF of
    // maps need the bootstrap switch on a stable compiler.
    command
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-C debuginfo=2 -C link-arg=--btf")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .arg(verb)
        .args([
            "--package",
            "lb-ebpf",
            "--profile",
            "bpf",
            "-Z",
            "build-std=core",
        ])
        .args(["--target", "bpfel-unknown-none", "--target-dir"])
        .arg(workspace::target().join("ebpf"));
    command
}

/// Builds the eBPF object, then the daemon; returns the daemon's path.
///
/// # Errors
/// As [`ebpf`].
pub fn lb(profile: Profile) -> Result<PathBuf> {
    Ok(programs(profile, &["lb"])?.join("lb"))
}

/// Builds the eBPF object, then the programs of these names; returns the directory they are in.
///
/// # Errors
/// As [`ebpf`].
pub fn programs(profile: Profile, names: &[&str]) -> Result<PathBuf> {
    ebpf()?;
    let mut command = workspace::cargo();
    command.arg("build").args(PACKAGES);
    command.args(names.iter().map(|name| format!("--bin={name}")));
    if profile == Profile::Release {
        command.arg("--release");
    }
    succeed(&mut command, "the build")?;
    Ok(workspace::target().join(profile.folder()))
}

/// Runs `command` with our standard streams; `what` is the subject of the error.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub fn succeed(command: &mut Command, what: &str) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{what} failed");
    }
    Ok(())
}

/// Copies `from` to `to` unless they are equal, so that what embeds the object is not built again.
fn copy_if_changed(from: &Path, to: &Path) -> Result<()> {
    let new = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    fs::write(to, new).with_context(|| format!("cannot write {}", to.display()))
}
