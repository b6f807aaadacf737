//! A FIFO that events are written to, a line each.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io,
    os::{
        fd::AsRawFd,
        unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    sys::stat::Mode,
    unistd::{Gid, Uid, fchown, geteuid, mkfifo},
};
use thiserror::Error;
use tokio::net::unix::pipe::Sender;

use crate::{
    config::model::global::Owner,
    io::script::{Rights, Unknown},
    observe::log,
};

/// Lines kept while the FIFO is full, beside the 64 KiB in it.
const BACKLOG: usize = 1024;

/// A FIFO cannot be used.
#[derive(Debug, Error)]
pub(super) enum FifoError {
    /// Something else has its name.
    #[error("it is no FIFO: remove it, or name another path")]
    NoFifo,
    /// Somebody else made it.
    #[error(
        "it belongs to user {0}, who could read what is written: remove it, or name that user as its owner"
    )]
    Foreign(u32),
    /// Nobody to give it to.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Errno> for FifoError {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}

/// An open FIFO. We are a reader as well as a writer of it (O_RDWR, as keepalived), so a line can be written, and
/// waits in the kernel, before anybody reads.
#[derive(Debug)]
pub(super) struct Fifo {
    path: PathBuf,
    pipe: Sender,
    /// Device and inode of the FIFO we made, which we remove again.
    made: Option<(u64, u64)>,
    backlog: VecDeque<String>,
    /// Lines lost since the FIFO became full.
    lost: u64,
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let there = std::fs::symlink_metadata(&self.path).ok();
        let there = there.map(|data| (data.dev(), data.ino()));
        if self.made.is_some() && there == self.made {
            // Somebody was faster.
            let _gone = std::fs::remove_file(&self.path);
        }
    }
}

impl Fifo {
    /// Opens a FIFO, and makes it when there is none: for its owner alone (mode 0600, as keepalived, also with a group).
    /// Nothing is opened that is no FIFO, nothing through a symbolic link, and nothing that somebody else put where
    /// everybody can.
    ///
    /// # Errors
    /// When the path is taken by something else, or the system refuses.
    pub(super) fn open(
        path: &str,
        owner: Option<&Owner>,
        rights: &mut Rights,
    ) -> Result<Self, FifoError> {
        let identity = owner
            .map(|owner| rights.identity(Some(owner)))
            .transpose()?;
        let made = match mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(()) => true,
            Err(Errno::EEXIST) => false,
            Err(errno) => return Err(errno.into()),
        };
        // A name only: nothing happens to what it stands for, whatever it is.
        let named = OpenOptions::new()
            .read(true)
            .custom_flags((OFlag::O_PATH | OFlag::O_NOFOLLOW).bits())
            .open(path)?;
        let data = named.metadata()?;
        if !data.file_type().is_fifo() {
            return Err(FifoError::NoFifo);
        }
        let expected = identity.map(|identity| identity.uid);
        let trusted = [0, geteuid().as_raw()];
        let known = trusted.contains(&data.uid()) || Some(data.uid()) == expected;
        if !known && everybody_writes_beside(path)? {
            return Err(FifoError::Foreign(data.uid()));
        }
        let pipe = open_named(&named)?;
        if made && let Some(identity) = identity {
            let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
            fchown(&pipe, Some(uid), Some(gid))?;
        }
        Ok(Self {
            path: path.into(),
            pipe: Sender::from_file(pipe)?,
            made: made.then_some((data.dev(), data.ino())),
            backlog: VecDeque::new(),
            lost: 0,
        })
    }

    /// Writes a line at once if there is room, else keeps it until there is. A line longer than PIPE_BUF, which there is
    /// none of, would not be written whole.
    pub(super) fn write(&mut self, line: &str) {
        if self.backlog.is_empty() {
            match nix::unistd::write(&self.pipe, line.as_bytes()) {
                Ok(_) => return,
                Err(Errno::EAGAIN) => {}
                Err(errno) => return log::fifo_failed(&self.shown(), &errno),
            }
        }
        if self.backlog.len() >= BACKLOG {
            self.backlog.pop_front();
            if self.lost == 0 {
                log::fifo_full(&self.shown(), BACKLOG);
            }
            self.lost += 1;
        }
        self.backlog.push_back(line.to_owned());
    }

    /// Writes the lines that wait; returns when none is left, and does not return where there was none. Safe to cancel.
    pub(super) async fn flush(&mut self) {
        if self.backlog.is_empty() {
            return std::future::pending().await;
        }
        while let Some(line) = self.backlog.front() {
            let written = match self.pipe.writable().await {
                Ok(()) => self.pipe.try_write(line.as_bytes()),
                Err(error) => Err(error),
            };
            match written {
                Ok(_) => {
                    self.backlog.pop_front();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    log::fifo_failed(&self.shown(), &error);
                    self.backlog.clear();
                }
            }
        }
        if self.lost > 0 {
            log::fifo_flows(&self.shown(), self.lost);
            self.lost = 0;
        }
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }
}

/// Whether the directory of a path is one like /tmp.
fn everybody_writes_beside(path: &str) -> io::Result<bool> {
    let directory = Path::new(path).parent().unwrap_or(Path::new("."));
    Ok(std::fs::metadata(directory)?.mode() & 0o002 != 0)
}

/// Opens for reading and writing what a descriptor names.
fn open_named(named: &File) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(format!("/proc/self/fd/{}", named.as_raw_fd()))
}
