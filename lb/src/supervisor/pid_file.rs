//! PID files where keepalived has them, for service managers and scripts. That only one daemon uses a run directory is
//! the business of the locks there; these are locked too, so that two daemons do not share a name.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::AsFd as _,
        unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    libc,
};

use super::RunDir;
use crate::{
    cli::{Role, daemon::DaemonArguments},
    config::model::process::ProcessOptions,
    io::file,
};

/// Where they are.
const BASE: &str = "/run";
/// The directory for more than one daemon (`use_pid_dir`).
const DIRECTORY: &str = "keepalived";
/// Times that a file may be replaced while it is taken, or be seen with another process.
const TRIES: usize = 10;
/// Time between two of the latter.
const PAUSE: Duration = Duration::from_millis(10);

/// Where the processes of a daemon have their PID files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PidPaths {
    parent: PathBuf,
    children: [(Role, PathBuf); 3],
    /// Directories that go with the last file, the inner one first.
    made: Vec<PathBuf>,
}

impl PidPaths {
    /// `/run/keepalived.pid`, `/run/vrrp.pid` and so on; with `use_pid_dir`, `instance` or a namespace
    /// `/run/keepalived[/NAMESPACE]/vrrp[_INSTANCE].pid`; or what the command line names.
    #[must_use]
    pub fn of(given: &DaemonArguments, process: &ProcessOptions, namespace: Option<&str>) -> Self {
        let instance = process.instance.as_deref();
        let mut directory = PathBuf::from(BASE);
        let mut made = Vec::new();
        if process.use_pid_dir || instance.is_some() || namespace.is_some() {
            for part in [Some(DIRECTORY), namespace].into_iter().flatten() {
                directory.push(part);
                made.insert(0, directory.clone());
            }
        }
        let path = |given: &Option<PathBuf>, name: &str| {
            let suffix = instance.map_or(String::new(), |instance| format!("_{instance}"));
            let own = || directory.join(format!("{name}{suffix}.pid"));
            given.clone().unwrap_or_else(own)
        };
        Self {
            parent: path(&given.pid, "keepalived"),
            children: [
                (Role::Vrrp, path(&given.vrrp_pid, "vrrp")),
                (Role::Checkers, path(&given.checkers_pid, "checkers")),
                (Role::Bfd, path(&given.bfd_pid, "bfd")),
            ],
            made,
        }
    }

    /// The child's.
    pub(super) fn child(&self, role: Role) -> &Path {
        let own = self.children.iter().find(|(of, _)| *of == role);
        own.map_or(&self.parent, |(_, path)| path)
    }

    /// Makes the directory and takes the parent's file.
    ///
    /// # Errors
    /// When another daemon runs with this file, or it cannot be written.
    pub(super) fn take(&self) -> anyhow::Result<PidFile> {
        for directory in self.made.iter().rev() {
            let made = fs::DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(directory);
            made.with_context(|| directory.display().to_string())?;
        }
        PidFile::take(&self.parent)
    }

    /// Sees that nobody has the children's files but children that an earlier daemon left. A process that has just been killed may have
    /// its own for a moment.
    ///
    /// # Errors
    /// When a child of another daemon has one.
    pub(super) async fn are_free(&self, run_dir: &RunDir) -> anyhow::Result<()> {
        for (role, path) in &self.children {
            let mut tries = 0;
            while let Some(holder) = holder(path)? {
                if run_dir
                    .holder(*role)?
                    .is_some_and(|left| Holder::Pid(left) == holder)
                {
                    break;
                }
                if tries == TRIES {
                    bail!("{}: another daemon has it, {holder}", path.display());
                }
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Removes the file that a dead child left.
    pub(super) fn clear(&self, role: Role) {
        let path = self.child(role);
        if matches!(holder(path), Ok(None)) {
            fs::remove_file(path).ok();
        }
    }

    /// Removes the directories when nobody has a file in them.
    pub(super) fn leave(&self) {
        for directory in &self.made {
            fs::remove_dir(directory).ok();
        }
    }
}

/// A PID file, locked and there for as long as this lives.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    file: File,
}

impl PidFile {
    /// Writes this process's number to the file at `path`; what a dead process left there is replaced.
    ///
    /// # Errors
    /// When a living process has it, or it cannot be written.
    pub fn take(path: &Path) -> anyhow::Result<Self> {
        for _ in 0..TRIES {
            let file = file::open_locked(path).with_context(|| path.display().to_string())?;
            if !lock(&file)? {
                bail!("{}: already running with {}", path.display(), who(&file));
            }
            if !is_at(&file, path) {
                // Whoever had it has just removed it.
                continue;
            }
            if let Some(pid) = keepalived(&file) {
                bail!("{}: keepalived is running with pid {pid}", path.display());
            }
            file::write_pid(&file).with_context(|| path.display().to_string())?;
            let path = path.to_owned();
            return Ok(Self { path, file });
        }
        bail!("{}: others replace it all the time", path.display())
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if is_at(&self.file, &self.path) {
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Who has the file at `path`, if anybody has.
fn holder(path: &Path) -> anyhow::Result<Option<Holder>> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.with_context(|| path.display().to_string())?,
    };
    if !lock(&file)? {
        return Ok(Some(who(&file)));
    }
    Ok(keepalived(&file).map(Holder::Pid))
}

/// Locks the open file, as keepalived 2.4 does, so that each sees the other; tells whether it could.
fn lock(file: &File) -> io::Result<bool> {
    let whole = libc::flock {
        l_type: libc::F_WRLCK.try_into().unwrap_or_default(),
        l_whence: libc::SEEK_SET.try_into().unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    match fcntl(file.as_fd(), FcntlArg::F_OFD_SETLK(&whole)) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether the path leads to this file.
fn is_at(file: &File, path: &Path) -> bool {
    let both = file
        .metadata()
        .and_then(|it| Ok((it, fs::symlink_metadata(path)?)));
    both.is_ok_and(|(it, there)| (it.dev(), it.ino()) == (there.dev(), there.ino()))
}

fn who(file: &File) -> Holder {
    file::pid(file).map_or(Holder::Unwritten, Holder::Pid)
}

/// Who has a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Pid(u32),
    Unwritten,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "pid {pid}"),
            Self::Unwritten => f.write_str("a pid that is not written yet"),
        }
    }
}

/// The keepalived that has this file: before 2.4 it locks none, and asks whether the process is there.
fn keepalived(file: &File) -> Option<u32> {
    let pid = file::pid(file).filter(|pid| *pid != std::process::id())?;
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let ours = fs::read_link("/proc/self/exe").ok();
    let is_keepalived = program.file_name().is_some_and(|name| name == "keepalived");
    (is_keepalived && ours.as_ref() != Some(&program)).then_some(pid)
}

#[cfg(test)]
mod tests;
