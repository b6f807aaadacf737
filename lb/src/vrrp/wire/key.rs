//! Keys of `auth_hmac`.

use std::{collections::BTreeMap, fmt};

use crate::config::model::vrrp::KeySource;

/// Legal lengths of a key, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 32..=64;

/// Keys by id.
pub type Keys = BTreeMap<u8, Key>;

/// A secret that routers share; no log and no debugger shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Vec<u8>);

/// Why something is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Too short or too long.
    #[error("a key has 32 to 64 bytes, not {0}")]
    Length(usize),
    /// No hexadecimal digits, or an odd number of them.
    #[error("hex: is followed by an even number of hexadecimal digits")]
    Digits,
}

impl Key {
    /// A key of 32 to 64 bytes.
    ///
    /// # Errors
    /// With another length.
    pub fn new(bytes: Vec<u8>) -> Result<Self, KeyError> {
        if LENGTHS.contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(KeyError::Length(bytes.len()))
        }
    }

    /// A key as text, or after `hex:` as digits: what the word of the configuration says, and what a file holds.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &[u8]) -> Result<Self, KeyError> {
        match text.strip_prefix(b"hex:") {
            Some(digits) => Self::from_digits(digits),
            None => Self::new(text.to_vec()),
        }
    }

    /// A key that the configuration itself gives; `None` for one in a file.
    ///
    /// # Errors
    /// When it is no key.
    pub fn of(source: &KeySource) -> Option<Result<Self, KeyError>> {
        match source {
            KeySource::Text(text) => Some(Self::new(text.expose().as_bytes().to_vec())),
            KeySource::Hex(digits) => Some(Self::from_digits(digits.expose().as_bytes())),
            KeySource::File(_) => None,
        }
    }

    fn from_digits(digits: &[u8]) -> Result<Self, KeyError> {
        let value = |digit: &u8| {
            char::from(*digit)
                .to_digit(16)
                .and_then(|v| u8::try_from(v).ok())
        };
        let (pairs, rest) = digits.as_chunks::<2>();
        let bytes = pairs
            .iter()
            .map(|[high, low]| Some(value(high)? << 4 | value(low)?));
        let bytes: Option<Vec<u8>> = bytes.collect();
        match bytes {
            Some(bytes) if rest.is_empty() => Self::new(bytes),
            _ => Err(KeyError::Digits),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}
