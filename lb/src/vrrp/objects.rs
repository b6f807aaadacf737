//! The objects of one instance, or of the node: desired → diff → operations → acknowledged.
//!
//! What the kernel has changes here only when it says so: by acknowledging an operation, or by telling
//! of a change somebody made. At most one operation per object is under way.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    object::{Object, ObjectKey, Operation, Presence, Step},
    snapshot::ObjectSnapshot,
};
use crate::config::model::{InterfaceName, VirtualAddress};

/// Time after which the kernel is asked again for what it refused.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// Where one object stands.
#[derive(Clone, Debug, Default)]
struct Slot {
    /// As the configuration has it.
    configured: Option<Object>,
    /// As the kernel has it, as far as is known.
    installed: Option<Object>,
    /// The operation under way.
    pending: Option<Pending>,
    /// The kernel refused the last operation; nothing is tried until `retry`.
    refused: Option<String>,
    /// Place in the order of the file.
    rank: usize,
}

#[derive(Clone, Debug)]
struct Pending {
    operation: Operation,
    object: Object,
    /// What goes when this comes; its own slot waits with a removal under way.
    replaces: Option<ObjectKey>,
    /// The kernel has told of the change before it acknowledged it, so later news is newer than the
    /// acknowledgement.
    confirmed: bool,
}

/// The objects of one owner.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects {
    /// Boxed, because most maps have one entry, and room for eleven.
    slots: BTreeMap<ObjectKey, Box<Slot>>,
    /// The configured ones in the order of the file.
    order: Vec<ObjectKey>,
}

impl Objects {
    /// Adopts a new list; `kernel` is what the kernel is known to have.
    pub(super) fn configure(
        &mut self,
        list: impl IntoIterator<Item = Object>,
        kernel: &BTreeSet<ObjectKey>,
    ) {
        for slot in self.slots.values_mut() {
            slot.configured = None;
        }
        self.order.clear();
        for (rank, object) in list.into_iter().enumerate() {
            let key = object.key();
            let slot = self.slots.entry(key.clone()).or_insert_with(|| {
                Box::new(Slot {
                    installed: kernel.contains(&key).then(|| object.clone()),
                    ..Slot::default()
                })
            });
            slot.rank = rank;
            if slot.configured.replace(object).is_none() {
                self.order.push(key);
            }
        }
        self.forget_strangers();
    }

    /// Takes the steps that lead from what is to what should be: all configured objects there when
    /// `wanted`, none otherwise. They are under way from now on.
    ///
    /// Addresses go before others come: one that goes may take its subnet's secondaries with it. Routes and rules come
    /// before others go, so that packets always find their way.
    pub(super) fn operations(&mut self, wanted: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        if wanted {
            self.remove_leaving(wanted, ObjectKey::is_address, &mut steps);
            for key in self.order.clone() {
                steps.extend(self.install(&key));
            }
        }
        self.remove_leaving(wanted, |key| !key.is_address(), &mut steps);
        self.remove_leaving(wanted, ObjectKey::is_address, &mut steps);
        steps
    }

    /// Removes in the reverse of the order of installing.
    fn remove_leaving(
        &mut self,
        wanted: bool,
        which: impl Fn(&ObjectKey) -> bool,
        steps: &mut Vec<Step>,
    ) {
        let slots = self.slots.iter_mut();
        let mut leaving: Vec<(bool, usize, &mut Slot)> = slots
            .filter(|(key, slot)| which(key) && slot.leaves(wanted))
            .map(|(key, slot)| (matches!(key, ObjectKey::Rule(_)), slot.rank, &mut **slot))
            .collect();
        leaving.sort_by_key(|(is_rule, rank, _)| (*is_rule, *rank));
        for (_, _, slot) in leaving.into_iter().rev() {
            steps.extend(slot.installed.clone().map(|object| Step {
                operation: Operation::Remove,
                object: slot.start(Operation::Remove, object, None),
                replace: false,
            }));
        }
    }

    /// Installs one configured object, if the kernel does not have it as it is configured.
    fn install(&mut self, key: &ObjectKey) -> Option<Step> {
        let slot = self.slots.get(key)?;
        let object = slot.configured.as_ref().filter(|_| slot.idle())?;
        let installed = slot.installed.as_ref();
        if installed.is_some_and(|old| object.is_same_to_kernel(old)) {
            return None;
        }
        let object = object.clone();
        let (alone, other) = self.neighbours(key);
        let replaces = match installed {
            // Otherwise the old one goes first.
            Some(old) if !(alone && object.replaces_in_place(old)) => return None,
            Some(_) => None,
            None => other,
        };
        let replace = installed.is_some() || replaces.is_some();
        if let Some(slot) = replaces.as_ref().and_then(|old| self.slots.get_mut(old))
            && let Some(old) = slot.installed.clone()
        {
            slot.start(Operation::Remove, old, None);
        }
        let slot = self.slots.get_mut(key)?;
        Some(Step {
            operation: Operation::Install,
            object: slot.start(Operation::Install, object, replaces),
            replace,
        })
    }

