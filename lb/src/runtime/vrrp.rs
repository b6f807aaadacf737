//! The vrrp child: one loop that carries what the kernel and the segment say into [`Router`], and what `Router` wants
//! out to them. No decisions here.

mod apply;
mod changes;
mod members;
mod objects;
mod promoted;
mod sockets;
mod watched;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use lb_common::event::{EVENT_LEASE_LOST, EVENT_MASTER_DOWN, EVENT_YIELDED, Event};
use tokio::signal::unix::{SignalKind, signal};

use self::{
    apply::Effects, changes::Word, members::Members, promoted::Promoted, sockets::Sockets,
    watched::Watched,
};
use super::{
    channel::{ChildChannel, FromChild, Plan, ToChild},
    links::Links,
    parent::Parent,
};
use crate::{
    cli::Role,
    config::model::{Family, InterfaceName},
    io::{
        guard::{Guards, Heartbeat},
        names::Names,
        netlink::{Change, Monitor, Netlink, object::Entry},
        timer::Timer,
        watch::Watch,
        xdp::{Events, Pins},
    },
    observe::log,
    vrrp::{
        LinkState, Router, RxMeta, Statics,
        advert::Advertisement,
        output::{InstanceId, State},
    },
};

/// How often the kernel's heartbeats are audited: the net under a lost event.
const AUDIT: Duration = Duration::from_secs(2);
/// An advert that waited no longer than this in the socket is not asked whether it is stale.
const PROMPT: Duration = Duration::from_millis(5);
/// Datagrams taken in one go from one socket, so that a flood cannot keep the timers waiting.
const RECEIVE_BUDGET: usize = 64;
/// Datagrams taken from one socket before a deadline or an event of the kernel's counts: more than a receive buffer holds
/// of adverts, so that nothing said before is missed.
const RECEIVE_ALL: usize = 4096;

/// The child's state beside the core.
struct Vrrp {
    router: Router,
    statics: Statics,
    plan: Plan,
    members: Members,
    links: Links,
    /// Interface facts as last given to the core.
    told: BTreeMap<InterfaceName, Option<LinkState>>,
    sockets: Sockets,
    effects: Effects,
    names: Names,
    watched: Watched,
    promoted: Promoted,
    /// Interfaces without the sockets they need.
    deaf: BTreeSet<InterfaceName>,
    /// Whether the lease of an earlier daemon may still be taken up: only before the first plan is in force.
    fresh: bool,
    stopping: bool,
}

/// Runs the child until it is stopped.
///
/// # Errors
/// When it cannot work at all: no netlink, no raw sockets.
pub async fn run(channel: ChildChannel) -> anyhow::Result<()> {
    let (netlink, mut monitor) = Netlink::open()?;
    let mut terminate = signal(SignalKind::terminate()).context("signals")?;
    let mut timer = Timer::new().context("timer")?;
    let mut events = None;
    let mut parent = Parent::new(Role::Vrrp, channel);
    let mut audit = Instant::now() + AUDIT;
    let mut vrrp = Vrrp::new(netlink)?;
    loop {
        vrrp.apply_outputs();
        if vrrp.stopped() {
            return Ok(());
        }
        let next = vrrp.next_timeout().map_or(audit, |at| at.min(audit));
        timer.set(Some(next)).context("timer")?;
        tokio::select! {
            biased;
            // 1. Deadlines: late adverts cost the mastership. Adverts that wait are read first.
            expired = timer.expired() => {
                expired.context("timer")?;
                vrrp.receive_all();
                let now = Instant::now();
                if now >= audit {
                    vrrp.audit(now);
                    audit = now + AUDIT;
                }
                vrrp.statics.handle_timeout(now);
                vrrp.router.handle_timeout(now);
            }
            // 2. The kernel's half of the heartbeat.
            ready = next_events(&mut events) => {
                for event in ready? {
                    vrrp.handle_event(&event);
                }
            }
            // 3. The segment.
            interface = vrrp.sockets.readable() => vrrp.receive(&interface, RECEIVE_BUDGET),
            // 4. Acknowledgements, then facts, of addresses, routes, rules and links.
            word = vrrp.effects.changes.next() => match word? {
                Word::Done(acknowledgement) => vrrp.acknowledge(acknowledgement),
                Word::Entries(entries) => vrrp.tell_entries(&entries, Instant::now()),
            },
            change = monitor.next() => {
                let change = change.context("netlink: the kernel closed the connection")?;
                vrrp.handle_change(&change).await?;
            }
            // 5. The parent.
            message = parent.recv() => {
                let answer = vrrp.handle_message(message, &mut events, &mut monitor);
                if let Some(answer) = answer.await? {
                    parent.send(answer);
                }
            }
            _ = terminate.recv() => vrrp.stop(),
        }
    }
}

