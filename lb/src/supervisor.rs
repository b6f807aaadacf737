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
mod control;
mod data_plane;
mod dumps;
mod followers;
mod gates;
mod gathering;
mod loading;
mod reload;
mod request;
mod run_dir;
mod schedule;
mod script;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use nix::{sys::signal::Signal, unistd::gethostname};
use tokio::{signal::unix::SignalKind, sync::mpsc};

use self::{
    asked::Asked,
    child::{Child, Exit},
    data_plane::DataPlane,
    followers::Followers,
    gates::Gates,
    gathering::{Gathering, Wish},
    loading::Loading,
    reload::{Planned, RELOAD_WAIT},
};
pub use self::{
    control::{Question, Reloaded, Request as ControlRequest, Stats, parse},
    followers::News,
    request::{
        follow, request_child, request_log_level, request_reload, request_stats, request_status,
    },
    run_dir::{PidFile, RunDir},
};
use crate::{
    cli::{Cli, Role},
    config::model::{self, Config, global::TcpKeepalive},
    io::{
        control::Reply,
        memory,
        netlink::{Change, Netlink},
        scheduling::set_umask,
        signals,
    },
    keepalive::{backoff::Backoff, record::Ending},
    observe::{answer, level::LogLevel, log},
    pool::marks::{self, Marks},
    runtime::channel::{FromChild, Plan, Request, ToChild, VrrpRequest},
    vrrp::{output::InstanceId, snapshot::Counts},
};

/// Grace for children at stop (keepalived's `child_wait_time`).
const CHILD_WAIT: Duration = Duration::from_secs(5);
/// Longest wait for the children's part of a status.
const SNAPSHOT_WAIT: Duration = Duration::from_secs(1);
/// Longest wait for the vrrp child to do what an operator asks: it may be taking a configuration in.
const REQUEST_WAIT: Duration = Duration::from_secs(3);

/// Longest wait before a child that keeps dying is started again.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

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
    /// Links or addresses changed: an interface may have been made anew, without programs.
    Links,
}

/// The parent's state.
struct Parent {
    cli: Cli,
    run_dir: RunDir,
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
    let _lock = run_dir.lock_parent()?;
    log::daemon_starting(&cli.use_file);
    let (events, mut queue) = mpsc::channel(64);
    listen_to_signals(&events)?;
    watch_links(&events)?;
    let _control = control::serve(&run_dir, events.clone())?;
    set_umask(config.global.scripts.umask);
    // First, because it may make the interfaces that the rest is about.
    script::startup(&config.global.scripts).await;
    let mut data_plane = DataPlane::load(&run_dir, &config)?;
    let config = data_plane.supported(config);
    data_plane.attach(&config).await;
    let mut gates = Gates::default();
    gates.take_over(&config, &data_plane.gates_in_use());
    // Last, because their leases run out while nobody renews them.
    child::end_orphans(&run_dir).await?;
    let mut parent = Parent {
        cli,
        run_dir,
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
        addresses_left: false,
        events,
    };
    parent.apply(config).await;
    while let Some(event) = queue.recv().await {
        parent.handle(event).await;
        if parent.stopping && parent.children.is_empty() {
            break;
        }
    }
    if parent.addresses_left {
        log::data_plane_stays();
    } else {
        parent.data_plane.remove();
    }
    script::shutdown(&parent.config.global.scripts).await;
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
                self.handle_exit(role, &exit);
                if self.stopping {
                    self.stop_next().await;
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
            Event::Reload(reply) => self.reload(reply).await,
            Event::ReloadTime(says) => self.plan_reload(says),
            Event::ReloadDue(number) => self.reload_if_due(number).await,
            Event::ReloadTimeout => self.loading.give_up(RELOAD_WAIT),
            Event::Links => self.data_plane.attach(&self.config).await,
            Event::AtRest => memory::give_back(),
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
        set_umask(self.config.global.scripts.umask);
        self.watch_reload_time();
        self.later(REST, Event::AtRest);
        for role in Role::ALL {
            match (self.needs(role), self.children.contains_key(&role)) {
                (true, false) => self.start(role).await,
                (true, true) => self.configure(role).await,
                (false, true) => {
                    let stop = ToChild::Stop { keeps_ipvs: false };
                    self.tell(role, stop).await;
                }
                (false, false) => {}
            }
        }
    }

    /// Gives a child the configuration in force.
    async fn configure(&mut self, role: Role) {
        let plan = ToChild::Configure(Box::new(self.plan(role)));
        self.loading.ordered(role);
        self.tell(role, plan).await;
    }