    /// What the kernel has in the same spot of a routing table: whether nothing, and which one is to go, if it is the
    /// only one.
    fn neighbours(&self, key: &ObjectKey) -> (bool, Option<ObjectKey>) {
        let Some(spot) = key.spot() else {
            return (true, None);
        };
        let slots = self.slots.iter();
        let mut others = slots.filter(|(other, slot)| {
            *other != key
                && other.spot() == Some(spot)
                && (slot.installed.is_some() || slot.pending.is_some())
        });
        let first = others.next();
        let leaving = first.filter(|(_, slot)| slot.configured.is_none() && slot.idle());
        let only = leaving.filter(|_| others.next().is_none());
        (first.is_none(), only.map(|(other, _)| other.clone()))
    }

    /// The key of what an installation under way replaces.
    pub(super) fn replaced_by(&self, object: &Object) -> Option<ObjectKey> {
        let pending = self.slots.get(&object.key())?.pending.as_ref()?;
        pending.replaces.clone()
    }

    /// Takes the kernel's answer. Returns false for an answer to nothing under way.
    pub(super) fn acknowledge(
        &mut self,
        object: &Object,
        operation: Operation,
        result: Result<(), String>,
    ) -> bool {
        let Some(slot) = self.slots.get_mut(&object.key()) else {
            return false;
        };
        let Some(pending) = slot.pending.take_if(|p| p.operation == operation) else {
            return false;
        };
        let succeeded = result.is_ok();
        let reached = match operation {
            Operation::Install => slot.installed.as_ref() == Some(&pending.object),
            Operation::Remove => slot.installed.is_none(),
        };
        match result {
            Ok(()) if pending.confirmed => {}
            Ok(()) => slot.installed = (operation == Operation::Install).then_some(pending.object),
            // A refusal to reach a state that has come about otherwise is none.
            Err(_) if reached => {}
            Err(error) => slot.refused = Some(error),
        }
        if let Some(old) = pending.replaces.and_then(|old| self.slots.get_mut(&old)) {
            old.pending = None;
            if succeeded {
                old.installed = None;
            }
        }
        self.forget_strangers();
        true
    }

    /// Takes news from the kernel about an object. Returns false when it means nothing here: the object is none of
    /// ours, or somebody removed one that is not tracked.
    pub(super) fn observe(&mut self, key: &ObjectKey, presence: Presence) -> bool {
        let present = presence == Presence::There;
        let ignored = |slot: &Slot| {
            let configured = slot.configured.as_ref();
            presence == Presence::Gone
                && slot.pending.is_none()
                && configured.is_some_and(|o| !o.is_tracked())
        };
        match self.slots.get_mut(key) {
            None => false,
            Some(slot) if ignored(slot) => false,
            Some(slot) => {
                slot.observe(present);
                self.forget_strangers();
                true
            }
        }
    }

    /// An interface is gone, and its addresses with it, tracked or not. Returns false when it had none.
    pub(super) fn lose_interface(&mut self, interface: &InterfaceName) -> bool {
        let mut lost = false;
        let slots = self.slots.iter_mut();
        for (_, slot) in slots.filter(|(key, _)| key.is_address_of(interface)) {
            slot.observe(false);
            lost = true;
        }
        self.forget_strangers();
        lost
    }

    /// Lets refused operations be tried again.
    pub(super) fn retry(&mut self) {
        for slot in self.slots.values_mut() {
            slot.refused = None;
        }
    }

    /// Whether an address is on its way to the kernel.
    pub(super) fn adds_address(&self) -> bool {
        let mut addresses = self.slots.iter().take_while(|(key, _)| key.is_address());
        addresses.any(|(_, slot)| {
            let pending = slot.pending.as_ref();
            pending.is_some_and(|pending| pending.operation == Operation::Install)
        })
    }

    /// Whether an operation was refused and waits.
    pub(super) fn waits(&self) -> bool {
        self.slots.values().any(|slot| slot.refused.is_some())
    }

    /// Why an operation was last refused.
    pub(super) fn refusal(&self) -> Option<(&Object, &str)> {
        let mut slots = self.slots.values();
        slots.find_map(|slot| Some((slot.object()?, slot.refused.as_deref()?)))
    }

