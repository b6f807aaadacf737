//! Keys of `auth_hmac` that are kept in files.

use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
};

use crate::{
    config::model::vrrp::{Hmac, KeySource},
    vrrp::wire::{Key, KeyError, Keys},
};

/// Permissions of others than the owner.
const OTHERS: u32 = 0o077;
/// `hex:`, 64 bytes as digits, and the end of the line; more is no key.
const FILE_MAX: u64 = 256;

/// Why there is no key.
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
    /// What is there is no key.
    #[error("{0}")]
    NoKey(#[from] KeyError),
}

/// The keys of an instance, as far as there are any, and by their ids why the others are missing.
#[must_use]
pub fn load(hmac: &Hmac) -> (Keys, Vec<(u8, Error)>) {
    let (mut keys, mut errors) = (Keys::new(), Vec::new());
    for key in &hmac.keys {
        let found = match (Key::of(&key.source), &key.source) {
            (Some(given), _) => given.map_err(Error::from),
            (None, KeySource::File(path)) => read(path),
            (None, KeySource::Text(_) | KeySource::Hex(_)) => continue,
        };
        match found {
            Ok(found) => drop(keys.insert(key.id, found)),
            Err(error) => errors.push((key.id, error)),
        }
    }
    (keys, errors)
}

/// A key alone on the first line of a file, as text or after `hex:`.
///
/// # Errors
/// When there is none, or others than the owner could have read it.
pub fn read(path: &str) -> Result<Key, Error> {
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
    let line = bytes.split(|byte| *byte == b'\n').next();
    Ok(Key::parse(line.unwrap_or_default().trim_ascii_end())?)
}

#[cfg(test)]
mod tests;
