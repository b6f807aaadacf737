//! The loop that forwards: who is up by what the checks say, what both planes should hold, and whom to tell. A thread of its own, because
//! the difference to what the planes hold takes tens of milliseconds where they hold tens of thousands of real servers, and the kernel
//! may take its time to write it down. It takes one order at a time; of what the checks say, as much at once as there is.

mod data_plane;
mod ipvs;
mod marking;
mod order;
mod planes;
mod snapshot;
mod thread;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::UnboundedSender;

use self::{data_plane::DataPlane, ipvs::Ipvs, marking::Marking};
pub(super) use self::{
    order::{Answer, News, Order},
    thread::Forwarding,
};
use crate::{
    checker::{CheckChange, sentence},
    cli::Role,
    config::model::{self, VirtualServer, global::FlushOnStop},
    io::{memory, netlink::next_hop::Follower, notify::Notifications, scheduling::Priorities},
    observe::{
        answer, log,
        status::{CheckersStatus, IpvsStatus, LoopStatus, Wait},
    },
    pool::{
        Health, NextHop, Plane, RealServerId, VirtualServerId,
        desired::{Desired, NextHops, Standings, desired},
        drain::Drains,
        state::{self, Pool},
    },
    runtime::{
        channel::{DrainOrder, DrainRequest, FromChild, Plan},
        checker::sleep_until,
    },
};

/// How long the way out may take when the kernel refuses writes.
const FAREWELL: Duration = Duration::from_secs(5);

/// What the thread has.
struct Forwarder {
    plan: Arc<Plan>,
    pool: Pool,
    notifications: Notifications,
    next_hops: Follower,
    /// What the planes below were opened for.
    opened: Option<(model::DataPlane, Option<PathBuf>)>,
    /// `None` before the first plan, and where there is no data plane.
    data_plane: Option<DataPlane>,
    /// `None` before the first plan, and where the kernel has none or it is not wanted.
    ipvs: Option<Ipvs>,
    marking: Marking,
    drains: Drains,
    /// The plane that goes on with the flows it has, and takes no more.
    leaving: Option<Plane>,
    /// Firewall marks that nothing serves.
    unserved: usize,
    priorities: Priorities,
    answers: UnboundedSender<Answer>,
}

impl Forwarder {
    /// Needs a tokio runtime.
    fn new(answers: UnboundedSender<Answer>) -> anyhow::Result<Self> {
        Ok(Self {
            plan: Arc::default(),
            pool: Pool::default(),
            notifications: Notifications::new(Role::Checkers),
            next_hops: Follower::start()?,
            opened: None,
            data_plane: None,
            ipvs: None,
            marking: Marking::default(),
            drains: Drains::default(),
            leaving: None,
            unserved: 0,
            priorities: Priorities::of_another_thread(Role::Checkers),
            answers,
        })
    }

    fn answer(&self, answer: Answer) {
        // Who asked is ending when nobody listens.
        self.answers.send(answer).ok();
    }

    /// Opens the planes for the first time, and says what they remember.
    fn handle_open(&mut self, plan: &Plan) -> anyhow::Result<()> {
        self.open(plan)?;
        let failed = self.remember(plan);
        self.answer(Answer::Remembered(failed));
        Ok(())
    }

    fn handle_config(
        &mut self,
        plan: Arc<Plan>,
        health: &BTreeMap<RealServerId, Health>,
    ) -> anyhow::Result<()> {
        self.open(&plan)?;
        let timeouts = plan.config.global.lvs.timeouts;
        self.plan = plan;
        self.marking.begin_anew();
        self.set_part();
        if let Some(data_plane) = &mut self.data_plane {
            data_plane.forget_operations();
            data_plane.set_timeouts(timeouts);
        }
        if let Some(ipvs) = &mut self.ipvs {
            ipvs.forget_operations();
            ipvs.set_timeouts(timeouts);
        }
        let config = &self.plan.config;
        self.priorities
            .apply(&config.global.checker_process, config.global.auto_priority);
        self.notifications.configure(config);
        self.next_hops.follow(followed(config));
        let well = Health::default();
        self.pool
            .handle_config(config, |id| health.get(id).copied().unwrap_or(well));
        self.drain_pool();
        self.handle_next_hops();
        self.settle();
        memory::give_back();
        self.answer(Answer::Tell(FromChild::Configured));
        Ok(())
    }

    /// Opens what the plan wants and the last one did not.
    fn open(&mut self, plan: &Plan) -> anyhow::Result<()> {
        let wanted = (plan.config.global.data_plane, plan.pins.clone());
        let before = self.opened.replace(wanted.clone());
        if before.as_ref().map(|(choice, _)| *choice) != Some(wanted.0) {
            self.open_ipvs(plan)?;
        }
        if before.is_none_or(|(_, pins)| pins != wanted.1) {
            self.open_maps(plan)?;
        }
        Ok(())
    }

