//! The vrrp child: one loop that carries what the kernel and the segment say into [`Router`](crate::vrrp::Router), and what that wants
//! out to them. No decisions here.

mod apply;
mod buffers;
mod changes;
mod configure;
mod counting;
mod hear;
mod heartbeats;
mod interfaces;
mod linkbeat;
mod macs;
mod members;
mod objects;
mod recording;
mod requests;
mod settings;
mod sockets;
mod sync_daemon;
mod tracking;
mod virtuals;
mod watched;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context;
use lb_common::event::Event;

use self::{
    apply::Effects, changes::Word, configure::open_events, counting::Counting, interfaces::Named,
    linkbeat::Linkbeat, macs::Filters, members::Members, recording::Running, sockets::Sockets,
    sync_daemon::SyncDaemons, tracking::Tracking, watched::Watched,
};
use super::{
    channel::{ChildChannel, FromChild, Plan, ToChild},
    links::Links,
    parent::Parent,
    settings::Settings,
    signals::Signals,
    succession::Succession,
};
use crate::{
    cli::Role,
    config::model::InterfaceName,
    io::{
        memory,
        names::Names,
        netlink::{Monitor, Netlink},
        notify::Notifications,
        scheduling::Priorities,
        socket::vrrp::Place,
        timer::Timer,
        watch::Watch,
        xdp::Events,
    },
    vrrp::{LinkState, Recorded, Statics, output::State, virtual_interfaces::VirtualInterfaces},
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
    /// What the plan names.
    named: Named,
    /// Interface facts as last given to the core.
    told: BTreeMap<InterfaceName, Option<LinkState>>,
    sockets: Sockets,
    effects: Effects,
    tracking: Tracking,
    notifications: Notifications,
    priorities: Priorities,
    names: Names,
    watched: Watched,
    settings: Settings,
    virtuals: VirtualInterfaces,
    linkbeat: Linkbeat,
    sync_daemons: SyncDaemons,
    /// Virtual MACs that interfaces take packets for.
    filters: Filters,
    /// Places without the sockets they need.
    deaf: BTreeSet<Place>,
    /// Why instances cannot take part though their interfaces are up, by name: for `Standing::faults`.
    wire_faults: BTreeMap<String, BTreeSet<String>>,
    /// Virtual routers that are not configured and that the log has told of.
    unknown: BTreeSet<(Place, u8)>,
    /// Whether the data plane is to be told anew which addresses belong to whom.
    owners_changed: bool,
    /// Changes of state since the last audit.
    transitions: usize,
    /// Whether the lease of an earlier daemon may still be taken up: only before the first plan is in force.
    fresh: bool,
    stopping: bool,
    /// It ends and leaves everything to the next one (`-V`).
    leaves: bool,
    /// Every address that comes or goes is logged (`-a`).
    tells_addresses: bool,
    counting: Counting,
    /// Instances whose states the parent is told.
    followed: BTreeSet<String>,
    /// One of them may have changed.
    states_due: bool,
}

