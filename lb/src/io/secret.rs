//! Secrets in files that nobody but their owner may read.

use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
};

/// Permissions of others than the owner.
const OTHERS: u32 = 0o077;
/// Bytes of a file that are looked at: `hex:`, 64 bytes as digits, and the end of the line; a longer line is no secret.
const FILE_MAX: u64 = 256;

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// Others than its owner may read or change the file.
    #[error("others may read or change {0}: chmod 600 it")]
    Exposed(String),
}

/// The first line of a file without what ends it, or as much of it as a secret may have.
///
/// # Errors
/// When it cannot be read, or others than its owner could have read it.
pub fn first_line(path: &str) -> Result<Vec<u8>, Error> {
    let unreadable = |source| Error::Unreadable {
        path: path.to_owned(),
        source,
    };
    // A pipe would keep the opening waiting for its writer.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(path).map_err(unreadable)?;
    // Of the file that is open: another one may have its name a moment later.
    let permissions = file.metadata().map_err(unreadable)?.permissions();
    if permissions.mode() & OTHERS != 0 {
        return Err(Error::Exposed(path.to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(FILE_MAX)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    let end = bytes.iter().position(|byte| *byte == b'\n');
    bytes.truncate(end.unwrap_or(bytes.len()));
    Ok(bytes)
}
