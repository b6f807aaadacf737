//! Make before break: a MASTER that resigns says priority 0 and goes on answering and forwarding until its
//! successor speaks.
//!
//! Two routers never answer at once: while it waits, this one holds a lease that any advert beats, so the
//! kernel fences the gate when the successor's first advert arrives. The wait ends with the time to which the
//! last advert before the resignation entitles, so a backup that has missed the resignation finds the gate
//! closed too.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{Instance, Outputs, preemption::Preemption};
use crate::vrrp::{
    advert::Advertisement,
    heartbeat::Kind,
    interval,
    output::{Guard, Output, State, Yielding},
    timer::Timer,
};

/// A resignation under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Farewell {
    /// The others were told.
    said: bool,
}

impl Instance {
    /// Begins to hand over: to be gone afterwards when it is stopping, else to be BACKUP.
    pub(super) fn hand_over(&mut self, now: Instant, outputs: &mut Outputs) {
        if self.farewell.is_some() {
            return;
        }
        let patience = self.farewell_time(now);
        let Some(source) = self.source.filter(|_| !patience.is_zero()) else {
            return self.end_farewell("resigned", now, outputs);
        };
        self.farewell = Some(Farewell { said: false });
        self.why = "hands over".into();
        for timer in [Timer::Advert, Timer::Yielded, Timer::Rogue] {
            self.timers.stop(timer);
        }
        self.timers.set(Timer::Farewell, now + patience);
        self.rival = None;
        self.relet = false;
        let guard = Guard::Lease {
            priority: 0,
            source,
            lease: patience,
            yields: true,
        };
        self.heartbeat.set(self.id, guard, outputs);
        self.resign(outputs);
    }

    /// Tells the others that this MASTER stops.
    pub(super) fn resign(&mut self, outputs: &mut Outputs) {
        self.counts.sent += 1;
        self.counts.zero_sent += 1;
        outputs.push_back(Output::SendAdvert {
            instance: self.id,
            advert: Advertisement::of(&self.config, 0),
        });
    }

    /// Whether it has resigned and answers still.
    pub(in crate::vrrp) const fn is_parting(&self) -> bool {
        self.farewell.is_some()
    }

    /// A resignation that did not leave reaches nobody: there is nothing to wait for.
    pub(super) fn on_resignation_sent(&mut self, sent: bool, now: Instant, outputs: &mut Outputs) {
        match &mut self.farewell {
            Some(farewell) if sent => farewell.said = true,
            Some(farewell) if !farewell.said => self.end_farewell("resigned", now, outputs),
            Some(_) | None => {}
        }
    }

    /// The successor speaks.
    pub(super) fn hear_successor(
        &mut self,
        source: IpAddr,
        advert: &Advertisement,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        if advert.priority == 0 {
            return;
        }
        self.end_farewell("handed over", now, outputs);
        if self.state == State::Backup {
            self.backup_hears(source, advert, now, outputs);
        }
    }

    /// Nobody has taken over. One that was asked to yield remains: what it has is better than nothing.
    pub(super) fn find_no_successor(&mut self, now: Instant, outputs: &mut Outputs) {
        let why = "nobody took over";
        if self.stopping {
            return self.end_farewell(why, now, outputs);
        }
        self.farewell = None;
        self.why = why.into();
        if self.preemption.yields() {
            self.yield_no_longer(why, outputs);
        }
        self.restore_lease(now, outputs);
    }

    /// An instance that waits for the place of this one, or the loss of the link, cuts a farewell short.
    pub(in crate::vrrp) fn say_nothing_more(&mut self, now: Instant, outputs: &mut Outputs) {
        if self.farewell.is_some() {
            self.end_farewell("resigned", now, outputs);
        }
    }

    fn end_farewell(&mut self, why: &'static str, now: Instant, outputs: &mut Outputs) {
        let (to, why) = if self.stopping {
            (State::Init, "stopped")
        } else {
            (State::Backup, why)
        };
        self.leave(to, why.into(), now, outputs);
    }

    /// How long to wait for a successor: twice what the slowest takes, but never beyond the time the last
    /// advert entitles to.
    fn farewell_time(&self, now: Instant) -> Duration {
        let entitled = match self.said {
            Some(said) if self.heartbeat.kind() == Kind::Lease => {
                (said + self.lease()).saturating_duration_since(now)
            }
            Some(_) | None => Duration::ZERO,
        };
        let interval = self.config.advert_interval.get();
        interval::farewell(self.config.version, interval).min(entitled)
    }

    /// Hands over by request, and leaves the addresses to others until the time is over or the request is withdrawn.
    pub(in crate::vrrp) fn on_yield(
        &mut self,
        time: Option<Duration>,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        if self.stopping {
            return;
        }
        self.timers.stop(Timer::Preempt);
        let before = self.master_down_interval();
        self.preemption = Preemption::Yielding;
        // A time beyond the end of the clock is for ever.
        match time.and_then(|time| now.checked_add(time)) {
            Some(end) => self.timers.set(Timer::Yield, end),
            None => self.timers.stop(Timer::Yield),
        }
        outputs.push_back(Output::Yielding {
            instance: self.id,
            yielding: Yielding::Begun(time),
        });
        match self.state {
            State::Master => self.hand_over(now, outputs),
            State::Backup => self.change_patience(before, now, outputs),
            State::Init | State::Fault => {}
        }
    }

    /// The request to yield is over.
    pub(in crate::vrrp) fn on_release(
        &mut self,
        why: &'static str,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        if !self.preemption.yields() {
            return;
        }
        let before = self.master_down_interval();
        self.yield_no_longer(why, outputs);
        if self.state == State::Backup {
            self.change_patience(before, now, outputs);
        }
    }

    fn yield_no_longer(&mut self, why: &'static str, outputs: &mut Outputs) {
        self.timers.stop(Timer::Yield);
        self.preemption = Preemption::Configured;
        outputs.push_back(Output::Yielding {
            instance: self.id,
            yielding: Yielding::Over(why.into()),
        });
    }
}
