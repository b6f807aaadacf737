//! What the kernel says to an instance: about its guard, its addresses, routes and rules.

use std::time::{Duration, Instant};

use super::{Instance, Outputs};
use crate::{
    config::model::InterfaceName,
    vrrp::{
        heartbeat::Kind,
        object::{Object, ObjectKey, Operation, Presence, Step},
        objects::RETRY,
        output::{Gate, Guard, Happening, Output, State},
        timer::Timer,
    },
};

/// Time the advert that made the kernel yield has to come up the socket.
const YIELD_PATIENCE: Duration = Duration::from_millis(20);

impl Instance {
    /// Takes the answer to [`Output::SetGuard`], or the news that the kernel lost a guard it had taken.
    pub(in crate::vrrp) fn on_guard(&mut self, epoch: u32, taken: bool, now: Instant) {
        let watched = self.heartbeat.watches();
        if !self.heartbeat.answer(epoch, taken) || self.state != State::Backup {
            return;
        }
        if self.heartbeat.watches() {
            self.timers.stop(Timer::MasterDown);
        } else if watched {
            // The kernel may have absorbed an advert a moment ago.
            self.await_master(now + self.master_down_interval());
        }
    }

    /// The kernel may take a guard now that it refused a moment ago.
    pub(in crate::vrrp) fn on_guard_possible(&mut self, now: Instant, outputs: &mut Outputs) {
        match (self.state, self.heartbeat.kind()) {
            _ if self.heartbeat.carried() => {}
            (State::Backup, Kind::Watch) => self.set_watch(now, outputs),
            (State::Master, Kind::Lease) if self.farewell.is_none() => self.set_lease(outputs),
            _ => {}
        }
    }

    /// The kernel's master-down timer expired.
    pub(in crate::vrrp) fn on_master_down(
        &mut self,
        epoch: u32,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        if !self.watches(epoch) {
            return;
        }
        if now + self.master_interval() / 2 < self.deadline {
            // Userspace has heard the master since: the kernel does not see its adverts.
            self.stop_trusting_kernel(outputs);
        } else {
            self.win_when_patient_enough(now, outputs);
        }
    }

    /// The kernel last absorbed an advert at `last_seen`.
    pub(in crate::vrrp) fn on_heartbeat(
        &mut self,
        epoch: u32,
        last_seen: Instant,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        if !self.watches(epoch) || !self.heartbeat.watches() {
            return;
        }
        let down = self.master_down_interval();
        if now > self.deadline.max(last_seen + down) {
            return self.win("master down", now, outputs);
        }
        // A priority that rose since has made us less patient than the kernel knows. The watch is set anew only when it is
        // plain that an advert came since the last time, so that this gives no silent master more time.
        let heard = last_seen > self.watched_since + self.master_interval() / 2;
        if down < self.watched && heard {
            self.await_master(last_seen + down);
            self.set_watch(now, outputs);
        }
    }

    /// The lease ran out and the kernel fenced the gate, while nobody better was heard.
    pub(in crate::vrrp) fn on_lease_lost(
        &mut self,
        epoch: u32,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        if !self.leases(epoch) || self.farewell.is_some() {
            return;
        }
        self.was_fenced(outputs);
        if self.is_late(now) {
            self.step_down(now, outputs);
        } else {
            self.restore_lease(now, outputs);
        }
    }

    /// The kernel fenced the gate for a better advert, which is on its way up the socket.
    pub(in crate::vrrp) fn on_yielded(&mut self, epoch: u32, now: Instant) {
        let waits = self.timers.runs(Timer::Yielded) || self.farewell.is_some();
        if self.leases(epoch) && !waits {
            self.timers.set(Timer::Yielded, now + YIELD_PATIENCE);
        }
    }

    /// Takes news about an object of the kernel's. A route or a rule may be wanted by somebody else while it is not wanted
    /// here: only what a former process left is taken away.
    pub(in crate::vrrp) fn on_object(
        &mut self,
        key: &ObjectKey,
        presence: Presence,
        outputs: &mut Outputs,
    ) {
        let elsewhere = match self.state {
            State::Backup | State::Fault => presence == Presence::There && !key.is_address(),
            State::Init | State::Master => false,
        };
        if elsewhere {
            return;
        }
        if self.objects.observe(key, presence) && self.state != State::Init {
            self.reconcile(outputs);
            self.settle(outputs);
        }
    }

    /// An interface is gone, and its addresses with it.
    pub(in crate::vrrp) fn on_interface_gone(
        &mut self,
        interface: &InterfaceName,
        outputs: &mut Outputs,
    ) {
        if self.objects.lose_interface(interface) && self.state != State::Init {
            self.reconcile(outputs);
            self.settle(outputs);
        }
    }

    /// Whether the kernel refused something that is still wanted.
    pub(in crate::vrrp) fn waits_for_kernel(&self) -> bool {
        self.objects.waits()
    }

    /// Asks the kernel again for what it refused.
    pub(in crate::vrrp) fn retry_objects(&mut self, outputs: &mut Outputs) {
        self.objects.retry();
        self.reconcile(outputs);
        self.settle(outputs);
    }

