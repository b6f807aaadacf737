//! The file of a recording (`vrrp_record`), written by a thread of its own: a disk that hangs must not delay an advert.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    sync::mpsc::{self, Receiver, SyncSender, TrySendError},
    thread,
    time::Duration,
};

use nix::unistd::geteuid;

/// Only its owner reads it: it says who runs what here.
const PRIVATE: u32 = 0o600;
/// Chunks that wait for the disk; with more the recording ends.
const BACKLOG: usize = 16;
/// How long the end of a process waits for the disk.
const PATIENCE: Duration = Duration::from_secs(1);
/// Memory of the thread's stack, which `mlockall` keeps resident.
const STACK: usize = 64 * 1024;

/// Why a recording cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The file cannot be opened or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// It is a directory, a FIFO or a device.
    #[error("it is not a plain file")]
    NoFile,
    /// Somebody else could read it, or has prepared it.
    #[error("it is there already, and others own it or may read it: remove it")]
    NotPrivate,
    /// The disk takes less than is said.
    #[error("the disk is too slow")]
    Slow,
}

/// A file that grows.
#[derive(Debug)]
pub struct Recording {
    chunks: Option<SyncSender<Vec<u8>>>,
    end: Receiver<io::Result<()>>,
}

impl Recording {
    /// Opens a file to write at its end, and makes it where it is missing; returns its length by now as well. Links are not
    /// followed.
    ///
    /// # Errors
    /// When it cannot be opened, or is not a plain file that is its owner's alone.
    pub fn open(path: &Path) -> Result<(Self, u64), Failed> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(PRIVATE)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(Failed::NoFile);
        }
        let mode = found.permissions().mode();
        if found.uid() != geteuid().as_raw() || mode & 0o077 != 0 {
            return Err(Failed::NotPrivate);
        }
        let (chunks, take) = mpsc::sync_channel(BACKLOG);
        let (tell, end) = mpsc::sync_channel(1);
        thread::Builder::new()
            .name("lb-record".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                // Where nobody listens any more, nobody wants to know.
                let _ = tell.send(write(file, &take));
            })?;
        let mut recording = Self {
            chunks: Some(chunks),
            end,
        };
        let mut length = found.len();
        if length > 0 {
            // What was there may have ended within a line.
            recording.write(b"\n".to_vec())?;
            length += 1;
        }
        Ok((recording, length))
    }

    /// Hands lines over; never waits.
    ///
    /// # Errors
    /// When they, or lines before them, cannot be written.
    pub fn write(&mut self, lines: Vec<u8>) -> Result<(), Failed> {
        if let Ok(end) = self.end.try_recv() {
            end?;
        }
        let Some(chunks) = self.chunks.as_ref().filter(|_| !lines.is_empty()) else {
            return Ok(());
        };
        match chunks.try_send(lines) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Failed::Slow),
            Err(TrySendError::Disconnected(_)) => Ok(()),
        }
    }

    /// Waits until everything is written, a second at most.
    ///
    /// # Errors
    /// When it is not.
    pub fn finish(mut self) -> Result<(), Failed> {
        self.chunks = None;
        match self.end.recv_timeout(PATIENCE) {
            Ok(end) => Ok(end?),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(Failed::Slow),
            Err(mpsc::RecvTimeoutError::Disconnected) => Ok(()),
        }
    }
}

/// Writes until nothing more can come.
fn write(mut file: File, chunks: &Receiver<Vec<u8>>) -> io::Result<()> {
    chunks.iter().try_for_each(|chunk| file.write_all(&chunk))
}

#[cfg(test)]
mod tests;
