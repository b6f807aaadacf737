//! The vrrp child: one loop that carries what the kernel and the segment say into [`Router`](crate::vrrp::Router), and what that wants
//! out to them. No decisions here.

mod apply;
mod buffers;
mod changes;
mod hear;
mod members;
mod objects;
mod promoted;
mod recording;
mod sockets;
mod tracking;
mod watched;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use lb_common::event::{EVENT_LEASE_LOST, EVENT_MASTER_DOWN, EVENT_YIELDED, Event};
use nix::time::{ClockId, clock_gettime};
use tokio::signal::unix::{SignalKind, signal};

use self::{
    apply::Effects, changes::Word, members::Members, promoted::Promoted, recording::Running,
    sockets::Sockets, tracking::Tracking, watched::Watched,
};
use super::{
    channel::{ChildChannel, FromChild, Plan, ToChild},
    links::Links,
    parent::Parent,
};
use crate::{
    cli::Role,
    config::model::{GlobalDefs, InterfaceName, VrrpXdp, vrrp::StateNotify},
    io::{
        guard::{Allowed, Guards, Heartbeat},
        names::Names,
        netlink::{Change, Monitor, Netlink, object::Entry},
        notify::Notifications,
        scheduling::{Priorities, set_umask},
        socket::vrrp::Place,
        timer::Timer,
        watch::Watch,
        xdp::{Events, Pins},
    },
    observe::log,
    vrrp::{
        LinkState, Recorded, Statics,
        output::{Happening, InstanceId, Notice, Party, State},
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
    router: Recorded,
    /// The file `router` is recorded in.
    recording: Option<Running>,
    statics: Statics,
    plan: Plan,
    members: Members,
    links: Links,
    /// Interface facts as last given to the core.
    told: BTreeMap<InterfaceName, Option<LinkState>>,
    sockets: Sockets,
    effects: Effects,
    tracking: Tracking,
    notifications: Notifications,
    priorities: Priorities,
    names: Names,
    watched: Watched,
    promoted: Promoted,
    /// Places without the sockets they need.
    deaf: BTreeSet<Place>,
    /// Why instances cannot take part though their interfaces are up, by name: for `Standing::faults`.
    wire_faults: BTreeMap<String, BTreeSet<String>>,
    /// Virtual routers that are not configured and that the log has told of.
    unknown: BTreeSet<(Place, u8)>,
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
        vrrp.apply_tracking();
        vrrp.apply_outputs();
        if vrrp.stopped() {
            vrrp.finish_recording();
            vrrp.notifications.finish().await;
            return Ok(());
        }
        let next = vrrp.next_timeout().map_or(audit, |at| at.min(audit));
        timer.set(Some(next)).context("timer")?;
        tokio::select! {
            biased;
            // 1. Deadlines: late adverts cost the mastership. Adverts that wait are read first.
            expired = timer.expired() => {
                expired.context("timer")?;
                vrrp.priorities.late(next.elapsed());
                vrrp.receive_all();
                let now = Instant::now();
                if now >= audit {
                    vrrp.audit(now);
                    audit = now + AUDIT;
                }
                vrrp.tracking.tracker.handle_timeout(now);
                vrrp.apply_tracking();
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
            place = vrrp.sockets.readable() => vrrp.receive(&place, RECEIVE_BUDGET),
            // 4. Acknowledgements, then facts, of addresses, routes, rules and links.
            word = vrrp.effects.changes.next() => match word? {
                Word::Done(acknowledgement) => vrrp.acknowledge(acknowledgement),
                Word::Entries(entries) => vrrp.tell_entries(&entries, Instant::now()),
            },
            change = monitor.next() => {
                let change = change.context("netlink: the kernel closed the connection")?;
                vrrp.handle_change(&change).await?;
            }
            // 5. What is tracked.
            event = vrrp.tracking.sources.next() => vrrp.handle_tracked(event, Instant::now()),
            // 6. The parent.
            message = parent.recv() => {
                let answer = vrrp.handle_message(message, &mut events, &mut monitor);
                if let Some(answer) = answer.await? {
                    parent.send(answer);
                }
            }
            _ = terminate.recv() => vrrp.stop(),
            // 7. Those who are told: they can wait for everything above.
            () = vrrp.notifications.progress() => {}
            () = vrrp.priorities.over_limit() => {}
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
            router: Recorded::new(),
            recording: None,
            statics: Statics::new(),
            plan: Plan::default(),
            members: Members::default(),
            links: Links::default(),
            told: BTreeMap::new(),
            deaf: BTreeSet::new(),
            wire_faults: BTreeMap::new(),
            unknown: BTreeSet::new(),
            sockets: Sockets::default(),
            effects: Effects::new(netlink)?,
            tracking: Tracking::default(),
            notifications: Notifications::default(),
            priorities: Priorities::new(Role::Vrrp),
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
                let now = Instant::now();
                let instances = self.router.snapshot(now);
                Ok(Some(FromChild::Instances {
                    instances,
                    tracked: self.tracking.tracker.snapshot(now),
                }))
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
        // Before the priority of this process is set: the thread that writes has none.
        self.adjust_recording(now);
        self.settle();
        if self.plan.config.global.notify.repeats_states {
            self.repeat_states(now);
        }
        let config = &self.plan.config;
        let delay = startup_delay(&config.global)?;
        if self.fresh && !delay.is_zero() {
            self.router.hold(delay, now);
        }
        self.router.handle_settings(config, now);
        self.router
            .handle_config(&config.vrrp_instances, &config.sync_groups, now);
        self.members
            .configure(&self.plan, &self.router, &self.links);
        self.unknown.clear();
        self.adjust_routed();
        self.configure_tracking(now);
        self.review_faults();
        self.allow(now);
        // Links last: an instance begins when its link is told, and should know by then what the kernel has. A static
        // address may be the source of its adverts.
        let fresh = std::mem::take(&mut self.fresh);
        let entries = self.watch_entries(fresh, monitor).await?;
        if fresh {
            self.take_over(&entries, now).await;
        }
        self.tell_guards();
        for interface in self.interfaces() {
            self.tell_addresses(&interface, now);
        }
        self.tell_entries(&entries, now);
        self.configure_statics(&entries);
        if fresh {
            self.install_statics().await?;
        }
        self.promote();
        self.apply_tracking();
        for interface in self.interfaces() {
            self.tell_link(&interface, now);
        }
        Ok(())
    }

    /// Makes what `global_defs` says of this process the truth.
    fn settle(&mut self) {
        let global = &self.plan.config.global;
        set_umask(global.scripts.umask);
        self.priorities
            .apply(&global.vrrp_process, global.auto_priority);
        self.notifications.configure(&self.plan.config);
    }

    /// Tells FIFOs the states before a configuration changes any (`fifo_write_vrrp_states_on_reload`); none at a start.
    fn repeat_states(&mut self, now: Instant) {
        for instance in self.router.snapshot(now) {
            let happening = match instance.state {
                State::Init => continue,
                State::Backup => Happening::Backup,
                State::Master => Happening::Master,
                State::Fault => Happening::Fault,
            };
            self.notifications.repeat(&Notice {
                party: Party::Instance,
                name: instance.name,
                happening,
                priority: instance.priority,
                notify: StateNotify::default(),
            });
        }
    }

    /// Whether it was told to stop, and every address, route and rule is gone.
    fn stopped(&self) -> bool {
        self.stopping
            && self.effects.changes.is_idle()
            && self.router.is_empty()
            && self.statics.is_clear()
    }

    fn stop(&mut self) {
        let now = Instant::now();
        self.stopping = true;
        self.router.handle_stop(now);
        self.stop_tracking(now);
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
                    self.tracking.tracker.handle_adopted(self.members.name(id));
                    self.router.handle_adopted(id, now);
                }
                Some(Ok(false)) | None => {}
                Some(Err(error)) => log::guard_failed(self.members.name(id), &error),
            }
        }
    }

    /// Lets the kernel do what the configuration wants it to, and takes back the rest.
    fn allow(&mut self, now: Instant) {
        let vrrp = &self.plan.config.global.vrrp;
        let allowed = Allowed {
            watch: vrrp.xdp == VrrpXdp::Auto,
            fence: vrrp.fence,
        };
        let Some(guards) = &mut self.effects.guards else {
            return;
        };
        let mut ended = guards.allow(allowed).map(|ended| {
            let of_members = ended.into_iter();
            of_members
                .filter_map(|(key, epoch)| Some((self.members.find(&key)?, epoch)))
                .collect::<Vec<_>>()
        });
        for (id, subject) in self.members.part() {
            log::guard_shared(self.members.name(id));
            let epoch = guards.end(&subject.key);
            ended = ended.and_then(|mut ended| {
                ended.extend(epoch?.map(|epoch| (id, epoch)));
                Ok(ended)
            });
        }
        match ended {
            Ok(ended) => {
                for (id, epoch) in ended {
                    self.router.handle_guard(id, epoch, false, now);
                }
            }
            Err(error) => log::gate_failed("vrrp_xdp, vrrp_fence", &error),
        }
    }

    /// Tells the data plane which addresses belong to which gate, who the peers are, and which VRIDs are ours.
    fn tell_guards(&mut self) {
        let Some(guards) = &mut self.effects.guards else {
            return;
        };
        let told = guards
            .know(&self.members.vrids())
            .and_then(|()| guards.admit(&self.members.peers()))
            .and_then(|()| guards.own(&self.members.owned()));
        if let Err(error) = told {
            log::gate_failed("owned addresses", &error);
        }
    }

    /// Gives the core what it has not been told yet about an interface, and keeps the sockets in step.
    fn tell_link(&mut self, interface: &InterfaceName, now: Instant) {
        let hears = self.adjust_sockets(&Place::Interface(interface.clone()));
        self.members.refresh(&self.links);
        if let Some(guards) = &mut self.effects.guards
            && let Err(error) = guards.admit(&self.members.peers())
        {
            log::gate_failed("unicast_peer", &error);
        }
        let mut state = self.links.state(interface, &self.virtuals());
        if let Some(state) = &mut state
            && !hears
        {
            // Deaf and mute is as good as down.
            state.up = false;
        }
        if self.links.get(interface).is_none() {
            self.statics.handle_interface_gone(interface);
            self.promoted.forget(interface);
        }
        let is_up = self.links.get(interface).is_some_and(|link| link.up);
        self.tracking
            .tracker
            .handle_interface(interface, is_up, now);
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
        let changed = self.links.handle(change);
        self.review_faults();
        for interface in changed {
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
        self.flush_recording();
        for place in self.deaf.clone() {
            match place {
                Place::Interface(interface) => self.tell_link(&interface, now),
                Place::Address { .. } => drop(self.adjust_sockets(&place)),
            }
        }
        self.review_faults();
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
}
