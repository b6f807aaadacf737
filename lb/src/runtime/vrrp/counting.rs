//! Counters since they were last cleared, and the time of day of what happened.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::vrrp::{output::InstanceId, snapshot::Counts};

/// What counters were when they were cleared. The core counts on, so that nothing that happens meanwhile is lost.
#[derive(Debug)]
pub(super) struct Counting {
    /// One moment by both clocks: a transition keeps its time of day when the clock is set.
    began: (Instant, Duration),
    cleared: BTreeMap<InstanceId, Counts>,
}

impl Counting {
    pub(super) fn new() -> Self {
        let time = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            began: (Instant::now(), time.unwrap_or_default()),
            cleared: BTreeMap::new(),
        }
    }

    /// The time of day since 1970.
    pub(super) fn time_of_day(&self, now: Instant) -> Duration {
        let (instant, time) = self.began;
        time + now.saturating_duration_since(instant)
    }

    /// Counters begin anew at these figures, of instances that are there still.
    pub(super) fn clear(
        &mut self,
        totals: Vec<(InstanceId, Counts)>,
        is_there: impl Fn(InstanceId) -> bool,
    ) {
        let there = totals.into_iter().filter(|(id, _)| is_there(*id));
        for (id, total) in there {
            let before = self.cleared.entry(id).or_default();
            // An order that was overtaken is of an earlier look.
            if before.since(&total) == Counts::default() {
                *before = total;
            }
        }
    }

    /// An instance is gone.
    pub(super) fn forget(&mut self, id: InstanceId) {
        self.cleared.remove(&id);
    }

    /// Leaves what has been counted since.
    pub(super) fn take_off(&self, id: InstanceId, counts: &mut Counts) {
        if let Some(before) = self.cleared.get(&id) {
            *counts = counts.since(before);
        }
    }
}

#[cfg(test)]
mod tests;
