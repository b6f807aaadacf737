//! The parent: reads the configuration, loads the data plane, starts the children that are needed, restarts what
//! dies, and answers the control socket.
//!
//! Every source of events ends in one queue:
//!
//! ```text
//! signals ──────────────┐
//! control socket ───────┼──▶ Event ──▶ Parent::handle ──▶ children, data plane, replies
//! children (one task    │
//! each: line, exit) ────┘
//! ```

mod asked;
mod child;
mod children;
mod control;
mod data_plane;
mod dumps;
mod followers;
mod gates;
mod gathering;
mod loading;
mod perf;
mod pid_file;
mod reload;
mod request;
mod run_dir;
mod schedule;
mod script;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use nix::unistd::gethostname;
use tokio::{signal::unix::SignalKind, sync::mpsc};

use self::{
    asked::Asked,
    child::{Child, Exit},
    data_plane::DataPlane,
    followers::Followers,
    gates::Gates,
    gathering::{Gathering, Wish},
    loading::Loading,
    perf::Recorder,
    reload::{Planned, RELOAD_WAIT},
};
pub use self::{
    control::{Question, Reloaded, Request as ControlRequest, Stats, parse},
    followers::News,
    pid_file::{PidFile, PidPaths},
    request::{
        follow, request_child, request_log_level, request_reload, request_stats, request_status,
    },
    run_dir::{RunDir, Tenure},
};
use crate::{
    cli::{Cli, Role},
    config::model::{self, Config},
    io::{
        control::Reply,
        memory,
        netlink::{Change, Netlink},
        scheduling::take_on,
        service_manager, signals,
    },
    keepalive::backoff::Backoff,
    observe::{answer, level::LogLevel, log},
    pool::marks::{self, Marks},
    runtime::channel::{FromChild, Keeps, Request, ToChild, VrrpRequest},
    vrrp::{output::InstanceId, snapshot::Counts},
};

/// Longest wait for the children's part of a status.
const SNAPSHOT_WAIT: Duration = Duration::from_secs(1);
/// Longest wait for the vrrp child to do what an operator asks: it may be taking a configuration in.
const REQUEST_WAIT: Duration = Duration::from_secs(3);

/// Longest wait before a child that keeps dying is started again.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// How much later than its children the parent may hear that all are to stop.
const HEARSAY: Duration = Duration::from_millis(100);

/// Longest wait for followers to stop what they run.
const FOLLOWER_WAIT: Duration = Duration::from_secs(5);
/// When it is plain whether a virtual router that was asked to yield has.
const REPEAT: Duration = Duration::from_secs(10);

/// When a start or a reload is over for sure.
const REST: Duration = Duration::from_secs(5);
/// How long links may change before the interfaces are looked at.
const SETTLE: Duration = Duration::from_millis(100);

/// Everything that can happen to the parent.
#[derive(Debug)]
enum Event {
    /// A child said something.
    Message(Role, u32, FromChild),
    /// A child is gone.
    Exited(Role, Exit),
    /// A child ended in order though nobody here told it to, and neither was the daemon told a moment later.
    Missed(Role, Exit),
    /// Time to start a child again.
    Respawn(Role),
    /// Somebody wants to know how everything is.
    Wish(Wish),
    /// And somebody who came while others were being answered.
    Gather,
    /// Files are written; these counters begin anew.
    Dumped(Vec<(InstanceId, Counts)>),
    /// These counters begin anew.
    Clear(Vec<(InstanceId, Counts)>),
    /// Somebody asks for the level of the log, or for another one.
    LogLevel(Option<LogLevel>, Reply),
    /// The children had their time to answer.
    SnapshotTimeout(u64),
    /// An operator asks something of a virtual router.
    Request(Request, Reply),
    /// The vrrp child had its time to answer.
    RequestTimeout(u64),
    /// Somebody follows the states of virtual routers.
    Follow(BTreeSet<String>, Reply),
    /// A follower has stopped what it was told to.
    FollowerReady(u64),
    /// A follower went away.
    Unfollowed(u64),
    /// Followers had their time to stop what they run.
    FollowersTimeout(u64),
    /// What was announced to followers may not have come.
    TellFollowers,
    /// SIGTERM, SIGINT.
    Stop,
    /// The children had their time to stop.
    StopTimeout,
    /// SIGQUIT: the next daemon is about to start.
    Leave,
    /// SIGHUP, a client, or the time for it.
    Reload(Option<Reply>),
    /// What `reload_time_file` says, if it is there.
    ReloadTime(Option<String>),
    /// To be looked at: whether the reload of this number is due.
    ReloadDue(u64),
    /// The children had their time to take a configuration in.
    ReloadTimeout,
    /// A start or a reload is over.
    AtRest,
    /// The service manager expects a word.
    Watchdog,
    /// Links or addresses changed: an interface may have been made anew, without programs.
    Links,
}

