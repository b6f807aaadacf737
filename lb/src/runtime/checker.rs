//! The checker child: probes real servers and keeps the service maps equal to what is configured and alive.
//!
//! Two loops. This one has the checks and keeps time: probes are tasks that only answer; what decides is called one input at a time,
//! and its outputs are drained before the next. The other one is a thread (`forwarding`), which is told what the checks say, and may
//! wait for the kernel.

mod forwarding;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::{JoinError, JoinHandle, JoinSet};

use self::forwarding::{Answer, Forwarding, News, Order};
use crate::{
    checker::{self, Checker, Output, ProbeId, ProbeResult, sentence},
    cli::Role,
    config::model::{self, Check},
    io::{
        feed::{Fact, Subscription},
        probe::Prober,
        scheduling::{Priorities, take_on},
        track::Sources,
    },
    observe::{log, status::Wait},
    pool::VirtualServerId,
    runtime::{
        channel::{ChildChannel, FromChild, Plan, Request, ToChild},
        parent::Parent,
        signals::Signals,
        succession::Succession,
    },
    track::{Watched, output::Event},
};

/// Probe results taken at once before the services are worked out again.
const RESULTS: usize = 256;
/// Checks begin at multiples of this time: those that are due since the last one share a wake-up, and most of them the one that
/// brings their answers. Half of what a verdict may be late.
const TICK: Duration = Duration::from_millis(10);

type Ended = (ProbeId, ProbeResult);

/// A plan, and what it takes to make it the one in force.
struct Prepared {
    plan: Arc<Plan>,
    /// Virtual servers that are as they were.
    same: BTreeSet<VirtualServerId>,
    watched: Watched,
}

/// Runs the checker child until it is told to stop.
///
/// # Errors
/// When the kernel gives no netlink socket, or the maps of the plan cannot be opened.
pub async fn run(
    channel: ChildChannel,
    mut succession: Succession,
    sessions: PathBuf,
) -> anyhow::Result<()> {
    let mut parent = Parent::new(Role::Checkers, channel);
    let mut signals = Signals::new()?;
    let mut child = Child::new(sessions)?;
    let mut keeps_ipvs = false;
    loop {
        let due = child.next_tick();
        tokio::select! {
            biased;
            // 1. Orders: rare, and what follows should obey the new ones. They wait while a plan is being prepared.
            order = parent.recv(), if child.preparing.is_none() => match order {
                ToChild::Configure(plan) => {
                    succession.enter().await?;
                    child.prepare(Arc::new(*plan));
                }
                ToChild::Snapshot { detailed } => child.order(child.status(detailed)),
                ToChild::Request { number, request } => match request {
                    Request::Drain(drain) => child.order(Order::Drain { number, drain }),
                    Request::Vrrp(_) => {
                        let answer = Err("virtual routers are the vrrp child's".to_owned());
                        parent.send(FromChild::Answer { number, answer });
                    }
                },
                // Virtual routers are the vrrp child's, and levels were taken on the way.
                ToChild::Follow(_) | ToChild::Forget(_) | ToChild::LogLevel(_) => {}
                ToChild::Stop(keeps) => {
                    keeps_ipvs = keeps.ipvs;
                    break;
                }
            },
            prepared = prepared(&mut child.preparing) => child.configure(prepared?).await?,
            answer = child.forwarding.recv() => match answer? {
                Answer::Remembered(_) => {}
                Answer::Suspended(suspended) => child.suspend(suspended),
                Answer::Tell(told) => {
                    parent.send(told);
                }
            },
            () = signals.stop() => break,
            // 2. Results: each may take a dead real server out of the ring. At most `RESULTS`, so that a storm of
            //    them leaves room for the rest.
            Some(result) = child.probes.join_next() => child.handle_results(result),
            // 3. Sessions, and files with weights.
            facts = child.sessions.next() => child.handle_sessions(&facts),
            event = child.sources.next() => child.handle_event(event),
            // 4. Timers: starting probes can wait for all of the above.
            () = sleep_until(due) => {
                child.priorities.late(due.map_or(Duration::ZERO, |due| due.elapsed()));
                child.handle_timeout();
            }
            () = child.priorities.over_limit() => {}
        }
    }
    child.probes.abort_all();
    child.forwarding.stop(keeps_ipvs).await
}

