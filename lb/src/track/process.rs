//! One `vrrp_track_process`: how many run, and when that is believed.

use std::{collections::VecDeque, time::Instant};

use super::output::{Change, Output};
use crate::config::model::track::TrackProcess;

/// A process that something tracks.
#[derive(Clone, Debug)]
pub(super) struct Process {
    settings: TrackProcess,
    /// `None` before the first count.
    count: Option<u32>,
    /// Whether as many run as should; `None` before the first count.
    verdict: Option<bool>,
    /// The next count is believed at once.
    is_fresh: bool,
    /// When a change of the verdict is believed.
    due: Option<Instant>,
    /// That change began with a start.
    is_start: bool,
    since: Instant,
}

impl Process {
    pub(super) const fn new(settings: TrackProcess, now: Instant) -> Self {
        Self {
            settings,
            count: None,
            verdict: None,
            is_fresh: true,
            due: None,
            is_start: false,
            since: now,
        }
    }

    /// Takes new settings; another quorum counts at once. Where another process is meant now, the verdict stays until it
    /// was counted.
    pub(super) fn configure(
        &mut self,
        settings: &TrackProcess,
        now: Instant,
        log: &mut VecDeque<Output>,
    ) {
        let quorum = |of: &TrackProcess| (of.quorum, of.quorum_max);
        let is_same = is_same_process(settings, &self.settings);
        let is_same_quorum = quorum(settings) == quorum(&self.settings);
        self.settings = settings.clone();
        if !is_same {
            self.is_fresh = true;
            self.count = None;
            self.due = None;
        } else if !is_same_quorum && let Some(count) = self.count {
            self.believe(self.is_well(count), count, now, log);
        }
    }

    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Why a change is not believed yet.
    pub(super) fn delay(&self) -> Option<&'static str> {
        let delay = if self.is_start {
            "fork_delay"
        } else {
            "terminate_delay"
        };
        self.due.map(|_| delay)
    }

    pub(super) const fn verdict(&self) -> Option<bool> {
        self.verdict
    }

    pub(super) const fn count(&self) -> Option<u32> {
        self.count
    }

    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    /// Takes a count in. A start may make it well or, with `quorum_max`, unwell, and is believed after `fork_delay`; an end
    /// after `terminate_delay`. What is undone before was never so.
    pub(super) fn handle_count(&mut self, count: u32, now: Instant, log: &mut VecDeque<Output>) {
        let before = self.count.replace(count);
        if before == Some(count) {
            return;
        }
        log.push_back(Output::Changed(Change::ProcessCount {
            process: self.settings.name.clone(),
            from: before.unwrap_or(0),
            to: count,
        }));
        let is_well = self.is_well(count);
        if std::mem::take(&mut self.is_fresh) || self.verdict.is_none() {
            self.believe(is_well, count, now, log);
        } else if self.verdict == Some(is_well) {
            self.due = None;
        } else if self.due.is_none() {
            self.is_start = before.is_some_and(|before| before < count);
            let delay = if self.is_start {
                self.settings.fork_delay
            } else {
                self.settings.terminate_delay
            };
            if delay.is_zero() {
                self.believe(is_well, count, now, log);
            } else {
                self.due = Some(now + delay);
            }
        }
    }

    /// Believes a change that has lasted; returns whether there was one.
    pub(super) fn handle_timeout(&mut self, now: Instant, log: &mut VecDeque<Output>) -> bool {
        let (Some(_), Some(count)) = (self.due.filter(|due| *due <= now), self.count) else {
            return false;
        };
        self.believe(self.is_well(count), count, now, log);
        true
    }

    fn is_well(&self, count: u32) -> bool {
        (u32::from(self.settings.quorum)..=u32::from(self.settings.quorum_max)).contains(&count)
    }

    fn believe(&mut self, is_well: bool, count: u32, now: Instant, log: &mut VecDeque<Output>) {
        self.due = None;
        if self.verdict.replace(is_well) == Some(is_well) {
            return;
        }
        self.since = now;
        log.push_back(Output::Changed(Change::ProcessQuorum {
            process: self.settings.name.clone(),
            count,
            is_up: is_well,
        }));
    }
}

/// Whether both mean the same processes.
fn is_same_process(a: &TrackProcess, b: &TrackProcess) -> bool {
    (&a.process, &a.parameters, a.parameter_match, a.full_command)
        == (&b.process, &b.parameters, b.parameter_match, b.full_command)
}
