//! When to tell the neighbours (gratuitous ARP, unsolicited neighbour advertisement).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::config::model::VirtualAddress;

/// Announcements of one address in a set (`garp_master_repeat`).
pub(super) const REPEAT: usize = 5;

/// Time between the first and the second set (`garp_master_delay`).
pub(super) const DELAY: Duration = Duration::from_secs(5);

/// The second sets still to come.
#[derive(Clone, Debug, Default)]
pub(super) struct Announcements {
    second: BTreeMap<VirtualAddress, Instant>,
}

impl Announcements {
    /// Notes that the first set for an address goes out now.
    pub(super) fn begin(&mut self, address: &VirtualAddress, now: Instant) {
        self.second.insert(address.clone(), now + DELAY);
    }

    /// When the next second set is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.second.values().min().copied()
    }

    /// Takes the addresses whose second set is due.
    pub(super) fn due(&mut self, now: Instant) -> Vec<VirtualAddress> {
        let due = self.second.extract_if(.., |_, when| *when <= now);
        due.map(|(address, _)| address).collect()
    }

    /// Forgets one address.
    pub(super) fn forget(&mut self, address: &VirtualAddress) {
        self.second.remove(address);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.second.clear();
    }
}
