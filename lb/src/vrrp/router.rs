//! All instances of this node: who an input is for, and who is due.

mod membership;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    time::Instant,
};

use super::{
    LinkState, RxMeta,
    advert::Advertisement,
    instance::Instance,
    object::{Object, ObjectKey, Operation},
    output::{InstanceId, Output},
    snapshot::InstanceSnapshot,
    timer::Schedule,
};
use crate::config::model::{Family, InterfaceName, PrefixLength, VirtualAddress};

/// The VRRP machine of a node.
///
/// Inputs are the `handle_*` methods; after each, drain [`poll_output`](Self::poll_output) to the end, carry
/// the outputs out in order, and ask [`poll_timeout`](Self::poll_timeout) again. At start feed the
/// configuration, then adopted leases and what the kernel has, and links last: an instance begins when
/// its link is told. Whenever several inputs wait, feed adverts before guard events before timeouts, so
/// that time spent elsewhere is not taken for a silent master.
#[derive(Debug, Default)]
pub struct Router {
    instances: BTreeMap<InstanceId, Instance>,
    /// Those that are gone, while outputs about them wait.
    departed: BTreeMap<InstanceId, Instance>,
    names: BTreeMap<String, InstanceId>,
    /// VRIDs of an interface; unicast instances with other peers may share one.
    segments: BTreeMap<InterfaceName, BTreeSet<(u8, Family, InstanceId)>>,
    links: BTreeMap<InterfaceName, Option<LinkState>>,
    /// What the kernel is known to have, for instances yet to come.
    kernel: BTreeSet<ObjectKey>,
    /// Who cares for an object: those that have it configured, or had it and must see it gone.
    interest: BTreeMap<ObjectKey, Vec<InstanceId>>,
    /// Instances yet to begin, and those that are stopping whose name, virtual router or addresses they take
    /// over.
    waiting: BTreeMap<InstanceId, BTreeSet<InstanceId>>,
    schedule: Schedule,
    outputs: VecDeque<Output>,
    next_id: u32,
}

impl Router {
    /// A router without instances.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The instance configured under a name; not one that is stopping.
    #[must_use]
    pub fn instance_id(&self, name: &str) -> Option<InstanceId> {
        self.names.get(name).copied()
    }

