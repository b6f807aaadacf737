//! The program that reads a FIFO (`notify_fifo_script`).

use std::time::Duration;

use tokio::time::timeout;

use crate::{
    config::model::Command,
    io::script::{Rights, Running},
    observe::log,
};

/// A reader runs until it is ended.
const FOR_EVER: Duration = Duration::MAX;
/// Time a reader has to read on after SIGTERM.
const GRACE: Duration = Duration::from_secs(1);

/// A reader that was started.
#[derive(Debug)]
pub(super) struct Reader {
    command: Command,
    running: Option<Running>,
}

impl Reader {
    /// Starts it, with the FIFO's path as its last argument.
    pub(super) fn start(command: &Command, path: &str, rights: &mut Rights) -> Option<Self> {
        let mut with_path = command.clone();
        with_path.words.push(path.to_owned());
        let name = command.words.join(" ");
        let started = match rights.script(&with_path, FOR_EVER) {
            Ok(script) => Running::start_bound(&script).map_err(|error| error.to_string()),
            Err(refused) => Err(refused.to_string()),
        };
        match started {
            Ok(running) => Some(Self {
                command: command.clone(),
                running: Some(running),
            }),
            Err(why) => {
                log::reader_failed(&name, &why);
                None
            }
        }
    }

    /// Whether this command still runs.
    pub(super) fn runs(&self, command: &Command) -> bool {
        self.running.is_some() && self.command == *command
    }

    /// Waits for its end, which is told: keepalived starts it again only at a reload, and so do we, because a reader
    /// that dies of an event would die of it again. Safe to cancel.
    pub(super) async fn progress(&mut self) {
        let Some(running) = &mut self.running else {
            return std::future::pending().await;
        };
        let outcome = running.wait().await;
        log::reader_ended(&self.command.words.join(" "), &outcome);
        self.running = None;
    }

    /// Ends it: SIGTERM, then SIGKILL.
    pub(super) async fn end(mut self) {
        if let Some(running) = &mut self.running {
            // What does not end in time is killed when it is dropped.
            let _ended = timeout(GRACE, running.end()).await;
        }
    }
}
