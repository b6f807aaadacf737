//! What the node has for good: `static_ipaddress`, `static_routes`, `static_rules`.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Instant,
};

use super::{
    object::{Object, ObjectKey, Operation, Presence, Step},
    objects::{Objects, RETRY},
    snapshot::ObjectSnapshot,
};
use crate::config::model::{Config, InterfaceName};

/// The static objects: the machine of an instance's objects, always MASTER until it is stopped.
///
/// After each `handle_*` drain [`poll_output`](Self::poll_output) and ask [`poll_timeout`](Self::poll_timeout).
#[derive(Debug, Default)]
pub struct Statics {
    objects: Objects,
    wanted: bool,
    retry: Option<Instant>,
    /// Something happened since the groups were polled.
    changed: bool,
    outputs: VecDeque<Step>,
}

impl Statics {
    /// Nothing static.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the static objects those of `config`; `kernel` is what the kernel has of them.
    pub fn handle_config(&mut self, config: &Config, kernel: &BTreeSet<ObjectKey>) {
        self.wanted = true;
        self.objects.configure(Object::of_node(config), kernel);
        self.reconcile();
    }

    /// Takes it all out of the kernel, as keepalived does when it stops.
    pub fn handle_stop(&mut self) {
        self.wanted = false;
        self.reconcile();
    }

    /// Takes an object the kernel has, or has no more.
    pub fn handle_object(&mut self, key: &ObjectKey, present: bool) {
        self.observe(key, Presence::seen(present));
    }

    /// Takes an object that a virtual router has removed, which wants it no more.
    pub fn handle_withdrawn(&mut self, key: &ObjectKey) {
        self.observe(key, Presence::Withdrawn);
    }

    /// An interface is gone, and its addresses with it.
    pub fn handle_interface_gone(&mut self, interface: &InterfaceName) {
        if self.objects.lose_interface(interface) {
            self.reconcile();
        }
    }

    /// Takes the answer to a [`Step`]. Installing what is there and removing what is not there count as
    /// success.
    pub fn handle_applied(
        &mut self,
        object: &Object,
        operation: Operation,
        result: Result<(), String>,
        now: Instant,
    ) {
        if self.objects.acknowledge(object, operation, result) {
            if self.objects.waits() {
                self.retry = self.retry.or(Some(now + RETRY));
            }
            self.reconcile();
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.retry.take_if(|at| *at <= now).is_some() {
            self.objects.retry();
            self.reconcile();
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due next.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.retry
    }

    /// The next effect.
    pub fn poll_output(&mut self) -> Option<Step> {
        self.outputs.pop_front()
    }

    /// Whether the kernel has none of it and nothing is under way.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.objects.is_clear()
    }

    /// For each `track_group` that a static object names, whether all its objects are there: where one is not, the
    /// group's instances go to FAULT.
    #[must_use]
    pub fn groups(&self) -> BTreeMap<String, bool> {
        let mut groups = BTreeMap::new();
        for (object, is_there) in self.objects.configured() {
            if let Some(group) = object.track_group() {
                *groups.entry(group.to_owned()).or_insert(true) &= is_there;
            }
        }
        groups
    }

    /// [`groups`](Self::groups), once after each `handle_*` that may have changed them.
    pub fn poll_groups(&mut self) -> Option<BTreeMap<String, bool>> {
        std::mem::take(&mut self.changed).then(|| self.groups())
    }

    /// All as plain data.
    #[must_use]
    pub fn snapshot(&self) -> Vec<ObjectSnapshot> {
        self.objects.snapshot()
    }

    fn observe(&mut self, key: &ObjectKey, presence: Presence) {
        if self.objects.observe(key, presence) {
            self.reconcile();
        }
    }

    fn reconcile(&mut self) {
        self.changed = true;
        self.outputs.extend(self.objects.operations(self.wanted));
    }
}
