//! A session of a [`Router`](super::Router) as JSON lines: what it was fed, when, and what it wanted.
//!
//! ```text
//! {"begin":{"format":1,"version":"0.1.0","time":1700000000,"outputs":true}}
//! {"input":{"at":1000,"input":{"link":{"interface":"eth0","state":null}}}}   at: ns since the beginning
//! {"output":{"set_gate":{"instance":0,"gate":"pass"}}}
//! {"output":null}                                                           asked, and there was no more
//! ```

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{input::Input, output::Output, redaction::Redaction};

/// The form of the lines.
pub const FORMAT: u32 = 1;

/// Bytes a recording may have.
pub const LIMIT: u64 = 64 << 20;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record<I, O> {
    /// A router without instances.
    Begin(Begin),
    /// What it was fed.
    Input {
        /// When: nanoseconds since the beginning. What was under way then may be from before it.
        at: i64,
        /// What.
        input: I,
    },
    /// What it wanted when it was asked.
    Output(Option<O>),
}

/// Where a recording comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// [`FORMAT`].
    pub format: u32,
    /// Of this program.
    pub version: String,
    /// Seconds since 1970.
    pub time: u64,
    /// Whether it has outputs; one written by hand need not.
    #[serde(default)]
    pub outputs: bool,
}

/// Why a recording has ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// It has no room for more.
    #[error("it has grown to {} MiB", LIMIT >> 20)]
    Full,
    /// A value has no JSON form.
    #[error("a value has no JSON form")]
    Unwritable,
}

/// Writes a session down.
#[derive(Debug)]
pub(super) struct Recorder {
    begun: Instant,
    /// Bytes it may write yet.
    room: u64,
    lines: Vec<u8>,
    redaction: Redaction,
    /// Nothing was fed since there was no more output.
    drained: bool,
    ended: Option<Ended>,
}

impl Recorder {
    pub(super) fn new(time: Duration, room: u64, now: Instant) -> Self {
        let mut recorder = Self {
            begun: now,
            room,
            lines: Vec::new(),
            redaction: Redaction::default(),
            drained: false,
            ended: None,
        };
        recorder.write(&Record::<(), ()>::Begin(Begin {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            time: time.as_secs(),
            outputs: true,
        }));
        recorder
    }

    pub(super) fn input(&mut self, input: &Input<'_>, now: Instant) {
        let at = match now.checked_duration_since(self.begun) {
            Some(after) => nanoseconds(after),
            None => -nanoseconds(self.begun.saturating_duration_since(now)),
        };
        let input = self.redaction.input(input);
        self.drained = false;
        self.write(&Record::<_, ()>::Input {
            at,
            input: input.as_ref(),
        });
    }

    pub(super) fn output(&mut self, output: Option<&Output>) {
        if self.drained && output.is_none() {
            return;
        }
        self.drained = output.is_none();
        let output = output.map(|output| self.redaction.output(output));
        self.write(&Record::<(), _>::Output(output.as_deref()));
    }

    /// The lines since the last call.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.lines)
    }

    pub(super) const fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// A line is written whole, or the recording ends before it.
    fn write<I: Serialize, O: Serialize>(&mut self, record: &Record<I, O>) {
        if self.ended.is_some() {
            return;
        }
        let before = self.lines.len();
        let written = serde_json::to_writer(&mut self.lines, record);
        self.lines.push(b'\n');
        let length = u64::try_from(self.lines.len() - before).unwrap_or(u64::MAX);
        match (written, self.room.checked_sub(length)) {
            (Ok(()), Some(room)) => self.room = room,
            (Ok(()), None) => self.end(before, Ended::Full),
            (Err(_), _) => self.end(before, Ended::Unwritable),
        }
    }

    fn end(&mut self, length: usize, why: Ended) {
        self.lines.truncate(length);
        self.ended = Some(why);
    }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}
