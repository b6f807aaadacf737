//! Files that are there whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use nix::fcntl::OFlag;

/// Gives the file at `path` this content, by way of one beside it that takes its place.
///
/// # Errors
/// When the system does not let us, or has no room; what was there before is there still.
pub fn replace(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let new = path.with_extension("new");
    let replaced = fs::write(&new, content).and_then(|()| fs::rename(&new, path));
    if replaced.is_err() {
        // Half of it must not stay, and may not be there.
        fs::remove_file(&new).ok();
    }
    replaced
}

/// Makes an empty file at `path`, or empties the one that is there; a link is not followed.
///
/// # Errors
/// When the system does not let us.
pub fn mark(path: &Path) -> io::Result<()> {
    let mut open = OpenOptions::new();
    open.write(true).create(true).truncate(true).mode(0o644);
    open.custom_flags(OFlag::O_NOFOLLOW.bits()).open(path)?;
    Ok(())
}

/// Opens a file that a process keeps locked, with its pid in it; it is made where it is missing, and a link is not followed.
///
/// # Errors
/// When the system does not let us.
pub fn open_locked(path: &Path) -> io::Result<File> {
    let mut open = OpenOptions::new();
    open.read(true).write(true).create(true).truncate(false);
    open.mode(0o644)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)
}

/// The same where nothing can be written; only a file that is there.
///
/// # Errors
/// When the system does not let us.
pub fn open_read_only(path: &Path) -> io::Result<File> {
    let mut open = OpenOptions::new();
    open.read(true)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)
}

/// The pid in such a file; `None` as long as none is written.
#[must_use]
pub fn pid(mut file: &File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Writes the pid of this process into such a file.
///
/// # Errors
/// When there is no room.
pub fn write_pid(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// Removes the file at `path`; that it is not there is as well.
///
/// # Errors
/// When the system does not let us.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
