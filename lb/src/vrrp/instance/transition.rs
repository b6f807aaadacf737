//! From state to state: what each transition says to the kernel and to the other routers, in which order.

use std::time::Instant;

use super::{Instance, Outputs, Why};
use crate::{
    config::model::InitialState,
    vrrp::{
        heartbeat::Kind,
        output::{Gate, Guard, Happening, Notice, Output, Party, State},
        timer::Timer,
    },
};

impl Instance {
    /// Init or Fault → Backup, or straight to Master for the owner and an adopted lease.
    pub(super) fn start(&mut self, why: &'static str, now: Instant, outputs: &mut Outputs) {
        let wishes_master = self.config.state == InitialState::Master;
        if std::mem::take(&mut self.adopted) {
            return self.become_master("lease adopted", now, outputs);
        }
        let owner = wishes_master && self.config.priority.is_owner();
        if owner && !self.bound {
            return self.become_master("address owner", now, outputs);
        }
        let wait = if wishes_master && self.state == State::Init {
            // keepalived: `state MASTER` waits one interval, not three.
            self.config.advert_interval.get() + self.skew_time()
        } else {
            self.master_down_interval()
        };
        if self.heartbeat.kind() != Kind::Off {
            self.heartbeat.set(self.id, Guard::Off, outputs);
        }
        self.await_master(now + wait);
        let from = self.state;
        self.state = State::Backup;
        self.reconcile(outputs);
        self.report(from, why.into(), now, outputs);
        self.settle(outputs);
        if from == State::Fault {
            self.announce_source(outputs);
        }
        if owner {
            self.win("address owner", now, outputs);
        }
    }

    /// Backup → Master, as soon as every member of its group wants it.
    pub(super) fn win(&mut self, why: &'static str, now: Instant, outputs: &mut Outputs) {
        if !self.bound {
            return self.become_master(why, now, outputs);
        }
        self.candidate = Some(why);
        self.master = None;
        if self.heartbeat.kind() == Kind::Watch {
            // Should the master come back, its adverts must come up.
            self.heartbeat.set(self.id, Guard::Off, outputs);
        }
        self.await_master(now + self.master_down_interval());
    }

    /// Any state → Master: advert, then gate, then addresses; announcements follow the acknowledgements.
    pub(in crate::vrrp) fn become_master(
        &mut self,
        why: &'static str,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        let from = self.state;
        self.state = State::Master;
        self.reopening = false;
        self.fenced = false;
        self.candidate = None;
        self.lowered = None;
        self.counts.became_master += 1;
        self.master = None;
        self.heard = None;
        self.said = None;
        self.heartbeat.hope();
        self.timers.stop(Timer::MasterDown);
        self.forget_preemption();
        self.priority = self.effective_priority();
        self.set_lease(outputs);
        self.send_advert(now, outputs);
        self.ask_gate(Gate::Open, outputs);
        // What was refused in an earlier term is not waited for.
        self.objects.retry();
        self.reconcile(outputs);
        self.announce_all(now, outputs);
        self.report(from, why.into(), now, outputs);
    }

    /// Any state → one without the addresses. A MASTER that nobody has beaten says that it stops, so that the others
    /// need not wait for the end of its adverts.
    pub(in crate::vrrp) fn leave(
        &mut self,
        to: State,
        why: Why,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        let said = self.farewell.take().is_some();
        self.depart(to, why, now, outputs, |instance, outputs| {
            if !said && instance.source.is_some() {
                instance.resign(outputs);
            }
        });
    }

    /// Master → Backup, for a better router.
    pub(super) fn be_beaten(&mut self, now: Instant, outputs: &mut Outputs) {
        let why = "a better master is heard".into();
        self.depart(State::Backup, why, now, outputs, |instance, outputs| {
            if instance.config.election.higher_prio_send_advert {
                instance.send_advert(now, outputs);
            }
        });
    }

    /// Closes the gate first, then says the `last_words` of a MASTER, then removes the addresses.
    fn depart(
        &mut self,
        to: State,
        why: Why,
        now: Instant,
        outputs: &mut Outputs,
        last_words: impl FnOnce(&mut Self, &mut Outputs),
    ) {
        let from = self.state;
        self.state = to;
        self.reopening = false;
        self.fenced = false;
        self.relet = false;
        self.adopted = false;
        self.candidate = None;
        self.rival = None;
        if from == State::Master {
            self.counts.released_master += 1;
            self.ask_gate(Gate::Fenced, outputs);
            last_words(self, outputs);
        }
        let retry = self.objects.waits();
        self.heartbeat.hope();
        self.timers.stop_all();
        self.forget_preemption();
        self.announcements.clear();
        self.master = None;
        self.heard = None;
        self.said = None;
        if retry {
            self.schedule_retry(now);
        }
        self.priority = self.effective_priority();
        if to == State::Backup {
            self.await_master(now + self.master_down_interval());
        }
        self.reconcile(outputs);
        if from != to {
            self.report(from, why, now, outputs);
        }
        self.settle(outputs);
    }

    /// Says the state has changed.
    fn report(&mut self, from: State, why: Why, now: Instant, outputs: &mut Outputs) {
        self.why = why.clone();
        self.since = now;
        outputs.push_back(Output::Transition {
            instance: self.id,
            from,
            to: self.state,
            why,
        });
        let happening = match self.state {
            State::Init => self.ending,
            State::Backup => Happening::Backup,
            State::Master => Happening::Master,
            State::Fault => Happening::Fault,
        };
        self.tell(happening, outputs);
    }

    /// Tells people and programs.
    pub(super) fn tell(&self, happening: Happening, outputs: &mut Outputs) {
        outputs.push_back(Output::Notice(Box::new(Notice {
            party: Party::Instance,
            name: self.config.name.clone(),
            happening,
            priority: self.priority.get(),
            notify: self.config.notify.clone(),
        })));
    }

    /// Once the kernel has none of the addresses: opens the way onward, and ends what has no use any more.
    pub(super) fn settle(&mut self, outputs: &mut Outputs) {
        let started = self.state != State::Init || self.stopping;
        if self.state == State::Master || !started || !self.objects.has_no_address() {
            return;
        }
        // The lease ends first: its timer must not fence what is opened next.
        let kind = self.heartbeat.kind();
        if kind == Kind::Lease || self.state != State::Backup && kind != Kind::Off {
            self.heartbeat.set(self.id, Guard::Off, outputs);
        }
        if self.gate != Some(Gate::Pass) {
            self.ask_gate(Gate::Pass, outputs);
        }
        if self.stopping && !self.gone && self.objects.is_clear() {
            self.gone = true;
            outputs.push_back(Output::Removed { instance: self.id });
        }
    }
}
