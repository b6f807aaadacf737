//! What an advert does to an instance (RFC 9568 §6.4), and how it waits for the next.

use std::{
    borrow::Cow,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{Heard, Instance, Master, Outputs};
use crate::{
    config::model::Priority,
    vrrp::{
        RxMeta,
        accept::{self, Verdict},
        advert::Advertisement,
        heartbeat::Kind,
        output::{Guard, Happening, State},
        timer::Timer,
    },
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
        if matches!(self.state, State::Init | State::Fault) {
            return;
        }
        match accept::judge(&self.config, self.source, rx, advert) {
            Verdict::Echo => return,
            Verdict::Refused(name) => return self.count_refusal(name),
            Verdict::AcceptedDespite(_) if self.skips_check(rx.source) => {}
            Verdict::AcceptedDespite(name) => self.count_refusal(name),
            Verdict::Accepted => {}
        }
        if self.farewell.is_some() {
            self.count_received(advert);
            return self.hear_successor(rx.source, advert, now, outputs);
        }
        if self.is_late(now) {
            self.step_down(now, outputs);
        }
        if self.state == State::Master && self.is_deaf_owner() {
            if advert.priority == Priority::OWNER.get() {
                self.meet_owner(rx.source, advert, now);
            }
            return;
        }
        self.count_received(advert);
        match self.state {
            State::Backup => self.backup_hears(rx.source, advert, now, outputs),
            State::Master => self.master_hears(rx.source, advert, now, outputs),
            State::Init | State::Fault => {}
        }
    }

    /// `skip_check_adv_addr`: the addresses of the master in force were compared when it first spoke.
    fn skips_check(&self, source: IpAddr) -> bool {
        let known = self.heard.is_some_and(|heard| heard.source == source);
        self.config.election.skip_check_addresses && known
    }

    /// `owner_ignore_adverts`: the address owner stays MASTER whatever it hears.
    fn is_deaf_owner(&self) -> bool {
        self.config.election.owner_ignore_adverts && self.priority.is_owner()
    }

    /// Adverts were lost before they were read, so silence up to now says nothing. Believed once after each advert heard, or a
    /// flood would keep a dead master's place.
    pub(in crate::vrrp) fn on_overflow(&mut self, now: Instant) {
        let waits = self.state == State::Backup && self.timers.runs(Timer::MasterDown);
        if waits && !std::mem::replace(&mut self.spared, true) {
            let next = now + self.master_down_interval();
            self.await_master(self.deadline.max(next));
        }
    }

    /// What Master_Down_Timer would find, found sooner. There is no Skew_Time: of several that see it, the best one wins when
    /// their adverts meet, and a MASTER that lives answers the first.
    /// Who yields by request stays the last to take over.
    pub(in crate::vrrp) fn on_peer_silent(&mut self, now: Instant, outputs: &mut Outputs) {
        if self.state == State::Backup && !self.preemption.yields() {
            self.win("master silent by BFD", now, outputs);
        }
    }

    /// Whether a router is the MASTER here, be it one that we preempt.
    pub(in crate::vrrp) fn hears(&self, router: IpAddr) -> bool {
        let master = self.master.as_ref().map(|master| master.source);
        master.or(self.heard.map(|heard| heard.source)) == Some(router)
    }

    /// Counts a packet addressed to this virtual router that did not count, or only just.
    pub(in crate::vrrp) fn on_refusal(&mut self, name: Cow<'static, str>) {
        self.count_refusal(name);
    }

    /// RFC 9568 §6.4.2.
    pub(super) fn backup_hears(
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
        let tolerated = self.tolerates(advert.priority, now);
        self.heard = Some(Heard {
            source,
            priority: advert.priority,
            passed_over: (!tolerated).then_some(now),
        });
        if tolerated {
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
        // What we are to say next counts, where it is less: else this one would be answered with an advert that is worse.
        let own = self.priority.min(self.effective_priority()).get();
        if advert.priority == 0 {
            self.advertise(now, outputs);
        } else if advert.priority > own || (advert.priority == own && Some(source) > self.source) {
            if self.lease_has_ended(now) {
                self.was_fenced(outputs);
            }
            self.be_beaten(now, outputs);
            self.backup_hears(source, advert, now, outputs);
        } else {
            // The other one must yield, and the neighbours must learn who was right.
            if !self.config.election.lower_prio_no_advert {
                self.advertise(now, outputs);
            }
            self.announce_challenged(now, outputs);
            self.challenged = true;
            self.tell(Happening::MasterRxLowerPri, outputs);
        }
    }

    /// Whether the kernel has fenced the gate because we were silent, though it has not come to say so.
    fn lease_has_ended(&self, now: Instant) -> bool {
        let leased = self.heartbeat.kind() == Kind::Lease && self.heartbeat.carried();
        let ended = self.said.is_some_and(|said| now > said + self.lease());
        leased && ended
    }

    /// Whether an advert of lower priority came since the last call.
    pub(in crate::vrrp) fn take_challenge(&mut self) -> bool {
        std::mem::take(&mut self.challenged)
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
        self.candidate = None;
        self.spared = false;
        let known = self.master.as_ref();
        if known.is_some_and(|m| m.source == source && m.advert == *advert) {
            self.deadline = now + self.master_down_interval();
            if !self.heartbeat.watches() {
                self.timers.set(Timer::MasterDown, self.deadline);
            } else if self.heartbeat.stray(now, self.master_interval() / 2) {
                self.stop_trusting_kernel(outputs);
            }
            return;
        }
        // A better one may be there still, though it speaks more rarely: this one does not shorten its time.
        let better = known.filter(|m| (m.advert.priority, m.source) > (advert.priority, source));
        let earliest = better.map_or(now, |_| self.deadline);
        self.master = Some(Master {
            source,
            advert: advert.clone(),
        });
        let deadline = now + self.master_down_interval();
        self.await_master(deadline.max(earliest));
        self.set_watch(now, outputs);
    }

    /// The master says it stops: wait for the skew only. A priority 0 of another router than the master in
    /// force says nothing about that master.
    fn master_resigns(&mut self, source: IpAddr, now: Instant, outputs: &mut Outputs) {
        if self.master.as_ref().is_some_and(|m| m.source != source) {
            return;
        }
        if let Some(heard) = &mut self.heard {
            heard.passed_over = None;
        }
        self.await_master(now + self.skew_time());
        self.set_watch(now, outputs);
    }

    /// After a change of our own configuration: whether the master in force still is.
    pub(super) fn judge_master_again(&mut self, now: Instant, outputs: &mut Outputs) {
        let priority = self.master.as_ref().map(|m| m.advert.priority);
        let down = now + self.master_down_interval();
        match priority {
            Some(priority) if self.tolerates(priority, now) => {
                self.await_master(down);
                self.set_watch(now, outputs);
            }
            Some(_) => self.ignore_master(now, outputs),
            None => {
                let deadline = self.reprieve(self.deadline.min(down), now);
                self.await_master(deadline);
            }
        }
    }

    /// After a change of our own priority or patience: whether the master in force still is. A change never grants a silent
    /// master more time than the difference, or one that comes and goes would keep us from taking over. So a watch of the
    /// kernel's stays as it is: its end is judged by the new patience, and its next audit sets it anew.
    pub(super) fn change_patience(
        &mut self,
        before: Duration,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        let priority = self.master.as_ref().map(|m| m.advert.priority);
        if priority.is_some_and(|priority| !self.tolerates(priority, now)) {
            return self.ignore_master(now, outputs);
        }
        if !self.heartbeat.watches() {
            let after = self.master_down_interval();
            let deadline = (self.deadline + after).checked_sub(before);
            let deadline = self.reprieve(deadline.unwrap_or(now).max(now), now);
            self.await_master(deadline);
        }
    }

    /// The deadline, or later the end of the master-down interval of a master that we were about to preempt and would follow
    /// now, counted from its last advert as for every other.
    fn reprieve(&mut self, deadline: Instant, now: Instant) -> Instant {
        let heard = self.heard.filter(|_| self.master.is_none());
        match heard.and_then(|heard| Some((heard.passed_over?, heard.priority))) {
            Some((at, priority)) if self.tolerates(priority, now) => {
                deadline.max(at + self.master_down_interval())
            }
            _ => deadline,
        }
    }

    /// Lets userspace time the master until the kernel says that it does.
    pub(super) fn await_master(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.timers.set(Timer::MasterDown, deadline);
    }

    /// Asks the kernel to watch the master in force until the deadline.
    pub(super) fn set_watch(&mut self, now: Instant, outputs: &mut Outputs) {
        let Some(master) = self.master.clone() else {
            return;
        };
        if self.heartbeat.has_given_up() {
            return;
        }
        self.watched = self.master_down_interval();
        self.watched_since = now;
        let guard = Guard::Watch {
            advert: master.advert,
            source: master.source,
            down_after: self.watched,
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

    fn count_received(&mut self, advert: &Advertisement) {
        self.counts.received += 1;
        self.counts.zero_received += u64::from(advert.priority == 0);
    }

    fn count_refusal(&mut self, name: impl Into<Cow<'static, str>>) {
        *self.counts.refused.entry(name.into()).or_default() += 1;
    }
}
