//! Who is told of what: from a [`Notice`] to scripts, lines for FIFOs and mail, in keepalived's words and order.
//!
//! Scripts of one instance or group run one after the other, in the order of what happened; different ones run beside
//! each other, a bounded number at a time. Nothing is skipped because a script is slow; what a full queue has to leave
//! out is said.

#![deny(clippy::disallowed_methods)]

mod letter;
mod telling;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

pub use self::letter::Letter;
use self::telling::Telling;
use crate::{
    config::model::Command,
    vrrp::output::{Notice, Party},
};

/// Scripts that run at the same time.
pub const PARALLEL: usize = 16;
/// Scripts of one instance or group that wait for the one that runs.
pub const WAITING: usize = 64;

/// An instance or a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// Which of the two.
    pub party: Party,
    /// Its name.
    pub name: String,
}

/// A script to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What it is told about.
    pub subject: Subject,
    /// What has happened to it, as scripts and FIFOs are told.
    pub state: &'static str,
    /// The program with all its arguments.
    pub command: Command,
}

/// What is to be done. Effects are carried out strictly in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Run it; answered by [`Notifier::handle_ended`], however it ended.
    Run(Job),
    /// Write the line, which ends in a newline, to the FIFOs.
    Tell(String),
    /// Send it.
    Mail(Letter),
    /// Say that this script does not run: too many of its subject wait.
    Dropped(Job),
}

/// Decides who is told, and when the next script may start.
#[derive(Debug, Default)]
pub struct Notifier {
    router_id: String,
    /// `no_email_faults`, the other way round.
    mails_faults: bool,
    lines: BTreeMap<Subject, Line>,
    /// Subjects whose turn it is once a running script ends.
    ready: VecDeque<Subject>,
    running: usize,
    effects: VecDeque<Effect>,
}

/// The scripts of a subject.
#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Job>,
    /// Whether one runs, or has its turn.
    busy: bool,
}

impl Notifier {
    /// Takes what the configuration says: the name of this node in subjects, and whether FAULT is worth a mail.
    pub fn handle_config(&mut self, router_id: &str, mails_faults: bool) {
        router_id.clone_into(&mut self.router_id);
        self.mails_faults = mails_faults;
    }

    /// Takes news.
    pub fn handle_notice(&mut self, notice: &Notice) {
        let telling = Telling::of(notice);
        let subject = Subject {
            party: notice.party,
            name: notice.name.clone(),
        };
        for command in telling.scripts {
            self.queue(Job {
                subject: subject.clone(),
                state: telling.state,
                command,
            });
        }
        self.start();
        if telling.in_fifos {
            self.effects.push_back(Effect::Tell(telling::line(notice)));
        }
        if notice.notify.mail {
            let letter = Letter::about(notice, &self.router_id, self.mails_faults);
            self.effects.extend(letter.map(Effect::Mail));
        }
    }

    /// Takes a state that was told before, for FIFOs alone (`fifo_write_vrrp_states_on_reload`).
    pub fn handle_repeat(&mut self, notice: &Notice) {
        if Telling::of(notice).in_fifos {
            self.effects.push_back(Effect::Tell(telling::line(notice)));
        }
    }

    /// Takes the end of a script: the next one may start.
    pub fn handle_ended(&mut self, subject: &Subject) {
        self.running = self.running.saturating_sub(1);
        if let Some(line) = self.lines.get_mut(subject) {
            line.busy = !line.waiting.is_empty();
            if line.busy {
                self.ready.push_back(subject.clone());
            } else {
                self.lines.remove(subject);
            }
        }
        self.start();
    }

    /// The next effect.
    pub fn poll_output(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether no script runs or waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.running == 0 && self.lines.is_empty() && self.effects.is_empty()
    }

    /// Scripts that wait for others.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lines.values().map(|line| line.waiting.len()).sum()
    }

    fn queue(&mut self, job: Job) {
        let line = self.lines.entry(job.subject.clone()).or_default();
        if line.waiting.len() >= WAITING {
            // The latest state matters most, so the oldest goes.
            let oldest = line.waiting.pop_front();
            self.effects.extend(oldest.map(Effect::Dropped));
        }
        if !line.busy {
            line.busy = true;
            self.ready.push_back(job.subject.clone());
        }
        line.waiting.push_back(job);
    }

    fn start(&mut self) {
        while self.running < PARALLEL
            && let Some(subject) = self.ready.pop_front()
        {
            let line = self.lines.get_mut(&subject);
            if let Some(job) = line.and_then(|line| line.waiting.pop_front()) {
                self.running += 1;
                self.effects.push_back(Effect::Run(job));
            }
        }
    }
}
