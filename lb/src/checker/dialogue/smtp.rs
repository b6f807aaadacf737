//! `SMTP_CHECK`: 220, HELO, 250, QUIT, 221 (RFC 5321). A reply may have several lines, which keepalived refuses.

use super::{Dialogue, Progress};
use crate::checker::{Answer, ProbeError, ProbeResult};

/// Bytes of the longest reply; RFC 5321 §4.5.3.1.5 has 512 for a line.
const LONGEST: usize = 4096;

/// What was said last.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Nothing.
    Banner,
    Helo,
    Quit,
}

/// A dialogue under way.
#[derive(Debug)]
pub struct Smtp {
    helo_name: String,
    stage: Stage,
    received: Vec<u8>,
}

impl Smtp {
    /// One that says it is `helo_name`.
    #[must_use]
    pub fn new(helo_name: &str) -> Self {
        Self {
            helo_name: helo_name.to_owned(),
            stage: Stage::Banner,
            received: Vec::new(),
        }
    }

    fn handle_reply(&mut self, code: &str) -> Progress {
        let (expected, after) = match self.stage {
            Stage::Banner => ("220", "connecting"),
            Stage::Helo => ("250", "HELO"),
            Stage::Quit => ("221", "QUIT"),
        };
        if code != expected {
            let why = format!("status {code} after {after} instead of {expected}");
            return Progress::Done(Err(ProbeError::because(why)));
        }
        match self.stage {
            Stage::Banner => {
                self.stage = Stage::Helo;
                Progress::Send(format!("HELO {}\r\n", self.helo_name).into_bytes())
            }
            Stage::Helo => {
                self.stage = Stage::Quit;
                Progress::Send(b"QUIT\r\n".to_vec())
            }
            Stage::Quit => Progress::Done(Ok(Answer::Well)),
        }
    }
}

impl Dialogue for Smtp {
    fn start(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn handle_bytes(&mut self, bytes: &[u8]) -> Progress {
        self.received.extend_from_slice(bytes);
        while let Some(end) = memchr::memchr(b'\n', &self.received) {
            let line: Vec<u8> = self.received.drain(..=end).collect();
            let Some((code, rest)) = line.split_at_checked(3) else {
                return Progress::Done(Err(no_reply()));
            };
            let code = std::str::from_utf8(code).unwrap_or_default();
            if !code.bytes().all(|byte| byte.is_ascii_digit()) || code.is_empty() {
                return Progress::Done(Err(no_reply()));
            }
            match rest.first() {
                // More lines follow.
                Some(b'-') => {}
                // What comes before we have spoken is not asked for.
                Some(b' ' | b'\r' | b'\n') => {
                    self.received.clear();
                    return self.handle_reply(code);
                }
                _ => return Progress::Done(Err(no_reply())),
            }
        }
        if self.received.len() > LONGEST {
            return Progress::Done(Err(ProbeError::because("a reply without end")));
        }
        Progress::Wait
    }

    fn handle_end(&mut self, _is_clean: bool) -> ProbeResult {
        match self.stage {
            // It was told to.
            Stage::Quit => Ok(Answer::Well),
            Stage::Banner | Stage::Helo => {
                Err(ProbeError::because("connection closed by the server"))
            }
        }
    }
}

fn no_reply() -> ProbeError {
    ProbeError::because("this is no reply of SMTP")
}
