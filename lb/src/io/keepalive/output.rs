//! Where processes write: a file each, or journald.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::{
        fd::OwnedFd,
        unix::{
            fs::{DirBuilderExt as _, OpenOptionsExt as _},
            net::UnixStream,
        },
    },
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;

use super::Places;

/// Where journald takes the output of services.
const JOURNAL: &str = "/run/systemd/journal/stdout";
/// Syslog's level for lines without one: informational.
const PRIORITY: u8 = 6;

/// A file that gets its name when the process has its pid.
#[derive(Debug)]
pub struct Unnamed {
    now: PathBuf,
    basename: String,
}

impl Places {
    /// A file for the output of a process to be; `mark` tells it from others until it has a pid.
    ///
    /// # Errors
    /// When the system does not let us, or has no room.
    pub(super) fn output(&self, basename: &str, mark: &str) -> io::Result<(File, Unnamed)> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(&self.logs)?;
        let now = self.logs.join(format!(".{basename}.{mark}"));
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o640)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&now)?;
        let unnamed = Unnamed {
            now,
            basename: basename.to_owned(),
        };
        Ok((file, unnamed))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(super) fn name_output(&self, unnamed: &Unnamed, pid: u32) -> io::Result<()> {
        fs::rename(&unnamed.now, self.output_path(&unnamed.basename, pid))
    }

    /// Removes the output of a process.
    pub fn remove_output(&self, basename: &str, pid: u32) {
        // Nothing to be done about one that somebody else removed.
        fs::remove_file(self.output_path(basename, pid)).ok();
    }

    /// Removes the output of every process that runs no more, and what never got a name.
    pub fn remove_unused_output(&self) {
        let entries = fs::read_dir(&self.logs).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let pid = name.rsplit_once('.').and_then(|(_, pid)| pid.parse().ok());
            let is_used = match pid {
                _ if name.starts_with('.') => false,
                Some(pid) => runs(pid),
                None => true,
            };
            if !is_used {
                // As above.
                fs::remove_file(entry.path()).ok();
            }
        }
    }

    fn output_path(&self, basename: &str, pid: u32) -> PathBuf {
        self.logs.join(format!("{basename}.{pid}"))
    }
}

impl Unnamed {
    /// Removes the file of a process that never came to be.
    pub(super) fn remove(self) {
        // As above.
        fs::remove_file(self.now).ok();
    }
}

/// One that has ended and was not waited for has no program.
fn runs(pid: u32) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}

/// A stream into journald, whose entries have this identifier.
///
/// # Errors
/// Where there is no journald.
pub(super) fn journal(name: &str) -> io::Result<OwnedFd> {
    journal_at(Path::new(JOURNAL), name)
}

/// The head of a stream (systemd's `journald-stream.c`): identifier, unit, priority, whether lines may begin with a level,
/// and whether to forward to syslog, to the kernel and to the console.
pub(super) fn journal_at(path: &Path, name: &str) -> io::Result<OwnedFd> {
    let mut stream = UnixStream::connect(path)?;
    write!(stream, "{name}\n\n{PRIORITY}\n1\n0\n0\n0\n")?;
    Ok(stream.into())
}