    /// An instance, until [`Output::Removed`] has been polled.
    #[must_use]
    pub fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.instances.get(&id).or_else(|| self.departed.get(&id))
    }

    /// Whether no instance is left, not even one that is stopping.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty() && self.departed.is_empty()
    }

    /// Takes the state of an interface; `None` when it is gone, or was never there.
    pub fn handle_link(
        &mut self,
        interface: &InterfaceName,
        link: Option<LinkState>,
        now: Instant,
    ) {
        self.links.insert(interface.clone(), link);
        for id in self.on_segment(interface) {
            if !self.waiting.contains_key(&id) {
                self.with(id, now, |instance, outputs| {
                    instance.on_link(link, now, outputs);
                });
            }
        }
        if link.is_none() {
            self.forget_addresses(interface, now);
        }
    }

    /// Takes an advert. One that waited in the socket while the kernel absorbed a later one of the same
    /// sender is overtaken by it: drop it, above all when it says priority 0.
    pub fn handle_advert(&mut self, rx: &RxMeta, advert: &Advertisement, now: Instant) {
        if let Some(id) = self.find(rx, advert.vrid.get()) {
            self.with(id, now, |instance, outputs| {
                instance.on_advert(rx, advert, now, outputs);
            });
        }
    }

    /// Takes an advert of one instance: for callers that know more of it than interface, family and VRID, because
    /// several instances share those.
    pub fn handle_advert_of(
        &mut self,
        id: InstanceId,
        rx: &RxMeta,
        advert: &Advertisement,
        now: Instant,
    ) {
        self.with(id, now, |instance, outputs| {
            instance.on_advert(rx, advert, now, outputs);
        });
    }

    /// Counts, under the name of a counter, a packet for an instance that does not count or is remarkable.
    pub fn handle_refusal(&mut self, id: InstanceId, name: &'static str, now: Instant) {
        self.with(id, now, |instance, _| instance.on_refusal(name));
    }

    /// Takes the answer to [`Output::SendAdvert`]: whether the advert left.
    pub fn handle_advert_sent(&mut self, id: InstanceId, sent: bool, now: Instant) {
        self.with(id, now, |instance, outputs| {
            instance.on_advert_sent(sent, now, outputs);
        });
    }

    /// Takes the answer to [`Output::SetGuard`]; `taken` is false where the kernel cannot do it. May come
    /// again with false should the kernel lose a guard later.
    pub fn handle_guard(&mut self, id: InstanceId, epoch: u32, taken: bool, now: Instant) {
        self.with(id, now, |instance, _| instance.on_guard(epoch, taken, now));
    }

    /// Takes the event that the kernel's master-down timer expired. An event older than the advert the kernel
    /// last absorbed is no news: drop it, the timer runs again.
    pub fn handle_master_down(&mut self, id: InstanceId, epoch: u32, now: Instant) {
        self.with(id, now, |instance, outputs| {
            instance.on_master_down(epoch, now, outputs);
        });
    }

    /// Takes the event that the kernel fenced the gate because the lease ran out. Feed the adverts that
    /// wait in the socket first: one better than ours ends our being MASTER, and this event means nothing.
    pub fn handle_lease_lost(&mut self, id: InstanceId, epoch: u32, now: Instant) {
        self.with(id, now, |instance, outputs| {
            instance.on_lease_lost(epoch, now, outputs);
        });
    }

    /// Takes the event that the kernel fenced the gate for a better advert; the advert comes up the socket
    /// as well, before or after.
    pub fn handle_yielded(&mut self, id: InstanceId, epoch: u32, now: Instant) {
        self.with(id, now, |instance, _| instance.on_yielded(epoch, now));
    }

    /// Audits a watch: `last_seen` is when the kernel last absorbed an advert.
    pub fn handle_heartbeat(
        &mut self,
        id: InstanceId,
        epoch: u32,
        last_seen: Instant,
        now: Instant,
    ) {
        self.with(id, now, |instance, outputs| {
            instance.on_heartbeat(epoch, last_seen, now, outputs);
        });
    }

    /// Says that this node holds a live lease for the instance, left by a former process: it goes straight
    /// to MASTER, at once or as soon as its link is told.
    pub fn handle_adopted(&mut self, id: InstanceId, now: Instant) {
        self.with(id, now, |instance, outputs| {
            instance.on_adopted(now, outputs);
        });
    }

    /// Takes an address the kernel has, or has no more.
    pub fn handle_address(
        &mut self,
        interface: &InterfaceName,
        address: IpAddr,
        prefix: u8,
        present: bool,
        now: Instant,
    ) {
        let Ok(prefix) = PrefixLength::try_from(i64::from(prefix)) else {
            return;
        };
        let line = VirtualAddress {
            address,
            prefix,
            interface: interface.clone(),
        };
        self.observe(&ObjectKey::Address(line), present, None, now);
    }

    /// Takes a route or a rule of the configuration that the kernel has, or has no more; addresses as well.
    pub fn handle_object(&mut self, key: &ObjectKey, present: bool, now: Instant) {
        self.observe(key, present, None, now);
    }

    /// Takes the answer to [`Output::Install`] or [`Output::Remove`]. Installing what is there and removing
    /// what is not there count as success.
    pub fn handle_applied(
        &mut self,
        id: InstanceId,
        object: &Object,
        operation: Operation,
        result: Result<(), String>,
        now: Instant,
    ) {
        if result.is_ok() {
            let installed = operation == Operation::Install;
            let instance = self.instances.get(&id);
            if let Some(old) = instance.and_then(|i| i.replaced_by(object)) {
                self.observe(&old, false, Some(id), now);
            }
            self.observe(&object.key(), installed, Some(id), now);
        }
        self.with(id, now, |instance, outputs| {
            instance.on_applied(object, operation, result, now, outputs);
        });
    }

    /// Does what is due. Early calls are harmless, late ones are not.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, id)) = self.schedule.first().filter(|(when, _)| *when <= now) {
            self.with(id, now, |instance, outputs| {
                instance.on_timeout(now, outputs);
            });
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let (_, id) = self.schedule.first()?;
        self.instances.get(&id)?.next_timeout()
    }

    /// The next effect.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front()?;
        if let Output::Removed { instance } = output {
            self.departed.remove(&instance);
        }
        Some(output)
    }

    /// Every instance as plain data, in the order of their beginning.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Vec<InstanceSnapshot> {
        let instances = self.instances.values();
        instances.map(|instance| instance.snapshot(now)).collect()
    }

    /// Takes what the kernel has; the instance that made it so knows already.
    fn observe(&mut self, key: &ObjectKey, present: bool, but: Option<InstanceId>, now: Instant) {
        if present {
            self.kernel.insert(key.clone());
        } else {
            self.kernel.remove(key);
        }
        for id in self.interest.get(key).cloned().unwrap_or_default() {
            if Some(id) != but {
                self.with(id, now, |instance, outputs| {
                    instance.on_object(key, present, outputs);
                });
            }
        }
    }

    /// An interface takes its addresses with it.
    fn forget_addresses(&mut self, interface: &InterfaceName, now: Instant) {
        self.kernel.retain(|key| !key.is_address_of(interface));
        let has = |instance: &Instance| {
            let mut keys = instance.touched_objects();
            keys.any(|key| key.is_address_of(interface))
        };
        let holders = self.instances.iter().filter(|(_, i)| has(i));
        let holders: Vec<InstanceId> = holders.map(|(id, _)| *id).collect();
        for id in holders {
            self.with(id, now, |instance, outputs| {
                instance.on_interface_gone(interface, outputs);
            });
        }
    }

    fn find(&self, rx: &RxMeta, vrid: u8) -> Option<InstanceId> {
        let family = Family::of(rx.source);
        let mut routers = self.segments.get(&rx.interface)?.iter();
        let found = routers.rfind(|router| (router.0, router.1) == (vrid, family));
        found.map(|(_, _, id)| *id)
    }

    fn on_segment(&self, interface: &InterfaceName) -> Vec<InstanceId> {
        let routers = self.segments.get(interface);
        routers.map_or_else(Vec::new, |routers| {
            routers.iter().map(|(_, _, id)| *id).collect()
        })
    }

    /// Feeds one instance.
    fn with(
        &mut self,
        id: InstanceId,
        now: Instant,
        feed: impl FnOnce(&mut Instance, &mut VecDeque<Output>),
    ) {
        if let Some(instance) = self.instances.get_mut(&id) {
            feed(instance, &mut self.outputs);
            self.schedule_again(id, now);
        }
    }

    /// Notes when an instance is due now, and lets go of one that is gone.
    fn schedule_again(&mut self, id: InstanceId, now: Instant) {
        let Some(instance) = self.instances.get(&id) else {
            return;
        };
        if instance.is_gone() {
            self.departed.extend(self.instances.remove_entry(&id));
            self.schedule.set(id, None);
            self.release(id, now);
        } else {
            let next = instance.next_timeout();
            self.schedule.set(id, next.map(|(when, _)| when));
        }
    }
}
