//! The number in a tracked file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use crate::{config::model::track::InitialContent, track::output::Reading};

/// Bytes of a file that are looked at.
const LIMIT: u64 = 128;
/// Permissions of a file that is made.
const MODE: u32 = 0o644;

/// What tells one state of a file from another; `None` where there is none.
pub(super) type Stamp = Option<(u64, u64, u64, i64, i64)>;

/// The state a path is in now, without opening it.
pub(super) fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    Some((
        found.dev(),
        found.ino(),
        found.size(),
        found.mtime(),
        found.mtime_nsec(),
    ))
}

/// Reads the number. Only regular files are opened: a pipe or a device could wait, or act.
pub(super) fn read(path: &Path) -> Reading {
    match text(path) {
        Ok(text) => parse(&text),
        Err(error) if is_missing(&error) => Reading::Missing,
        Err(error) => Reading::Unreadable(error.to_string()),
    }
}

fn text(path: &Path) -> io::Result<Vec<u8>> {
    refuse_special(&fs::metadata(path)?)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    refuse_special(&file.metadata()?)?;
    let mut text = Vec::new();
    file.take(LIMIT).read_to_end(&mut text)?;
    Ok(text)
}

fn refuse_special(found: &fs::Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    Err(io::Error::new(
        ErrorKind::InvalidInput,
        "not a regular file",
    ))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The number that a text starts with, as strtol(3) with base 0 reads it, which is what keepalived does: blanks, a sign,
/// then octal after `0`, hexadecimal after `0x`, else decimal; what follows does not matter, and no number is 0.
#[must_use]
pub fn parse(text: &[u8]) -> Reading {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let start = text.iter().position(|byte| !is_blank(byte));
    let mut rest = start.map_or(&[][..], |start| &text[start..]);
    let mut is_negative = false;
    if let [sign @ (b'+' | b'-'), after @ ..] = rest {
        is_negative = *sign == b'-';
        rest = after;
    }
    let (radix, digits) = match rest {
        [b'0', b'x' | b'X', after @ ..] if after.first().is_some_and(u8::is_ascii_hexdigit) => {
            (16, after)
        }
        [b'0', after @ ..] => (8, after),
        _ => (10, rest),
    };
    let digits = digits
        .iter()
        .map_while(|byte| char::from(*byte).to_digit(radix));
    let number = digits.fold(0_i64, |number, digit| {
        let number = number.saturating_mul(i64::from(radix));
        number.saturating_add(i64::from(digit))
    });
    let number = if is_negative { -number } else { number };
    i32::try_from(number).map_or(Reading::TooLarge, Reading::Number)
}

/// Writes the first content as `init_file` asks: where there is no file, or over one. A symbolic link is not followed.
///
/// # Errors
/// When it cannot be written.
pub(super) fn initialise(path: &Path, content: InitialContent) -> io::Result<()> {
    let text = format!("{}\n", content.value);
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(path);
    match made {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Err(_) if !content.overwrite => Ok(()),
        Err(_) => overwrite(path, &text),
    }
}

/// Keeps the file itself, so that its owner can still write it.
fn overwrite(path: &Path, text: &str) -> io::Result<()> {
    refuse_special(&fs::symlink_metadata(path)?)?;
    let mut file: File = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW)
        .open(path)?;
    refuse_special(&file.metadata()?)?;
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}
