//! Keys of `auth_hmac` that are kept in files.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
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
    #[error("auth_hmac: key {id}: {path}: {source}")]
    Unreadable {
        /// The key's id.
        id: u8,
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// Others than its owner may read or change the file.
    #[error("auth_hmac: key {id}: others may read or change {path}: chmod 600 it")]
    Exposed {
        /// The key's id.
        id: u8,
        /// The file.
        path: String,
    },
    /// What is there is no key.
    #[error("auth_hmac: key {id}: {source}")]
    NoKey {
        /// The key's id.
        id: u8,
        /// Why not.
        source: KeyError,
    },
}

/// The keys of an instance, as far as there are any, and why the others are missing.
#[must_use]
pub fn load(hmac: &Hmac) -> (Keys, Vec<Error>) {
    let (mut keys, mut errors) = (Keys::new(), Vec::new());
    for key in &hmac.keys {
        let id = key.id;
        let found = match (Key::of(&key.source), &key.source) {
            (Some(given), _) => given.map_err(|source| Error::NoKey { id, source }),
            (None, KeySource::File(path)) => read(id, path),
            (None, KeySource::Text(_) | KeySource::Hex(_)) => continue,
        };
        match found {
            Ok(found) => drop(keys.insert(id, found)),
            Err(error) => errors.push(error),
        }
    }
    (keys, errors)
}

/// A key alone on the first line, as text or after `hex:`.
fn read(id: u8, path: &str) -> Result<Key, Error> {
    let unreadable = |source| Error::Unreadable {
        id,
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    // Of the file that is open: another one may have its name a moment later.
    let permissions = file.metadata().map_err(unreadable)?.permissions();
    if permissions.mode() & OTHERS != 0 {
        return Err(Error::Exposed {
            id,
            path: path.to_owned(),
        });
    }
    let mut bytes = Vec::new();
    file.take(FILE_MAX)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    Key::parse(line.trim_ascii_end()).map_err(|source| Error::NoKey { id, source })
}

#[cfg(test)]
mod tests;
