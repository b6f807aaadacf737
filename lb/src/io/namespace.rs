//! Network namespaces by name, as `ip netns` keeps them.

use std::{
    fs::File,
    panic,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context, bail};
use caps::{CapSet, Capability};
use nix::sched::{CloneFlags, setns};

use crate::config::model::process::IpvsNamespace;

/// Where `ip netns` keeps the names (iproute2 `NETNS_RUN_DIR`).
const NAMES: &str = "/run/netns";
/// That of process 1, which is the host's.
const FIRST: &str = "/proc/1/ns/net";
/// Memory of the stack of a thread that is elsewhere, which `mlockall` keeps resident.
const STACK: usize = 256 * 1024;

/// Moves this process into the named network namespace. Call before any thread is started.
///
/// # Errors
/// When the name is not a plain file name, does not exist, or permission is missing.
pub fn enter(name: &str) -> anyhow::Result<()> {
    join(name, &path(name)?)
}

/// Does something in the network namespace that IPVS is in: this process's own without `net_namespace_ipvs`, else on a thread of its own,
/// which may be there although the process gave up the right to (`CAP_SYS_ADMIN`, still permitted). Sockets that it opens and programs that
/// it starts stay there.
///
/// # Errors
/// When there is no such namespace, or permission is missing.
pub fn with_ipvs<T: Send>(
    namespace: Option<&IpvsNamespace>,
    what: impl FnOnce() -> T + Send,
) -> anyhow::Result<T> {
    let (name, path) = match namespace {
        None => return Ok(what()),
        Some(IpvsNamespace::Default) => ("of process 1", PathBuf::from(FIRST)),
        Some(IpvsNamespace::Named(name)) => (name.as_str(), path(name)?),
    };
    let there = || {
        caps::raise(None, CapSet::Effective, Capability::CAP_SYS_ADMIN)
            .context("cannot enter a network namespace")?;
        join(name, &path)?;
        Ok(what())
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("ipvs-namespace".to_owned())
            .stack_size(STACK);
        let thread = thread.spawn_scoped(scope, there)?;
        let ended = thread.join();
        ended.unwrap_or_else(|panicked| panic::resume_unwind(panicked))
    })
}

fn path(name: &str) -> anyhow::Result<PathBuf> {
    if name.is_empty() || name.contains('/') || name == "." || name == ".." {
        bail!("{name:?} is not the name of a network namespace");
    }
    Ok(Path::new(NAMES).join(name))
}

/// Moves this thread.
fn join(name: &str, path: &Path) -> anyhow::Result<()> {
    let file = File::open(path)
        .with_context(|| format!("there is no network namespace {name} ({})", path.display()))?;
    setns(file, CloneFlags::CLONE_NEWNET)
        .with_context(|| format!("cannot enter the network namespace {name}"))
}
