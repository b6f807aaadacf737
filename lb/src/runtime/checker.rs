//! The checker child: probes real servers and keeps the service maps equal to what is configured and alive.
//!
//! One loop. Probes and the next-hop follower are tasks that only answer; everything that decides is called from
//! here, one input at a time, and its outputs are drained before the next.

mod data_plane;
mod failure;
mod ipvs;
mod snapshot;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::{JoinError, JoinSet},
};

use self::{data_plane::DataPlane, ipvs::Ipvs};
use crate::{
    checker::{Checker, Output, ProbeError, ProbeId, sentence},
    cli::Role,
    config::model::{self, VirtualServer},
    io::{
        memory,
        netlink::next_hop::Follower,
        probe::{Slots, tcp},
        scheduling::{Priorities, set_umask},
    },
    observe::answer,
    pool::{Front, RealServerId, desired::desired, drain::Drains},
    runtime::{
        channel::{ChildChannel, DrainOrder, DrainRequest, FromChild, Plan, Request, ToChild},
        parent::Parent,
    },
};

/// Probe results taken at once before the services are worked out again.
const RESULTS: usize = 256;

/// How long the way out may take when the kernel refuses writes.
const FAREWELL: Duration = Duration::from_secs(5);

type ProbeResult = (ProbeId, Result<(), ProbeError>);

/// Runs the checker child until it is told to stop.
///
/// # Errors
/// When the kernel gives no netlink socket, or the maps of the plan cannot be opened.
pub async fn run(channel: ChildChannel) -> anyhow::Result<()> {
    let mut parent = Parent::new(Role::Checkers, channel);
    let mut signals = Signals::new()?;
    let mut child = Child::new()?;
    loop {
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
                    parent.send(FromChild::Services(child.snapshot()));
                }
                ToChild::Request { number, request } => {
                    let answer = child.handle_request(&request);
                    parent.send(FromChild::Answer { number, answer });
                }
                ToChild::Stop => break,
            },
            () = signals.stop() => break,
            // 2. Results: each may take a dead real server out of the ring. At most `RESULTS`, so that a storm of
            //    them costs one change of the maps and leaves room for the rest.
            Some(result) = child.probes.join_next() => child.handle_results(result),
            // 3. Next hops: packets to a real server without one are lost, but checks find dead ones sooner.
            () = child.next_hops.changed() => child.update(),
            // 4. Timers: starting probes and settling rings can wait for all of the above.
            () = sleep_until(due) => {
                child.priorities.late(due.map_or(Duration::ZERO, |due| due.elapsed()));
                child.handle_timeout();
            }
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
    rng: fastrand::Rng,
    slots: Slots,
    probes: JoinSet<ProbeResult>,
    next_hops: Follower,
    /// `None` before the first plan, and where there is no data plane.
    data_plane: Option<DataPlane>,
    /// `None` before the first plan, and where the kernel has none or it is not wanted.
    ipvs: Option<Ipvs>,
    drains: Drains,
    configured: bool,
    priorities: Priorities,
}