    fn open_maps(&mut self, plan: &Plan) -> anyhow::Result<()> {
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
    fn remember(&mut self, plan: &Plan) -> BTreeSet<RealServerId> {
        let config = &plan.config;
        let mut failed = BTreeSet::new();
        let wanted = config.global.data_plane;
        let maps = self.data_plane.as_ref();
        if let Some(data_plane) = maps.filter(|_| wanted != model::DataPlane::Ipvs) {
            failed = data_plane.failed(config);
        }
        let ipvs = self.ipvs.as_mut();
        if let Some(ipvs) = ipvs.filter(|ipvs| !ipvs.is_leaving()) {
            match ipvs.failed(config, &plan.marks) {
                Ok(more) => failed.extend(more),
                Err(error) => tracing::warn!("{}", sentence::ipvs_failed(error)),
            }
        }
        let takes_over = |ipvs: &&mut Ipvs| config.global.lvs.flush && !ipvs.is_leaving();
        if let Some(ipvs) = self.ipvs.as_mut().filter(takes_over) {
            ipvs.adopt_all();
        }
        failed
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let mirror = self.data_plane.as_ref().and_then(DataPlane::poll_timeout);
        let ipvs = self.ipvs.as_ref().and_then(Ipvs::poll_timeout);
        let drains = self.drains.poll_timeout();
        let pool = self.pool.poll_timeout();
        let others = pool.into_iter().chain(drains).chain(ipvs);
        mirror.into_iter().chain(others).map(|(due, _)| due).min()
    }

    fn handle_timeout(&mut self) {
        let now = Instant::now();
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

    /// Takes in what the checks say; returns whether something is to be forwarded otherwise.
    fn handle_news(&mut self, news: Vec<News>) -> bool {
        let mut changed = false;
        for news in news {
            match news {
                News::Health {
                    real_server,
                    health,
                } => {
                    self.pool
                        .handle_health(&real_server, health, Instant::now());
                    changed = true;
                }
                News::CheckChanged(change) => self.mail(&change),
                News::Confirmed { real_server, alpha } => {
                    if alpha || self.plan.config.global.scripts.initial_notify {
                        self.pool.handle_confirmed(&real_server);
                    }
                }
            }
            self.drain_pool();
        }
        changed
    }

    /// Takes in where real servers are now, and virtual ones: whose address is not here rests with `ha_suspend`.
    fn handle_next_hops(&mut self) {
        let next_hops = self.next_hops.next_hops();
        let servers = self.plan.config.virtual_servers.iter();
        let suspended = servers
            .filter(|server| server.ha_suspend)
            .filter(|server| {
                let address = server.service.address().map(|(address, _)| address);
                let hop = address.and_then(|address| next_hops.get(&address));
                !matches!(hop, Some(Ok(NextHop::Host)))
            })
            .map(VirtualServerId::of)
            .collect();
        self.answer(Answer::Suspended(suspended));
        self.update_with(&next_hops);
    }

    /// Mails about a check, where its real server has `smtp_alert`.
    fn mail(&mut self, change: &CheckChange) {
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
                } => log::verdict(&id, is_up, inhibits),
                state::Output::Weight { id, from, to } => {
                    log::weight(&id, from, to);
                }
                state::Output::SlowStart { id, weight, time } => {
                    log::slow_start(&id, weight, time);
                }
                state::Output::Quorum {
                    server,
                    has_quorum,
                    begins_down,
                    balance,
                    sorry,
                } => {
                    log::quorum(&server, (has_quorum, begins_down), &balance);
                    if let Some((name, inhibits)) = sorry {
                        log::sorry(&server, &name, !has_quorum, inhibits);
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
                marks: self.marks(),
            },
        );
        let is_leaving = self.ipvs.as_ref().is_some_and(Ipvs::is_leaving);
        let takes_marks = self.ipvs.is_some() && !is_leaving;
        let marks = if takes_marks {
            0
        } else {
            wanted.unserved_marks()
        };
        if std::mem::replace(&mut self.unserved, marks) != marks && marks > 0 {
            tracing::warn!("{}", sentence::marks_need_ipvs(marks));
        }
        let rules = self.new_rules(&wanted);
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
        // Marks that no service has would do no harm, but packets without theirs would not be served.
        let place = self.plan.config.process.net_namespace_ipvs.as_ref();
        if let Some(rules) = rules
            && !self.marking.set(rules, place)
        {
            self.update_with(next_hops);
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
    fn handle_drain(&mut self, drain: DrainRequest) -> Result<String, String> {
        let DrainRequest { target, order } = drain;
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

    /// The child's part of the status; `words` are the last results of the checks.
    fn status(
        &mut self,
        words: &BTreeMap<RealServerId, String>,
        longest_delay: Duration,
        waits: Vec<Wait>,
    ) -> CheckersStatus {
        let event_loop = LoopStatus {
            longest_delay: longest_delay.as_secs_f64(),
            ipvs_operations: self.ipvs.as_ref().map_or(0, Ipvs::operations),
            map_operations: self.data_plane.as_ref().map_or(0, DataPlane::operations),
        };
        let about = self.ipvs.as_mut().and_then(Ipvs::about);
        let ipvs = self.ipvs.as_mut().and_then(Ipvs::figures);
        let figures = self.data_plane.as_ref().map(DataPlane::figures);
        let services = snapshot::services(
            (&self.plan.config, self.marks()),
            (words, &self.pool, &self.drains),
            &self.next_hops.next_hops(),
            (figures.as_ref(), &ipvs.unwrap_or_default()),
            self.leaving,
        );
        CheckersStatus {
            services,
            ipvs: about.map(IpvsStatus::from),
            event_loop,
            waits,
        }
    }

    /// Leaves the kernel's table as it is.
    fn keep_ipvs(&mut self) {
        self.ipvs = None;
        self.marking = Marking::default();
    }

    /// Reloads to nothing.
    async fn stop(mut self) {
        self.pool
            .handle_config(&model::Config::default(), |_| Health::default());
        self.drain_pool();
        let end = Instant::now() + FAREWELL;
        let place = self.plan.config.process.net_namespace_ipvs.as_ref();
        self.marking.set(None, place);
        if let Some(mut ipvs) = self.ipvs.take() {
            if self.plan.config.global.lvs.flush_on_stop == FlushOnStop::All {
                ipvs.flush();
            } else {
                ipvs.set_services(&Desired::default(), false);
            }
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
