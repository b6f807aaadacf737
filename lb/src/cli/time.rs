//! Times on the command line.

use std::time::Duration;

use thiserror::Error;

/// Why a word is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum TimeError {
    /// Not a number and a unit.
    #[error("a whole number, with s, m or h after it or nothing: 90s, 5m, 1h")]
    Words,
    /// Nothing at all.
    #[error("at least a second")]
    Zero,
    /// More than there is.
    #[error("too long; leave it out for no end")]
    TooLong,
}

/// A time of at least a second: `90s`, `5m`, `1h`, or seconds alone.
pub(super) fn parse(word: &str) -> Result<Duration, TimeError> {
    let units = [('s', 1), ('m', 60), ('h', 3600)];
    let mut units = units.into_iter();
    let with_unit = units.find_map(|(unit, length)| Some((word.strip_suffix(unit)?, length)));
    let (digits, length) = with_unit.unwrap_or((word, 1));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TimeError::Words);
    }
    let number: u64 = digits.parse().map_err(|_| TimeError::TooLong)?;
    match number.checked_mul(length) {
        Some(0) => Err(TimeError::Zero),
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => Err(TimeError::TooLong),
    }
}