/// Waits for the plan that is being prepared; for ever without one.
async fn prepared(preparing: &mut Option<JoinHandle<Prepared>>) -> Result<Prepared, JoinError> {
    let Some(task) = preparing else {
        return std::future::pending().await;
    };
    let prepared = task.await;
    *preparing = None;
    prepared
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// The multiple of [`TICK`] since `origin` that is not before `due`.
fn tick_at_or_after(due: Instant, origin: Instant) -> Instant {
    let tick = TICK.as_nanos();
    let since_tick = due.saturating_duration_since(origin).as_nanos() % tick;
    let missing = (tick - since_tick) % tick;
    due + Duration::from_nanos(u64::try_from(missing).unwrap_or_default())
}

struct Child {
    /// What ticks are counted from.
    began: Instant,
    /// `None` before the first.
    plan: Option<Arc<Plan>>,
    preparing: Option<JoinHandle<Prepared>>,
    checker: Checker,
    rng: fastrand::Rng,
    prober: Prober,
    probes: JoinSet<Ended>,
    sources: Sources,
    sessions: Subscription,
    forwarding: Forwarding,
    /// What the other loop has not been told yet.
    news: Vec<News>,
    priorities: Priorities,
}

impl Child {
    fn new(sessions: PathBuf) -> anyhow::Result<Self> {
        Ok(Self {
            began: Instant::now(),
            plan: None,
            preparing: None,
            checker: Checker::default(),
            rng: fastrand::Rng::new(),
            prober: Prober::new(),
            probes: JoinSet::new(),
            sources: Sources::new(),
            sessions: Subscription::new(sessions),
            forwarding: Forwarding::start()?,
            news: Vec::new(),
            priorities: Priorities::new(Role::Checkers),
        })
    }

    /// When checks begin next.
    fn next_tick(&self) -> Option<Instant> {
        let (due, _) = self.checker.poll_timeout()?;
        Some(tick_at_or_after(due, self.began))
    }

    fn order(&self, order: Order) {
        self.forwarding.order(order);
    }

    /// Begins to make a plan the one in force. To compare tens of thousands of real servers takes longer than checks may be late.
    fn prepare(&mut self, plan: Arc<Plan>) {
        let old = self.plan.clone();
        self.preparing = Some(tokio::task::spawn_blocking(move || {
            let none = model::Config::default();
            let before = old.as_deref().map_or(&none, |old| &old.config);
            Prepared {
                same: checker::unchanged(before, &plan.config),
                watched: watched(&plan.config),
                plan,
            }
        }));
    }

    async fn configure(&mut self, prepared: Prepared) -> anyhow::Result<()> {
        let Prepared {
            plan,
            same,
            watched,
        } = prepared;
        self.priorities.forget_delays();
        let old = self.plan.replace(Arc::clone(&plan));
        if old.is_none() {
            self.order(Order::Open(Arc::clone(&plan)));
            // Nothing is under way yet that would have to wait.
            if let Answer::Remembered(down) = self.forwarding.recv().await? {
                self.checker = Checker::remembering(down);
            }
        }
        let config = &plan.config;
        let global = &config.global;
        take_on(Some(Role::Checkers), global);
        self.priorities
            .apply(&global.checker_process, global.auto_priority);
        self.prober.configure(config);
        self.sources.watch(&watched);
        let mut sessions = config.bfd_instances.iter();
        self.sessions.listen(sessions.any(|it| it.for_checker));
        let now = Instant::now();
        self.checker
            .handle_config(config, &same, &mut self.rng, now);
        let health = self.checker.troubled();
        self.drain_checker();
        self.order(Order::Configure { plan, health });
        // To free the old one takes a tenth of a second where it has tens of thousands of real servers.
        tokio::task::spawn_blocking(move || drop((old, same)));
        Ok(())
    }

    fn handle_timeout(&mut self) {
        self.checker.handle_timeout(&mut self.rng, Instant::now());
        self.drain_checker();
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
        self.drain_checker();
    }

    fn handle_event(&mut self, event: Event) {
        if let Event::FileRead { file, reading } = event {
            self.checker.handle_file(&file, &reading);
            self.drain_checker();
        }
    }

    fn handle_sessions(&mut self, facts: &[Fact]) {
        for fact in facts {
            tracing::debug!("{}", fact.told());
            self.checker.handle_session(&fact.session, fact.is_up);
        }
        self.drain_checker();
    }

    /// The checks of these virtual servers rest, whose addresses are not here (`ha_suspend`).
    fn suspend(&mut self, suspended: BTreeSet<VirtualServerId>) {
        for server in suspended.symmetric_difference(self.checker.suspended()) {
            let is_suspended = suspended.contains(server);
            tracing::info!("{}", sentence::suspended(server, is_suspended));
        }
        self.checker.handle_suspended(suspended);
    }

    /// Carries out what the checker wants, and tells the other loop what concerns it.
    fn drain_checker(&mut self) {
        while let Some(output) = self.checker.poll_output() {
            match output {
                Output::Probe { id, probe } => {
                    let asked = self.prober.ask(probe);
                    self.probes.spawn(async move { (id, asked.await) });
                }
                Output::Close(id) => self.prober.close(id),
                Output::CheckChanged(change) => {
                    log::check_changed(&change);
                    self.news.push(News::CheckChanged(change));
                }
                Output::Confirmed { real_server, alpha } => {
                    self.news.push(News::Confirmed { real_server, alpha });
                }
                Output::Failure {
                    real_server,
                    keyword,
                    error,
                } => log::check_failed(&real_server, keyword, &error),
                Output::Health {
                    real_server,
                    health,
                } => self.news.push(News::Health {
                    real_server,
                    health,
                }),
            }
        }
        if !self.news.is_empty() {
            let news = std::mem::take(&mut self.news);
            self.order(Order::News(news));
        }
    }

    /// The order to tell the status, with what this loop knows of it.
    fn status(&self, detailed: bool) -> Order {
        let waits = if detailed {
            self.waits(Instant::now())
        } else {
            Vec::new()
        };
        Order::Status {
            words: self.checker.words(),
            longest_delay: self.priorities.longest_delay(),
            waits,
        }
    }

    fn waits(&self, now: Instant) -> Vec<Wait> {
        let checks = self.checker.waits();
        let checks = checks.map(|(real_server, keyword, due)| {
            Wait::until(format!("{real_server}: {keyword} begins"), due, now)
        });
        let probes = self.checker.probing();
        let probes = probes.map(|(real_server, keyword)| {
            Wait::for_event(format!("{real_server}: {keyword} is under way"))
        });
        let preparing = self.preparing.iter();
        let preparing =
            preparing.map(|_| Wait::for_event("a configuration is being compared".to_owned()));
        preparing.chain(probes).chain(checks).collect()
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
