//! What tracking, the link and the group make of an instance: its priority, and whether it is in FAULT.

use std::{collections::BTreeSet, time::Instant};

use super::{Instance, Outputs, Why};
use crate::{
    config::model::Priority,
    vrrp::output::{Happening, Standing, State},
};

/// Why an instance must be in FAULT.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    /// What is wrong with the link.
    pub(super) link: Option<&'static str>,
    /// What is wrong with what is tracked.
    tracked: BTreeSet<String>,
    /// Which other member of the group has a fault.
    group: Option<String>,
}

impl Faults {
    /// Whether there is one that is not the group's.
    fn are_own(&self) -> bool {
        self.link.is_some() || !self.tracked.is_empty()
    }

    /// The one to be told.
    fn first(&self) -> Option<Why> {
        let tracked = || self.tracked.first().cloned().map(Why::from);
        let group = || self.group.clone().map(Why::from);
        self.link.map(Why::from).or_else(tracked).or_else(group)
    }

    /// All of them, as phrases.
    pub(super) fn all(&self) -> Vec<String> {
        let link = self.link.map(str::to_owned);
        let group = self.group.clone();
        link.into_iter()
            .chain(self.tracked.iter().cloned())
            .chain(group)
            .collect()
    }
}

impl Instance {
    /// Takes what tracking adds up to.
    pub(in crate::vrrp) fn on_standing(
        &mut self,
        standing: &Standing,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        self.adjustment = standing.adjustment;
        self.faults.tracked.clone_from(&standing.faults);
        // A MASTER takes its new priority up with the next advert, as in keepalived: until then the kernel,
        // the others and we agree on the old one.
        if self.state != State::Master {
            let before = self.master_down_interval();
            if self.take_up_priority(outputs) && self.state == State::Backup {
                self.change_patience(before, now, outputs);
            }
        }
        self.judge("what it tracks is well again", now, outputs);
    }

    /// Takes the news which other member of the group has a fault.
    pub(in crate::vrrp) fn on_group_fault(
        &mut self,
        fault: Option<String>,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        if self.faults.group != fault {
            self.faults.group = fault;
            self.judge("the group is well again", now, outputs);
        }
    }

    /// Says whether it belongs to a group.
    pub(in crate::vrrp) fn bind(&mut self, bound: bool) {
        self.bound = bound;
        if !bound {
            self.candidate = None;
        }
    }

    /// Why it would be MASTER, if all of its group would.
    pub(in crate::vrrp) const fn candidate(&self) -> Option<&'static str> {
        self.candidate
    }

    /// Whether it has a fault of its own, which makes its group fail.
    pub(in crate::vrrp) fn has_fault(&self) -> bool {
        self.faults.are_own()
    }

    /// Goes to FAULT, or begins anew once nothing is wrong any more.
    pub(super) fn judge(&mut self, well: &'static str, now: Instant, outputs: &mut Outputs) {
        if self.stopping || !self.linked {
            return;
        }
        match (self.state, self.faults.first()) {
            (State::Init | State::Fault, None) => self.start(well, now, outputs),
            (State::Init | State::Backup | State::Master, Some(why)) => {
                self.leave(State::Fault, why, now, outputs);
            }
            (State::Fault, Some(why)) => self.why = why,
            (State::Backup | State::Master, None) => {}
        }
    }

    /// Makes the priority in force the one that configuration and tracking add up to. Returns whether it is another one.
    pub(super) fn take_up_priority(&mut self, outputs: &mut Outputs) -> bool {
        let effective = self.effective_priority();
        if self.priority == effective {
            return false;
        }
        self.priority = effective;
        if self.config.notify.priority_changes {
            match self.state {
                State::Master => self.tell(Happening::MasterPriority, outputs),
                State::Backup => self.tell(Happening::BackupPriority, outputs),
                State::Init | State::Fault => {}
            }
        }
        true
    }

    /// The configured priority and the adjustment, 1 to 254; 255, the address owner's, never moves.
    pub(super) fn effective_priority(&self) -> Priority {
        let base = self.config.priority;
        if let Some(lowered) = self.lowered {
            return lowered;
        }
        if base.is_owner() {
            return base;
        }
        let sum = i64::from(base.get()) + i64::from(self.adjustment);
        Priority::try_from(sum.clamp(1, 254)).unwrap_or(base)
    }
}
