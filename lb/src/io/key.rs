//! Keys of `auth_hmac` that are kept in files.

use crate::{
    config::model::vrrp::{Hmac, KeySource},
    io::secret,
    vrrp::wire::{Key, KeyError, Keys},
};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such file for us alone.
    #[error(transparent)]
    File(#[from] secret::Error),
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
    let line = secret::first_line(path)?;
    Ok(Key::parse(line.trim_ascii_end())?)
}

#[cfg(test)]
mod tests;