/// The parent's state.
struct Parent {
    cli: Cli,
    run_dir: RunDir,
    pids: PidPaths,
    perf: Recorder,
    config: Config,
    gates: Gates,
    marks: Marks,
    data_plane: DataPlane,
    /// IPVS was in use until a reload, and may have connections yet.
    ipvs_leaves: bool,
    children: BTreeMap<Role, Child>,
    backoff: BTreeMap<Role, (Backoff, Instant)>,
    /// Who wants to know how everything is, and is not being served yet.
    wishes: Vec<Wish>,
    gathering: Option<Gathering>,
    gatherings: u64,
    /// Threads that write files.
    writers: usize,
    loading: Loading,
    planned: Planned,
    /// The level of the log where an operator has changed it.
    level: Option<LogLevel>,
    asked: Asked,
    followers: Followers,
    /// What waits for followers, and the number of that wait.
    held: Option<Held>,
    holds: u64,
    stopping: bool,
    /// Everything is left to the next daemon.
    leaves: bool,
    /// The vrrp child did not end in order, so its addresses may still be there, and must stay fenced.
    addresses_left: bool,
    events: mpsc::Sender<Event>,
}

/// What is done when followers have stopped what they run.
#[derive(Debug)]
enum Held {
    /// The daemon stops.
    Stop,
    /// An operator asks a virtual router to yield.
    Request(Request, Reply),
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// When it cannot start: another daemon runs, no permission, no configuration.
pub async fn run(cli: Cli, run_dir: RunDir, config: Config) -> anyhow::Result<()> {
    let _tenure = run_dir.lock_parent()?;
    // Before anybody can read a pid to send them to.
    let (events, mut queue) = mpsc::channel(64);
    listen_to_signals(&events, cli.daemon.ignore_sigint)?;
    let pids = PidPaths::of(&cli.daemon, &config.process, cli.namespace.as_deref());
    let pid_file = pids.take()?;
    log::daemon_starting(&cli.use_file);
    watch_links(&events)?;
    let _control = control::serve(&run_dir, events.clone())?;
    let config = overridden(config, &cli);
    take_on(None, &config.global);
    // First, because it may make the interfaces that the rest is about.
    script::startup(&config.global.scripts).await;
    let mut data_plane = DataPlane::load(&run_dir, &config)?;
    let config = data_plane.supported(config);
    data_plane.attach(&config).await;
    let mut gates = Gates::default();
    gates.take_over(&config, &data_plane.gates_in_use());
    pids.are_free(&run_dir).await?;
    let mut parent = Parent {
        perf: Recorder::new(cli.daemon.recorded(), &run_dir),
        cli,
        run_dir,
        pids: pids.clone(),
        config: Config::default(),
        gates,
        marks: Marks::new(),
        data_plane,
        ipvs_leaves: false,
        children: BTreeMap::new(),
        backoff: BTreeMap::new(),
        wishes: Vec::new(),
        gathering: None,
        gatherings: 0,
        writers: 0,
        loading: Loading::default(),
        planned: Planned::default(),
        level: None,
        asked: Asked::default(),
        followers: Followers::default(),
        held: None,
        holds: 0,
        stopping: false,
        leaves: false,
        addresses_left: false,
        events,
    };
    parent.apply(config).await;
    parent.end_orphans().await?;
    parent.keep_watchdog();
    while let Some(event) = queue.recv().await {
        parent.handle(event).await;
        if parent.leaves {
            // Its successor takes up what is there: children, programs, addresses, services.
            log::daemon_leaves();
            return Ok(());
        }
        if parent.stopping && parent.children.is_empty() {
            break;
        }
    }
    parent.perf.finish().await;
    if parent.cli.daemon.dont_release_vrrp {
        log::vrrp_stays();
    } else if parent.addresses_left {
        log::data_plane_stays();
    } else {
        parent.data_plane.remove();
    }
    script::shutdown(&parent.config.global.scripts).await;
    drop(pid_file);
    pids.leave();
    log::daemon_stopped();
    Ok(())
}

impl Parent {
    async fn handle(&mut self, event: Event) {
        match event {
            Event::Message(_, _, FromChild::Left) => {
                self.data_plane.handle_left(&self.config).await;
            }
            Event::Message(role, pid, message) => self.handle_message(role, pid, message),
            Event::Exited(role, exit) => {
                let died = self.handle_exit(role, exit);
                if self.stopping {
                    self.stop_next().await;
                } else if died && self.cli.daemon.dont_respawn {
                    self.hold(&[], Held::Stop).await;
                }
            }
            Event::Missed(role, exit) => {
                if self.miss(role, &exit) && self.cli.daemon.dont_respawn {
                    self.hold(&[], Held::Stop).await;
                }
            }
            Event::Respawn(role) => self.start(role).await,
            Event::Wish(wish) => self.wish(wish).await,
            Event::Gather => self.gather().await,
            Event::Dumped(totals) => {
                self.writers = self.writers.saturating_sub(1);
                self.clear(totals).await;
            }
            Event::Clear(totals) => self.clear(totals).await,
            Event::LogLevel(level, reply) => self.set_log_level(level, reply).await,
            Event::SnapshotTimeout(number) => self.finish_gathering(Some(number)),
            Event::Request(request, reply) => match yielding(&request) {
                Some(instances) => self.hold(&instances, Held::Request(request, reply)).await,
                None => self.ask(request, reply).await,
            },
            Event::Follow(instances, reply) => {
                let stream = reply.into_stream();
                self.followers.add(stream, instances, self.events.clone());
                self.follow().await;
            }
            Event::FollowerReady(number) => {
                if self.followers.answered(number) {
                    self.release_held().await;
                }
            }
            Event::Unfollowed(number) => {
                let was_last = self.followers.answered(number);
                self.followers.remove(number);
                if was_last {
                    self.release_held().await;
                }
                self.follow().await;
            }
            Event::FollowersTimeout(number) => {
                if number == self.holds {
                    self.release_held().await;
                }
            }
            Event::TellFollowers => self.followers.repeat(),
            Event::RequestTimeout(number) => self.asked.give_up(number),
            Event::Stop => {
                if !self.stopping {
                    self.hold(&[], Held::Stop).await;
                }
            }
            Event::StopTimeout => self.kill_children(),
            Event::Leave => self.leave().await,
            Event::Reload(reply) => self.reload(reply).await,
            Event::ReloadTime(says) => self.plan_reload(says),
            Event::ReloadDue(number) => self.reload_if_due(number).await,
            Event::ReloadTimeout => self.loading.give_up(RELOAD_WAIT),
            Event::Links => self.data_plane.attach(&self.config).await,
            Event::AtRest => memory::give_back(),
            Event::Watchdog => self.keep_watchdog(),
        }
    }

