//! From state to state: what each transition says to the kernel and to the other routers, in which order.

use std::time::Instant;

use super::{Instance, Outputs};
use crate::{
    config::model::InitialState,
    vrrp::{
        heartbeat::Kind,
        output::{Gate, Guard, Output, State},
        timer::Timer,
    },
};

impl Instance {
    /// Init or Fault → Backup, or straight to Master for the owner and an adopted lease.
    pub(super) fn start(&mut self, now: Instant, outputs: &mut Outputs) {
        let wishes_master = self.config.state == InitialState::Master;
        if std::mem::take(&mut self.adopted) {
            return self.become_master("lease adopted", now, outputs);
        }
        if wishes_master && self.config.priority.is_owner() {
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
        self.report(from, "interface usable", now, outputs);
        self.settle(outputs);
    }

    /// Any state → Master: advert, then gate, then addresses; announcements follow the acknowledgements.
    pub(super) fn become_master(&mut self, why: &'static str, now: Instant, outputs: &mut Outputs) {
        let from = self.state;
        self.state = State::Master;
        self.reopening = false;
        self.counts.became_master += 1;
        self.master = None;
        self.heard = None;
        self.heartbeat.hope();
        self.timers.stop(Timer::MasterDown);
        self.set_lease(outputs);
        self.send_advert(self.config.priority.get(), now, outputs);
        self.ask_gate(Gate::Open, outputs);
        self.reconcile(outputs);
        self.announce_all(now, outputs);
        self.report(from, why, now, outputs);
    }

    /// Any state → one without the addresses.
    pub(super) fn leave(
        &mut self,
        to: State,
        why: &'static str,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        let from = self.state;
        self.state = to;
        self.reopening = false;
        self.adopted = false;
        if from == State::Master {
            self.ask_gate(Gate::Fenced, outputs);
            if self.stopping {
                self.send_advert(0, now, outputs);
            }
        }
        let retry = self.objects.waits();
        self.heartbeat.hope();
        self.timers.stop_all();
        self.announcements.clear();
        self.master = None;
        self.heard = None;
        if retry {
            self.schedule_retry(now);
        }
        self.reconcile(outputs);
        if from != to {
            self.report(from, why, now, outputs);
        }
        self.settle(outputs);
    }

    /// Says the state has changed.
    fn report(&mut self, from: State, why: &'static str, now: Instant, outputs: &mut Outputs) {
        self.why = why;
        self.since = now;
        outputs.push_back(Output::Transition {
            instance: self.id,
            from,
            to: self.state,
            why,
        });
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