    /// The objects news of which matter here.
    pub(in crate::vrrp) fn touched_objects(&self) -> impl Iterator<Item = &ObjectKey> {
        self.objects.touched()
    }

    /// The key of what goes when an installation under way is acknowledged.
    pub(in crate::vrrp) fn replaced_by(&self, object: &Object) -> Option<ObjectKey> {
        self.objects.replaced_by(object)
    }

    /// Takes the answer to [`Output::Install`] or [`Output::Remove`].
    pub(in crate::vrrp) fn on_applied(
        &mut self,
        object: &Object,
        operation: Operation,
        result: Result<(), String>,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        if !self.objects.acknowledge(object, operation, result) {
            return;
        }
        if self.objects.waits() && !self.timers.runs(Timer::AddressRetry) {
            self.schedule_retry(now);
        }
        if operation == Operation::Install
            && self.state == State::Master
            && let Object::Address(line) = object
        {
            if self.objects.is_settled(&line.address) {
                self.announcements.collect(&line.address);
            }
            self.announce_installed(now, outputs);
        }
        self.reconcile(outputs);
        self.settle(outputs);
    }

    /// Asks the kernel for the objects the state calls for. Addresses it has while it should not are fenced.
    pub(super) fn reconcile(&mut self, outputs: &mut Outputs) {
        let wanted = self.state == State::Master;
        if !wanted && !self.objects.has_no_address() && self.gate != Some(Gate::Fenced) {
            self.ask_gate(Gate::Fenced, outputs);
        }
        let instance = self.id;
        for step in self.objects.operations(wanted) {
            let Step {
                operation,
                object,
                replace,
            } = step;
            outputs.push_back(match operation {
                Operation::Install => Output::Install {
                    instance,
                    object,
                    replace,
                },
                Operation::Remove => {
                    if let Object::Address(line) = &object {
                        self.announcements.forget(&line.address);
                    }
                    Output::Remove { instance, object }
                }
            });
        }
    }

    /// Asks the kernel to hold the gate open only as long as adverts leave.
    pub(super) fn set_lease(&mut self, outputs: &mut Outputs) {
        let Some(source) = self.source else {
            return;
        };
        let guard = if self.mute {
            Guard::Off
        } else {
            Guard::Lease {
                priority: self.priority.get(),
                source,
                lease: self.lease(),
                yields: !self.priority.is_owner() && !self.heartbeat.has_given_up(),
            }
        };
        self.relet = false;
        self.timers.stop(Timer::Yielded);
        self.heartbeat.set(self.id, guard, outputs);
    }

    /// Begins a new lease: we are MASTER still. The gate opens when the advert has left, because a MASTER that cannot say so
    /// has a successor by now.
    pub(super) fn restore_lease(&mut self, now: Instant, outputs: &mut Outputs) {
        self.gate = Some(Gate::Fenced);
        self.reopening = true;
        self.set_lease(outputs);
        self.send_advert(now, outputs);
    }

    /// The kernel has fenced the gate of this MASTER: that is news. An election lost to a better router is none,
    /// though the kernel may have closed the gate first.
    pub(super) fn was_fenced(&mut self, outputs: &mut Outputs) {
        self.counts.fenced += 1;
        self.fenced = true;
        self.tell(Happening::Fenced, outputs);
    }

    /// Takes the answer to [`Output::SendAdvert`].
    pub(in crate::vrrp) fn on_advert_sent(
        &mut self,
        sent: bool,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        if self.farewell.is_some() {
            return self.on_resignation_sent(sent, now, outputs);
        }
        if !sent || self.state != State::Master {
            return;
        }
        self.said = Some(now);
        if std::mem::take(&mut self.relet) {
            self.set_lease(outputs);
        }
        if std::mem::take(&mut self.reopening) {
            self.ask_gate(Gate::Open, outputs);
            self.announce_all(now, outputs);
            if std::mem::take(&mut self.fenced) {
                self.tell(Happening::Master, outputs);
            }
        }
    }

    pub(super) fn schedule_retry(&mut self, now: Instant) {
        self.timers.set(Timer::AddressRetry, now + RETRY);
    }

    /// The kernel's timer ended, but a priority that fell since has made us more patient than it knows, or an advert came up
    /// the socket that it did not see.
    fn win_when_patient_enough(&mut self, now: Instant, outputs: &mut Outputs) {
        let patience = self.master_down_interval().saturating_sub(self.watched);
        let patience = patience.max(self.deadline.saturating_duration_since(now));
        if patience.is_zero() {
            self.win("master down", now, outputs);
        } else {
            self.heartbeat.set(self.id, Guard::Off, outputs);
            self.await_master(now + patience);
        }
    }

    fn watches(&self, epoch: u32) -> bool {
        self.state == State::Backup && self.heartbeat.is_watch(epoch)
    }

    fn leases(&self, epoch: u32) -> bool {
        self.state == State::Master && self.heartbeat.is_lease(epoch)
    }
}
