//! The body of an answer: where it ends, its digest, and the text that is looked for in it. Nothing of it is kept.

use std::sync::Arc;

use md5::{Digest as _, Md5};

use super::hex;
use crate::{
    checker::{
        ProbeError,
        dialogue::pattern::{Pattern, Search},
    },
    config::model::check::Url,
};

/// Bytes of the longest line before a chunk, or after the last.
const LONGEST_LINE: usize = 4096;

/// What ends the body.
#[derive(Debug)]
pub(super) enum Framing {
    /// So many bytes are left.
    Length(u64),
    /// Its last chunk.
    Chunked(Chunk),
    /// The end of the connection.
    Connection,
}

/// What comes next of a chunked body (RFC 9112 §7.1).
#[derive(Debug)]
pub(super) enum Chunk {
    /// The line with its size.
    Size(Vec<u8>),
    /// So many bytes, then the end of a line.
    Data(u64),
    /// The end of the line after its data.
    End(u8),
    /// Lines after the last chunk, to an empty one.
    Trailer(Vec<u8>),
}

impl Framing {
    pub(super) const fn chunked() -> Self {
        Self::Chunked(Chunk::Size(Vec::new()))
    }
}

#[derive(Debug)]
pub(super) struct Body {
    framing: Framing,
    digest: Option<Md5>,
    /// The digest of the whole body, once that is there.
    found: Option<[u8; 16]>,
    search: Option<Search>,
}

impl Body {
    pub(super) fn new(framing: Framing, url: &Url, pattern: Option<Arc<Pattern>>) -> Self {
        Self {
            framing,
            digest: url.digest.map(|_| Md5::new()),
            found: None,
            search: pattern.map(Search::new),
        }
    }

    /// Takes bytes in; whether the body is over.
    pub(super) fn handle_bytes(&mut self, url: &Url, mut bytes: &[u8]) -> Result<bool, ProbeError> {
        loop {
            let (taken, is_over) = match &mut self.framing {
                Framing::Length(left) => {
                    let taken = fitting(*left, bytes);
                    *left -= taken as u64;
                    let is_over = *left == 0;
                    self.see(url, &bytes[..taken])?;
                    return Ok(is_over);
                }
                Framing::Connection => {
                    self.see(url, bytes)?;
                    return Ok(false);
                }
                Framing::Chunked(Chunk::Data(left)) => {
                    let taken = fitting(*left, bytes);
                    *left -= taken as u64;
                    if *left == 0 {
                        self.framing = Framing::Chunked(Chunk::End(2));
                    }
                    self.see(url, &bytes[..taken])?;
                    (taken, false)
                }
                Framing::Chunked(chunk) => chunk.handle_line(bytes)?,
            };
            bytes = &bytes[taken..];
            if is_over || bytes.is_empty() {
                return Ok(is_over);
            }
        }
    }

    fn see(&mut self, url: &Url, bytes: &[u8]) -> Result<(), ProbeError> {
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        if let Some(search) = &mut self.search {
            let seen = search.handle_bytes(bytes);
            seen.map_err(|why| of(url, &why))?;
        }
        Ok(())
    }

    /// The connection has ended.
    pub(super) fn handle_end(&self) -> Result<(), ProbeError> {
        match self.framing {
            Framing::Connection => Ok(()),
            Framing::Length(left) => Err(ProbeError::because(format!(
                "the answer ends {left} bytes before its Content-Length"
            ))),
            Framing::Chunked(_) => {
                Err(ProbeError::because("the answer ends before its last chunk"))
            }
        }
    }

    /// The digest of the whole body, where one is expected.
    pub(super) const fn found(&self) -> Option<[u8; 16]> {
        self.found
    }

    /// What the whole body says.
    pub(super) fn verdict(&mut self, url: &Url) -> Result<(), ProbeError> {
        let path = &url.path;
        if let (Some(digest), Some(expected)) = (self.digest.take(), url.digest) {
            let found: [u8; 16] = digest.finalize().into();
            self.found = Some(found);
            if found != expected {
                return Err(ProbeError::because(format!(
                    "MD5 digest error: url[{path}], MD5SUM [{}]",
                    hex(found)
                )));
            }
        }
        if let (Some(search), Some(regex)) = (&mut self.search, &url.regex) {
            let is_found = search.handle_end().map_err(|why| of(url, &why))?;
            if is_found == regex.no_match {
                let what = if is_found {
                    "matches"
                } else {
                    "does not match"
                };
                return Err(ProbeError::because(format!("url({path}) {what} the regex")));
            }
        }
        Ok(())
    }
}

impl Chunk {
    /// Takes in what is no data; how many bytes, and whether the body is over.
    fn handle_line(&mut self, bytes: &[u8]) -> Result<(usize, bool), ProbeError> {
        let Some(&byte) = bytes.first() else {
            return Ok((0, false));
        };
        let illegal = || ProbeError::because("this is no chunked body");
        match self {
            Self::Data(_) => Ok((0, false)),
            Self::End(left) => {
                let expected = if *left == 2 { b'\r' } else { b'\n' };
                // A bare newline will do.
                if byte != expected && byte != b'\n' {
                    return Err(illegal());
                }
                *left -= 1;
                if *left == 0 || byte == b'\n' {
                    *self = Self::Size(Vec::new());
                }
                Ok((1, false))
            }
            Self::Size(line) => {
                line.push(byte);
                if line.len() > LONGEST_LINE {
                    return Err(illegal());
                }
                if byte == b'\n' {
                    let parsed = httparse::parse_chunk_size(line).map_err(|_| illegal())?;
                    let httparse::Status::Complete((_, size)) = parsed else {
                        return Err(illegal());
                    };
                    *self = match size {
                        0 => Self::Trailer(Vec::new()),
                        size => Self::Data(size),
                    };
                }
                Ok((1, false))
            }
            Self::Trailer(line) => {
                line.push(byte);
                if line.len() > LONGEST_LINE {
                    return Err(illegal());
                }
                let is_over = matches!(&line[..], b"\r\n" | b"\n");
                if byte == b'\n' {
                    line.clear();
                }
                Ok((1, is_over))
            }
        }
    }
}

/// What a search failed for, and where.
fn of(url: &Url, why: &str) -> ProbeError {
    ProbeError::because(format!("url({}): {why}", url.path))
}

/// How many of the bytes are among the `left` ones.
fn fitting(left: u64, bytes: &[u8]) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len())
}