/// The events that wait now; for ever where there is no data plane.
async fn next_events(events: &mut Option<Watch<Events>>) -> anyhow::Result<Vec<Event>> {
    let Some(events) = events else {
        return std::future::pending().await;
    };
    let events = events.ready().await.context("events")?;
    Ok(std::iter::from_fn(|| events.next_event()).collect())
}

fn open_events(plan: &Plan) -> anyhow::Result<Option<Watch<Events>>> {
    let Some(pins) = &plan.pins else {
        return Ok(None);
    };
    let events = Events::open(&Pins::new(pins))?;
    Watch::new(events).context("events").map(Some)
}

impl Vrrp {
    fn new(netlink: Netlink) -> anyhow::Result<Self> {
        Ok(Self {
            router: Router::new(),
            statics: Statics::new(),
            plan: Plan::default(),
            members: Members::default(),
            links: Links::default(),
            told: BTreeMap::new(),
            deaf: BTreeSet::new(),
            sockets: Sockets::default(),
            effects: Effects::new(netlink)?,
            names: Names::default(),
            watched: Watched::default(),
            promoted: Promoted::default(),
            fresh: true,
            stopping: false,
        })
    }

    /// Does what the parent says; returns the answer.
    async fn handle_message(
        &mut self,
        message: ToChild,
        events: &mut Option<Watch<Events>>,
        monitor: &mut Monitor,
    ) -> anyhow::Result<Option<FromChild>> {
        match message {
            ToChild::Configure(plan) => {
                if events.is_none() {
                    *events = open_events(&plan)?;
                }
                self.configure(*plan, monitor).await?;
                Ok(Some(FromChild::Configured))
            }
            ToChild::Snapshot => {
                let instances = self.router.snapshot(Instant::now());
                Ok(Some(FromChild::Instances(instances)))
            }
            ToChild::Stop => {
                self.stop();
                Ok(None)
            }
        }
    }

    /// Makes `plan` the one in force: the same way at start and at reload.
    async fn configure(&mut self, plan: Plan, monitor: &mut Monitor) -> anyhow::Result<()> {
        self.links = self.effects.links().await?;
        if let Some(pins) = &plan.pins
            && self.effects.guards.is_none()
        {
            self.effects.guards = Some(Guards::open(&Pins::new(pins))?);
        }
        self.plan = plan;
        let now = Instant::now();
        self.router
            .handle_config(&self.plan.config.vrrp_instances, now);
        self.members
            .configure(&self.plan, &self.router, &self.links);
        // Links last: an instance begins when its link is told, and should know by then what the kernel has. A static
        // address may be the source of its adverts.
        let fresh = std::mem::take(&mut self.fresh);
        let entries = self.watch_entries(fresh, monitor).await?;
        if fresh {
            self.take_over(&entries, now).await;
        }
        self.own_addresses();
        for interface in self.interfaces() {
            self.tell_addresses(&interface, now);
        }
        self.tell_entries(&entries, now);
        self.configure_statics(&entries);
        if fresh {
            self.install_statics().await?;
        }
        self.promote();
        for interface in self.interfaces() {
            self.tell_link(&interface, now);
        }
        Ok(())
    }

