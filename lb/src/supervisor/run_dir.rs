//! Where a daemon keeps what must be found by others: `/run/lb`, or a directory below it for a namespace and an instance.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use nix::fcntl::{Flock, FlockArg};

use crate::{
    cli::Role,
    io::{file, xdp::Pins},
    observe::log,
};

/// Base of every run directory.
const BASE: &str = "/run/lb";

/// The daemon's run directory; mode 0700, because the control socket in it is for root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
    pins: Pins,
}

/// A file of the run directory that is locked for as long as this lives: it tells whose turn it is to write
/// what is kept and pinned here. PID files for others are where keepalived has them.
#[derive(Debug)]
pub struct Tenure {
    _lock: Flock<File>,
}

impl RunDir {
    /// The run directory of a daemon: `/run/lb` of the host's only one, `/run/lb/NAMESPACE` in a namespace, and
    /// `/run/lb/[NAMESPACE]:INSTANCE` of one among several (`instance`). Pins have the same name.
    #[must_use]
    pub fn of(namespace: Option<&str>, instance: Option<&str>) -> Self {
        let namespace = namespace.unwrap_or_default();
        let name = match instance {
            // Neither a path nor, for the BPF file system, a dot.
            Some(instance) => format!("{namespace}:{}", instance.replace(['/', '.'], "%")),
            None => namespace.to_owned(),
        };
        if name.is_empty() {
            return Self {
                path: BASE.into(),
                pins: Pins::default(),
            };
        }
        Self {
            path: Path::new(BASE).join(&name),
            pins: Pins::of_daemon(&name),
        }
    }

    /// The part of it that is the keepalive daemon's.
    #[must_use]
    pub fn keepalive(&self) -> Self {
        Self::at(&self.path.join("keepalive"))
    }

    /// A directory of an operator's choice.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            pins: Pins::default(),
        }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the directory.
    ///
    /// # Errors
    /// Without permission.
    pub fn create(&self) -> anyhow::Result<()> {
        let made = fs::create_dir_all(&self.path)
            .and_then(|()| fs::set_permissions(&self.path, Permissions::from_mode(0o700)));
        made.with_context(|| format!("{}: cannot make the run directory", self.path.display()))
    }

    /// Where the maps are pinned.
    #[must_use]
    pub fn pins(&self) -> &Pins {
        &self.pins
    }

    /// Path of the file for what settings of the kernel were before.
    #[must_use]
    pub(super) fn settings(&self) -> PathBuf {
        self.path.join("settings.json")
    }

    /// The same for those that the parent changes.
    #[must_use]
    pub(super) fn parent_settings(&self) -> PathBuf {
        self.path.join("parent-settings.json")
    }

    /// Path of the control socket.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    /// Path of the socket where the bfd child tells of its sessions.
    #[must_use]
    pub fn session_feed(&self) -> PathBuf {
        self.path.join("bfd.sock")
    }

    /// Path of the file with what the next bfd child should know of the sessions that are Up.
    #[must_use]
    pub fn session_memory(&self) -> PathBuf {
        self.path.join("bfd.json")
    }

    /// It is the parent's turn.
    ///
    /// # Errors
    /// When another daemon has it.
    pub(super) fn lock_parent(&self) -> anyhow::Result<Tenure> {
        self.lock("lb")
    }

    /// It is a child's turn.
    ///
    /// # Errors
    /// When another child has it.
    pub fn lock_child(&self, role: Role) -> anyhow::Result<Tenure> {
        self.lock(role.name())
    }

    /// It is the keepalive daemon's turn.
    ///
    /// # Errors
    /// When another keepalive daemon has it.
    pub fn lock_keepalive(&self) -> anyhow::Result<Tenure> {
        self.lock("keepalive")
    }

    fn lock(&self, name: &str) -> anyhow::Result<Tenure> {
        let path = self.pid_path(name);
        match try_lock(&path)? {
            Ok(Held {
                lock,
                is_read_only: true,
            }) => {
                log::pid_not_written(&path);
                Ok(Tenure { _lock: lock })
            }
            Ok(Held { lock, .. }) => {
                file::write_pid(&lock).with_context(|| path.display().to_string())?;
                Ok(Tenure { _lock: lock })
            }
            Err(file) => {
                let pid = file::pid(&file).map_or("?".to_owned(), |pid| pid.to_string());
                bail!("{}: already running with pid {pid}", path.display())
            }
        }
    }

    /// Whose turn a child's is.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn holder(&self, role: Role) -> anyhow::Result<Option<u32>> {
        let path = self.pid_path(role.name());
        match try_lock(&path)? {
            Ok(_free) => Ok(None),
            Err(file) => {
                let pid = file::pid(&file)
                    .with_context(|| format!("{}: locked, but has no pid", path.display()))?;
                // One that could not write has left the number of another.
                if !is_child(pid, role) {
                    bail!("{}: locked, but not by pid {pid}", path.display());
                }
                Ok(Some(pid))
            }
        }
    }

    fn pid_path(&self, name: &str) -> PathBuf {
        self.path.join(name).with_extension("pid")
    }
}

/// A file that is locked now.
struct Held {
    lock: Flock<File>,
    is_read_only: bool,
}

/// Locks the file at `path`; or it is somebody else's. One that is there is locked even where nothing can be written any more.
fn try_lock(path: &Path) -> anyhow::Result<Result<Held, File>> {
    let (file, is_read_only) = match file::open_locked(path) {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            (file::open_read_only(path), true)
        }
        opened => (opened, false),
    };
    let file = file.with_context(|| path.display().to_string())?;
    let locked = Flock::lock(file, FlockArg::LockExclusiveNonblock);
    let held = locked.map(|lock| Held { lock, is_read_only });
    Ok(held.map_err(|(file, _)| file))
}

/// Whether the process is a child of this role, by its command line.
fn is_child(pid: u32, role: Role) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    words
        .windows(2)
        .any(|pair| pair == [b"child", role.name().as_bytes()])
}
