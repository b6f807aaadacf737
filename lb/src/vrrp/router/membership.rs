//! Which instances there are: one diff for start, reload and stop.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use super::Router;
use crate::{
    config::model::{SyncGroup, VrrpInstance, vrrp::OnDelete},
    vrrp::{
        instance::Instance,
        object::{Object, ObjectKey},
        output::{Happening, InstanceId},
    },
};

impl Router {
    /// Makes the instances those of `configs`: new ones begin, missing ones stop, changed ones adopt the
    /// change in place. A change of interface, VRID, version or family makes another virtual router: the old
    /// one stops, then a new one begins. Members of a group whose states differ afterwards become BACKUP.
    pub fn handle_config(&mut self, configs: &[VrrpInstance], groups: &[SyncGroup], now: Instant) {
        self.adopt(configs, groups, None, now);
    }

    /// The daemon stops: every instance goes, and says so. Masters wait for their successors, for 3 s at most.
    pub fn handle_stop(&mut self, now: Instant) {
        self.adopt(&[], &[], Some(Happening::Stop), now);
    }

    fn adopt(
        &mut self,
        configs: &[VrrpInstance],
        groups: &[SyncGroup],
        ending: Option<Happening>,
        now: Instant,
    ) {
        self.clock = Some(now);
        self.disband(groups, ending);
        let wanted: BTreeMap<&str, &VrrpInstance> =
            configs.iter().map(|c| (c.name.as_str(), c)).collect();
        let known: Vec<(String, InstanceId)> = self
            .names
            .iter()
            .map(|(name, id)| (name.clone(), *id))
            .collect();
        for (name, id) in known {
            let config = wanted.get(name.as_str());
            let old = self.instances.get(&id).map(|i| i.config());
            if !config.is_some_and(|new| old.is_some_and(|old| same_router(old, new))) {
                let graceful = !old.is_some_and(|old| configs.iter().any(|new| collide(old, new)));
                self.remove(&name, id, ending, graceful, now);
            }
        }
        for config in configs {
            match self.names.get(&config.name) {
                Some(id) => self.change(*id, config, now),
                None => self.add(config, groups, now),
            }
        }
        self.interest.clear();
        for (id, instance) in &self.instances {
            for key in instance.touched_objects() {
                self.interest.entry(key.clone()).or_default().push(*id);
            }
        }
        self.regroup(groups, now);
    }

    fn add(&mut self, config: &VrrpInstance, groups: &[SyncGroup], now: Instant) {
        let id = InstanceId(self.next_id);
        self.next_id += 1;
        let stopping = self.instances.iter().filter(|(_, i)| i.is_stopping());
        let blockers: BTreeSet<InstanceId> = stopping
            .filter(|(_, instance)| collide(instance.config(), config))
            .map(|(id, _)| *id)
            .collect();
        for blocker in &blockers {
            self.with(*blocker, now, |instance, outputs| {
                instance.say_nothing_more(now, outputs);
            });
        }
        let blockers = blockers
            .into_iter()
            .filter(|id| self.instances.contains_key(id));
        let blockers: BTreeSet<InstanceId> = blockers.collect();
        let beat = *self.beat.get_or_insert(now);
        let mut instance = Instance::new(id, config, &self.kernel, beat, now);
        instance.bind(groups.iter().any(|g| g.members.contains(&config.name)));
        self.instances.insert(id, Box::new(instance));
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
    pub(super) fn begin(&mut self, id: InstanceId, now: Instant) {
        let interface = self.instances.get(&id).map(|i| &i.config().interface);
        if let Some(link) = interface.and_then(|i| self.links.get(i))
            && self.may_begin(id, now)
        {
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
            && **instance.config() != *config
        {
            instance.on_config(config, kernel, now, &mut self.outputs);
            self.with_alone(id, now, |_, _| {});
        }
    }

    /// The adverts of a virtual router go on to its instance until it is gone: it may wait for its successor.
    fn remove(
        &mut self,
        name: &str,
        id: InstanceId,
        ending: Option<Happening>,
        graceful: bool,
        now: Instant,
    ) {
        self.names.remove(name);
        let waits = self.waiting.contains_key(&id);
        self.with(id, now, |instance, outputs| {
            let deleted = match instance.config().notify.deleted {
                OnDelete::Fault => Happening::Fault,
                OnDelete::Deleted | OnDelete::Run(_) => Happening::Deleted,
            };
            if waits {
                instance.discard(outputs);
            } else {
                instance.stop(ending.unwrap_or(deleted), graceful, now, outputs);
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
