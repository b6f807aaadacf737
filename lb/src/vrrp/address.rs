//! Virtual addresses of one instance: desired → diff → operations → acknowledged.
//!
//! What the kernel has changes here only when it says so: by acknowledging an operation, or by telling
//! of a change somebody made. At most one operation per address is under way.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::model::VirtualAddress;

/// An operation on one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Add it to the kernel.
    Add,
    /// Remove it from the kernel.
    Remove,
}

/// Where one address stands.
#[derive(Clone, Debug, Default)]
struct Slot {
    /// The configuration names it.
    configured: bool,
    /// The kernel has it.
    present: bool,
    /// The operation under way.
    pending: Option<Pending>,
    /// The kernel refused the last operation; nothing is tried until `retry`.
    refused: Option<String>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    operation: Operation,
    /// The kernel has told of the change before it acknowledged it, so later news is newer than the
    /// acknowledgement.
    confirmed: bool,
}

/// The addresses of one instance.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    slots: BTreeMap<VirtualAddress, Slot>,
    /// The configured ones in the order of the file.
    order: Vec<VirtualAddress>,
}

impl Addresses {
    /// Adopts a new list; `kernel` is what the kernel is known to have.
    pub(super) fn configure(&mut self, list: &[VirtualAddress], kernel: &BTreeSet<VirtualAddress>) {
        for slot in self.slots.values_mut() {
            slot.configured = false;
        }
        for address in list {
            let slot = self.slots.entry(address.clone()).or_insert_with(|| Slot {
                present: kernel.contains(address),
                ..Slot::default()
            });
            slot.configured = true;
        }
        self.order = list.to_vec();
        self.forget_strangers();
    }

    /// Takes the operations that lead from what is to what should be: all configured addresses present
    /// when `wanted`, none otherwise. They are under way from now on. Removals come first.
    pub(super) fn operations(&mut self, wanted: bool) -> Vec<(Operation, VirtualAddress)> {
        let mut operations = Vec::new();
        for (address, slot) in &mut self.slots {
            if slot.idle() && slot.present && !(wanted && slot.configured) {
                slot.start(Operation::Remove);
                operations.push((Operation::Remove, address.clone()));
            }
        }
        for address in &self.order {
            let Some(slot) = self.slots.get_mut(address) else {
                continue;
            };
            if wanted && slot.idle() && !slot.present {
                slot.start(Operation::Add);
                operations.push((Operation::Add, address.clone()));
            }
        }
        operations
    }

    /// Takes the kernel's answer. Returns false for an answer to nothing under way.
    pub(super) fn acknowledge(
        &mut self,
        address: &VirtualAddress,
        operation: Operation,
        result: Result<(), String>,
    ) -> bool {
        let Some(slot) = self.slots.get_mut(address) else {
            return false;
        };
        let Some(pending) = slot.pending.filter(|p| p.operation == operation) else {
            return false;
        };
        slot.pending = None;
        match result {
            Ok(()) if pending.confirmed => {}
            Ok(()) => slot.present = operation == Operation::Add,
            // A refusal to reach a state that has come about otherwise is none.
            Err(_) if slot.present == (operation == Operation::Add) => {}
            Err(error) => slot.refused = Some(error),
        }
        self.forget_strangers();
        true
    }

    /// Takes news from the kernel about an address. Returns false when it is none of ours.
    pub(super) fn observe(&mut self, address: &VirtualAddress, present: bool) -> bool {
        let Some(slot) = self.slots.get_mut(address) else {
            return false;
        };
        slot.present = present;
        if let Some(pending) = &mut slot.pending {
            pending.confirmed |= present == (pending.operation == Operation::Add);
        }
        self.forget_strangers();
        true
    }

    /// Lets refused operations be tried again.
    pub(super) fn retry(&mut self) {
        for slot in self.slots.values_mut() {
            slot.refused = None;
        }
    }

    /// Whether an operation was refused and waits.
    pub(super) fn waits(&self) -> bool {
        self.slots.values().any(|slot| slot.refused.is_some())
    }

    /// Why an operation was last refused.
    pub(super) fn refusal(&self) -> Option<(&VirtualAddress, &str)> {
        let mut slots = self.slots.iter();
        slots.find_map(|(address, slot)| Some((address, slot.refused.as_deref()?)))
    }

    /// Whether the kernel has none of them and nothing is under way.
    pub(super) fn is_clear(&self) -> bool {
        self.slots
            .values()
            .all(|slot| !slot.present && slot.pending.is_none())
    }

    /// Whether an address is configured here and the kernel has it for good.
    pub(super) fn is_settled(&self, address: &VirtualAddress) -> bool {
        let slot = self.slots.get(address);
        slot.is_some_and(|slot| slot.configured && slot.present && slot.pending.is_none())
    }

    /// The configured addresses the kernel has for good, in the order of the file.
    pub(super) fn settled(&self) -> Vec<VirtualAddress> {
        let order = self.order.iter();
        order.filter(|a| self.is_settled(a)).cloned().collect()
    }

    /// All that are configured, or were and are not gone.
    pub(super) fn touched(&self) -> impl Iterator<Item = &VirtualAddress> {
        self.slots.keys()
    }

    /// What the kernel has.
    pub(super) fn installed(&self) -> impl Iterator<Item = &VirtualAddress> {
        let slots = self.slots.iter();
        slots.filter_map(|(address, slot)| slot.present.then_some(address))
    }

    /// Drops slots the configuration no longer names once the kernel has nothing of them.
    fn forget_strangers(&mut self) {
        self.slots
            .retain(|_, slot| slot.configured || slot.present || slot.pending.is_some());
    }
}

impl Slot {
    fn idle(&self) -> bool {
        self.pending.is_none() && self.refused.is_none()
    }

    fn start(&mut self, operation: Operation) {
        self.pending = Some(Pending {
            operation,
            confirmed: false,
        });
    }
}