    /// Makes `config` the one in force: the same way at start and at reload.
    async fn apply(&mut self, config: Config) {
        self.gates.assign(
            config
                .vrrp_instances
                .iter()
                .map(|instance| instance.name.as_str()),
        );
        let had_ipvs = !self.config.virtual_servers.is_empty()
            && self.config.global.data_plane != model::DataPlane::Xdp;
        self.ipvs_leaves =
            config.global.data_plane == model::DataPlane::Xdp && (self.ipvs_leaves || had_ipvs);
        self.marks = marks::assign(&config, &self.marks);
        self.config = config;
        take_on(None, &self.config.global);
        self.watch_reload_time();
        self.later(REST, Event::AtRest);
        for role in Role::ALL {
            match (self.needs(role), self.children.contains_key(&role)) {
                (true, false) => self.start(role).await,
                (true, true) => self.configure(role).await,
                (false, true) => {
                    self.tell(role, ToChild::Stop(Keeps::default())).await;
                }
                (false, false) => self.loading.absent(role),
            }
        }
        self.loading.announce(&self.config);
    }

    /// Leaves everything to the next daemon, if it can be taken up: a MASTER without a lease in the kernel is not told from one that is gone.
    async fn leave(&mut self) {
        let holds = self.data_plane.has_leases() && self.config.global.vrrp.fence;
        if holds || self.config.vrrp_instances.is_empty() {
            self.leaves = !self.stopping;
        } else if !self.stopping {
            log::no_hand_over();
            self.hold(&[], Held::Stop).await;
        }
    }

    /// Says that the loop turns, as often as the service manager wants to hear it.
    fn keep_watchdog(&self) {
        if let Some(interval) = service_manager::watchdog() {
            service_manager::alive();
            self.later(interval, Event::Watchdog);
        }
    }

    fn handle_message(&mut self, role: Role, pid: u32, message: FromChild) {
        if self
            .children
            .get(&role)
            .is_none_or(|child| child.pid() != pid)
        {
            return;
        }
        match (message, &mut self.gathering) {
            (FromChild::Answer { number, answer }, _) => self.asked.answer(number, answer),
            (FromChild::States(states), _) => self.followers.changed(states),
            (FromChild::Vrrp(status), Some(gathering)) => gathering.vrrp(*status),
            (FromChild::Checkers(status), Some(gathering)) => gathering.checkers(status),
            (FromChild::Bfd(status), Some(gathering)) => gathering.bfd(status),
            (FromChild::Configured, _) => {
                self.perf.handle_configured(role, pid);
                self.loading.configured(role);
            }
            (
                FromChild::Left | FromChild::Bfd(_) | FromChild::Vrrp(_) | FromChild::Checkers(_),
                _,
            ) => {}
        }
        self.finish_complete();
    }

