//! How long a MASTER of lower priority is left in place: `nopreempt`, `preempt_delay`, and a request to yield.

use std::time::Instant;

use super::{Instance, Outputs};
use crate::vrrp::{heartbeat::Kind, output::Guard, timer::Timer};

/// Whether it is time to preempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Preemption {
    /// As the configuration has it.
    #[default]
    Configured,
    /// `preempt_delay` has passed.
    Due,
    /// Not while the request to yield stands.
    Yielding,
}

impl Preemption {
    /// Whether others go first by request.
    pub(super) fn yields(self) -> bool {
        self == Self::Yielding
    }
}

impl Instance {
    /// Whether a master of this priority keeps us in BACKUP.
    pub(super) fn tolerates(&mut self, priority: u8, now: Instant) -> bool {
        let accepted = !self.config.preempt || priority >= self.priority.get();
        match self.preemption {
            Preemption::Yielding => true,
            Preemption::Configured | Preemption::Due if accepted => {
                self.forget_preemption();
                true
            }
            Preemption::Due => false,
            Preemption::Configured => {
                let delay = self.config.election.preempt_delay;
                if !delay.is_zero() && !self.timers.runs(Timer::Preempt) {
                    self.timers.set(Timer::Preempt, now + delay);
                }
                !delay.is_zero()
            }
        }
    }

    /// There is nobody to be preempted now.
    pub(super) fn forget_preemption(&mut self) {
        self.timers.stop(Timer::Preempt);
        if !self.preemption.yields() {
            self.preemption = Preemption::Configured;
        }
    }

    /// `preempt_delay` is over: the adverts of the lower MASTER count no longer, and the master-down timer runs out in
    /// spite of it, as in keepalived.
    pub(super) fn lose_patience(&mut self, now: Instant, outputs: &mut Outputs) {
        if self.preemption == Preemption::Configured {
            self.preemption = Preemption::Due;
            self.ignore_master(now, outputs);
        }
    }

    /// Stops counting the adverts of the master in force. Where the kernel kept the time, the wait begins now: when the
    /// last one came is not known here.
    pub(super) fn ignore_master(&mut self, now: Instant, outputs: &mut Outputs) {
        let down = self.master_down_interval();
        if self.heartbeat.watches() {
            self.await_master(now + down);
        }
        self.master = None;
        if self.heartbeat.kind() == Kind::Watch {
            self.heartbeat.set(self.id, Guard::Off, outputs);
        }
    }
}
