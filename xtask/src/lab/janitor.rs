//! Removes a lab when its owner ends: by drop, panic, signal or `kill -9` alike.
//!
//! A shell waits on a pipe that the owner holds. Should both be killed, the next lab finds the lock free and cleans.

use std::{
    fs,
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail};
use nix::{
    fcntl::{Flock, FlockArg},
    unistd::geteuid,
};

use super::process;
use crate::workspace;

const SCRIPT: &str = include_str!("cleanup.sh");
const LOCKS: &str = "/run/lb-lab";

/// Owns the lab's name and working directory; dropping it removes the lab.
#[derive(Debug)]
pub(super) struct Janitor {
    name: String,
    work: PathBuf,
    shell: Child,
    _lock: Flock<fs::File>,
}

impl Janitor {
    /// Claims a name of its own, `lab-<id>`, after removing labs whose owners are dead.
    pub(super) fn hire() -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);

        if !geteuid().is_root() {
            bail!("the lab makes network namespaces and needs root: start it with sudo");
        }
        fs::create_dir_all(LOCKS).with_context(|| format!("create {LOCKS}"))?;
        remove_orphans()?;
        let name = format!(
            "lab-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let work = workspace::target().join("lab").join(&name);
        let lock = claim(&name, &work)?;
        fs::create_dir_all(&work).with_context(|| format!("create {}", work.display()))?;
        let shell = script(&name, &work)
            .arg("wait")
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("start sh")?;
        Ok(Self {
            name,
            work,
            shell,
            _lock: lock,
        })
    }

    /// First part of the names of all namespaces.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Directory of the lab's files.
    pub(super) fn work(&self) -> &Path {
        &self.work
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // Late is harmless: the shell goes on by itself.
        let _late = process::wait(&mut self.shell, Duration::from_secs(10));
    }
}

/// Takes the lock that says the owner lives; its text is the working directory.
fn claim(name: &str, work: &Path) -> anyhow::Result<Flock<fs::File>> {
    let path = Path::new(LOCKS).join(name);
    let file = fs::File::create(&path).with_context(|| format!("create {}", path.display()))?;
    let mut lock = Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|(_, errno)| errno)
        .with_context(|| format!("lock {}", path.display()))?;
    lock.write_all(work.as_os_str().as_encoded_bytes())?;
    Ok(lock)
}

fn remove_orphans() -> anyhow::Result<()> {
    for entry in fs::read_dir(LOCKS).with_context(|| format!("read {LOCKS}"))? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        // A lab that is ending by itself may remove its lock meanwhile.
        let Ok(file) = fs::File::open(&path) else {
            continue;
        };
        let work = fs::read_to_string(&path).unwrap_or_default();
        if work.is_empty() || Flock::lock(file, FlockArg::LockExclusiveNonblock).is_err() {
            continue;
        }
        script(name, Path::new(&work))
            .status()
            .context("start sh")?;
    }
    Ok(())
}

fn script(name: &str, work: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", SCRIPT, "lab-janitor", name])
        .arg(work)
        .stdout(Stdio::null());
    shell
}
