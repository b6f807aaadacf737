//! What shakes a MASTER: another address owner, and its own late timers.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{Instance, Outputs};
use crate::{
    config::model::{Priority, vrrp::OnLateTimer},
    vrrp::{advert::Advertisement, output::State, timer::Timer},
};

/// Adverts of another address owner that are no accident.
const ACCIDENTS: u8 = 2;

/// Another address owner of the same virtual router, at a lower address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rival {
    adverts: u8,
    last: Instant,
    /// Time that shows whether it is there still: 1.2 times the larger interval.
    patience: Duration,
}

impl Instance {
    /// A MASTER and address owner hears another one. Only one can be right, and no priority says which; as in
    /// keepalived the one with the higher address gives way: after two adverts it waits, and then takes priority 254 until
    /// its next term.
    pub(super) fn meet_owner(&mut self, source: IpAddr, advert: &Advertisement, now: Instant) {
        if Some(source) >= self.source {
            return;
        }
        let larger = advert.interval.max(self.config.advert_interval).get();
        let adverts = self.rival.map_or(0, |rival| rival.adverts);
        let rival = Rival {
            adverts: adverts.saturating_add(1),
            last: now,
            patience: larger * 6 / 5,
        };
        self.rival = Some(rival);
        if rival.adverts == ACCIDENTS {
            self.timers.set(Timer::Rogue, now + rival.patience);
        }
    }

    /// The time with another address owner is over: whether it is there still.
    pub(super) fn judge_rival(&mut self, now: Instant, outputs: &mut Outputs) {
        let Some(rival) = self.rival.take().filter(|_| self.state == State::Master) else {
            return;
        };
        if self.lowered.is_none() && now < rival.last + rival.patience {
            self.lowered = Priority::try_from(254).ok();
            // Should it fall silent before it beats us, we are the owner again.
            self.rival = Some(rival);
            let wait = self.lease();
            self.timers.set(Timer::Rogue, now + wait);
        } else {
            self.lowered = None;
        }
        self.advertise(now, outputs);
    }

    /// Whether this MASTER was silent for so long that others have elected a new one, and has to heed that
    /// (`timer_expired_backup`).
    pub(super) fn is_late(&self, now: Instant) -> bool {
        let heeds = self.config.election.late != OnLateTimer::Stay && !self.config.preempt;
        let silent = self
            .said
            .is_some_and(|said| now > said + self.master_down_interval());
        heeds && self.state == State::Master && self.farewell.is_none() && silent
    }

    /// Makes way for whoever was elected meanwhile.
    pub(super) fn step_down(&mut self, now: Instant, outputs: &mut Outputs) {
        if let OnLateTimer::StepDownTo(priority) = self.config.election.late {
            self.lowered = Some(priority);
        }
        self.leave(State::Backup, "own timers were late".into(), now, outputs);
    }
}
