//! Who is told of what: from a [`Notice`] of a virtual router or of a pool to scripts, lines for FIFOs and mail, in keepalived's
//! words and order.
//!
//! Scripts of one instance, group or server run one after the other, in the order of what happened; different ones run beside
//! each other, a bounded number at a time. Nothing is skipped because a script is slow; what a full queue has to leave
//! out is said.

#![deny(clippy::disallowed_methods)]

mod letter;
mod telling;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

pub use self::letter::Letter;
use self::telling::Telling;
use crate::{
    config::model::{Command, GlobalDefs},
    pool::state,
    vrrp::output::{Notice, Party},
};

/// Scripts that run at the same time.
pub const PARALLEL: usize = 16;
/// Scripts of one subject that wait for the one that runs.
pub const WAITING: usize = 64;

/// Who a script, a line or a mail is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An instance or a group.
    Router {
        /// Which of the two.
        party: Party,
        /// Its name.
        name: String,
    },
    /// A virtual server or a real server.
    Pool(state::Subject),
}

/// Prints the name of a virtual router, and servers as keepalived does.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Router { name, .. } => f.write_str(name),
            Self::Pool(state::Subject::VirtualServer(server)) => write!(f, "VS {server}"),
            Self::Pool(state::Subject::RealServer(real)) => {
                write!(f, "RS {real} of VS {}", real.server)
            }
        }
    }
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
    /// `lvs_notify_fifo_nul`.
    ends_in_nul: bool,
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
    /// Takes what the configuration says; `router_id` is the name of this node in subjects.
    pub fn handle_config(&mut self, router_id: &str, global: &GlobalDefs) {
        router_id.clone_into(&mut self.router_id);
        self.mails_faults = global.mail.faults;
        self.ends_in_nul = global.notify.ends_in_nul;
    }

    /// Takes news.
    pub fn handle_notice(&mut self, notice: &Notice) {
        let telling = Telling::of(notice);
        let subject = Subject::Router {
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

    /// Takes news of a virtual server or a real server.
    pub fn handle_pool_notice(&mut self, notice: &state::Notice) {
        if let Some(command) = &notice.command {
            self.queue(Job {
                subject: Subject::Pool(notice.subject.clone()),
                state: telling::up_or_down(notice.is_up),
                command: command.clone(),
            });
            self.start();
        }
        let line = telling::pool_line(notice, self.ends_in_nul);
        self.effects.push_back(Effect::Tell(line));
        if let Some(body) = &notice.mail {
            self.handle_mail(&notice.subject, notice.is_up, body.clone());
        }
    }

    /// Takes a mail about a virtual server or a real server.
    pub fn handle_mail(&mut self, subject: &state::Subject, is_up: bool, body: String) {
        let letter = Letter::about_pool(subject, is_up, body, &self.router_id);
        self.effects.push_back(Effect::Mail(letter));
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
