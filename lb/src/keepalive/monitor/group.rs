//! Groups: members start in order, stop in the opposite one, and share the fate of critical members.

use super::{Monitor, Wanted};
use crate::keepalive::{
    Moment,
    output::Event,
    record::{DownBy, SlotNumber, State},
};

impl Monitor {
    /// The slots of the same group in their order, or the slot alone.
    pub(super) fn mates(&self, slot: SlotNumber) -> Vec<SlotNumber> {
        let group = self
            .slots
            .get(&slot)
            .and_then(|of| of.record.registration.group_name.as_ref())
            .and_then(|name| self.groups.get(name));
        group.map_or_else(
            || vec![slot],
            |members| members.iter().map(|(_, mate)| *mate).collect(),
        )
    }

    /// Whether every member before this one is ready, or rests.
    pub(super) fn may_start(&self, slot: SlotNumber) -> bool {
        let mates = self.mates(slot);
        let mut before = mates
            .iter()
            .take_while(|mate| **mate != slot)
            .filter_map(|mate| self.slots.get(mate));
        before.all(|mate| match self.wanted(&mate.record) {
            Wanted::Run => mate.record.state == State::Ok,
            Wanted::Rest(..) => mate.record.phase.is_quiet(),
        })
    }

    /// Whether every member behind this one that is to stop has stopped.
    pub(super) fn may_stop(&self, slot: SlotNumber) -> bool {
        let mates = self.mates(slot);
        let mut behind = mates
            .iter()
            .rev()
            .take_while(|mate| **mate != slot)
            .filter_map(|mate| self.slots.get(mate));
        behind.all(|mate| self.wanted(&mate.record) == Wanted::Run || mate.record.phase.is_quiet())
    }

    /// A critical member died: the others stop, and all start again in order.
    pub(super) fn halt_group(&mut self, slot: SlotNumber) {
        if !self.is_critical(slot) {
            return;
        }
        for mate in self.mates(slot) {
            if let Some(of) = self.slots.get_mut(&mate)
                && !of.record.halted
            {
                of.record.halted = true;
                self.touched.insert(mate);
            }
        }
        self.tell(slot, Event::Halted);
    }

    /// Ends the halt of a group in which nothing runs any more; tells whether it did.
    pub(super) fn resume_group(&mut self, slot: SlotNumber) -> bool {
        let mates = self.mates(slot);
        let all_quiet = mates
            .iter()
            .filter_map(|mate| self.slots.get(mate))
            .all(|mate| mate.record.phase.is_quiet());
        if !all_quiet {
            return false;
        }
        for mate in mates {
            if let Some(of) = self.slots.get_mut(&mate) {
                of.record.halted = false;
                if of.record.state == State::Shutdown {
                    of.record.state = State::Respawn;
                }
                self.touched.insert(mate);
            }
        }
        true
    }

    /// A critical member is down, and so are the others.
    pub(super) fn down_group(&mut self, slot: SlotNumber, now: Moment) {
        if !self.is_critical(slot) {
            return;
        }
        for mate in self.mates(slot) {
            let is_up = self
                .slots
                .get(&mate)
                .is_some_and(|of| of.record.down_by.is_none());
            if is_up {
                self.go_down(mate, DownBy::Group, now);
                self.touched.insert(mate);
            }
        }
    }

    /// What was down for this member's sake is not any more.
    pub(super) fn clear_group(&mut self, slot: SlotNumber) {
        for mate in self.mates(slot) {
            if let Some(of) = self.slots.get_mut(&mate)
                && of.record.down_by == Some(DownBy::Group)
            {
                of.record.down_by = None;
                of.record.state = State::Respawn;
                self.touched.insert(mate);
                self.tell(mate, Event::Cleared);
            }
        }
    }

    fn is_critical(&self, slot: SlotNumber) -> bool {
        self.slots.get(&slot).is_some_and(|of| {
            of.record.registration.critical && of.record.registration.group_name.is_some()
        })
    }
}