    /// Hands what an operator asks to the child it is for.
    async fn ask(&mut self, request: Request, reply: Reply) {
        let role = request.role();
        if !self.children.contains_key(&role) {
            return control::refuse(reply, answer::no_child(role));
        }
        let number = self.asked.add(role, reply);
        self.tell(role, ToChild::Request { number, request }).await;
        self.later(REQUEST_WAIT, Event::RequestTimeout(number));
    }

    /// `router_id`, or the host name, as keepalived has it.
    fn router_id(&self) -> String {
        match self.config.global.router_id.as_str() {
            "" => gethostname().map_or("unknown".to_owned(), |name| {
                name.to_string_lossy().into_owned()
            }),
            name => name.to_owned(),
        }
    }

    /// Counters begin anew at these figures.
    async fn clear(&mut self, totals: Vec<(InstanceId, Counts)>) {
        if !totals.is_empty() {
            log::operator::stats_cleared();
            self.tell(Role::Vrrp, ToChild::Forget(totals)).await;
        }
    }

    /// The level of the log of all processes, of those too that start later.
    async fn set_log_level(&mut self, level: Option<LogLevel>, reply: Reply) {
        if let Some(level) = level {
            self.level = Some(level);
            level.take_effect();
            log::operator::log_level(level);
            let roles: Vec<Role> = self.children.keys().copied().collect();
            for role in roles {
                self.tell(role, ToChild::LogLevel(level)).await;
            }
        }
        control::answer(reply, LogLevel::in_force());
    }

    /// Has the vrrp child tell what followers ask for.
    async fn follow(&mut self) {
        let instances = self.followers.instances();
        self.tell(Role::Vrrp, ToChild::Follow(instances)).await;
    }

    /// Does something when followers have stopped what they run for these instances, for every one without any.
    async fn hold(&mut self, instances: &[String], held: Held) {
        // One thing at a time: what waits already is done now.
        self.release_held().await;
        self.holds += 1;
        self.held = Some(held);
        if self.followers.announce(instances) {
            self.later(FOLLOWER_WAIT, Event::FollowersTimeout(self.holds));
        } else {
            self.release_held().await;
        }
    }

    async fn release_held(&mut self) {
        match self.held.take() {
            Some(Held::Stop) => self.stop().await,
            Some(Held::Request(request, reply)) => {
                self.ask(request, reply).await;
                self.later(REPEAT, Event::TellFollowers);
            }
            None => {}
        }
    }

    async fn stop(&mut self) {
        if self.stopping {
            return;
        }
        log::daemon_stopping();
        service_manager::stopping();
        self.stopping = true;
        self.stop_next().await;
        self.later(self.config.process.child_wait_time, Event::StopTimeout);
    }

    fn later(&self, wait: Duration, event: Event) {
        let events = self.events.clone();
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            // The parent is gone when nobody listens.
            events.send(event).await.ok();
        });
    }
}

/// The configuration with what the command line has in its place.
fn overridden(mut config: Config, cli: &Cli) -> Config {
    let umask = &mut config.global.scripts.umask;
    *umask = cli.daemon.umask.or(*umask);
    config
}

/// The instances that a request has yield.
fn yielding(request: &Request) -> Option<Vec<String>> {
    match request {
        Request::Vrrp(VrrpRequest::Yield { instance, .. }) => Some(vec![instance.clone()]),
        Request::Vrrp(VrrpRequest::Release { .. }) | Request::Drain(_) => None,
    }
}

fn listen_to_signals(events: &mpsc::Sender<Event>, ignores_sigint: bool) -> anyhow::Result<()> {
    signals::listen(SignalKind::terminate(), || Event::Stop, events)?;
    signals::listen(SignalKind::quit(), || Event::Leave, events)?;
    if ignores_sigint {
        signals::ignore(SignalKind::interrupt())?;
    } else {
        signals::listen(SignalKind::interrupt(), || Event::Stop, events)?;
    }
    signals::listen(SignalKind::hangup(), || Event::Reload(None), events)?;
    dumps::listen_to_signals(events)
}

/// Tells of changed links, at most once in [`SETTLE`] however many change.
fn watch_links(events: &mpsc::Sender<Event>) -> anyhow::Result<()> {
    let (netlink, mut monitor) = Netlink::open()?;
    let events = events.clone();
    tokio::spawn(async move {
        let _open = netlink;
        while let Some(change) = monitor.next().await {
            if !matches!(
                change,
                Change::Link(_) | Change::LinkGone(_) | Change::Overrun
            ) {
                continue;
            }
            let settled = tokio::time::sleep(SETTLE);
            tokio::pin!(settled);
            loop {
                tokio::select! {
                    () = &mut settled => break,
                    change = monitor.next() => if change.is_none() { return },
                }
            }
            if events.send(Event::Links).await.is_err() {
                return;
            }
        }
    });
    Ok(())
}
