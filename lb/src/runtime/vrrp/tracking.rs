//! What is tracked, between the world, the [`Tracker`] and the router.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Instant,
};

use tracing::debug;

use super::Vrrp;
use crate::{
    config::model::{Config, InterfaceName},
    io::{
        feed::{Fact, Subscription},
        script::Rights,
        track::Sources,
    },
    observe::log,
    track::{
        Tracker,
        output::{Event, Output, Run},
    },
    vrrp::output::Standing,
};

/// The tracker and what feeds it.
pub(super) struct Tracking {
    pub(super) tracker: Tracker,
    pub(super) sources: Sources,
    pub(super) sessions: Subscription,
    rights: Rights,
    /// What the tracker last said of each instance that something is said of.
    standings: BTreeMap<String, Standing>,
}

impl Tracking {
    /// One of nothing; `feed` is where the bfd child tells of sessions.
    pub(super) fn new(feed: PathBuf) -> Self {
        Self {
            tracker: Tracker::new(),
            sources: Sources::new(),
            sessions: Subscription::new(feed),
            rights: Rights::default(),
            standings: BTreeMap::new(),
        }
    }

    /// Starts a script, or says why it does not start.
    fn run(&mut self, run: &Run) {
        let identity = self.rights.identity(run.owner.as_ref());
        let script = identity
            .map_err(Into::into)
            .and_then(|identity| self.rights.script_as(&run.words, identity, run.timeout));
        self.sources
            .run(run.id, script.map_err(|refused| refused.to_string()));
    }
}

impl Vrrp {
    /// Tracks what the plan tracks, and nothing else.
    pub(super) fn configure_tracking(&mut self, now: Instant) {
        let config = &self.plan.config;
        let Tracking {
            tracker,
            sources,
            sessions,
            rights,
            standings,
        } = &mut self.tracking;
        *rights = Rights::new(&config.global.scripts);
        tracker.handle_config(config, now);
        sources.set_buffer(config.global.buffers.process_monitor);
        sources.watch(tracker.watched());
        sessions.listen(config.bfd_instances.iter().any(|session| session.for_vrrp));
        for (session, is_up) in sessions.known() {
            tracker.handle_bfd(session, *is_up, false, now);
        }
        let is_configured = |name: &String| {
            let mut instances = config.vrrp_instances.iter();
            instances.any(|instance| instance.name == *name)
        };
        standings.retain(|name, _| is_configured(name));
        self.tell_tracked_interfaces(now);
    }

    /// Ends scripts and watches.
    pub(super) fn stop_tracking(&mut self, now: Instant) {
        self.tracking.tracker.handle_config(&Config::default(), now);
        self.tracking.sources = Sources::new();
    }

    /// Takes a fact in.
    pub(super) fn handle_tracked(&mut self, event: Event, now: Instant) {
        self.tracking.tracker.handle_event(event, now);
    }

    /// Takes in what became of sessions.
    pub(super) fn handle_sessions(&mut self, facts: &[Fact], now: Instant) {
        for fact in facts {
            debug!("{}", fact.told());
            let tracker = &mut self.tracking.tracker;
            tracker.handle_bfd(&fact.session, fact.is_up, fact.expired, now);
        }
    }

    /// Interfaces that are tracked.
    pub(super) fn tracked_interfaces(&self) -> BTreeSet<InterfaceName> {
        self.tracking.tracker.interfaces().cloned().collect()
    }

    /// Tells the state of every tracked interface: one that does not exist is down.
    fn tell_tracked_interfaces(&mut self, now: Instant) {
        for interface in self.tracked_interfaces() {
            let is_up = self.links.get(&interface).is_some_and(|link| link.up);
            self.tracking
                .tracker
                .handle_interface(&interface, is_up, now);
        }
    }

    /// Tells which groups miss something static, where that may have changed.
    fn tell_statics(&mut self) {
        for (group, is_whole) in self.statics.poll_groups().into_iter().flatten() {
            let object = format!("something static of track_group {group}");
            self.tracking
                .tracker
                .handle_static(&group, &object, is_whole);
        }
    }

    /// Carries out what the tracker wants.
    pub(super) fn apply_tracking(&mut self) {
        self.tell_statics();
        while let Some(output) = self.tracking.tracker.poll_output() {
            match output {
                Output::Run(run) => self.tracking.run(&run),
                Output::Standing { instance, standing } => {
                    self.tracking.standings.insert(instance.clone(), standing);
                    self.tell_standing(&instance);
                }
                Output::PeerSilent { instance, peer } => {
                    if let Some(id) = self.router.instance_id(&instance) {
                        self.router.handle_peer_silent(id, peer, Instant::now());
                    }
                }
                Output::Changed(change) => log::tracked(&change),
            }
        }
    }

    /// Tells the core what is tracked of an instance, and why its adverts cannot travel.
    pub(super) fn tell_standing(&mut self, instance: &str) {
        let tracked = self.tracking.standings.get(instance);
        let mut standing = tracked.cloned().unwrap_or_default();
        let faults = self.wire_faults.get(instance).into_iter().flatten();
        standing.faults.extend(faults.cloned());
        self.router
            .handle_standing(instance, &standing, Instant::now());
    }
}
