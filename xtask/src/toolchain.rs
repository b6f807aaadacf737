//! Prepares what the eBPF build needs beyond a stable toolchain: the source of `core` and bpf-linker.

mod apt;
mod linker;
mod rust_src;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// The compiler that builds the workspace, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rustc {
    /// Such as `1.95.0`.
    release: String,
    /// Commit of the compiler; tools linked with its LLVM are good for this one only.
    commit: String,
    /// Major version of its LLVM.
    llvm: u32,
    sysroot: PathBuf,
}

impl Rustc {
    /// Asks the compiler on `PATH`, which is the one of `rust-toolchain.toml` under rustup.
    fn detect() -> Result<Self> {
        let version = Self::ask(&["-vV"])?;
        let sysroot = Self::ask(&["--print", "sysroot"])?;
        Self::parse(&version, Path::new(sysroot.trim()))
            .with_context(|| format!("`rustc -vV` says nothing we understand:\n{version}"))
    }

    /// Reads the output of `rustc -vV`.
    fn parse(version: &str, sysroot: &Path) -> Option<Self> {
        let field = |name: &str| {
            version
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        Some(Self {
            release: field("release")?.to_owned(),
            commit: field("commit-hash")?.to_owned(),
            llvm: field("LLVM version")?.split('.').next()?.parse().ok()?,
            sysroot: sysroot.to_owned(),
        })
    }

    /// Returns a command that runs this compiler.
    fn command() -> Command {
        Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
    }

    fn ask(arguments: &[&str]) -> Result<String> {
        let output = Self::command()
            .args(arguments)
            .current_dir(crate::workspace::root())
            .output()
            .context("cannot start rustc; install Rust with rustup")?;
        if !output.status.success() {
            bail!("`rustc {}` failed", arguments.join(" "));
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// Everything the eBPF build needs, ready to use.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// Source of the standard library when it is not in the sysroot.
    library: Option<PathBuf>,
    /// The folder of bpf-linker.
    linker: PathBuf,
}

impl Toolchain {
    /// Finds what is there and fetches or builds what is not; says so in one line each.
    ///
    /// # Errors
    /// Says what cannot be had and what to install by hand.
    pub fn prepare() -> Result<Self> {
        let rustc = Rustc::detect()?;
        Ok(Self {
            library: rust_src::prepare(&rustc)?,
            linker: linker::prepare(&rustc)?,
        })
    }

    /// Makes `command`, a cargo, find the source of `core` and bpf-linker.
    pub fn apply(&self, command: &mut Command) {
        if let Some(library) = &self.library {
            // The only way to tell cargo's `build-std` of a source outside the sysroot.
            command.env(rust_src::OVERRIDE, library);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = [self.linker.clone()]
            .into_iter()
            .chain(env::split_paths(&path));
        if let Ok(path) = env::join_paths(folders) {
            command.env("PATH", path);
        }
    }
}

#[cfg(test)]
mod tests;
