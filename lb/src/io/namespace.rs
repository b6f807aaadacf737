//! Network namespaces by name, as `ip netns` keeps them.

use std::{fs::File, path::Path};

use anyhow::{Context, bail};
use nix::sched::{CloneFlags, setns};

/// Where `ip netns` keeps the names (iproute2 `NETNS_RUN_DIR`).
const NAMES: &str = "/run/netns";

/// Moves this process into the named network namespace. Call before any thread is started.
///
/// # Errors
/// When the name is not a plain file name, does not exist, or permission is missing.
pub fn enter(name: &str) -> anyhow::Result<()> {
    if name.is_empty() || name.contains('/') || name == "." || name == ".." {
        bail!("{name:?} is not the name of a network namespace");
    }
    let path = Path::new(NAMES).join(name);
    let file = File::open(&path)
        .with_context(|| format!("there is no network namespace {name} ({})", path.display()))?;
    setns(file, CloneFlags::CLONE_NEWNET)
        .with_context(|| format!("cannot enter the network namespace {name}"))
}