/// Runs the child until it is stopped; with `tells_addresses` it logs every address that comes or goes.
///
/// # Errors
/// When it cannot work at all: no netlink, no raw sockets.
pub async fn run(
    channel: ChildChannel,
    mut succession: Succession,
    sessions: PathBuf,
    tells_addresses: bool,
) -> anyhow::Result<()> {
    let (netlink, mut monitor) = Netlink::open()?;
    let mut signals = Signals::new()?;
    let mut timer = Timer::new().context("timer")?;
    let mut events = None;
    let mut parent = Parent::new(Role::Vrrp, channel);
    let mut audit = Instant::now() + AUDIT;
    let mut vrrp = Vrrp::new(netlink, sessions, tells_addresses)?;
    loop {
        vrrp.apply_tracking();
        vrrp.apply_outputs();
        if vrrp.states_due {
            vrrp.states_due = !parent.send(FromChild::States(vrrp.followed_states()));
        }
        if vrrp.leaves || vrrp.stopped() {
            return vrrp.finish().await;
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
                vrrp.handle_timeout(&mut audit);
            }
            // 2. The kernel's half of the heartbeat.
            ready = next_events(&mut events) => {
                for event in ready? {
                    vrrp.handle_event(&event);
                }
            }
            // 3. Sessions: who loses one hands over.
            facts = vrrp.tracking.sessions.next() => {
                // Another may have succeeded the silent one.
                vrrp.receive_all();
                vrrp.handle_sessions(&facts, Instant::now());
            }
            // 4. The segment.
            place = vrrp.sockets.readable() => vrrp.receive(&place, RECEIVE_BUDGET),
            // 5. Acknowledgements, then facts, of addresses, routes, rules and links.
            word = vrrp.effects.changes.next() => match word? {
                Word::Done(acknowledgement) => vrrp.acknowledge(acknowledgement),
                Word::Entries(entries) => vrrp.tell_entries(&entries, Instant::now()),
                Word::Interface(step, result) => vrrp.acknowledge_virtual(&step, result),
                Word::Filter(mac, result) => vrrp.acknowledge_filter(mac, &result),
            },
            change = monitor.next() => {
                let change = change.context("netlink: the kernel closed the connection")?;
                vrrp.handle_change(&change).await?;
            }
            // 6. What else is tracked.
            event = vrrp.tracking.sources.next() => vrrp.handle_tracked(event, Instant::now()),
            // 7. The parent.
            message = parent.recv() => {
                if matches!(message, ToChild::Configure(_)) {
                    succession.enter().await?;
                }
                let answer = vrrp.handle_message(message, &mut events, &mut monitor);
                if let Some(answer) = answer.await? {
                    parent.send(answer);
                }
            }
            () = signals.stop() => vrrp.stop(),
            // 8. Those who are told: they can wait for everything above.
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

impl Vrrp {
    fn new(netlink: Netlink, sessions: PathBuf, tells_addresses: bool) -> anyhow::Result<Self> {
        Ok(Self {
            router: Recorded::new(),
            recording: None,
            statics: Statics::new(),
            plan: Plan::default(),
            members: Members::default(),
            links: Links::default(),
            named: Named::default(),
            told: BTreeMap::new(),
            deaf: BTreeSet::new(),
            wire_faults: BTreeMap::new(),
            unknown: BTreeSet::new(),
            sockets: Sockets::default(),
            effects: Effects::new(netlink)?,
            tracking: Tracking::new(sessions),
            notifications: Notifications::new(Role::Vrrp),
            priorities: Priorities::new(Role::Vrrp),
            names: Names::default(),
            watched: Watched::default(),
            settings: Settings::default(),
            virtuals: VirtualInterfaces::new(),
            linkbeat: Linkbeat::default(),
            sync_daemons: SyncDaemons::default(),
            filters: Filters::new(),
            owners_changed: false,
            transitions: 0,
            fresh: true,
            stopping: false,
            leaves: false,
            tells_addresses,
            counting: Counting::new(),
            followed: BTreeSet::new(),
            states_due: false,
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
                memory::give_back();
                Ok(Some(FromChild::Configured))
            }
            ToChild::Snapshot { detailed } => {
                let now = Instant::now();
                let mut snapshot = self.snapshot(now);
                if detailed {
                    snapshot.waits = self.waits(now);
                    snapshot.links = self.links.snapshot();
                }
                Ok(Some(FromChild::Vrrp(Box::new(snapshot))))
            }
            ToChild::Forget(totals) => {
                self.counting
                    .clear(totals, |id| self.router.instance(id).is_some());
                Ok(None)
            }
            // Taken on the way here.
            ToChild::LogLevel(_) => Ok(None),
            ToChild::Request { number, request } => Ok(Some(FromChild::Answer {
                number,
                answer: self.handle_request(&request, Instant::now()),
            })),
            ToChild::Follow(instances) => {
                self.states_due = !instances.is_empty();
                self.followed = instances;
                Ok(None)
            }
            ToChild::Stop(keeps) => {
                if keeps.vrrp {
                    self.leaves = true;
                } else {
                    self.stop();
                }
                Ok(None)
            }
        }
    }

    /// The last steps; with `-V` virtual interfaces stay, too.
    async fn finish(&mut self) -> anyhow::Result<()> {
        if !self.leaves {
            self.remove_virtuals().await?;
        }
        self.finish_recording();
        self.sync_daemons.finish();
        self.notifications.finish().await;
        Ok(())
    }

    /// Does what is due, the look at the kernel's heartbeats at `audit` too.
    fn handle_timeout(&mut self, audit: &mut Instant) {
        let now = Instant::now();
        if now >= *audit {
            self.audit(now);
            *audit = now + AUDIT;
        }
        self.tracking.tracker.handle_timeout(now);
        self.apply_tracking();
        self.handle_virtual_timeout(now);
        self.handle_linkbeat(now);
        self.statics.handle_timeout(now);
        self.router.handle_timeout(now);
    }

    /// Whether it was told to stop, and every address, route and rule is gone.
    fn stopped(&self) -> bool {
        self.stopping
            && self.effects.changes.is_idle()
            && self.router.is_empty()
            && self.statics.is_clear()
    }

    /// The states of what is followed, as far as there are such instances.
    fn followed_states(&self) -> BTreeMap<String, State> {
        let now = Instant::now();
        let names = self.followed.iter();
        names
            .filter_map(|name| {
                let snapshot = self.router.instance_snapshot(name, now)?;
                Some((name.clone(), snapshot.state))
            })
            .collect()
    }

    /// When the core wants to be woken.
    fn next_timeout(&self) -> Option<Instant> {
        let router = self.router.poll_timeout().map(|(at, _)| at);
        let tracker = self.tracking.tracker.poll_timeout().map(|(at, _)| at);
        let others = self.statics.poll_timeout().into_iter().chain(tracker);
        let others = others.chain(self.virtuals.poll_timeout());
        let others = others.chain(self.linkbeat.next());
        router.into_iter().chain(others).min()
    }

    fn stop(&mut self) {
        let now = Instant::now();
        self.stopping = true;
        self.router.handle_stop(now);
        self.stop_tracking(now);
        self.statics.handle_stop();
    }
}
