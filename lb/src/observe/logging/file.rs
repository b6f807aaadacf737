//! A log file, which may be moved away while it is written.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::PathBuf,
};

use nix::{fcntl::OFlag, unistd::geteuid};

use crate::command::complain;

/// The file, open as long as it is the one at its path.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: Option<File>,
    /// Somebody was told that it cannot be written.
    told: bool,
}

impl LogFile {
    /// Opened at once, because a process may not be allowed to later; what is in the way is told with the first line.
    pub(super) fn new(path: PathBuf) -> Self {
        let mut log = Self {
            path,
            file: None,
            told: false,
        };
        log.file = log.open().ok();
        log
    }

    /// Adds a line, and leaves nothing of it in this process.
    pub(super) fn write(&mut self, line: &str) {
        match self.try_write(line) {
            Ok(()) => self.told = false,
            Err(error) => {
                self.file = None;
                if !std::mem::replace(&mut self.told, true) {
                    complain(&format!(
                        "lb: {}: nothing is logged there: {error}",
                        self.path.display()
                    ));
                }
            }
        }
    }

    fn try_write(&mut self, line: &str) -> io::Result<()> {
        if !self.is_there() {
            match (self.open(), &self.file) {
                (Ok(file), _) => self.file = Some(file),
                // What was moved away is better than nothing.
                (Err(_), Some(_)) => {}
                (Err(error), None) => return Err(error),
            }
        }
        match &mut self.file {
            Some(file) => file.write_all(format!("{line}\n").as_bytes()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Whether what is open is what the path leads to: logrotate(8) moves files away.
    fn is_there(&self) -> bool {
        let open = self.file.as_ref().map(File::metadata);
        let (Some(Ok(open)), Ok(there)) = (open, fs::symlink_metadata(&self.path)) else {
            return false;
        };
        (open.dev(), open.ino()) == (there.dev(), there.ino())
    }

    /// Its directory may be everybody's, so nothing is followed and nobody else's file is taken.
    fn open(&self) -> io::Result<File> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
            .open(&self.path)?;
        let it = file.metadata()?;
        if !it.is_file() || it.uid() != geteuid().as_raw() {
            return Err(io::Error::other("it is not a file of this user"));
        }
        Ok(file)
    }
}
