//! Addresses, routes and rules: what the configuration has of them, and what the kernel says of them.

use std::{collections::BTreeSet, net::IpAddr, time::Instant};

use super::{
    Vrrp,
    changes::{Acknowledgement, Word},
    watched::Watched,
};
use crate::{
    io::{
        names::Names,
        netlink::{
            Change, Monitor,
            object::{Entry, Here},
        },
    },
    vrrp::object::{Object, ObjectKey, Operation},
};

/// Who has what no instance has.
const STATIC: &str = "static";

impl Vrrp {
    /// What names of the configuration stand for now.
    pub(super) fn here(&mut self) -> Here<'_> {
        Here {
            interfaces: &self.links,
            names: &mut self.names,
        }
    }

    /// Looks for the routes and rules of the plan from now on.
    pub(super) fn watch(&mut self) {
        let config = &self.plan.config;
        let instances = config.vrrp_instances.iter().flat_map(Object::of_instance);
        let objects: Vec<Object> = Object::of_node(config).chain(instances).collect();
        self.names = Names::default();
        self.watched = Watched::new(objects.into_iter(), &mut self.here());
    }

    /// Makes the static objects those of the plan.
    pub(super) fn configure_statics(&mut self, entries: &[Entry]) {
        let addresses = self.links.all_addresses().map(ObjectKey::Address);
        let there = self.found(entries).into_iter().chain(addresses);
        self.statics
            .handle_config(&self.plan.config, &there.collect());
    }

    /// Installs the static objects before anything begins; what is refused is tried again later.
    pub(super) async fn install_statics(&mut self) -> anyhow::Result<()> {
        loop {
            while let Some(step) = self.statics.poll_output() {
                self.change(None, step);
            }
            if self.effects.changes.is_idle() {
                break;
            }
            match self.effects.changes.next().await? {
                Word::Done(acknowledgement) => self.acknowledge(acknowledgement),
                Word::Interface(step, result) => self.acknowledge_virtual(&step, result),
                Word::Filter(mac, result) => self.acknowledge_filter(mac, &result),
                Word::Entries(_) => {}
            }
        }
        self.links = self.effects.links().await?;
        Ok(())
    }

    /// Tells which routes and rules are there, and which are not.
    pub(super) fn tell_entries(&mut self, entries: &[Entry], now: Instant) {
        let found = self.found(entries);
        let keys: Vec<ObjectKey> = self.watched.keys().into_iter().cloned().collect();
        for key in keys {
            self.tell_object(&key, found.contains(&key), now);
        }
    }

    /// Removes what an earlier daemon left of routes and rules that nothing names any more.
    pub(super) async fn remove_left_entries(&self, entries: &[Entry]) {
        let left = entries.iter();
        let left = left.filter(|entry| self.watched.find(entry).next().is_none());
        self.effects.changes.remove_entries(left.cloned()).await;
    }

    /// Takes what the kernel says of a route or a rule, or what goes with a link or an address without a word.
    pub(super) fn handle_entries_change(&mut self, change: &Change, now: Instant) {
        match change {
            Change::Entry(entry) | Change::EntryGone(entry) => {
                let present = matches!(change, Change::Entry(_));
                let keys: Vec<ObjectKey> = self.watched.find(entry).cloned().collect();
                for key in keys {
                    self.tell_object(&key, present, now);
                }
            }
            Change::Link(_) | Change::LinkGone(_) | Change::AddressGone(_) => {
                if !self.watched.is_empty() {
                    self.effects.changes.suspect();
                }
            }
            Change::Address(_) | Change::Overrun => {}
        }
    }

    /// Begins to watch routes and rules where there are some; says which there are, where somebody wants to know.
    pub(super) async fn watch_entries(
        &mut self,
        fresh: bool,
        monitor: &mut Monitor,
    ) -> anyhow::Result<Vec<Entry>> {
        self.watch();
        if !self.watched.is_empty() {
            monitor.watch_entries()?;
        } else if !fresh {
            return Ok(Vec::new());
        }
        self.effects.changes.entries().await
    }

    /// Removes addresses that no instance has any more from whatever interface has them.
    pub(super) async fn remove_left_addresses(&mut self, left: &BTreeSet<IpAddr>) {
        let holders = self.links.holders(left).into_iter().map(Object::from);
        let holders: Vec<Object> = holders.collect();
        let mut here = self.here();
        let messages = holders.into_iter().map(|object| {
            let message = here.encode(&object);
            (object, message)
        });
        let messages: Vec<_> = messages.collect();
        self.effects.changes.remove_left(messages).await;
    }

    /// Takes the kernel's word on a change.
    pub(super) fn acknowledge(&mut self, (owner, step, result): Acknowledgement) {
        let name = owner.map_or(STATIC, |id| self.members.name(id));
        self.effects.changes.report(name, (owner, &step, &result));
        let now = Instant::now();
        let (object, operation) = (&step.object, step.operation);
        let is_withdrawn = operation == Operation::Remove && result.is_ok();
        match owner {
            Some(id) => self
                .router
                .handle_applied(id, object, operation, result, now),
            None => self.statics.handle_applied(object, operation, result, now),
        }
        // What was the node's may be a virtual router's now, and the other way round.
        match owner {
            Some(_) if is_withdrawn => self.statics.handle_withdrawn(&object.key()),
            None if is_withdrawn => self.router.handle_withdrawn(&object.key(), now),
            Some(_) | None => {}
        }
    }

    /// Tells those who have it of an object.
    pub(super) fn tell_object(&mut self, key: &ObjectKey, present: bool, now: Instant) {
        self.statics.handle_object(key, present);
        self.router.handle_object(key, present, now);
    }

    fn found(&self, entries: &[Entry]) -> BTreeSet<ObjectKey> {
        let found = entries.iter().flat_map(|entry| self.watched.find(entry));
        found.cloned().collect()
    }
}
