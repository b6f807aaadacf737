//! The checker child: probes real servers and keeps the service maps equal to what is configured and alive.
//!
//! One loop. Probes and the next-hop follower are tasks that only answer; everything that decides is called from
//! here, one input at a time, and its outputs are drained before the next.

mod data_plane;
mod ipvs;
mod planes;
mod snapshot;

use std::{
    collections::BTreeSet,
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::{JoinError, JoinSet},
};

use self::{data_plane::DataPlane, ipvs::Ipvs};
use crate::{
    checker::{self, Checker, Output, ProbeId, ProbeResult, sentence},
    cli::Role,
    config::model::{self, Check, VirtualServer, global::FlushOnStop},
    io::{
        memory,
        netlink::next_hop::Follower,
        notify::Notifications,
        probe::Prober,
        scheduling::{Priorities, set_umask},
        track::Sources,
    },
    observe::{
        answer,
        status::{CheckersStatus, LoopStatus},
    },
    pool::{
        Health, NextHop, Plane, VirtualServerId,
        desired::{Desired, NextHops, Standings, desired},
        drain::Drains,
        state::{self, Pool},
    },
    runtime::{
        channel::{ChildChannel, DrainOrder, DrainRequest, FromChild, Plan, Request, ToChild},
        parent::Parent,
    },
    track::{Watched, output::Event},
};

/// Probe results taken at once before the services are worked out again.
const RESULTS: usize = 256;

/// How long the way out may take when the kernel refuses writes.
const FAREWELL: Duration = Duration::from_secs(5);

type Ended = (ProbeId, ProbeResult);

/// Runs the checker child until it is told to stop.
///
/// # Errors
/// When the kernel gives no netlink socket, or the maps of the plan cannot be opened.
pub async fn run(channel: ChildChannel) -> anyhow::Result<()> {
    let mut parent = Parent::new(Role::Checkers, channel);
    let mut signals = Signals::new()?;
    let mut child = Child::new()?;
    let mut has_left = false;
    loop {
        if !std::mem::replace(&mut has_left, child.has_left()) && has_left {
            parent.send(FromChild::Left);
        }
        let due = child.poll_timeout();
        tokio::select! {
            biased;
            // 1. Orders: rare, and what follows should obey the new ones.
            order = parent.recv() => match order {
                ToChild::Configure(plan) => {
                    child.configure(*plan)?;
                    memory::give_back();
                    parent.send(FromChild::Configured);
                }
                ToChild::Snapshot => {
                    parent.send(FromChild::Checkers(child.status()));
                }
                ToChild::Request { number, request } => {
                    let answer = child.handle_request(&request);
                    parent.send(FromChild::Answer { number, answer });
                }
                // Virtual routers are the vrrp child's.
                ToChild::Follow(_) => {}
                ToChild::Stop { keeps_ipvs } => {
                    if keeps_ipvs {
                        child.ipvs = None;
                    }
                    break;
                }
            },
            () = signals.stop() => break,
            // 2. Results: each may take a dead real server out of the ring. At most `RESULTS`, so that a storm of
            //    them costs one change of the maps and leaves room for the rest.
            Some(result) = child.probes.join_next() => child.handle_results(result),
            // 3. Files with weights.
            event = child.sources.next() => child.handle_event(event),
            // 4. Next hops: packets to a real server without one are lost, but checks find dead ones sooner.
            () = child.next_hops.changed() => child.handle_next_hops(),
            // 5. Timers: starting probes and settling rings can wait for all of the above.
            () = sleep_until(due) => {
                child.priorities.late(due.map_or(Duration::ZERO, |due| due.elapsed()));
                child.handle_timeout();
            }
            // 6. Whoever is told has time.
            () = child.notifications.progress() => {}
            () = child.priorities.over_limit() => {}
        }
    }
    child.stop().await;
    Ok(())
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Reloads are the parent's to order; a terminal or `kill` of the process group sends them to us as well.
    _hangup: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let catch = |kind| signal(kind).context("checker child: signals");
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
            _hangup: catch(SignalKind::hangup())?,
        })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

