//! Feeds a [recording](super::record) to a router without a past, and compares what it wants with what was recorded.

mod plausible;
mod sentence;

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use self::sentence::sentence;
use super::{
    Router,
    input::Input,
    output::{InstanceId, Output},
    record::{Begin, FORMAT, Record},
};

/// Why a line cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It is no line of a recording, or one of another version of this program.
    #[error("this is not a line of a recording: {0}")]
    NoRecord(serde_json::Error),
    /// Nothing says where the recording begins.
    #[error("a recording begins with a line \"begin\"")]
    NoBeginning,
    /// A form of a later version.
    #[error("format {0} is unknown, this program reads {FORMAT}")]
    Format(u32),
    /// A value that no configuration has.
    #[error("{0} is longer than 100 years")]
    Implausible(&'static str),
}

/// Something to tell of a replay; it displays as a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A recording begins.
    Begin(Begin),
    /// The router is fed.
    Input {
        /// Nanoseconds since the recording began.
        at: i64,
        /// With what, as in the recording.
        input: String,
    },
    /// The router wants something.
    Output {
        /// Nanoseconds since the recording began.
        at: i64,
        /// What.
        what: String,
        /// Whether it did when the recording was made.
        how: Agreement,
    },
}

/// Whether a router decides as it did when the recording was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// It does, or nothing was recorded.
    Same,
    /// It wanted this then, and does not now.
    OnlyThen,
    /// It wants this now, and did not then.
    OnlyNow,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, at, what) = match self {
            Self::Begin(Begin { version, time, .. }) => {
                return write!(f, "recorded by lb {version}, {time} s after 1970");
            }
            Self::Input { at, input } => ('>', at, input),
            Self::Output { at, what, how } => match how {
                Agreement::Same => (' ', at, what),
                Agreement::OnlyThen => ('-', at, what),
                Agreement::OnlyNow => ('+', at, what),
            },
        };
        let sign = if *at < 0 { "-" } else { "" };
        let time = Duration::from_nanos(at.unsigned_abs());
        let (seconds, micros) = (time.as_secs(), time.subsec_micros());
        write!(f, "{mark} {sign}{seconds}.{micros:06} {what}")
    }
}

/// A replay under way.
#[derive(Debug)]
pub struct Replay {
    /// Where its clock begins.
    origin: Instant,
    router: Router,
    names: BTreeMap<InstanceId, String>,
    recording: Option<Begin>,
    /// The time of the last input, in nanoseconds.
    at: i64,
    /// What it wanted since the last input, then and now.
    then: Vec<Output>,
    now: Vec<Output>,
    differences: usize,
}

impl Replay {
    /// A replay on a clock that begins at `origin`, whatever that is.
    #[must_use]
    pub fn new(origin: Instant) -> Self {
        Self {
            origin,
            router: Router::new(),
            names: BTreeMap::new(),
            recording: None,
            at: 0,
            then: Vec::new(),
            now: Vec::new(),
            differences: 0,
        }
    }

    /// Outputs that were recorded and are not wanted now, and the other way round, so far.
    #[must_use]
    pub const fn differences(&self) -> usize {
        self.differences
    }

    /// Takes one line.
    ///
    /// # Errors
    /// When it is not one of a recording; the replay may go on with the next.
    pub fn take(&mut self, line: &[u8]) -> Result<Vec<Event>, Problem> {
        let record = serde_json::from_slice(line).map_err(Problem::NoRecord)?;
        match (record, &self.recording) {
            (Record::Begin(begin), _) => self.begin(begin),
            (Record::Input { .. } | Record::Output(_), None) => Err(Problem::NoBeginning),
            (Record::Input { at, input }, Some(begin)) => {
                plausible::check(&input).map_err(Problem::Implausible)?;
                let compares = begin.outputs;
                let mut events = self.compare();
                events.push(self.feed(at, &input));
                if !compares {
                    events.extend(self.drain());
                }
                Ok(events)
            }
            (Record::Output(Some(output)), Some(_)) => {
                self.then.push(output);
                self.now.extend(self.router.poll_output());
                Ok(Vec::new())
            }
            (Record::Output(None), Some(_)) => {
                while let Some(output) = self.router.poll_output() {
                    self.now.push(output);
                }
                Ok(self.compare())
            }
        }
    }

    /// Ends the replay.
    #[must_use]
    pub fn finish(&mut self) -> Vec<Event> {
        self.compare()
    }

    fn begin(&mut self, begin: Begin) -> Result<Vec<Event>, Problem> {
        if begin.format != FORMAT {
            return Err(Problem::Format(begin.format));
        }
        let mut events = self.compare();
        events.push(Event::Begin(begin.clone()));
        self.recording = Some(begin);
        self.router = Router::new();
        self.names.clear();
        self.at = 0;
        Ok(events)
    }

    fn feed(&mut self, at: i64, input: &Input<'_>) -> Event {
        let distance = Duration::from_nanos(at.unsigned_abs());
        let now = if at < 0 {
            self.origin.checked_sub(distance)
        } else {
            self.origin.checked_add(distance)
        };
        self.at = at;
        self.router.handle(input, now.unwrap_or(self.origin));
        if let Input::Config { instances, .. } = input {
            let named = instances.iter().filter_map(|config| {
                let id = self.router.instance_id(&config.name)?;
                Some((id, config.name.clone()))
            });
            self.names.extend(named);
        }
        Event::Input {
            at,
            // It was JSON a moment ago.
            input: serde_json::to_string(input).unwrap_or_default(),
        }
    }

    /// Everything the router wants, where nothing was recorded.
    fn drain(&mut self) -> Vec<Event> {
        let outputs: Vec<Output> = std::iter::from_fn(|| self.router.poll_output()).collect();
        let events = outputs.iter();
        events
            .map(|output| self.tell(output, Agreement::Same))
            .collect()
    }

    /// What was wanted then and now: what lies between the first and the last difference is told as then and as now.
    fn compare(&mut self) -> Vec<Event> {
        let (then, now) = (
            std::mem::take(&mut self.then),
            std::mem::take(&mut self.now),
        );
        let pairs = then.iter().zip(&now);
        let before = pairs.take_while(|(then, now)| then == now).count();
        let (then, now) = (then.split_at(before), now.split_at(before));
        let pairs = then.1.iter().rev().zip(now.1.iter().rev());
        let after = pairs.take_while(|(then, now)| then == now).count();
        let (only_then, _) = then.1.split_at(then.1.len() - after);
        let (only_now, same) = now.1.split_at(now.1.len() - after);
        self.differences += only_then.len() + only_now.len();
        let parts = [
            (now.0, Agreement::Same),
            (only_then, Agreement::OnlyThen),
            (only_now, Agreement::OnlyNow),
            (same, Agreement::Same),
        ];
        let told = parts.into_iter().flat_map(|(outputs, how)| {
            let outputs = outputs.iter();
            outputs.map(move |output| (output, how))
        });
        told.map(|(output, how)| self.tell(output, how)).collect()
    }

    fn tell(&self, output: &Output, how: Agreement) -> Event {
        Event::Output {
            at: self.at,
            what: sentence(output, &self.names),
            how,
        }
    }
}
