//! What an advert does to an instance (RFC 9568 §6.4), and how it waits for the next.

use std::{net::IpAddr, time::Instant};

use super::{Instance, Master, Outputs};
use crate::vrrp::{
    RxMeta,
    accept::{self, Verdict},
    advert::Advertisement,
    output::{Guard, State},
    timer::Timer,
};

impl Instance {
    /// Takes an advert addressed to this virtual router.
    pub(in crate::vrrp) fn on_advert(
        &mut self,
        rx: &RxMeta,
        advert: &Advertisement,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        if self.stopping || matches!(self.state, State::Init | State::Fault) {
            return;
        }
        match accept::judge(&self.config, self.source, rx, advert) {
            Verdict::Echo => return,
            Verdict::Refused(name) => return self.count_refusal(name),
            Verdict::AcceptedDespite(name) => self.count_refusal(name),
            Verdict::Accepted => {}
        }
        self.counts.received += 1;
        match self.state {
            State::Backup => self.backup_hears(rx.source, advert, now, outputs),
            State::Master => self.master_hears(rx.source, advert, now, outputs),
            State::Init | State::Fault => {}
        }
    }

    /// Counts a packet addressed to this virtual router that did not count, or only just.
    pub(in crate::vrrp) fn on_refusal(&mut self, name: &'static str) {
        self.count_refusal(name);
    }

    /// RFC 9568 §6.4.2.
    fn backup_hears(
        &mut self,
        source: IpAddr,
        advert: &Advertisement,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        if advert.priority == 0 {
            self.master_resigns(source, now, outputs);
            return;
        }
        self.heard = Some((source, advert.priority));
        if self.accepts_master(advert.priority) {
            self.follow(source, advert, now, outputs);
        }
        // Else we preempt: the master-down timer runs out in spite of this master.
    }

    /// RFC 9568 §6.4.3.
    fn master_hears(
        &mut self,
        source: IpAddr,
        advert: &Advertisement,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        let own = self.config.priority.get();
        if advert.priority == 0 {
            self.send_advert(own, now, outputs);
        } else if advert.priority > own || (advert.priority == own && Some(source) > self.source) {
            self.leave(State::Backup, "a better master is heard", now, outputs);
            self.heard = Some((source, advert.priority));
            self.follow(source, advert, now, outputs);
        } else {
            // The other one must yield, and the neighbours must learn who was right.
            self.send_advert(own, now, outputs);
            self.announce_all(now, outputs);
        }
    }

    /// Whether a master of this priority keeps us in BACKUP.
    fn accepts_master(&self, priority: u8) -> bool {
        !self.config.preempt || priority >= self.config.priority.get()
    }

    /// Restarts the master-down timer for a valid advert of an acceptable master, in the kernel where that
    /// is possible.
    fn follow(
        &mut self,
        source: IpAddr,
        advert: &Advertisement,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        let known = self.master.as_ref();
        if known.is_some_and(|m| m.source == source && m.advert == *advert) {
            self.deadline = now + self.master_down_interval();
            if !self.heartbeat.carried() {
                self.timers.set(Timer::MasterDown, self.deadline);
            } else if self.heartbeat.stray(now, self.master_interval() / 2) {
                self.stop_trusting_kernel(outputs);
            }
            return;
        }
        self.master = Some(Master {
            source,
            advert: advert.clone(),
        });
        self.await_master(now + self.master_down_interval());
        self.set_watch(now, outputs);
    }

    /// The master says it stops: wait for the skew only. A priority 0 of another router than the master in
    /// force says nothing about that master.
    fn master_resigns(&mut self, source: IpAddr, now: Instant, outputs: &mut Outputs) {
        if self.master.as_ref().is_some_and(|m| m.source != source) {
            return;
        }
        self.await_master(now + self.skew_time());
        self.set_watch(now, outputs);
    }

    /// After a change of our own configuration: whether the master in force still is.
    pub(super) fn judge_master_again(&mut self, now: Instant, outputs: &mut Outputs) {
        let priority = self.master.as_ref().map(|m| m.advert.priority);
        if priority.is_some_and(|priority| self.accepts_master(priority)) {
            self.await_master(now + self.master_down_interval());
            self.set_watch(now, outputs);
        } else if priority.is_some() {
            let down = self.master_down_interval();
            self.master = None;
            self.await_master(now + down);
            self.heartbeat.set(self.id, Guard::Off, outputs);
        } else {
            let down = now + self.master_down_interval();
            self.await_master(self.deadline.min(down));
        }
    }

    /// Lets userspace time the master until the kernel says that it does.
    pub(super) fn await_master(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.timers.set(Timer::MasterDown, deadline);
    }

    /// Asks the kernel to watch the master in force until the deadline.
    fn set_watch(&mut self, now: Instant, outputs: &mut Outputs) {
        let Some(master) = self.master.clone() else {
            return;
        };
        if self.heartbeat.has_given_up() {
            return;
        }
        let guard = Guard::Watch {
            advert: master.advert,
            source: master.source,
            down_after: self.master_down_interval(),
            remaining: self.deadline.saturating_duration_since(now),
        };
        self.heartbeat.set(self.id, guard, outputs);
    }

    /// The kernel does not absorb what it should: userspace times the master from here on.
    pub(super) fn stop_trusting_kernel(&mut self, outputs: &mut Outputs) {
        self.heartbeat.give_up();
        self.heartbeat.set(self.id, Guard::Off, outputs);
        self.timers.set(Timer::MasterDown, self.deadline);
    }

    fn count_refusal(&mut self, name: &'static str) {
        *self.counts.refused.entry(name).or_default() += 1;
    }
}