struct Child {
    plan: Plan,
    checker: Checker,
    pool: Pool,
    rng: fastrand::Rng,
    prober: Prober,
    probes: JoinSet<Ended>,
    sources: Sources,
    notifications: Notifications,
    next_hops: Follower,
    /// `None` before the first plan, and where there is no data plane.
    data_plane: Option<DataPlane>,
    /// `None` before the first plan, and where the kernel has none or it is not wanted.
    ipvs: Option<Ipvs>,
    drains: Drains,
    /// The plane that goes on with the flows it has, and takes no more.
    leaving: Option<Plane>,
    /// Firewall marks that nothing serves.
    unserved: usize,
    configured: bool,
    priorities: Priorities,
}

impl Child {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            plan: Plan::default(),
            checker: Checker::default(),
            pool: Pool::default(),
            rng: fastrand::Rng::new(),
            prober: Prober::new(),
            probes: JoinSet::new(),
            sources: Sources::new(),
            notifications: Notifications::new(Role::Checkers),
            next_hops: Follower::start()?,
            data_plane: None,
            ipvs: None,
            drains: Drains::default(),
            leaving: None,
            unserved: 0,
            configured: false,
            priorities: Priorities::new(Role::Checkers),
        })
    }

    fn configure(&mut self, plan: Plan) -> anyhow::Result<()> {
        self.priorities.forget_delays();
        let wanted = plan.config.global.data_plane;
        if !self.configured || wanted != self.plan.config.global.data_plane {
            self.open_ipvs(&plan)?;
        }
        if !self.configured || plan.pins != self.plan.pins {
            self.open(&plan)?;
        }
        if !std::mem::replace(&mut self.configured, true) {
            self.remember(&plan.config);
        }
        let timeouts = plan.config.global.lvs.timeouts;
        // To free the old one takes a tenth of a second where it has tens of thousands of real servers.
        let old = std::mem::replace(&mut self.plan, plan);
        tokio::task::spawn_blocking(move || drop(old));
        self.set_part();
        if let Some(data_plane) = &mut self.data_plane {
            data_plane.forget_operations();
            data_plane.set_timeouts(timeouts);
        }
        if let Some(ipvs) = &mut self.ipvs {
            ipvs.forget_operations();
            ipvs.set_timeouts(timeouts);
        }
        let global = &self.plan.config.global;
        set_umask(global.scripts.umask);
        self.priorities
            .apply(&global.checker_process, global.auto_priority);
        self.notifications.configure(&self.plan.config);
        self.prober.configure(&self.plan.config);
        self.sources.watch(&watched(&self.plan.config));
        self.next_hops.follow(followed(&self.plan.config));
        let config = &self.plan.config;
        self.checker
            .handle_config(config, &mut self.rng, Instant::now());
        let checker = &self.checker;
        self.pool.handle_config(config, |id| checker.health(id));
        self.drain_pool();
        self.handle_next_hops();
        self.settle();
        Ok(())
    }

    fn open(&mut self, plan: &Plan) -> anyhow::Result<()> {
        let Some(pins) = &plan.pins else {
            let what = match self.ipvs {
                Some(_) => sentence::IPVS_ALONE,
                None => sentence::NO_DATA_PLANE,
            };
            tracing::warn!("{what}");
            self.data_plane = None;
            return Ok(());
        };
        self.data_plane = Some(DataPlane::open(pins)?);
        Ok(())
    }

    /// What a predecessor knew, which both planes remember; one that leaves has nobody take flows.
    fn remember(&mut self, config: &model::Config) {
        let mut failed = BTreeSet::new();
        let wanted = config.global.data_plane;
        let maps = self.data_plane.as_ref();
        if let Some(data_plane) = maps.filter(|_| wanted != model::DataPlane::Ipvs) {
            failed = data_plane.failed(config);
        }
        let ipvs = self.ipvs.as_mut();
        if let Some(ipvs) = ipvs.filter(|ipvs| !ipvs.is_leaving()) {
            match ipvs.failed(config) {
                Ok(more) => failed.extend(more),
                Err(error) => tracing::warn!("{}", sentence::ipvs_failed(error)),
            }
        }
        let takes_over = |ipvs: &&mut Ipvs| config.global.lvs.flush && !ipvs.is_leaving();
        if let Some(ipvs) = self.ipvs.as_mut().filter(takes_over) {
            ipvs.adopt_all();
        }
        self.checker = Checker::remembering(failed);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let mirror = self.data_plane.as_ref().and_then(DataPlane::poll_timeout);
        let ipvs = self.ipvs.as_ref().and_then(Ipvs::poll_timeout);
        let checker = self.checker.poll_timeout();
        let drains = self.drains.poll_timeout();
        let pool = self.pool.poll_timeout();
        let others = checker.into_iter().chain(pool).chain(drains).chain(ipvs);
        mirror.into_iter().chain(others).map(|(due, _)| due).min()
    }

    fn handle_timeout(&mut self) {
        let now = Instant::now();
        self.checker.handle_timeout(&mut self.rng, now);
        self.drain_checker();
        let has_grown = self.pool.handle_timeout(now);
        self.drain_pool();
        if self.drains.handle_timeout(now) || has_grown {
            self.update();
        }
        if let Some(data_plane) = &mut self.data_plane {
            data_plane.handle_timeout();
        }
        if let Some(ipvs) = &mut self.ipvs {
            ipvs.handle_timeout();
        }
        self.settle();
    }

    fn handle_results(&mut self, first: Result<Ended, JoinError>) {
        let now = Instant::now();
        let ready = std::iter::from_fn(|| self.probes.try_join_next());
        for result in std::iter::once(first).chain(ready).take(RESULTS) {
            match result {
                Ok((probe, result)) => {
                    self.checker
                        .handle_result(probe, result, &mut self.rng, now);
                }
                Err(error) => tracing::error!("probe: {error}"),
            }
        }
        if self.drain_checker() {
            self.update();
        }
    }

    fn handle_event(&mut self, event: Event) {
        if let Event::FileRead { file, reading } = event {
            self.checker.handle_file(&file, &reading);
            if self.drain_checker() {
                self.update();
            }
        }
    }

    /// Takes in where real servers are now, and virtual ones: whose address is not here rests with `ha_suspend`.
    fn handle_next_hops(&mut self) {
        let next_hops = self.next_hops.next_hops();
        let servers = self.plan.config.virtual_servers.iter();
        let suspended: BTreeSet<_> = servers
            .filter(|server| server.ha_suspend)
            .filter(|server| {
                let address = server.service.address().map(|(address, _)| address);
                let hop = address.and_then(|address| next_hops.get(&address));
                !matches!(hop, Some(Ok(NextHop::Host)))
            })
            .map(VirtualServerId::of)
            .collect();
        for server in suspended.symmetric_difference(self.checker.suspended()) {
            let is_suspended = suspended.contains(server);
            tracing::info!("{}", sentence::suspended(server, is_suspended));
        }
        self.checker.handle_suspended(suspended);
        self.update_with(&next_hops);
    }

    /// Carries out what the checker wants; true when something is to be forwarded otherwise.
    fn drain_checker(&mut self) -> bool {
        let mut changed = false;
        while let Some(output) = self.checker.poll_output() {
            match output {
                Output::Probe { id, probe } => {
                    let asked = self.prober.ask(probe);
                    self.probes.spawn(async move { (id, asked.await) });
                }
                Output::Close(id) => self.prober.close(id),
                Output::CheckChanged(change) => {
                    tracing::info!("{}", sentence::check_changed(&change));
                    self.mail(&change);
                }
                Output::Confirmed { real_server, alpha } => {
                    if alpha || self.plan.config.global.scripts.initial_notify {
                        self.pool.handle_confirmed(&real_server);
                        self.drain_pool();
                    }
                }
                Output::Failure {
                    real_server,
                    keyword,
                    error,
                } => tracing::info!("{}", sentence::failure(&real_server, keyword, &error)),
                Output::Health {
                    real_server,
                    health,
                } => {
                    self.pool
                        .handle_health(&real_server, health, Instant::now());
                    self.drain_pool();
                    changed = true;
                }
            }
        }
        changed
    }

    /// Mails about a check, where its real server has `smtp_alert`.
    fn mail(&mut self, change: &checker::CheckChange) {
        let only_news = self.plan.config.global.mail.no_checker_emails;
        if !change.is_turn || only_news && !change.is_news {
            return;
        }
        if self.pool.mails(&change.real_server) {
            let subject = state::Subject::RealServer(change.real_server.clone());
            let body = sentence::check_mail(change);
            self.notifications.mail(&subject, change.is_up, body);
        }
    }

    /// Says what the pool says, to the log and to whom it concerns.
    fn drain_pool(&mut self) {
        while let Some(output) = self.pool.poll_output() {
            match output {
                state::Output::RealServer {
                    id,
                    is_up,
                    inhibits,
                } => tracing::info!("{}", sentence::verdict(&id, is_up, inhibits)),
                state::Output::Weight { id, from, to } => {
                    tracing::info!("{}", sentence::weight(&id, from, to));
                }
                state::Output::SlowStart { id, weight, time } => {
                    tracing::info!("{}", sentence::slow_start(&id, weight, time));
                }
                state::Output::Quorum {
                    server,
                    has_quorum,
                    begins_down,
                    balance,
                    sorry,
                } => {
                    let how = (has_quorum, begins_down);
                    tracing::info!("{}", sentence::quorum(&server, how, &balance));
                    if let Some((name, inhibits)) = sorry {
                        let told = sentence::sorry(&server, &name, !has_quorum, inhibits);
                        tracing::info!("{told}");
                    }
                }
                state::Output::Notice(notice) => {
                    if let Some(command) = &notice.command {
                        tracing::info!("{}", sentence::executing(&notice, &command.words));
                    }
                    self.notifications.tell_pool(&notice);
                }
            }
        }
    }

    /// Brings the kernel's table and the maps in line with the configuration, the health and the next hops.
    fn update(&mut self) {
        let next_hops = self.next_hops.next_hops();
        self.update_with(&next_hops);
    }

    fn update_with(&mut self, next_hops: &NextHops) {
        let mut wanted = desired(
            &self.plan.config,
            &Standings {
                pool: &self.pool,
                drains: &self.drains,
                gates: &self.plan.gates,
                next_hops,
            },
        );
        let is_leaving = self.ipvs.as_ref().is_some_and(Ipvs::is_leaving);
        let takes_marks = self.ipvs.is_some() && !is_leaving;
        let marks = if takes_marks { 0 } else { wanted.marked.len() };
        if std::mem::replace(&mut self.unserved, marks) != marks && marks > 0 {
            tracing::warn!("{}", sentence::marks_need_ipvs(marks));
        }
        // First the plane that takes what begins.
        if !is_leaving {
            self.set_ipvs_services(&wanted);
        }
        if let Some(data_plane) = &mut self.data_plane {
            let services = if is_leaving {
                wanted.services.clone()
            } else {
                std::mem::take(&mut wanted.services)
            };
            data_plane.set_services(services);
        }
        if is_leaving {
            self.set_ipvs_services(&wanted);
        }
    }

    fn set_ipvs_services(&mut self, wanted: &Desired) {
        let is_alone = self.data_plane.is_none()
            || self.plan.config.global.data_plane == model::DataPlane::Ipvs;
        if let Some(ipvs) = &mut self.ipvs {
            ipvs.set_services(wanted, is_alone);
        }
    }

    /// Does what an operator asks, and says what comes of it, or why nothing does.
    fn handle_request(&mut self, request: &Request) -> Result<String, String> {
        let Request::Drain(DrainRequest { target, order }) = *request else {
            return Err("virtual routers are the vrrp child's".to_owned());
        };
        let servers = &self.plan.config.virtual_servers;
        let has_target = |server: &&VirtualServer| {
            let mut reals = server.real_servers.iter();
            reals.any(|real| target.has(real.address, real.port))
        };
        let count = servers.iter().filter(has_target).count();
        let answer = match order {
            DrainOrder::Begin(_) if count == 0 => return Err(answer::unknown_real_server(target)),
            DrainOrder::Begin(seconds) => {
                let deadline = seconds.map(Duration::from_secs);
                self.drains.handle_drain(target, deadline, Instant::now());
                answer::draining(target, count, deadline)
            }
            DrainOrder::End => {
                let drained = self.drains.handle_release(target);
                answer::drained_no_longer(target, drained, self.drains.wider(target))
            }
        };
        tracing::info!("{answer}");
        self.update();
        Ok(answer)
    }

    /// This child's part of the status.
    fn status(&mut self) -> CheckersStatus {
        let event_loop = LoopStatus {
            longest_delay: self.priorities.longest_delay().as_secs_f64(),
            ipvs_operations: self.ipvs.as_ref().map_or(0, Ipvs::operations),
            map_operations: self.data_plane.as_ref().map_or(0, DataPlane::operations),
        };
        let ipvs = self.ipvs.as_mut().and_then(Ipvs::figures);
        let figures = self.data_plane.as_ref().map(DataPlane::figures);
        let services = snapshot::services(
            &self.plan.config,
            (&self.checker, &self.pool, &self.drains),
            &self.next_hops.next_hops(),
            (figures.as_ref(), &ipvs.unwrap_or_default()),
            self.leaving,
        );
        CheckersStatus {
            services,
            event_loop,
        }
    }

    /// Reloads to nothing.
    async fn stop(mut self) {
        self.probes.abort_all();
        self.pool
            .handle_config(&model::Config::default(), |_| Health::default());
        self.drain_pool();
        let end = Instant::now() + FAREWELL;
        if let Some(mut ipvs) = self.ipvs.take() {
            if self.plan.config.global.lvs.flush_on_stop == FlushOnStop::All {
                ipvs.adopt_all();
            }
            ipvs.set_services(&Desired::default(), false);
            while let Some((due, _)) = ipvs.poll_timeout().filter(|(due, _)| *due < end)
                && ipvs.services() > 0
            {
                sleep_until(Some(due)).await;
                ipvs.handle_timeout();
            }
        }
        if let Some(mut data_plane) = self.data_plane.take() {
            data_plane.set_services(Vec::new());
            while let Some((due, _)) = data_plane.poll_timeout().filter(|(due, _)| *due < end) {
                sleep_until(Some(due)).await;
                data_plane.handle_timeout();
            }
        }
        self.notifications.finish().await;
        self.next_hops.stop().await;
    }
}

/// The files whose numbers add to weights.
fn watched(config: &model::Config) -> Watched {
    let reals = config.virtual_servers.iter();
    let checks = reals
        .flat_map(|server| &server.real_servers)
        .flat_map(|real| &real.checks);
    let named: BTreeSet<_> = checks
        .filter_map(|check| match check {
            Check::File(file) => Some(&file.track_file),
            _ => None,
        })
        .collect();
    let files = config.track_files.iter();
    Watched {
        files: files
            .filter(|file| named.contains(&file.name))
            .cloned()
            .collect(),
        processes: Vec::new(),
    }
}

/// The addresses whose next hops count: those of real and sorry servers, and of virtual ones that rest where they are not here.
fn followed(config: &model::Config) -> BTreeSet<IpAddr> {
    let mut addresses = BTreeSet::new();
    for server in &config.virtual_servers {
        addresses.extend(server.real_servers.iter().map(|real| real.address));
        addresses.extend(server.sorry_server.as_ref().map(|sorry| sorry.address));
        let own = server.service.address().filter(|_| server.ha_suspend);
        addresses.extend(own.map(|(address, _)| address));
    }
    addresses
}
