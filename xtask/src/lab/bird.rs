//! BIRD, in a director's namespace.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use super::process;

/// Where it keeps its socket: paths of sockets are short.
const DIRECTORY: &str = "/run/lb-bird";

/// The command that runs it on a configuration.
pub(super) fn command(namespace: &str, config: &Path) -> anyhow::Result<Command> {
    fs::create_dir_all(DIRECTORY).with_context(|| format!("create {DIRECTORY}"))?;
    let mut command = process::tool("bird");
    command
        .arg("-f")
        .arg("-c")
        .arg(config)
        .arg("-s")
        .arg(socket(namespace));
    Ok(command)
}

/// Where it listens for `birdc`.
pub(super) fn socket(namespace: &str) -> PathBuf {
    Path::new(DIRECTORY).join(namespace).with_extension("ctl")
}
