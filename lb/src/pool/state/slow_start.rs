//! `slow_start`: a real server that comes back after a failure begins with weight 1, which grows to its own in equal steps.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::{Output, Pool, Real, RealServerId};

/// The most steps a weight grows in: each is a change of the data plane.
const MOST_STEPS: u32 = 64;
/// Steps of several real servers within such a time are one.
const PACE: Duration = Duration::from_millis(250);

/// How far a real server is.
#[derive(Clone, Debug)]
pub(super) struct SlowStart {
    began: Instant,
    /// How long ago that was when its weight was last looked at.
    reached: Duration,
}

impl SlowStart {
    /// At its beginning.
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            began: now,
            reached: Duration::ZERO,
        }
    }

    /// The weight on the way to `whole`, which takes `time`: at least 1, unless that is 0.
    fn weight(&self, time: Duration, whole: u32) -> u32 {
        let (step, steps) = self.step(time, whole);
        if steps == 0 {
            return whole;
        }
        let grown = u64::from(whole - 1) * step / steps;
        u32::try_from(grown + 1).unwrap_or(whole)
    }

    /// When the weight is another, or at the latest when `time` is over.
    fn next(&self, time: Duration, whole: u32) -> Instant {
        let (step, steps) = self.step(time, whole);
        let after = if steps == 0 {
            time
        } else {
            // Rounded up, so that the step is taken then.
            Duration::from_nanos((nanos(time) * (step + 1)).div_ceil(steps))
        };
        self.began + after.min(time)
    }

    /// How many steps are taken of how many.
    fn step(&self, time: Duration, whole: u32) -> (u64, u64) {
        let steps = u64::from(whole.saturating_sub(1).min(MOST_STEPS));
        let step = nanos(self.reached.min(time)) * steps / nanos(time).max(1);
        (step, steps)
    }
}

/// Of an hour at most, the longest `slow_start`.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Real {
    /// Share of new flows while it is up.
    pub(super) fn weight(&self) -> u32 {
        let whole = self.health.weight();
        self.start
            .as_deref()
            .map_or(whole, |start| start.weight(self.slow_start.get(), whole))
    }

    /// Takes the steps there are until now; whether there were any.
    fn grow(&mut self, now: Instant) -> bool {
        let before = self.weight();
        if let Some(start) = &mut self.start {
            start.reached = now.saturating_duration_since(start.began);
            if start.reached >= self.slow_start.get() {
                self.start = None;
            }
        }
        self.weight() != before
    }

    fn next_step(&self) -> Option<Instant> {
        let start = self.start.as_deref()?;
        Some(start.next(self.slow_start.get(), self.health.weight()))
    }

    /// Waits for its next step, if there is one, and no more for the one there was.
    pub(super) fn reschedule(
        &mut self,
        id: &RealServerId,
        timers: &mut BTreeSet<(Instant, RealServerId)>,
    ) {
        if let Some(due) = self.due.take() {
            timers.remove(&(due, id.clone()));
        }
        self.due = self.next_step();
        timers.extend(self.due.map(|due| (due, id.clone())));
    }

    /// What is said at the beginning of a slow start, and at its end without `time`. Nothing where no weight can grow.
    pub(super) fn tell_start(&self, id: &RealServerId, time: Option<Duration>) -> Option<Output> {
        let weight = self.health.weight();
        (weight > 1).then(|| Output::SlowStart {
            id: id.clone(),
            weight,
            time,
        })
    }
}

impl Pool {
    /// Lets the weights grow whose time has come. True when one is another now.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        if self.paced.is_some_and(|until| now < until) {
            return false;
        }
        let mut has_grown = false;
        while let Some((due, id)) = self.timers.pop_first() {
            if due > now {
                self.timers.insert((due, id));
                break;
            }
            let state = self.servers.get_mut(&id.server);
            let real = state.and_then(|state| state.reals.get_mut(&(id.address, id.port)));
            let Some(real) = real else {
                continue;
            };
            has_grown |= real.grow(now);
            if real.start.is_none() {
                self.outputs.extend(real.tell_start(&id, None));
            }
            real.due = None;
            real.reschedule(&id, &mut self.timers);
        }
        if has_grown {
            self.paced = Some(now + PACE);
        }
        has_grown
    }

    /// When [`Self::handle_timeout`] is due next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let (due, _) = self.timers.first()?;
        let due = self.paced.map_or(*due, |until| until.max(*due));
        Some((due, "slow start"))
    }
}
