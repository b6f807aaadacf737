//! Files that anybody expects under a known name in a directory that anybody may write to.
//!
//! A new file is made beside it under a name that nobody can know before, and takes its place when it is whole. So no link is followed, nothing is
//! written into what somebody else has put there, and who reads finds the old one or the new one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use nix::{fcntl::OFlag, unistd::geteuid};

/// Where files go: `$TMPDIR` where that is a directory, else `/tmp`.
#[must_use]
pub fn folder() -> PathBuf {
    let given = std::env::var_os("TMPDIR").map(PathBuf::from);
    let given = given.filter(|path| path.is_absolute() && path.is_dir());
    given.unwrap_or_else(|| "/tmp".into())
}

/// Gives the file at `path` this content and the mode 0600.
///
/// # Errors
/// When there is no such directory, no room, or no permission, or when something else than a file of ours is there. What was there is there still.
pub fn publish(path: &Path, content: &str) -> io::Result<()> {
    refuse_foreign(path)?;
    let (new, file) = beside(path)?;
    let done = fill(file, content).and_then(|()| fs::rename(&new, path));
    if done.is_err() {
        // Half of it must not stay.
        fs::remove_file(&new).ok();
    }
    done
}

/// What somebody else has put there is not ours to take away.
fn refuse_foreign(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.is_file() {
        return Err(io::Error::other(
            "something that is no file is there; remove it",
        ));
    }
    if found.uid() != geteuid().as_raw() {
        let text = format!("a file of user {} is there; remove it", found.uid());
        return Err(io::Error::other(text));
    }
    Ok(())
}

/// A new file in the same directory.
fn beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let mut open = OpenOptions::new();
    open.write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits());
    loop {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let new = path.with_file_name(format!(".{name}.{:016x}", fastrand::u64(..)));
        match open.open(&new) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (new, file)),
        }
    }
}

/// Nothing waits for the disk: who has asked reads within milliseconds, and after a crash asks again.
fn fill(mut file: File, content: &str) -> io::Result<()> {
    file.write_all(content.as_bytes())
}

#[cfg(test)]
mod tests;
