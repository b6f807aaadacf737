//! A control group for each registered process: whatever it starts is found and ended there.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use crate::io::process;

/// The group of a daemon, below the one it is in itself, with a leaf for each registration.
#[derive(Clone, Debug)]
pub struct Cgroups {
    root: PathBuf,
}

impl Cgroups {
    /// The group for the daemon with this tag; empty leaves of earlier ones are removed.
    ///
    /// # Errors
    /// Where there is no cgroup v2, or none that we may write.
    pub fn open(tag: &str) -> io::Result<Self> {
        let root = own()?.join(format!("keepalive.{tag}"));
        make(&root)?;
        let cgroups = Self { root };
        cgroups.remove_empty()?;
        Ok(cgroups)
    }

    /// The file that takes a process into the leaf of this name, which is made.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn enter(&self, leaf: u64) -> io::Result<File> {
        let path = self.leaf(leaf);
        make(&path)?;
        OpenOptions::new()
            .write(true)
            .open(path.join("cgroup.procs"))
    }

    /// The processes in a leaf.
    #[must_use]
    pub fn members(&self, leaf: u64) -> Vec<u32> {
        let text = fs::read_to_string(self.leaf(leaf).join("cgroup.procs"));
        let text = text.unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Ends everything in a leaf.
    pub fn kill(&self, leaf: u64) {
        let path = self.leaf(leaf);
        // Before Linux 5.14 there is no such file.
        if fs::write(path.join("cgroup.kill"), "1").is_ok() {
            return;
        }
        process::kill(self.members(leaf), |pid| self.members(leaf).contains(&pid));
    }

    /// Removes a leaf; tells whether it is gone. One with processes stays.
    #[must_use]
    pub fn remove(&self, leaf: u64) -> bool {
        match fs::remove_dir(self.leaf(leaf)) {
            Ok(()) => true,
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    }

    /// Removes leaves without processes, and the whole if none has any.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn remove_empty(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                // One with processes stays.
                fs::remove_dir(entry.path()).ok();
            }
        }
        Ok(())
    }

    /// Removes the group itself when it has no leaf left.
    pub fn close(&self) {
        // Nothing to be done about one that has.
        self.remove_empty().ok();
        fs::remove_dir(&self.root).ok();
    }

    fn leaf(&self, leaf: u64) -> PathBuf {
        self.root.join(leaf.to_string())
    }
}

/// Makes a group that may be there already.
fn make(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The group of this process.
///
/// # Errors
/// Where there is no cgroup v2.
pub fn own() -> io::Result<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup")?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"));
    Ok(mount()?.join(own.ok_or(ErrorKind::NotFound)?))
}

/// Where cgroup v2 is mounted.
///
/// # Errors
/// When it is not.
pub fn mount() -> io::Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let path = mounts.lines().find_map(|line| {
        let (before, behind) = line.split_once(" - ")?;
        let is_cgroup2 = behind.split(' ').next() == Some("cgroup2");
        is_cgroup2.then(|| before.split(' ').nth(4)).flatten()
    });
    path.map(|path| Path::new(path).to_owned())
        .ok_or_else(|| ErrorKind::NotFound.into())
}