    /// Whether it was told to stop, and every address, route and rule is gone.
    fn stopped(&self) -> bool {
        self.stopping
            && self.effects.changes.is_idle()
            && self.router.is_empty()
            && self.statics.is_clear()
    }

    fn stop(&mut self) {
        self.stopping = true;
        self.router.handle_config(&[], Instant::now());
        self.statics.handle_stop();
        self.promoted.adjust(&BTreeSet::new());
    }

    /// Takes up the leases that an earlier child left running, so that its death is not felt, and removes the addresses of
    /// instances that are no longer configured while they are still fenced, and with them the routes and rules.
    async fn take_over(&mut self, entries: &[Entry], now: Instant) {
        let Some(guards) = &mut self.effects.guards else {
            return;
        };
        let keys = self.members.subjects().map(|(_, subject)| subject.key);
        match guards.take_over(&keys.collect()) {
            Ok(owned) => {
                if !owned.is_empty() {
                    self.remove_left_entries(entries).await;
                }
                let left: BTreeSet<IpAddr> = owned.difference(&self.virtuals()).copied().collect();
                self.remove_left_addresses(&left).await;
            }
            Err(error) => log::gate_failed("an earlier daemon", &error),
        }
        for (id, subject) in self.members.subjects() {
            let alive = self
                .effects
                .guards
                .as_ref()
                .map(|guards| guards.lease_alive(&subject));
            match alive {
                Some(Ok(true)) => {
                    log::adopted(self.members.name(id));
                    self.router.handle_adopted(id, now);
                }
                Some(Ok(false)) | None => {}
                Some(Err(error)) => log::guard_failed(self.members.name(id), &error),
            }
        }
    }

    /// Tells the data plane which addresses belong to which gate.
    fn own_addresses(&mut self) {
        let owned = self.members.owned();
        if let Some(guards) = &mut self.effects.guards
            && let Err(error) = guards.own(&owned)
        {
            log::gate_failed("owned addresses", &error);
        }
    }

    /// Gives the core what it has not been told yet about an interface, and keeps the sockets in step.
    fn tell_link(&mut self, interface: &InterfaceName, now: Instant) {
        let families: BTreeSet<Family> = self
            .plan
            .config
            .vrrp_instances
            .iter()
            .filter(|instance| instance.interface == *interface)
            .map(|instance| instance.family)
            .collect();
        let index = self.links.get(interface).map(|link| link.index);
        let hears = self.sockets.adjust(interface, index, &families);
        self.members.refresh(&self.links);
        let mut state = self.links.state(interface, &self.virtuals());
        if let Some(state) = &mut state
            && !hears
        {
            // Deaf and mute is as good as down; the audit tries again.
            state.up = false;
            self.deaf.insert(interface.clone());
        } else {
            self.deaf.remove(interface);
        }
        if index.is_none() {
            self.statics.handle_interface_gone(interface);
            self.promoted.forget(interface);
        }
        self.router.handle_link(interface, state, now);
        self.told.insert(interface.clone(), state);
    }

    async fn handle_change(&mut self, change: &Change) -> anyhow::Result<()> {
        let now = Instant::now();
        if *change == Change::Overrun {
            log::netlink_overrun();
            return self.read_again(now).await;
        }
        let known = self.interfaces();
        let virtuals = self.virtuals();
        let moves = self.links.moves(change);
        for interface in self.links.handle(change) {
            if !known.contains(&interface) {
                continue;
            }
            let state = self.links.state(&interface, &virtuals);
            if self.told.get(&interface) != Some(&state) {
                self.tell_link(&interface, now);
            }
            if let Change::Address(a) | Change::AddressGone(a) = change {
                let present = matches!(change, Change::Address(_));
                self.tell_address(&interface, a, present, now);
            }
        }
        if moves {
            self.watch();
            self.promote();
        }
        self.handle_entries_change(change, now);
        Ok(())
    }

