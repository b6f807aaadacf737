//! Control groups that programs are attached to.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};

use super::KeepaliveError;
use crate::io::keepalive::cgroup::{mount, own};

/// A control group of version 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    path: PathBuf,
    id: u64,
}

impl Group {
    /// The group at a path: absolute, or below the mount point.
    ///
    /// # Errors
    /// When there is none, or no cgroup v2.
    pub fn open(path: &Path) -> Result<Self, KeepaliveError> {
        let mount = mount().map_err(|_| KeepaliveError::NoCgroup2)?;
        // Where it is absolute that alone counts.
        let full = mount.join(path);
        let is_group = statfs(&full).is_ok_and(|fs| fs.filesystem_type() == CGROUP2_SUPER_MAGIC);
        if !is_group || !full.is_dir() {
            return Err(KeepaliveError::NoGroup { path: full, mount });
        }
        let id = fs::metadata(&full)
            .map_err(KeepaliveError::file(&full))?
            .ino();
        Ok(Self { path: full, id })
    }

    /// The group that has a number, if it is there yet.
    ///
    /// # Errors
    /// When there is no cgroup v2.
    pub fn find(id: u64) -> Result<Option<Self>, KeepaliveError> {
        let mount = mount().map_err(|_| KeepaliveError::NoCgroup2)?;
        let found = search(&mount, &mut |path| {
            fs::metadata(path).is_ok_and(|metadata| metadata.ino() == id)
        });
        Ok(found.map(|path| Self { path, id }))
    }

    /// A new group below that of this process.
    ///
    /// # Errors
    /// When there is no cgroup v2, or we may not.
    pub fn make(name: &str) -> Result<Self, KeepaliveError> {
        let path = own().map_err(|_| KeepaliveError::NoCgroup2)?.join(name);
        fs::create_dir(&path).map_err(KeepaliveError::file(&path))?;
        Self::open(&path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its number, never used twice while the machine runs.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// The directory, to attach to.
    pub(super) fn directory(&self) -> Result<File, KeepaliveError> {
        File::open(&self.path).map_err(KeepaliveError::file(&self.path))
    }

    /// The file that takes processes in.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn entrance(&self) -> Result<File, KeepaliveError> {
        let path = self.path.join("cgroup.procs");
        let file = fs::OpenOptions::new().write(true).open(&path);
        file.map_err(KeepaliveError::file(&path))
    }

    /// Processes in it, and in the groups below it.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        let mut all = Vec::new();
        search(&self.path, &mut |path| {
            let text = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
            all.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
            false
        });
        all
    }

    /// Removes it; false when processes are in it.
    ///
    /// # Errors
    /// When it cannot be removed for another reason.
    pub fn remove(&self) -> Result<bool, KeepaliveError> {
        match fs::remove_dir(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Ok(false),
            Err(error) => Err(KeepaliveError::file(&self.path)(error)),
        }
    }
}

/// The first group, of this one and those below it, that is meant. Groups come and go meanwhile.
fn search(path: &Path, is_meant: &mut impl FnMut(&Path) -> bool) -> Option<PathBuf> {
    if is_meant(path) {
        return Some(path.to_owned());
    }
    let entries = fs::read_dir(path).ok()?.filter_map(Result::ok);
    let groups = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    for group in groups {
        if let Some(found) = search(&group.path(), is_meant) {
            return Some(found);
        }
    }
    None
}
