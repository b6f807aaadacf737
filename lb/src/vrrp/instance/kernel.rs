//! What the kernel says to an instance: about its guard, its addresses, routes and rules.

use std::time::{Duration, Instant};

use super::{Instance, Outputs};
use crate::{
    config::model::InterfaceName,
    vrrp::{
        interval,
        object::{Object, ObjectKey, Operation, Step},
        output::{Gate, Guard, Output, State},
        timer::Timer,
    },
};

/// Time after which the kernel is asked again for what it refused.
const RETRY: Duration = Duration::from_secs(1);

/// Time the advert that made the kernel yield has to come up the socket.
const YIELD_PATIENCE: Duration = Duration::from_millis(20);

impl Instance {
    /// Takes the answer to [`Output::SetGuard`], or the news that the kernel lost a guard it had taken.
    pub(in crate::vrrp) fn on_guard(&mut self, epoch: u32, taken: bool, now: Instant) {
        let carried = self.heartbeat.carried();
        if !self.heartbeat.answer(epoch, taken) || self.state != State::Backup {
            return;
        }
        if self.heartbeat.carried() {
            self.timers.stop(Timer::MasterDown);
        } else if carried {
            // The kernel may have absorbed an advert a moment ago.
            self.await_master(now + self.master_down_interval());
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
            self.become_master("master down", now, outputs);
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
        if !self.watches(epoch) || !self.heartbeat.carried() {
            return;
        }
        if now > self.deadline.max(last_seen + self.master_down_interval()) {
            self.become_master("master down", now, outputs);
        }
    }

    /// The lease ran out and the kernel fenced the gate, while nobody better was heard.
    pub(in crate::vrrp) fn on_lease_lost(
        &mut self,
        epoch: u32,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        if self.leases(epoch) {
            self.restore_lease(now, outputs);
        }
    }

    /// The kernel fenced the gate for a better advert, which is on its way up the socket.
    pub(in crate::vrrp) fn on_yielded(&mut self, epoch: u32, now: Instant) {
        if self.leases(epoch) && !self.timers.runs(Timer::Yielded) {
            self.timers.set(Timer::Yielded, now + YIELD_PATIENCE);
        }
    }

    /// Takes news about an object of the kernel's. A route or a rule may be wanted by somebody else while it is not wanted
    /// here: only what a former process left is taken away.
    pub(in crate::vrrp) fn on_object(
        &mut self,
        key: &ObjectKey,
        present: bool,
        outputs: &mut Outputs,
    ) {
        let elsewhere = match self.state {
            State::Backup | State::Fault => present && !key.is_address(),
            State::Init | State::Master => false,
        };
        if elsewhere {
            return;
        }
        if self.objects.observe(key, present) && self.state != State::Init {
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
        let touched = self.objects.touched();
        let gone = touched.filter(|key| key.is_address_of(interface));
        let gone: Vec<ObjectKey> = gone.cloned().collect();
        let lost = gone.iter().filter(|key| self.objects.lose(key)).count();
        if lost > 0 && self.state != State::Init {
            self.reconcile(outputs);
            self.settle(outputs);
        }
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
            && self.objects.is_settled(&line.address)
        {
            self.announce(&line.address, outputs);
            self.announcements.begin(&line.address, now);
            self.schedule_announcements();
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
        let guard = Guard::Lease {
            priority: self.config.priority.get(),
            source,
            lease: interval::lease(self.config.advert_interval.get()),
            yields: !self.config.priority.is_owner() && !self.heartbeat.has_given_up(),
        };
        self.timers.stop(Timer::Yielded);
        self.heartbeat.set(self.id, guard, outputs);
    }

    /// Begins a new lease: we are MASTER still. The gate opens when the advert has left, because a MASTER that cannot say so
    /// has a successor by now.
    pub(super) fn restore_lease(&mut self, now: Instant, outputs: &mut Outputs) {
        self.gate = Some(Gate::Fenced);
        self.reopening = true;
        self.set_lease(outputs);
        self.send_advert(self.config.priority.get(), now, outputs);
    }

    /// Takes the answer to [`Output::SendAdvert`].
    pub(in crate::vrrp) fn on_advert_sent(
        &mut self,
        sent: bool,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        if sent && std::mem::take(&mut self.reopening) {
            self.ask_gate(Gate::Open, outputs);
            self.announce_all(now, outputs);
        }
    }

    pub(super) fn schedule_retry(&mut self, now: Instant) {
        self.timers.set(Timer::AddressRetry, now + RETRY);
    }

    fn watches(&self, epoch: u32) -> bool {
        self.state == State::Backup && self.heartbeat.is_watch(epoch)
    }

    fn leases(&self, epoch: u32) -> bool {
        self.state == State::Master && self.heartbeat.is_lease(epoch)
    }
}
