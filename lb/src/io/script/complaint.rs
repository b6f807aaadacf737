//! The last line that a program wrote to its standard error.

use std::{
    convert::Infallible,
    io::{self, PipeWriter},
    os::fd::OwnedFd,
};

use tokio::net::unix::pipe::Receiver;

/// Bytes kept of a line.
const LINE: usize = 256;
/// Bytes taken after the program's end: what fits into a pipe, so that one who still writes cannot hold us.
const REST: usize = 64 * 1024;

/// The reading end of a program's standard error.
#[derive(Debug)]
pub(super) struct Complaint {
    pipe: Receiver,
    line: LastLine,
    open: bool,
}

impl Complaint {
    /// A pipe, and the end for the program.
    pub(super) fn new() -> io::Result<(Self, PipeWriter)> {
        let (read, write) = io::pipe()?;
        let complaint = Self {
            pipe: Receiver::from_owned_fd(OwnedFd::from(read))?,
            line: LastLine::default(),
            open: true,
        };
        Ok((complaint, write))
    }

    /// Takes what the program says, so that a full pipe never stops it. Does not return. Safe to cancel.
    pub(super) async fn listen(&mut self) -> Infallible {
        self.drain().await;
        std::future::pending().await
    }

    async fn drain(&mut self) {
        while self.open {
            if self.pipe.readable().await.is_err() || self.take().is_err() {
                self.open = false;
            }
        }
    }

    /// What waits, once; an error at the end.
    fn take(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 4096];
        match self.pipe.try_read(&mut buffer) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                self.line.push(&buffer[..length]);
                Ok(length)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// The last line of a program that has ended. Nobody is waited for: who inherited the pipe may keep it, and is read
    /// on into nothing, because a closed pipe would end a daemon at its next word.
    pub(super) fn finish(mut self) -> Option<String> {
        let mut rest = 0;
        while self.open && rest < REST {
            match self.take() {
                Ok(0) => break,
                Ok(length) => rest += length,
                Err(_) => self.open = false,
            }
        }
        let line = std::mem::take(&mut self.line).end();
        if self.open {
            tokio::spawn(async move { self.drain().await });
        }
        line
    }
}

/// The last line with something in it, however long the text.
#[derive(Debug, Default)]
pub(super) struct LastLine {
    last: Vec<u8>,
    current: Vec<u8>,
}

impl LastLine {
    /// Goes on.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match part.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (part, false),
            };
            let room = LINE.saturating_sub(self.current.len());
            self.current.extend(text.iter().take(room));
            if ended {
                self.turn();
            }
        }
    }

    fn turn(&mut self) {
        if !self.current.trim_ascii().is_empty() {
            std::mem::swap(&mut self.last, &mut self.current);
        }
        self.current.clear();
    }

    /// The line as text for the log: what is not text is replaced.
    pub(super) fn end(mut self) -> Option<String> {
        self.turn();
        let text = String::from_utf8_lossy(&self.last);
        let text = text.replace(char::is_control, " ");
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}
