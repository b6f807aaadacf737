//! When to tell the neighbours again (gratuitous ARP, unsolicited neighbour advertisement): second sets
//! and refreshes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::config::model::VirtualAddress;

/// The most messages of one set about one address, whatever `garp_master_repeat` says: more help nobody
/// and would fill the memory.
const MOST: u32 = 1000;

/// Messages in a row about one address, and the same once more later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Set {
    /// Messages in a row; at most 1000 are sent.
    pub(super) repeat: u32,
    /// Time until the second set; zero is no second set.
    pub(super) delay: Duration,
}

impl Set {
    /// How many messages there are.
    pub(super) fn rounds(self) -> u32 {
        self.repeat.min(MOST)
    }
}

/// What is still to be announced.
#[derive(Clone, Debug, Default)]
pub(super) struct Announcements {
    /// Addresses the kernel has got and that wait for the others of the instance.
    collected: BTreeSet<VirtualAddress>,
    second: BTreeMap<VirtualAddress, (Instant, Set)>,
    refresh: Option<Instant>,
    extra: Option<Instant>,
    /// When another MASTER was last answered.
    answered: Option<Instant>,
}

impl Announcements {
    /// Notes an address whose first set waits for the others.
    pub(super) fn collect(&mut self, address: &VirtualAddress) {
        self.collected.insert(address.clone());
    }

    /// Takes the addresses that have waited.
    pub(super) fn take_collected(&mut self) -> BTreeSet<VirtualAddress> {
        std::mem::take(&mut self.collected)
    }

    /// Notes that the first set for an address goes out now.
    pub(super) fn begin(&mut self, address: &VirtualAddress, set: Set, now: Instant) {
        if !set.delay.is_zero() && set.repeat > 0 {
            self.second.insert(address.clone(), (now + set.delay, set));
        }
    }

    /// Whether another MASTER that is heard now is to be answered: none was in the last `span`.
    pub(super) fn answers(&mut self, span: Duration, now: Instant) -> bool {
        let is_due = self.answered.is_none_or(|at| now >= at + span);
        if is_due {
            self.answered = Some(now);
        }
        is_due
    }

    /// Sets when the next refresh is due; `None` for never.
    pub(super) fn refresh_at(&mut self, when: Option<Instant>) {
        self.refresh = when;
    }

    /// When something is due next.
    pub(super) fn next(&self) -> Option<Instant> {
        let second = self.second.values().map(|(when, _)| *when);
        second.chain(self.refresh).chain(self.extra).min()
    }

    /// Takes the addresses whose second set is due.
    pub(super) fn due(&mut self, now: Instant) -> BTreeMap<VirtualAddress, Set> {
        let due = self.second.extract_if(.., |_, (when, _)| *when <= now);
        due.map(|(address, (_, set))| (address, set)).collect()
    }

    /// Takes the refresh, if it is due: the time it was due.
    pub(super) fn refresh_due(&mut self, now: Instant) -> Option<Instant> {
        self.refresh.take_if(|when| *when <= now)
    }

    /// Sets when interfaces that adverts do not leave by are due; `None` for never.
    pub(super) fn extra_at(&mut self, when: Option<Instant>) {
        self.extra = when;
    }

    /// Takes that time, if it has come.
    pub(super) fn extra_due(&mut self, now: Instant) -> Option<Instant> {
        self.extra.take_if(|when| *when <= now)
    }

    /// Forgets one address.
    pub(super) fn forget(&mut self, address: &VirtualAddress) {
        self.collected.remove(address);
        self.second.remove(address);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