    fn handle_event(&mut self, event: &Event) {
        // What the segment says counts before what the clock says.
        self.receive_all();
        let now = Instant::now();
        let (Some(id), Some(guards)) = (self.members.find(&event.key), &self.effects.guards) else {
            return;
        };
        let epoch = guards.epoch(event.epoch);
        let master = self
            .router
            .instance(id)
            .is_some_and(|instance| instance.state() == State::Master);
        match event.kind {
            EVENT_MASTER_DOWN => {
                // The master may have been heard between the timer's end and now.
                let heard = self
                    .look(id)
                    .is_some_and(|heartbeat| heartbeat.heard_after(event));
                if !heard {
                    self.router.handle_master_down(id, epoch, now);
                }
            }
            EVENT_LEASE_LOST => {
                if master {
                    log::lease_lost(self.members.name(id));
                }
                self.router.handle_lease_lost(id, epoch, now);
            }
            EVENT_YIELDED => {
                log::yielded(self.members.name(id));
                self.router.handle_yielded(id, epoch, now);
            }
            _ => {}
        }
    }

    /// Looks for heartbeats that stopped, and leases that ended, without an event.
    fn audit(&mut self, now: Instant) {
        for interface in self.deaf.clone() {
            self.tell_link(&interface, now);
        }
        if let Some(guards) = &mut self.effects.guards
            && let Err(error) = guards.review_hint()
        {
            log::hint_failed(&error);
        }
        let ids: Vec<InstanceId> = self.members.subjects().map(|(id, _)| id).collect();
        for id in ids {
            match self.look(id) {
                Some(beat) if beat.watches => {
                    self.router
                        .handle_heartbeat(id, beat.epoch, beat.last_seen, now);
                }
                // Patience first: the advert that fenced us may still wait in the socket.
                Some(beat) if beat.fenced => self.router.handle_yielded(id, beat.epoch, now),
                Some(_) | None => {}
            }
        }
    }

    /// What the kernel does for an instance now.
    fn look(&self, id: InstanceId) -> Option<Heartbeat> {
        let subject = self.members.get(id)?.subject?;
        let looked = self.effects.guards.as_ref()?.look(&subject);
        looked.unwrap_or_else(|error| {
            log::guard_failed(self.members.name(id), &error);
            None
        })
    }

    fn receive_all(&mut self) {
        for interface in self.sockets.interfaces() {
            self.receive(&interface, RECEIVE_ALL);
        }
    }

    /// Takes in what waits on the sockets of one interface, up to the budget.
    fn receive(&mut self, interface: &InterfaceName, budget: usize) {
        for datagram in self.sockets.take(interface, budget) {
            let now = Instant::now();
            let rx = RxMeta {
                interface: interface.clone(),
                source: datagram.source,
                ttl: datagram.ttl,
            };
            match Advertisement::parse(&datagram.payload, datagram.source, datagram.destination) {
                Ok(advert) => {
                    if !self.overtaken(&rx, &advert, datagram.waited, now) {
                        self.router.handle_advert(&rx, &advert, now);
                    }
                }
                Err(error) => {
                    log::malformed(interface.as_str(), datagram.source, &error);
                    self.router.handle_malformed(&rx, &error, now);
                }
            }
        }
    }

    /// Whether the kernel absorbed a later advert of the same master while this one waited: a priority 0 from before the
    /// master came back must not be believed.
    fn overtaken(
        &self,
        rx: &RxMeta,
        advert: &Advertisement,
        waited: Duration,
        now: Instant,
    ) -> bool {
        let Some(arrival) = now.checked_sub(waited).filter(|_| waited > PROMPT) else {
            return false;
        };
        let family = Family::of(rx.source);
        let id = self.members.on_segment(&rx.interface, advert.vrid, family);
        id.and_then(|id| self.look(id))
            .is_some_and(|heartbeat| heartbeat.overtook(rx.source, arrival))
    }
}
