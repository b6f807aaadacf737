//! What becomes of BFD sessions, from the child that runs them straight to those that act on it: one hop, without the parent.
//!
//! The bfd child listens at a socket in the run directory; each subscriber is told of all sessions when it comes, and of each change.
//! A message is a line of JSON, a list of [`Fact`]s. A subscriber that does not read is dropped; it comes back, and hears all.

use std::{
    collections::BTreeMap,
    os::fd::AsFd,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::sys::socket::{setsockopt, sockopt};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::{UnixListener, UnixStream},
};

use super::{
    clock,
    listener::{SocketFile, listen},
};
use crate::bfd::sentence;

/// Room for what a subscriber has not read: all sessions of a node, several times.
const BUFFER: usize = 4 << 20;
/// Between two attempts to subscribe: the first, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// A session and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Name of the `bfd_instance`.
    pub session: String,
    /// Whether it is Up.
    pub is_up: bool,
    /// It was a moment ago, and then nothing was heard for the detection time.
    #[serde(default)]
    pub expired: bool,
    /// When that was told, on the monotonic clock.
    at: Duration,
}

impl Fact {
    /// A fact of now.
    #[must_use]
    pub fn new(session: &str, is_up: bool, expired: bool) -> Self {
        Self {
            session: session.to_owned(),
            is_up,
            expired,
            at: monotonic(),
        }
    }

    /// How it reads in a log, with the time it took.
    #[must_use]
    pub fn told(&self) -> String {
        sentence::delivered(
            &self.session,
            self.is_up,
            monotonic().saturating_sub(self.at),
        )
    }
}

/// The clock that all processes of a machine share.
fn monotonic() -> Duration {
    clock::monotonic().map_or(Duration::ZERO, Duration::from_nanos)
}

/// The telling end. Its file goes with it.
#[derive(Debug)]
pub struct Feed {
    _file: SocketFile,
    listener: UnixListener,
    subscribers: Vec<UnixStream>,
}

impl Feed {
    /// Listens at `path`. Needs a tokio runtime.
    ///
    /// # Errors
    /// When there can be no socket.
    pub fn serve(path: PathBuf) -> anyhow::Result<Self> {
        let (file, listener) = listen(path)?;
        Ok(Self {
            _file: file,
            listener,
            subscribers: Vec::new(),
        })
    }

    /// Waits for a subscriber, who is to be told with [`Self::welcome`]. Safe to cancel.
    pub async fn subscriber(&mut self) -> UnixStream {
        loop {
            if let Ok((stream, _)) = self.listener.accept().await {
                return stream;
            }
        }
    }

    /// Tells a new subscriber all there is to know, and from now on what changes.
    pub fn welcome(&mut self, stream: UnixStream, facts: &[Fact]) {
        // With less room a subscriber is dropped sooner.
        let _smaller = setsockopt(&stream.as_fd(), sockopt::SndBufForce, &BUFFER);
        if tell(&stream, &line(facts)) {
            self.subscribers.push(stream);
        }
    }

    /// Tells every subscriber.
    pub fn tell(&mut self, facts: &[Fact]) {
        if !facts.is_empty() {
            let line = line(facts);
            self.subscribers.retain(|stream| tell(stream, &line));
        }
    }
}

/// Whether the subscriber has it all.
fn tell(stream: &UnixStream, line: &[u8]) -> bool {
    stream.try_write(line).is_ok_and(|sent| sent == line.len())
}

fn line(facts: &[Fact]) -> Vec<u8> {
    let mut line = serde_json::to_vec(facts).unwrap_or_default();
    line.push(b'\n');
    line
}

/// The hearing end. What is known stays known while nobody tells: a child that died is back in a moment.
#[derive(Debug)]
pub struct Subscription {
    path: PathBuf,
    listens: bool,
    line: Option<Lines<BufReader<UnixStream>>>,
    retry: (Instant, Duration),
    known: BTreeMap<String, bool>,
}

impl Subscription {
    /// One that does not listen yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            listens: false,
            line: None,
            retry: (Instant::now(), RETRY.0),
            known: BTreeMap::new(),
        }
    }

    /// Whether there is anything to hear; what was heard is forgotten where there is not.
    pub fn listen(&mut self, listens: bool) {
        self.listens = listens;
        if !listens {
            self.line = None;
            self.known.clear();
        }
    }

    /// Sessions and whether they are Up, as far as that was told.
    #[must_use]
    pub const fn known(&self) -> &BTreeMap<String, bool> {
        &self.known
    }

    /// The next facts; for ever while nobody tells. Safe to cancel.
    pub async fn next(&mut self) -> Vec<Fact> {
        if !self.listens {
            return std::future::pending().await;
        }
        loop {
            let Some(lines) = &mut self.line else {
                tokio::time::sleep_until(self.retry.0.into()).await;
                self.connect(&self.path.clone()).await;
                continue;
            };
            let told = lines.next_line().await;
            let facts = told.ok().flatten();
            let facts = facts.and_then(|line| serde_json::from_str::<Vec<Fact>>(&line).ok());
            let Some(facts) = facts else {
                self.line = None;
                self.retry = (Instant::now() + RETRY.0, RETRY.0);
                continue;
            };
            let known = facts.iter().map(|fact| (fact.session.clone(), fact.is_up));
            self.known.extend(known);
            return facts;
        }
    }

    /// Subscribes, or waits longer for the next attempt.
    async fn connect(&mut self, path: &Path) {
        match UnixStream::connect(path).await {
            Ok(stream) => self.line = Some(BufReader::new(stream).lines()),
            Err(_) => {
                let wait = (self.retry.1 * 2).min(RETRY.1);
                self.retry = (Instant::now() + wait, wait);
            }
        }
    }
}

#[cfg(test)]
mod tests;
