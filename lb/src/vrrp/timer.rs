//! Timers: one table of why × when per instance, and who is next among all instances.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use super::output::InstanceId;

/// Why an instance wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// MASTER: the next advert (RFC 9568 §6.2 Adver_Timer).
    Advert,
    /// BACKUP: no master (RFC 9568 §6.2 Active_Down_Timer), where the kernel does not keep it.
    MasterDown,
    /// MASTER: announcements.
    Announce,
    /// An address the kernel refused is due again.
    AddressRetry,
    /// MASTER: the kernel yielded to an advert we have yet to see.
    Yielded,
    /// BACKUP: `preempt_delay`.
    Preempt,
    /// MASTER that has resigned: nobody has taken over.
    Farewell,
    /// BACKUP by request: the time that was asked for is over.
    Yield,
    /// MASTER and address owner beside another one.
    Rogue,
}

impl Timer {
    const ALL: [Self; 9] = [
        Self::Advert,
        Self::MasterDown,
        Self::Announce,
        Self::AddressRetry,
        Self::Yielded,
        Self::Preempt,
        Self::Farewell,
        Self::Yield,
        Self::Rogue,
    ];

    /// The word for traces.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Advert => "advert",
            Self::MasterDown => "master_down",
            Self::Announce => "announce",
            Self::AddressRetry => "address_retry",
            Self::Yielded => "yielded",
            Self::Preempt => "preempt_delay",
            Self::Farewell => "farewell",
            Self::Yield => "yield",
            Self::Rogue => "rogue",
        }
    }
}

/// When each timer of one instance is due.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    when: [Option<Instant>; Timer::ALL.len()],
    /// The first of them: asked for far more often than changed.
    next: Option<(Instant, Timer)>,
}

impl Timers {
    /// Sets or moves a timer.
    pub(super) fn set(&mut self, timer: Timer, when: Instant) {
        self.when[timer as usize] = Some(when);
        match self.next {
            Some((_, next)) if next == timer => self.next = self.first(),
            Some((first, _)) if first <= when => {}
            _ => self.next = Some((when, timer)),
        }
    }

    /// Stops a timer.
    pub(super) fn stop(&mut self, timer: Timer) {
        if self.when[timer as usize].take().is_some() {
            self.next = self.first();
        }
    }

    /// Stops all but the one of a request, which outlives states.
    pub(super) fn stop_all(&mut self) {
        let wish = self.when(Timer::Yield);
        *self = Self::default();
        if let Some(when) = wish {
            self.set(Timer::Yield, when);
        }
    }

    /// When a timer is due.
    pub(super) fn when(&self, timer: Timer) -> Option<Instant> {
        self.when[timer as usize]
    }

    /// Whether a timer runs.
    pub(super) fn runs(&self, timer: Timer) -> bool {
        self.when[timer as usize].is_some()
    }

    /// The next timer.
    pub(super) const fn next(&self) -> Option<(Instant, Timer)> {
        self.next
    }

    /// Every timer that runs.
    pub(super) fn all(&self) -> impl Iterator<Item = (Instant, Timer)> {
        Timer::ALL
            .into_iter()
            .filter_map(|timer| Some((self.when[timer as usize]?, timer)))
    }

    fn first(&self) -> Option<(Instant, Timer)> {
        self.all().min_by_key(|(when, _)| *when)
    }

    /// Takes one timer that is due, the oldest first.
    pub(super) fn expire(&mut self, now: Instant) -> Option<(Instant, Timer)> {
        let next = self.next().filter(|(when, _)| *when <= now)?;
        self.stop(next.1);
        Some(next)
    }
}

/// Which instance is due next.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    order: BTreeSet<(Instant, InstanceId)>,
    when: BTreeMap<InstanceId, Instant>,
}

impl Schedule {
    /// Notes when an instance is due, `None` for never.
    pub(super) fn set(&mut self, instance: InstanceId, when: Option<Instant>) {
        let old = match (self.when.get_mut(&instance), when) {
            (Some(old), Some(new)) if *old == new => return,
            (Some(old), Some(new)) => Some(std::mem::replace(old, new)),
            (Some(_), None) => self.when.remove(&instance),
            (None, Some(new)) => self.when.insert(instance, new),
            (None, None) => return,
        };
        if let Some(old) = old {
            self.order.remove(&(old, instance));
        }
        if let Some(new) = when {
            self.order.insert((new, instance));
        }
    }

    /// The instance due next.
    pub(super) fn first(&self) -> Option<(Instant, InstanceId)> {
        self.order.first().copied()
    }
}