    /// What a child is to do. Only the checkers child has a part in virtual servers, which may be many.
    fn plan(&mut self, role: Role) -> Plan {
        let mut servers = Vec::new();
        if role != Role::Checkers {
            servers = std::mem::take(&mut self.config.virtual_servers);
        }
        let mut config = self.config.clone();
        if !servers.is_empty() {
            // One program reads what both children write, and it belongs to the checkers child where there is one, as in keepalived.
            config.global.notify.all.script = None;
            self.config.virtual_servers = servers;
        }
        Plan {
            config,
            gates: self.gates.by_name().clone(),
            marks: self.marks.clone(),
            settings: Some(self.run_dir.settings()),
            pins: self.data_plane.pins(),
            ipvs_leaves: self.ipvs_leaves,
        }
    }

    /// A child runs only when the configuration has something for it, as with keepalived.
    fn needs(&self, role: Role) -> bool {
        !self.stopping
            && match role {
                Role::Vrrp => {
                    let config = &self.config;
                    !config.vrrp_instances.is_empty()
                        || config.has_statics()
                        || config.global.lvs.sync_daemon.is_some()
                        || config.global.network.tcp_keepalive != TcpKeepalive::default()
                }
                Role::Checkers => !self.config.virtual_servers.is_empty(),
                Role::Bfd => !self.cli.no_bfd && !self.config.bfd_instances.is_empty(),
            }
    }

    async fn start(&mut self, role: Role) {
        if !self.needs(role) || self.children.contains_key(&role) {
            return;
        }
        let now = Instant::now();
        let (_, started) = self
            .backoff
            .entry(role)
            .or_insert((Backoff::default(), now));
        *started = now;
        match Child::spawn(&self.cli, role, self.events.clone()) {
            Ok(child) => {
                log::child_started(role, child.pid());
                self.children.insert(role, child);
                if let Some(level) = self.level {
                    self.tell(role, ToChild::LogLevel(level)).await;
                }
                self.configure(role).await;
                if role == Role::Vrrp {
                    self.follow().await;
                }
            }
            Err(error) => {
                log::child_failed(role, &error);
                self.respawn(role);
            }
        }
    }

    fn respawn(&mut self, role: Role) {
        let wait = self
            .backoff
            .get_mut(&role)
            .map(|(backoff, started)| backoff.ended(started.elapsed(), LONGEST_BACKOFF));
        self.later(wait.unwrap_or_default(), Event::Respawn(role));
    }

    async fn tell(&mut self, role: Role, message: ToChild) {
        if let Some(child) = self.children.get_mut(&role)
            && let Err(error) = child.send(message).await
        {
            // Its successor takes up what it leaves.
            log::child_deaf(role, &error);
            child.signal(Signal::SIGKILL);
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
            (FromChild::Configured, _) => self.loading.configured(role),
            (FromChild::States(states), _) => self.followers.changed(states),
            (FromChild::Vrrp(status), Some(gathering)) => gathering.vrrp(*status),
            (FromChild::Checkers(status), Some(gathering)) => gathering.checkers(status),
            (FromChild::Bfd(status), Some(gathering)) => gathering.bfd(status),
            (
                FromChild::Left | FromChild::Bfd(_) | FromChild::Vrrp(_) | FromChild::Checkers(_),
                _,
            ) => {}
        }
        self.finish_complete();
    }

    fn handle_exit(&mut self, role: Role, exit: &Exit) {
        if self
            .children
            .get(&role)
            .is_none_or(|child| child.pid() != exit.pid)
        {
            return;
        }
        self.children.remove(&role);
        if role == Role::Vrrp {
            self.addresses_left = exit.ending != Ending::Exited(0);
        }
        self.asked.refuse_all(role);
        self.loading.absent(role);
        log::child_exited(role, exit.pid, exit.ending, self.needs(role));
        if let Some(gathering) = &mut self.gathering {
            gathering.absent(role);
        }
        self.finish_complete();
        if self.needs(role) {
            self.respawn(role);
        }
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
        self.stopping = true;
        self.stop_next().await;
        self.later(CHILD_WAIT, Event::StopTimeout);
    }

    /// Stops the children one after the other: a master that hands over forwards until its successor speaks, so the
    /// services outlive the addresses.
    async fn stop_next(&mut self) {
        let next = Role::ALL
            .into_iter()
            .find(|role| self.children.contains_key(role));
        if let Some(role) = next {
            let keeps_ipvs = self.cli.dont_release_ipvs;
            self.tell(role, ToChild::Stop { keeps_ipvs }).await;
        }
    }

    fn kill_children(&self) {
        for (role, child) in &self.children {
            log::child_stuck(*role, child.pid());
            child.signal(Signal::SIGKILL);
        }
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

/// The instances that a request has yield.
fn yielding(request: &Request) -> Option<Vec<String>> {
    match request {
        Request::Vrrp(VrrpRequest::Yield { instance, .. }) => Some(vec![instance.clone()]),
        Request::Vrrp(VrrpRequest::Release { .. }) | Request::Drain(_) => None,
    }
}

fn listen_to_signals(events: &mpsc::Sender<Event>) -> anyhow::Result<()> {
    signals::listen(SignalKind::terminate(), || Event::Stop, events)?;
    signals::listen(SignalKind::interrupt(), || Event::Stop, events)?;
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
