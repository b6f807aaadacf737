//! Which instances there are: one diff for start, reload and stop.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use super::Router;
use crate::{
    config::model::VrrpInstance,
    vrrp::{
        instance::Instance,
        object::{Object, ObjectKey},
        output::InstanceId,
    },
};

impl Router {
    /// Makes the instances those of `configs`: new ones begin, missing ones stop, changed ones adopt the
    /// change in place. A change of interface, VRID, version or family makes another virtual router: the old
    /// one stops, then a new one begins.
    pub fn handle_config(&mut self, configs: &[VrrpInstance], now: Instant) {
        let wanted: BTreeMap<&str, &VrrpInstance> =
            configs.iter().map(|c| (c.name.as_str(), c)).collect();
        let known: Vec<(String, InstanceId)> = self
            .names
            .iter()
            .map(|(name, id)| (name.clone(), *id))
            .collect();
        for (name, id) in known {
            let config = wanted.get(name.as_str());
            let old = self.instances.get(&id).map(Instance::config);
            if !config.is_some_and(|new| old.is_some_and(|old| same_router(old, new))) {
                self.remove(&name, id, now);
            }
        }
        for config in configs {
            match self.names.get(&config.name) {
                Some(id) => self.change(*id, config, now),
                None => self.add(config, now),
            }
        }
        self.interest.clear();
        for (id, instance) in &self.instances {
            for key in instance.touched_objects() {
                self.interest.entry(key.clone()).or_default().push(*id);
            }
        }
    }

    fn add(&mut self, config: &VrrpInstance, now: Instant) {
        let id = InstanceId(self.next_id);
        self.next_id += 1;
        let stopping = self.instances.iter().filter(|(_, i)| i.is_stopping());
        let blockers: BTreeSet<InstanceId> = stopping
            .filter(|(_, instance)| collide(instance.config(), config))
            .map(|(id, _)| *id)
            .collect();
        let instance = Instance::new(id, config, &self.kernel, now);
        self.instances.insert(id, instance);
        self.names.insert(config.name.clone(), id);
        self.segments
            .entry(config.interface.clone())
            .or_default()
            .insert((config.vrid.get(), config.family, id));
        if blockers.is_empty() {
            self.begin(id, now);
        } else {
            self.waiting.insert(id, blockers);
        }
    }

    /// Lets an instance begin, if its link is known.
    fn begin(&mut self, id: InstanceId, now: Instant) {
        let interface = self.instances.get(&id).map(|i| &i.config().interface);
        if let Some(link) = interface.and_then(|i| self.links.get(i)).copied() {
            self.with(id, now, |instance, outputs| {
                instance.on_link(link, now, outputs);
            });
        }
    }

    /// Lets those begin that waited for one that is gone.
    pub(super) fn release(&mut self, gone: InstanceId, now: Instant) {
        self.waiting.remove(&gone);
        for blockers in self.waiting.values_mut() {
            blockers.remove(&gone);
        }
        let free = self
            .waiting
            .extract_if(.., |_, blockers| blockers.is_empty());
        let free: Vec<InstanceId> = free.map(|(id, _)| id).collect();
        for id in free {
            self.begin(id, now);
        }
    }

    fn change(&mut self, id: InstanceId, config: &VrrpInstance, now: Instant) {
        let kernel = &self.kernel;
        if let Some(instance) = self.instances.get_mut(&id)
            && instance.config() != config
        {
            instance.on_config(config, kernel, now, &mut self.outputs);
            self.schedule_again(id, now);
        }
    }

    fn remove(&mut self, name: &str, id: InstanceId, now: Instant) {
        self.names.remove(name);
        let interface = self.instances.get(&id).map(|i| &i.config().interface);
        if let Some(routers) = interface.and_then(|i| self.segments.get_mut(i)) {
            routers.retain(|(_, _, other)| *other != id);
        }
        let waits = self.waiting.contains_key(&id);
        self.with(id, now, |instance, outputs| {
            if waits {
                instance.discard(outputs);
            } else {
                instance.stop(now, outputs);
            }
        });
    }
}

/// Whether an instance cannot begin before another has stopped: they share a gate, a guard or an object.
fn collide(stopping: &VrrpInstance, new: &VrrpInstance) -> bool {
    let keys = |config| Object::of_instance(config).map(|object| object.key());
    let wanted: BTreeSet<ObjectKey> = keys(new).collect();
    let place = |config: &VrrpInstance| (config.vrid, config.family);
    stopping.name == new.name
        || (stopping.interface == new.interface && place(stopping) == place(new))
        || keys(stopping).any(|key| wanted.contains(&key))
}

/// Whether two configurations are of one virtual router.
fn same_router(a: &VrrpInstance, b: &VrrpInstance) -> bool {
    a.interface == b.interface && a.vrid == b.vrid && a.version == b.version && a.family == b.family
}
