//! What is tracked, in the world: files that are read, processes that are counted, scripts that are run.
//!
//! Files and `/proc` are read by threads of their own, because a file system that hangs must not delay an advert.

pub mod connector;
pub mod content;
pub mod file;
pub mod matching;
mod observer;
pub mod process;
#[cfg(test)]
mod tests;

use std::{future::pending, path::PathBuf};

use futures_util::{
    StreamExt,
    future::{BoxFuture, FutureExt},
    stream::FuturesUnordered,
};

use self::{file::FileWatcher, process::ProcessWatcher};
use super::script::{self, Outcome, Script};
use crate::{
    config::model::global::Buffer,
    observe::log,
    track::{
        Watched,
        output::{Ending, Event, RunId},
    },
};

/// Everything that gives facts to a [`Tracker`](crate::track::Tracker), for one `select!` loop.
#[derive(Default)]
pub struct Sources {
    files: Option<FileWatcher>,
    processes: Option<ProcessWatcher>,
    scripts: FuturesUnordered<BoxFuture<'static, (RunId, Ending)>>,
    buffer: Buffer,
}

impl Sources {
    /// Nothing watched, nothing running.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the receive buffer for news of processes, `process_monitor_rcv_bufs`, that counts when there is something to
    /// watch for the first time.
    pub const fn set_buffer(&mut self, buffer: Buffer) {
        self.buffer = buffer;
    }

    /// Watches these from now on, and no others. What is watched already goes on; what is new gives a first event each.
    pub fn watch(&mut self, watched: &Watched) {
        if self.files.is_none() && !watched.files.is_empty() {
            let started = FileWatcher::start();
            self.files = started
                .inspect_err(|error| log::tracking_failed("tracked files", error))
                .ok();
        }
        if let Some(files) = &self.files {
            let wanted = watched.files.iter().map(|file| {
                let path = PathBuf::from(&file.path);
                (file.name.clone(), (path, file.init))
            });
            files.watch(wanted.collect());
        }
        if self.processes.is_none() && !watched.processes.is_empty() {
            let started = ProcessWatcher::start();
            self.processes = started
                .inspect_err(|error| log::tracking_failed("tracked processes", error))
                .ok();
        }
        if let Some(processes) = &self.processes {
            processes.watch(watched.processes.clone(), self.buffer);
        }
    }

    /// Runs a script, or tells why it cannot be run. Runs go on side by side.
    pub fn run(&mut self, run: RunId, script: Result<Script, String>) {
        let running = async move {
            let ending = match script {
                Ok(script) => ending(script::run(&script).await),
                Err(why) => Ending::NotStarted(why),
            };
            (run, ending)
        };
        self.scripts.push(running.boxed());
    }

    /// The next fact; for ever when there is nothing to tell. Safe to cancel. Dropping `self` ends the scripts that run.
    pub async fn next(&mut self) -> Event {
        let files = async {
            match &mut self.files {
                Some(files) => files.next().await,
                None => pending().await,
            }
        };
        let processes = async {
            match &mut self.processes {
                Some(processes) => processes.next().await,
                None => pending().await,
            }
        };
        let scripts = &mut self.scripts;
        let ended = async {
            match scripts.next().await {
                Some(ended) => ended,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            (run, ending) = ended => Event::ScriptEnded { run, ending },
            (file, reading) = files => Event::FileRead { file, reading },
            (process, count) = processes => Event::ProcessCounted { process, count },
        }
    }
}

fn ending(outcome: Outcome) -> Ending {
    match outcome {
        Outcome::Exited(status) => Ending::Exited(status),
        Outcome::Signalled(signal) => Ending::Signalled(signal),
        Outcome::TimedOut => Ending::TimedOut,
        Outcome::NotStarted(why) => Ending::NotStarted(why),
    }
}
