//! The source of `core`, which no BPF target ships built.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Result, anyhow};

use super::{Rustc, apt};
use crate::{step, workspace};

/// The variable by which cargo's `build-std` takes a source outside the sysroot.
pub(super) const OVERRIDE: &str = "__CARGO_TESTS_ONLY_SRC_ROOT";

/// Longest time rustup may take; without a way to its server it retries for a while.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// Returns the source's `library` folder, or `None` when the sysroot has it.
///
/// rustup is asked first; Debian's package of the same version serves where rustup is not there or
/// cannot reach its server.
pub(super) fn prepare(rustc: &Rustc) -> Result<Option<PathBuf>> {
    if let Some(library) = env::var_os(OVERRIDE) {
        return Ok(Some(library.into()));
    }
    if in_sysroot(rustc) {
        return Ok(None);
    }
    let unpacked = workspace::prepared().join(format!("rust-src-{}", rustc.release));
    let library = unpacked.join(format!("usr/src/rustc-{}/library", rustc.release));
    if is_complete(&library) {
        return Ok(Some(library));
    }
    let rustup = match from_rustup(rustc) {
        Ok(()) => return Ok(None),
        Err(error) => error,
    };
    step::say("rustup has no rust-src for us; taking Debian's package");
    match from_debian(rustc, &unpacked, &library) {
        Ok(()) => Ok(Some(library)),
        Err(debian) => Err(anyhow!(
            "the source of Rust {0}'s core library cannot be had; install it with `rustup component \
             add rust-src`, or as Debian's package rust-src {0}\n  rustup: {rustup:#}\n  Debian: \
             {debian:#}",
            rustc.release
        )),
    }
}

fn in_sysroot(rustc: &Rustc) -> bool {
    is_complete(&rustc.sysroot.join("lib/rustlib/src/rust/library"))
}

/// Tells whether `library` has what `-Z build-std=core` reads.
fn is_complete(library: &Path) -> bool {
    library.join("Cargo.lock").is_file() && library.join("core/src/lib.rs").is_file()
}

fn from_rustup(rustc: &Rustc) -> Result<()> {
    let rustup = workspace::which("rustup").ok_or_else(|| anyhow!("it is not installed"))?;
    let title = format!("rust-src {}: adding it with rustup", rustc.release);
    let mut command = Command::new(rustup);
    command
        .args(["component", "add", "rust-src"])
        .current_dir(workspace::root());
    step::run("rust-src", &title, &mut command, RUSTUP_LIMIT)?;
    if in_sysroot(rustc) {
        return Ok(());
    }
    Err(anyhow!(
        "it added rust-src to another toolchain than {}",
        rustc.sysroot.display()
    ))
}

/// Unpacks Debian's package into `unpacked`; a half-unpacked one is never taken for a whole one.
fn from_debian(rustc: &Rustc, unpacked: &Path, library: &Path) -> Result<()> {
    let package = apt::fetch("rust-src", &rustc.release)?;
    let partial = unpacked.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial)?;
    let mut command = Command::new("dpkg-deb");
    command.arg("--extract").arg(&package).arg(&partial);
    step::run(
        "dpkg-deb",
        "rust-src: unpacking",
        &mut command,
        Duration::from_secs(300),
    )?;
    let _ = fs::remove_dir_all(unpacked);
    fs::rename(&partial, unpacked)?;
    fs::remove_file(&package)?;
    if is_complete(library) {
        return Ok(());
    }
    Err(anyhow!(
        "the package has no {}",
        workspace::relative(library).display()
    ))
}