    /// Whether the kernel has none of them and nothing is under way.
    pub(super) fn is_clear(&self) -> bool {
        self.slots.values().all(|slot| slot.is_clear())
    }

    /// Whether the kernel has none of the addresses and nothing is under way with them.
    pub(super) fn has_no_address(&self) -> bool {
        let mut addresses = self.slots.iter().take_while(|(key, _)| key.is_address());
        addresses.all(|(_, slot)| slot.is_clear())
    }

    /// Whether an address is configured here and the kernel has it for good.
    pub(super) fn is_settled(&self, address: &VirtualAddress) -> bool {
        let slot = self.slots.get(&ObjectKey::Address(address.clone()));
        slot.is_some_and(|slot| slot.is_settled())
    }

    /// The configured addresses the kernel has for good, in the order of the file.
    pub(super) fn settled(&self) -> Vec<VirtualAddress> {
        let order = self.order.iter().filter_map(|key| match key {
            ObjectKey::Address(address) => Some(address),
            ObjectKey::Route(_) | ObjectKey::Rule(_) => None,
        });
        order.filter(|a| self.is_settled(a)).cloned().collect()
    }

    /// All that are configured, or were and are not gone.
    pub(super) fn touched(&self) -> impl Iterator<Item = &ObjectKey> {
        self.slots.keys()
    }

    /// The addresses the kernel has.
    pub(super) fn installed(&self) -> impl Iterator<Item = &VirtualAddress> {
        self.slots.iter().filter_map(|(key, slot)| match key {
            ObjectKey::Address(address) => slot.installed.as_ref().map(|_| address),
            ObjectKey::Route(_) | ObjectKey::Rule(_) => None,
        })
    }

    /// The configured ones that the kernel has, and those it has not, in the order of the file.
    pub(super) fn configured(&self) -> impl Iterator<Item = (&Object, bool)> {
        let slots = self.order.iter().filter_map(|key| self.slots.get(key));
        slots.filter_map(|slot| Some((slot.configured.as_ref()?, slot.installed.is_some())))
    }

    /// All as plain data: the configured ones in the order of the file, then those on their way out.
    pub(super) fn snapshot(&self) -> Vec<ObjectSnapshot> {
        let configured = self.order.iter().filter_map(|key| self.slots.get(key));
        let strangers = self.slots.values().filter(|s| s.configured.is_none());
        let slots = configured.chain(strangers);
        slots
            .filter_map(|slot| {
                Some(ObjectSnapshot {
                    line: slot.object()?.to_string(),
                    installed: slot.installed.is_some(),
                    refused: slot.refused.clone(),
                })
            })
            .collect()
    }

    /// Drops slots the configuration no longer names once the kernel has nothing of them.
    fn forget_strangers(&mut self) {
        self.slots
            .retain(|_, slot| slot.configured.is_some() || !slot.is_clear());
    }
}

impl Slot {
    fn idle(&self) -> bool {
        self.pending.is_none() && self.refused.is_none()
    }

    fn is_clear(&self) -> bool {
        self.installed.is_none() && self.pending.is_none()
    }

    fn is_settled(&self) -> bool {
        self.configured.is_some() && self.installed.is_some() && self.pending.is_none()
    }

    /// Whether the kernel has what it should not have, or should have otherwise than it can be changed.
    fn leaves(&self, wanted: bool) -> bool {
        let Some(installed) = self.installed.as_ref().filter(|_| self.idle()) else {
            return false;
        };
        match &self.configured {
            Some(object) if wanted => {
                let stays = matches!(object, Object::Address(_));
                let stays = stays && object.replaces_in_place(installed);
                !(stays || object.is_same_to_kernel(installed))
            }
            Some(_) | None => true,
        }
    }

    fn object(&self) -> Option<&Object> {
        self.configured.as_ref().or(self.installed.as_ref())
    }

    fn start(
        &mut self,
        operation: Operation,
        object: Object,
        replaces: Option<ObjectKey>,
    ) -> Object {
        self.pending = Some(Pending {
            operation,
            object: object.clone(),
            replaces,
            confirmed: false,
        });
        object
    }

    fn observe(&mut self, present: bool) {
        let pending = self.pending.as_mut();
        let awaited = pending.filter(|p| present == (p.operation == Operation::Install));
        let fresh = awaited.map(|pending| {
            pending.confirmed = true;
            pending.object.clone()
        });
        if !present {
            self.installed = None;
            return;
        }
        // What somebody else put there is taken for ours: the kernel tells of no two.
        let known = || self.pending.as_ref().map(|pending| pending.object.clone());
        let installed = fresh.or_else(|| self.installed.take());
        self.installed = installed.or_else(known).or_else(|| self.configured.clone());
    }
}
