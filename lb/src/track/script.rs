//! One `vrrp_script`: when it runs, and what its results mean.

use std::{collections::VecDeque, time::Instant};

use super::output::{Change, Ending, Output, Run, RunId};
use crate::config::model::track::VrrpScript;

/// A script that something tracks.
#[derive(Clone, Debug)]
pub(super) struct Script {
    settings: VrrpScript,
    /// Whether it succeeds; `None` before the first result.
    verdict: Option<bool>,
    /// The next result counts at once, without `rise` or `fall`.
    is_fresh: bool,
    /// Results in a row against the verdict.
    streak: u32,
    due: Instant,
    running: Option<RunId>,
    /// A start was left out since the last one.
    is_skipping: bool,
    last: Option<Ending>,
    since: Instant,
}

impl Script {
    /// Due at once. With `init_fail` it has failed and needs `rise` successes.
    pub(super) const fn new(settings: VrrpScript, now: Instant) -> Self {
        Self {
            verdict: if settings.init_fail {
                Some(false)
            } else {
                None
            },
            is_fresh: !settings.init_fail,
            streak: 0,
            due: now,
            running: None,
            is_skipping: false,
            last: None,
            since: now,
            settings,
        }
    }

    /// Takes new settings. The verdict stays, as in keepalived; where another program runs now it is replaced by the
    /// first result of that.
    pub(super) fn configure(&mut self, settings: &VrrpScript, now: Instant) {
        if (&settings.command, &settings.user) == (&self.settings.command, &self.settings.user) {
            self.due = self.due.min(now + settings.interval);
        } else {
            self.is_fresh = true;
            self.streak = 0;
            self.running = None;
            self.due = now;
        }
        self.settings = settings.clone();
    }

    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    pub(super) const fn verdict(&self) -> Option<bool> {
        self.verdict
    }

    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    pub(super) const fn last(&self) -> Option<&Ending> {
        self.last.as_ref()
    }

    pub(super) const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    pub(super) fn runs_as(&self, run: RunId) -> bool {
        self.running == Some(run)
    }

    /// Starts it when it is due, `interval` after the start before; leaves that out while it still runs.
    pub(super) fn handle_timeout(&mut self, run: RunId, now: Instant) -> Option<Output> {
        if self.due > now {
            return None;
        }
        let next = self.due + self.settings.interval;
        self.due = if next > now {
            next
        } else {
            now + self.settings.interval
        };
        if self.running.is_some() {
            let name = self.settings.name.clone();
            let is_first = !std::mem::replace(&mut self.is_skipping, true);
            return is_first.then_some(Output::Changed(Change::ScriptSkipped(name)));
        }
        self.is_skipping = false;
        self.running = Some(run);
        Some(Output::Run(Run {
            id: run,
            script: self.settings.name.clone(),
            words: self.settings.command.clone(),
            owner: self.settings.user.clone(),
            timeout: self.settings.timeout,
        }))
    }

    /// Takes a result in; returns whether the verdict changed.
    pub(super) fn finish(
        &mut self,
        ending: Ending,
        now: Instant,
        log: &mut VecDeque<Output>,
    ) -> bool {
        self.running = None;
        let is_success = ending.is_success();
        self.log_status(&ending, log);
        let is_flipped = self.flips(is_success);
        if is_flipped {
            self.streak = 0;
            self.since = now;
            let script = self.settings.name.clone();
            log.push_back(Output::Changed(if is_success {
                Change::ScriptSucceeded(script)
            } else {
                Change::ScriptFailed {
                    script,
                    ending: ending.clone(),
                }
            }));
            self.verdict = Some(is_success);
        }
        self.last = Some(ending);
        is_flipped
    }

    fn log_status(&self, ending: &Ending, log: &mut VecDeque<Output>) {
        let before = self.last.as_ref().unwrap_or(&Ending::Exited(0));
        if let Ending::Exited(status) = *ending
            && before != ending
        {
            log.push_back(Output::Changed(Change::ScriptReturned {
                script: self.settings.name.clone(),
                status,
            }));
        }
    }

    fn flips(&mut self, is_success: bool) -> bool {
        let is_fresh = std::mem::take(&mut self.is_fresh);
        if self.verdict == Some(is_success) {
            self.streak = 0;
            return false;
        }
        self.streak += 1;
        let enough = if is_success {
            self.settings.rise
        } else {
            self.settings.fall
        };
        is_fresh || self.streak >= enough
    }
}
