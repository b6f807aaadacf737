//! All instances of this node: who an input is for, and who is due.

mod group;
mod membership;
mod request;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    time::Instant,
};

use self::group::Groups;
use super::{
    LinkState, RxMeta,
    advert::Advertisement,
    input::Settings,
    instance::Instance,
    link::Links,
    object::{Object, ObjectKey, Operation, Presence},
    output::{InstanceId, Output, Standing, State},
    pacing::Pacing,
    snapshot::{GroupSnapshot, InstanceSnapshot},
    timer::Schedule,
};
use crate::config::model::{Config, Family, InterfaceName, PrefixLength, VirtualAddress};

/// The VRRP machine of a node.
///
/// Inputs are the `handle_*` methods; after each, drain [`poll_output`](Self::poll_output) to the end, carry
/// the outputs out in order, and ask [`poll_timeout`](Self::poll_timeout) again. At start feed the
/// settings of the node, the configuration, then adopted leases, what is tracked and what the kernel has, and links last:
/// an instance begins when its link is told. Whenever several inputs wait, feed adverts before guard events before timeouts, so
/// that time spent elsewhere is not taken for a silent master.
#[derive(Debug, Default)]
pub struct Router {
    /// Boxed, because a map keeps room for more than it has.
    instances: BTreeMap<InstanceId, Box<Instance>>,
    /// Those that are gone, while outputs about them wait.
    departed: BTreeMap<InstanceId, Box<Instance>>,
    names: BTreeMap<String, InstanceId>,
    /// VRIDs of an interface; unicast instances with other peers may share one.
    segments: BTreeMap<InterfaceName, BTreeSet<(u8, Family, InstanceId)>>,
    links: Links,
    groups: Groups,
    pacing: Pacing,
    /// Announcements that have waited, now on their way.
    paced: VecDeque<Output>,
    /// Until then no instance begins (`vrrp_startup_delay`), but for those with an adopted lease.
    held_until: Option<Instant>,
    /// When the last input came.
    clock: Option<Instant>,
    /// What the adverts of all instances keep time with.
    beat: Option<Instant>,
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
        let instance = self.instances.get(&id).or_else(|| self.departed.get(&id));
        instance.map(Box::as_ref)
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
        let was_gone = self.links.get(interface) == Some(None);
        self.links.tell(interface, link, now);
        self.spread_link(interface, now);
        if link.is_none() {
            self.forget_addresses(interface, now);
        } else if was_gone {
            self.restore_addresses(interface, now);
        }
    }

    /// Takes what tracking adds up to for the instance of a name. It may come before the link is told, and should:
    /// an instance that begins in ignorance of a fault begins as BACKUP.
    pub fn handle_standing(&mut self, instance: &str, standing: &Standing, now: Instant) {
        if let Some(id) = self.instance_id(instance) {
            self.with(id, now, |instance, outputs| {
                instance.on_standing(standing, now, outputs);
            });
        }
    }

    /// Takes the settings of the node that concern all instances: `interface_up_down_delays`, `vrrp_garp_interval`,
    /// `vrrp_gna_interval`, `garp_group`.
    pub fn handle_settings(&mut self, config: &Config, now: Instant) {
        self.adopt_settings(&Settings::of(config), now);
    }

    pub(super) fn adopt_settings(&mut self, settings: &Settings, now: Instant) {
        self.clock = Some(now);
        self.links.configure(&settings.interface_delays);
        let (announce, groups) = (&settings.announce, &settings.garp_groups);
        for (instance, address) in self.pacing.configure(announce, groups) {
            self.outputs
                .push_back(Output::Announce { instance, address });
        }
    }

    /// Lets no instance begin before `until`, but for those with an adopted lease (`vrrp_startup_delay`,
    /// `vrrp_delay_after_boot`). Adverts that come earlier are not heard.
    pub fn hold_until(&mut self, until: Instant) {
        self.held_until = Some(until);
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
    pub fn handle_refusal(
        &mut self,
        id: InstanceId,
        name: impl Into<Cow<'static, str>>,
        now: Instant,
    ) {
        self.with(id, now, |instance, _| instance.on_refusal(name.into()));
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

    /// Says that the kernel may take now a guard that it refused for a passing reason.
    pub fn handle_guard_possible(&mut self, id: InstanceId, now: Instant) {
        self.with(id, now, |instance, outputs| {
            instance.on_guard_possible(now, outputs);
        });
    }

    /// Says that adverts which may have been for an instance were lost before anybody read them.
    pub fn handle_overflow(&mut self, id: InstanceId, now: Instant) {
        self.with(id, now, |instance, _| instance.on_overflow(now));
    }

    /// Says that a BFD session with another router heard nothing for its detection time: when that is the MASTER of the instance
    /// or of one in its group, as of IPv4 where IPv6 adverts come from a link-local address, it is down.
    pub fn handle_peer_silent(&mut self, id: InstanceId, peer: IpAddr, now: Instant) {
        let mut bound = self.bound_to(id).into_iter();
        if bound.any(|id| self.instance(id).is_some_and(|it| it.hears(peer))) {
            self.with(id, now, |instance, outputs| {
                instance.on_peer_silent(now, outputs);
            });
        }
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

    /// Audits a watch: `last_seen` is when the kernel last absorbed an advert. Due every few seconds, and a good idea after
    /// [`handle_standing`](Self::handle_standing): only then a watch follows a priority that has risen.
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
        let presence = Presence::seen(present);
        self.observe(&ObjectKey::Address(line), presence, None, now);
    }

    /// Takes a route or a rule of the configuration that the kernel has, or has no more; addresses as well.
    pub fn handle_object(&mut self, key: &ObjectKey, present: bool, now: Instant) {
        self.observe(key, Presence::seen(present), None, now);
    }

    /// Takes a static object that the node has removed, which wants it no more.
    pub fn handle_withdrawn(&mut self, key: &ObjectKey, now: Instant) {
        self.observe(key, Presence::Withdrawn, None, now);
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
            let presence = match operation {
                Operation::Install => Presence::There,
                Operation::Remove => Presence::Withdrawn,
            };
            let instance = self.instances.get(&id);
            if let Some(old) = instance.and_then(|i| i.replaced_by(object)) {
                self.observe(&old, Presence::Withdrawn, Some(id), now);
            }
            self.observe(&object.key(), presence, Some(id), now);
        }
        self.with(id, now, |instance, outputs| {
            instance.on_applied(object, operation, result, now, outputs);
        });
    }

    /// Does what is due. Early calls are harmless, late ones are not.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.clock = Some(now);
        if self.held_until.take_if(|until| *until <= now).is_some() {
            let ids: Vec<InstanceId> = self.instances.keys().copied().collect();
            for id in ids {
                self.begin(id, now);
            }
        }
        while let Some(interface) = self.links.due(now) {
            self.spread_link(&interface, now);
        }
        while let Some((_, id)) = self.schedule.first().filter(|(when, _)| *when <= now) {
            self.with(id, now, |instance, outputs| {
                instance.on_timeout(now, outputs);
            });
        }
        let instances = &self.instances;
        let worthwhile = |(id, address): &(InstanceId, VirtualAddress)| {
            let instance = instances.get(id);
            instance.is_some_and(|instance| instance.may_announce(address))
        };
        while let Some((instance, address)) = self.pacing.due(now, worthwhile) {
            self.paced.push_back(Output::Announce { instance, address });
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let instance = self.schedule.first();
        let instance = instance.and_then(|(_, id)| self.instances.get(&id)?.next_timeout());
        let others = self
            .waits_of_all()
            .into_iter()
            .filter_map(|(when, why)| Some((when?, why)));
        instance
            .into_iter()
            .chain(others)
            .min_by_key(|(when, _)| *when)
    }

    /// The next effect.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(paced) = self.paced.pop_front() {
            return Some(paced);
        }
        loop {
            let output = self.outputs.pop_front()?;
            match &output {
                Output::Removed { instance } => drop(self.departed.remove(instance)),
                Output::Announce { instance, address } if !self.admits(*instance, address) => {
                    continue;
                }
                _ => {}
            }
            return Some(output);
        }
    }

    /// Gives back the room that many effects at once took.
    pub fn give_back(&mut self) {
        self.outputs.shrink_to_fit();
    }

    fn waits_of_all(&self) -> [(Option<Instant>, &'static str); 3] {
        [
            (self.links.next(), "link_delay"),
            (self.pacing.next(), "pacing"),
            (self.held_until, "startup_delay"),
        ]
    }

    /// Every instance as plain data, in the order of their beginning.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Vec<InstanceSnapshot> {
        let instances = self.instances.iter();
        instances
            .map(|(id, instance)| self.view(*id, instance, now))
            .collect()
    }

    /// What it waits for: of which instance, none where it is of all, and when it is due.
    pub fn waits(&self) -> impl Iterator<Item = (Option<&str>, &'static str, Instant)> {
        let instances = self.instances.values().flat_map(|instance| {
            let name = instance.config().name.as_str();
            instance
                .waits()
                .map(move |(what, due)| (Some(name), what, due))
        });
        let others = self.waits_of_all().into_iter();
        instances.chain(others.filter_map(|(due, what)| Some((None, what, due?))))
    }

    fn view(&self, id: InstanceId, instance: &Instance, now: Instant) -> InstanceSnapshot {
        InstanceSnapshot {
            group: self.groups.name_of(id).map(str::to_owned),
            ..instance.snapshot(now)
        }
    }

    /// Every group as plain data.
    #[must_use]
    pub fn group_snapshot(&self) -> Vec<GroupSnapshot> {
        self.groups.snapshot()
    }

    /// Whether an announcement may leave now: there are neighbours, and the pause after the last one is over.
    fn admits(&mut self, id: InstanceId, address: &VirtualAddress) -> bool {
        let link = self.links.get(&address.interface).flatten();
        let deaf = link.is_some_and(|link| !link.arp);
        let Some(now) = self.clock.filter(|_| !deaf) else {
            return false;
        };
        self.pacing.admits(id, address, now)
    }

    /// Takes what the kernel has; the instance that made it so knows already.
    fn observe(
        &mut self,
        key: &ObjectKey,
        presence: Presence,
        but: Option<InstanceId>,
        now: Instant,
    ) {
        if presence == Presence::There {
            self.kernel.insert(key.clone());
        } else {
            self.kernel.remove(key);
        }
        for id in self.interest.get(key).cloned().unwrap_or_default() {
            if Some(id) != but {
                self.with(id, now, |instance, outputs| {
                    instance.on_object(key, presence, outputs);
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

    /// An interface that was gone is there: what was refused for want of it is not any more.
    fn restore_addresses(&mut self, interface: &InterfaceName, now: Instant) {
        let has = |instance: &Instance| {
            let mut addresses = instance.config().all_addresses();
            instance.waits_for_kernel() && addresses.any(|address| address.interface == *interface)
        };
        let holders = self.instances.iter().filter(|(_, i)| has(i));
        let holders: Vec<InstanceId> = holders.map(|(id, _)| *id).collect();
        for id in holders {
            self.with(id, now, |instance, outputs| instance.retry_objects(outputs));
        }
    }

    fn find(&self, rx: &RxMeta, vrid: u8) -> Option<InstanceId> {
        let family = Family::of(rx.source);
        let mut routers = self.segments.get(&rx.interface)?.iter();
        let found = routers.rfind(|router| (router.0, router.1) == (vrid, family));
        found.map(|(_, _, id)| *id)
    }

    /// Tells the instances of an interface what is believed of it.
    fn spread_link(&mut self, interface: &InterfaceName, now: Instant) {
        let Some(link) = self.links.get(interface) else {
            return;
        };
        for id in self.on_segment(interface) {
            if self.may_begin(id, now) {
                self.with(id, now, |instance, outputs| {
                    instance.on_link(link, now, outputs);
                });
            }
        }
    }

    /// Whether nothing keeps an instance from beginning, or it has begun.
    fn may_begin(&self, id: InstanceId, now: Instant) -> bool {
        let held = self.held_until.is_some_and(|until| now < until);
        let free = |instance: &Instance| instance.state() != State::Init || instance.is_adopted();
        let begun = self.instance(id).is_some_and(free);
        !self.waiting.contains_key(&id) && (!held || begun)
    }

    fn on_segment(&self, interface: &InterfaceName) -> Vec<InstanceId> {
        let routers = self.segments.get(interface);
        routers.map_or_else(Vec::new, |routers| {
            routers.iter().map(|(_, _, id)| *id).collect()
        })
    }

    /// Feeds one instance, and then its group.
    fn with(
        &mut self,
        id: InstanceId,
        now: Instant,
        feed: impl FnOnce(&mut Instance, &mut VecDeque<Output>),
    ) {
        self.clock = Some(now);
        if self.with_alone(id, now, feed)
            && let Some(group) = self.groups.name_of(id).map(str::to_owned)
        {
            self.synchronise(&group, now);
        }
    }

    /// Feeds one instance and not its group, notes when it is due now, and lets go of it if it is gone. False when there is none.
    fn with_alone(
        &mut self,
        id: InstanceId,
        now: Instant,
        feed: impl FnOnce(&mut Instance, &mut VecDeque<Output>),
    ) -> bool {
        let Some(instance) = self.instances.get_mut(&id) else {
            return false;
        };
        feed(instance, &mut self.outputs);
        if instance.is_gone() {
            self.departed.extend(self.instances.remove_entry(&id));
            self.schedule.set(id, None);
            for routers in self.segments.values_mut() {
                routers.retain(|(_, _, other)| *other != id);
            }
            self.bid_farewell(id);
            self.release(id, now);
        } else {
            let next = instance.next_timeout();
            self.schedule.set(id, next.map(|(when, _)| when));
        }
        true
    }
}