impl Child {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            plan: Plan::default(),
            checker: Checker::default(),
            rng: fastrand::Rng::new(),
            slots: Slots::default(),
            probes: JoinSet::new(),
            next_hops: Follower::start()?,
            data_plane: None,
            ipvs: None,
            drains: Drains::default(),
            configured: false,
            priorities: Priorities::new(Role::Checkers),
        })
    }

    fn configure(&mut self, plan: Plan) -> anyhow::Result<()> {
        let wanted = plan.config.global.data_plane;
        let mut leaving = None;
        if !self.configured || wanted != self.plan.config.global.data_plane {
            leaving = self.open_ipvs(wanted)?;
        }
        if !self.configured || plan.pins != self.plan.pins {
            self.open(&plan)?;
            self.configured = true;
        }
        let timeouts = plan.config.global.lvs.timeouts;
        self.plan = plan;
        if let Some(data_plane) = &mut self.data_plane {
            data_plane.set_timeouts(timeouts);
            data_plane.set_shared(self.ipvs.is_some());
        }
        if let Some(ipvs) = &mut self.ipvs {
            ipvs.set_timeouts(timeouts);
        }
        let global = &self.plan.config.global;
        set_umask(global.scripts.umask);
        self.priorities
            .apply(&global.checker_process, global.auto_priority);
        let servers = &self.plan.config.virtual_servers;
        let addresses: BTreeSet<_> = servers
            .iter()
            .flat_map(|server| &server.real_servers)
            .map(|real| real.address)
            .collect();
        self.next_hops.follow(addresses);
        self.checker
            .handle_config(&self.plan.config, &mut self.rng, Instant::now());
        self.drain_checker();
        self.update();
        // When the maps have what it had.
        if let Some(mut ipvs) = leaving {
            ipvs.set_services(&[], false);
        }
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
        let data_plane = DataPlane::open(pins)?;
        if !self.configured {
            self.checker = Checker::remembering(data_plane.failed());
        }
        self.data_plane = Some(data_plane);
        Ok(())
    }

    /// Takes IPVS up; returns it where it is wanted no more.
    fn open_ipvs(&mut self, wanted: model::DataPlane) -> anyhow::Result<Option<Ipvs>> {
        if wanted == model::DataPlane::Xdp {
            return Ok(self.ipvs.take());
        }
        if self.ipvs.is_none() {
            self.ipvs = Ipvs::open().context("IPVS")?;
            if self.ipvs.is_none() && wanted == model::DataPlane::Ipvs {
                tracing::warn!("{}", sentence::NO_IPVS);
            }
        }
        Ok(None)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let mirror = self.data_plane.as_ref().and_then(DataPlane::poll_timeout);
        let ipvs = self.ipvs.as_ref().and_then(Ipvs::poll_timeout);
        let checker = self.checker.poll_timeout();
        let drains = self.drains.poll_timeout();
        let others = checker.into_iter().chain(drains).chain(ipvs);
        mirror.into_iter().chain(others).map(|(due, _)| due).min()
    }

    fn handle_timeout(&mut self) {
        let now = Instant::now();
        self.checker.handle_timeout(now);
        self.drain_checker();
        if self.drains.handle_timeout(now) {
            self.update();
        }
        if let Some(data_plane) = &mut self.data_plane {
            data_plane.handle_timeout();
        }
        if let Some(ipvs) = &mut self.ipvs {
            ipvs.handle_timeout();
        }
    }

    fn handle_results(&mut self, first: Result<ProbeResult, JoinError>) {
        let now = Instant::now();
        let ready = std::iter::from_fn(|| self.probes.try_join_next());
        for result in std::iter::once(first).chain(ready).take(RESULTS) {
            match result {
                Ok((probe, result)) => self.checker.handle_result(probe, result, now),
                Err(error) => tracing::error!("probe: {error}"),
            }
        }
        if self.drain_checker() {
            self.update();
        }
    }

    /// Carries out what the checker wants; true when a real server went up or down.
    fn drain_checker(&mut self) -> bool {
        let mut changed = false;
        while let Some(output) = self.checker.poll_output() {
            match output {
                Output::Probe {
                    id,
                    target,
                    timeout,
                } => {
                    let slots = self.slots.clone();
                    self.probes
                        .spawn(async move { (id, tcp::connect(slots, target, timeout).await) });
                }
                Output::CheckChanged {
                    check,
                    result,
                    retries,
                } => tracing::info!("{}", sentence::check_changed(&check, &result, retries)),
                Output::Verdict { real_server, up } => {
                    tracing::info!("{}", sentence::verdict(real_server, up));
                    changed = true;
                }
            }
        }
        changed
    }

    /// Brings the kernel's table and the maps in line with the configuration, the health and the next hops.
    fn update(&mut self) {
        let mut services = desired(
            &self.plan.config,
            self.checker.down(),
            &self.drains,
            &self.plan.gates,
            &self.next_hops.next_hops(),
        );
        let is_alone = self.data_plane.is_none()
            || self.plan.config.global.data_plane == model::DataPlane::Ipvs;
        // First the one that everything falls back on.
        if let Some(ipvs) = &mut self.ipvs {
            ipvs.set_services(&services, is_alone);
        }
        if let Some(data_plane) = &mut self.data_plane {
            if is_alone {
                services.clear();
            }
            data_plane.set_services(services);
        }
    }

    /// Does what an operator asks, and says what comes of it, or why nothing does.
    fn handle_request(&mut self, request: &Request) -> Result<String, String> {
        let Request::Drain(DrainRequest { target, order }) = *request else {
            return Err("virtual routers are the vrrp child's".to_owned());
        };
        let servers = &self.plan.config.virtual_servers;
        let has_target = |server: &&VirtualServer| {
            Front::of(server).is_some_and(|front| {
                let mut reals = server.real_servers.iter();
                reals.any(|real| target.has(&RealServerId::of(front, real)))
            })
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

    fn snapshot(&self) -> Vec<crate::pool::snapshot::ServiceSnapshot> {
        let figures = self.data_plane.as_ref().map(DataPlane::figures);
        snapshot::services(
            &self.plan.config,
            (&self.checker, &self.drains),
            &self.next_hops.next_hops(),
            figures.as_ref(),
            self.ipvs.as_ref().map(Ipvs::installed),
        )
    }

    /// Reloads to nothing.
    async fn stop(mut self) {
        self.probes.abort_all();
        let end = Instant::now() + FAREWELL;
        if let Some(mut ipvs) = self.ipvs.take() {
            ipvs.set_services(&[], false);
            while let Some((due, _)) = ipvs.poll_timeout().filter(|(due, _)| *due < end)
                && !ipvs.is_empty()
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
        self.next_hops.stop().await;
    }
}
