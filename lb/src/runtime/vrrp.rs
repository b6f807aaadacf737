//! The vrrp child: one loop that carries what the kernel and the segment say into [`Router`], and what `Router` wants
//! out to them. No decisions here.

mod apply;
mod members;
mod sockets;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use lb_common::event::{EVENT_LEASE_LOST, EVENT_MASTER_DOWN, EVENT_YIELDED, Event};
use nix::time::{ClockId, clock_gettime};
use tokio::signal::unix::{SignalKind, signal};

use self::{apply::Effects, members::Members, sockets::Sockets};
use super::{
    channel::{ChildChannel, FromChild, Plan, ToChild},
    links::Links,
    parent::Parent,
};
use crate::{
    cli::Role,
    config::model::{Family, GlobalDefs, InterfaceName, VrrpInstance},
    io::{
        guard::{Guards, Heartbeat},
        netlink::{Change, Netlink},
        timer::Timer,
        watch::Watch,
        xdp::{Events, Pins},
    },
    observe::log,
    vrrp::{
        LinkState, Router, RxMeta,
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
    plan: Plan,
    members: Members,
    links: Links,
    /// Interface facts as last given to the core.
    told: BTreeMap<InterfaceName, Option<LinkState>>,
    sockets: Sockets,
    effects: Effects,
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
        let next = vrrp
            .router
            .poll_timeout()
            .map_or(audit, |(at, _)| at.min(audit));
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
            // 4. Acknowledgements, then facts, of addresses and links.
            (id, address, added, result) = vrrp.effects.acknowledged() => {
                log::address_applied(vrrp.members.name(id), &address, added, &result);
                vrrp.router.handle_address_applied(id, &address, added, result, Instant::now());
            }
            change = monitor.next() => {
                let change = change.context("netlink: the kernel closed the connection")?;
                vrrp.handle_change(&change).await?;
            }
            // 5. The parent.
            message = parent.recv() => {
                if let Some(answer) = vrrp.handle_message(message, &mut events).await? {
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

/// How long instances wait before they begin: `vrrp_delay_after_boot` counts from the boot, and the later of the two
/// counts.
fn startup_delay(global: &GlobalDefs) -> anyhow::Result<Duration> {
    let up = clock_gettime(ClockId::CLOCK_BOOTTIME).context("clock")?;
    let after_boot = global.vrrp.delay_after_boot;
    let after_boot = after_boot.saturating_sub(Duration::from(up));
    Ok(global.vrrp.startup_delay.max(after_boot))
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
            plan: Plan::default(),
            members: Members::default(),
            links: Links::default(),
            told: BTreeMap::new(),
            deaf: BTreeSet::new(),
            sockets: Sockets::default(),
            effects: Effects::new(netlink)?,
            fresh: true,
            stopping: false,
        })
    }

    /// Does what the parent says; returns the answer.
    async fn handle_message(
        &mut self,
        message: ToChild,
        events: &mut Option<Watch<Events>>,
    ) -> anyhow::Result<Option<FromChild>> {
        match message {
            ToChild::Configure(plan) => {
                if events.is_none() {
                    *events = open_events(&plan)?;
                }
                self.configure(*plan).await?;
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
    async fn configure(&mut self, plan: Plan) -> anyhow::Result<()> {
        self.links = self.effects.links().await?;
        if let Some(pins) = &plan.pins
            && self.effects.guards.is_none()
        {
            self.effects.guards = Some(Guards::open(&Pins::new(pins))?);
        }
        self.plan = plan;
        let now = Instant::now();
        let config = &self.plan.config;
        let delay = startup_delay(&config.global)?;
        if self.fresh && !delay.is_zero() {
            self.router.hold_until(now + delay);
        }
        self.router.handle_settings(config, now);
        self.router
            .handle_config(&config.vrrp_instances, &config.sync_groups, now);
        self.members
            .configure(&self.plan, &self.router, &self.links);
        // Links last: an instance begins when its link is told, and should know by then what the kernel has.
        if std::mem::take(&mut self.fresh) {
            self.take_over(now).await;
        }
        self.own_addresses();
        for interface in self.interfaces() {
            self.tell_addresses(&interface, now);
        }
        for interface in self.interfaces() {
            self.tell_link(&interface, now);
        }
        Ok(())
    }

    /// Whether it was told to stop, and every address is gone.
    fn stopped(&self) -> bool {
        self.stopping && self.effects.idle() && self.router.is_empty()
    }

    fn stop(&mut self) {
        self.stopping = true;
        self.router.handle_stop(Instant::now());
    }

    /// Takes up the leases that an earlier child left running, so that its death is not felt, and removes the addresses of
    /// instances that are no longer configured while they are still fenced.
    async fn take_over(&mut self, now: Instant) {
        let Some(guards) = &mut self.effects.guards else {
            return;
        };
        let keys = self.members.subjects().map(|(_, subject)| subject.key);
        match guards.take_over(&keys.collect()) {
            Ok(owned) => {
                let left: BTreeSet<IpAddr> = owned.difference(&self.virtuals()).copied().collect();
                self.effects.remove_left(&left, &self.links).await;
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

    /// Interfaces the configuration speaks of.
    fn interfaces(&self) -> BTreeSet<InterfaceName> {
        let instances = &self.plan.config.vrrp_instances;
        let of = |i: &VrrpInstance| {
            let devices = i.addresses.iter().map(|address| address.interface.clone());
            devices.chain([i.interface.clone()]).collect::<Vec<_>>()
        };
        instances.iter().flat_map(of).collect()
    }

    fn virtuals(&self) -> BTreeSet<IpAddr> {
        let instances = &self.plan.config.vrrp_instances;
        instances
            .iter()
            .flat_map(|i| i.addresses.iter().map(|a| a.address))
            .collect()
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
        self.router.handle_link(interface, state, now);
        self.told.insert(interface.clone(), state);
    }

    fn tell_addresses(&mut self, interface: &InterfaceName, now: Instant) {
        for address in self.links.addresses(interface) {
            self.router
                .handle_address(interface, address.address, address.prefix, true, now);
        }
    }

    async fn handle_change(&mut self, change: &Change) -> anyhow::Result<()> {
        let now = Instant::now();
        if *change == Change::Overrun {
            log::netlink_overrun();
            return self.read_again(now).await;
        }
        let known = self.interfaces();
        let virtuals = self.virtuals();
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
                self.router
                    .handle_address(&interface, a.address, a.prefix, present, now);
            }
        }
        Ok(())
    }

    /// Reads links and addresses anew, and tells the core what is gone as well as what is there.
    async fn read_again(&mut self, now: Instant) -> anyhow::Result<()> {
        let before = std::mem::replace(&mut self.links, self.effects.links().await?);
        for interface in self.interfaces() {
            let index = |links: &Links| links.get(&interface).map(|link| link.index);
            if index(&before) != index(&self.links) {
                // Another link of the same name: whatever hung on the old one is gone.
                self.router.handle_link(&interface, None, now);
            }
            self.tell_link(&interface, now);
            let there: Vec<_> = self.links.addresses(&interface).copied().collect();
            for gone in before.addresses(&interface) {
                if !there
                    .iter()
                    .any(|a| (a.address, a.prefix) == (gone.address, gone.prefix))
                {
                    self.router
                        .handle_address(&interface, gone.address, gone.prefix, false, now);
                }
            }
            self.tell_addresses(&interface, now);
        }
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
