//! Where things are.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Returns the workspace's root directory.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is a folder of the workspace")
}

/// Returns cargo's target directory: `CARGO_TARGET_DIR`, or `target` below the root.
#[must_use]
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Returns the directory of everything that is prepared once: sources, tools, logs.
#[must_use]
pub fn prepared() -> PathBuf {
    target().join("toolchain")
}

/// Returns `path` as seen from the root, for messages.
#[must_use]
pub fn relative(path: &Path) -> &Path {
    path.strip_prefix(root()).unwrap_or(path)
}

/// Returns a command that runs the cargo that runs us, in the root.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Finds `program` on `PATH` or where Debian keeps root's programs.
#[must_use]
pub fn which(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file())
}
