//! A LAN of VRRP routers on a virtual clock: frames that get lost, delayed, reordered and kept apart,
//! daemons that stall, die and come back, and the part of the kernel that outlives them.
//!
//! Everything follows from the seed and the calls made; running it again gives the same history.

mod kernel;
mod network;
mod node;

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::BinaryHeap,
    fmt,
    time::{Duration, Instant},
};

use lb::{
    config::model::VrrpInstance,
    vrrp::output::{Gate, InstanceId, Standing, State},
};

pub use self::{kernel::KernelKind, network::Network, node::Setup};
use self::{
    network::Frame,
    node::{Effect, Node},
};

/// The LAN.
#[derive(Debug)]
pub struct Lan {
    /// What frames go through.
    pub network: Network,
    /// Probability that the kernel refuses an address operation.
    pub refusals: f64,
    /// Whether two gates open at once are held against the routers (see [`Lan::violations`]).
    pub exclusive: bool,
    now: Instant,
    begun: Instant,
    nodes: Vec<Node>,
    coming: BinaryHeap<Reverse<Coming>>,
    sequence: u64,
    history: Vec<Entry>,
    violations: Vec<String>,
}

/// One line of history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Since the beginning.
    pub at: Duration,
    /// Number of the node.
    pub node: usize,
    /// What happened.
    pub event: Event,
}

/// What may happen to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The daemon changed its mind.
    Transition(State, State, Cow<'static, str>),
    /// The daemon set the gate.
    Gate(Gate),
    /// The kernel fenced the gate by itself.
    Fenced(&'static str),
    /// Somebody did something to the node.
    Fault(&'static str),
}

/// Something on its way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Coming {
    at: Instant,
    sequence: u64,
    what: Arrival,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Arrival {
    /// A frame at a node.
    Frame { to: usize, frame: Frame },
    /// An address operation at the kernel.
    Operation {
        node: usize,
        life: u32,
        operation: node::Operation,
    },
}

impl Lan {
    /// A LAN of nodes that are off, on a perfect network.
    ///
    /// # Panics
    /// When a setup is of another family than the first.
    #[must_use]
    pub fn new(seed: u64, setups: Vec<Setup>) -> Self {
        let now = Instant::now();
        Self {
            network: Network::perfect(seed, setups.len()),
            refusals: 0.0,
            exclusive: false,
            now,
            begun: now,
            nodes: setups.into_iter().map(Node::new).collect(),
            coming: BinaryHeap::new(),
            sequence: 0,
            history: Vec::new(),
            violations: Vec::new(),
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.watch_gates(next);
            self.now = next;
            self.step();
        }
        self.watch_gates(end);
        self.now = end;
    }

    /// Lets time pass until something is so, for at most `limit`. Returns the time it took.
    pub fn run_until(&mut self, limit: Duration, so: impl Fn(&Self) -> bool) -> Option<Duration> {
        let (begin, end) = (self.now, self.now + limit);
        while !so(self) {
            let next = self.next().filter(|next| *next <= end)?;
            self.watch_gates(next);
            self.now = next;
            self.step();
        }
        Some(self.now - begin)
    }

    /// Number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What happened so far.
    #[must_use]
    pub fn history(&self) -> &[Entry] {
        &self.history
    }

    /// Time since the beginning.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now - self.begun
    }

    /// Where the routers broke the rule of the one open gate: while `exclusive` is set, two gates are open
    /// together only as long as the advert that settles the matter is in flight: one of the better router, or of the other
    /// when the better one has resigned, or one with the priority it had before.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// State of a node's instance; Init where no daemon runs.
    #[must_use]
    pub fn state(&self, node: usize) -> State {
        self.nodes[node].state()
    }

    /// Gate of a node.
    #[must_use]
    pub fn gate(&self, node: usize) -> Gate {
        self.nodes[node].kernel.gate
    }

    /// Whether a node's kernel has any, or all, of the configured addresses.
    #[must_use]
    pub fn has_addresses(&self, node: usize) -> (bool, bool) {
        self.nodes[node].has_addresses()
    }

    /// The configuration of a node.
    #[must_use]
    pub fn config(&self, node: usize) -> &VrrpInstance {
        &self.nodes[node].setup.config
    }

    /// The priority of a node: as configured, and what tracking makes of it.
    #[must_use]
    pub fn priority(&self, node: usize) -> u8 {
        self.nodes[node].priority()
    }

    /// What tracking adds up to on a node.
    #[must_use]
    pub fn standing(&self, node: usize) -> &Standing {
        &self.nodes[node].standing
    }

    /// The kernel of a node.
    #[must_use]
    pub fn kernel_kind(&self, node: usize) -> KernelKind {
        self.nodes[node].setup.kernel
    }

    /// The nodes whose daemon is MASTER.
    #[must_use]
    pub fn masters(&self) -> Vec<usize> {
        let all = 0..self.nodes.len();
        all.filter(|node| self.state(*node) == State::Master)
            .collect()
    }

    /// Time since a node last sent an advert, or since the beginning.
    #[must_use]
    pub fn since_advert(&self, node: usize) -> Duration {
        self.now - self.nodes[node].last_sent.unwrap_or(self.begun)
    }

    /// Whether the last advert of node `a` beats that of node `b`.
    #[must_use]
    pub fn beats(&self, a: usize, b: usize) -> bool {
        self.nodes[a].rank() > self.nodes[b].rank()
    }

    /// Starts the daemon, unless it runs; one that is stopping gets its configuration back.
    pub fn start(&mut self, node: usize) {
        self.fault(node, "started");
        self.feed(node, Node::start);
    }

    /// Tells the daemon what tracking adds up to; one that starts later knows it too.
    pub fn track(&mut self, node: usize, standing: Standing) {
        let what = if standing.faults.is_empty() {
            "tracks another priority"
        } else {
            "tracks a fault"
        };
        self.fault(node, what);
        self.feed(node, |node, now, effects| {
            node.track(standing, now, effects);
        });
    }

    /// Asks the daemon to yield for a time, or to do so no longer.
    pub fn request_yield(&mut self, node: usize, time: Option<Duration>) {
        let what = if time.is_some() {
            "asked to yield"
        } else {
            "released"
        };
        self.fault(node, what);
        self.feed(node, |node, now, effects| {
            node.request_yield(time, now, effects);
        });
    }

    /// Asks the daemon to stop; it ends when its addresses are gone.
    pub fn stop(&mut self, node: usize) {
        self.fault(node, "asked to stop");
        self.feed(node, Node::stop);
    }

    /// Kills the daemon; the kernel goes on.
    pub fn kill(&mut self, node: usize) {
        self.fault(node, "killed");
        self.nodes[node].kill();
    }

    /// Cuts the power: daemon and kernel are gone.
    pub fn power_off(&mut self, node: usize) {
        self.fault(node, "without power");
        self.nodes[node].kill();
        self.nodes[node].kernel.reset();
    }

    /// Stops the daemon from running; the kernel goes on.
    pub fn stall(&mut self, node: usize) {
        self.fault(node, "stalled");
        self.nodes[node].stalled = true;
    }

    /// Lets the daemon run again: it finds what has come meanwhile, adverts first.
    pub fn resume(&mut self, node: usize) {
        self.fault(node, "resumed");
        self.feed(node, Node::resume);
    }

    /// Sets the node's link; the other nodes notice only that they hear nothing.
    pub fn set_link(&mut self, node: usize, up: bool) {
        self.fault(node, if up { "link up" } else { "link down" });
        self.feed(node, |node, now, effects| node.set_link(up, now, effects));
    }

    /// Reloads the daemon's configuration.
    pub fn reload(&mut self, node: usize, config: VrrpInstance) {
        self.fault(node, "reloaded");
        self.feed(node, |node, now, effects| node.reload(config, now, effects));
    }

    /// Somebody removes the node's addresses, or adds them.
    pub fn meddle(&mut self, node: usize, present: bool) {
        self.fault(
            node,
            if present {
                "given addresses"
            } else {
                "robbed of addresses"
            },
        );
        self.feed(node, |node, now, effects| {
            node.meddle(present, now, effects);
        });
    }

    /// Time of whatever is next.
    fn next(&self) -> Option<Instant> {
        let coming = self.coming.peek().map(|Reverse(coming)| coming.at);
        let nodes = self.nodes.iter().filter_map(Node::next);
        coming.into_iter().chain(nodes).min()
    }

    /// Does one thing that is due: arrivals first, then kernels, then daemons.
    fn step(&mut self) {
        let due = self
            .coming
            .peek()
            .is_some_and(|Reverse(coming)| coming.at <= self.now);
        if due && let Some(Reverse(coming)) = self.coming.pop() {
            return self.arrive(coming.what);
        }
        let now = self.now;
        let kernel = |node: &Node| node.kernel.deadline.is_some_and(|at| at <= now);
        let daemon = |node: &Node| node.next().is_some_and(|at| at <= now);
        let kernel_due = self.nodes.iter().position(kernel);
        if let Some(node) = kernel_due {
            self.feed(node, Node::kernel_timer);
        } else if let Some(node) = self.nodes.iter().position(daemon) {
            self.feed(node, Node::timeout);
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Frame { to, frame } => {
                self.feed(to, |node, now, effects| node.receive(&frame, now, effects));
            }
            Arrival::Operation {
                node,
                life,
                operation,
            } => {
                let refused = self.network.chance(self.refusals);
                self.feed(node, |node, now, effects| {
                    node.operate(life, &operation, refused, now, effects);
                });
            }
        }
    }

    /// Lets a node do something and carries out what follows.
    fn feed(&mut self, node: usize, input: impl FnOnce(&mut Node, Instant, &mut Vec<Effect>)) {
        let mut effects = Vec::new();
        input(&mut self.nodes[node], self.now, &mut effects);
        for effect in effects {
            match effect {
                Effect::Send(payload) => self.send(node, &payload),
                Effect::Operate(operation) => {
                    let at = self.now + self.network.latency();
                    let life = self.nodes[node].life;
                    self.schedule(
                        at,
                        Arrival::Operation {
                            node,
                            life,
                            operation,
                        },
                    );
                }
                Effect::Happened(event) => self.note(node, event),
            }
        }
    }

    fn send(&mut self, from: usize, payload: &[u8]) {
        let source = self.nodes[from].setup.source;
        for to in 0..self.nodes.len() {
            if to == from || !self.nodes[from].link || !self.nodes[to].link {
                continue;
            }
            if let Some(delay) = self.network.carry(from, to) {
                let frame = Frame {
                    source,
                    payload: payload.to_vec(),
                };
                self.schedule(self.now + delay, Arrival::Frame { to, frame });
            }
        }
    }

    fn schedule(&mut self, at: Instant, what: Arrival) {
        self.sequence += 1;
        let sequence = self.sequence;
        self.coming.push(Reverse(Coming { at, sequence, what }));
    }

    /// Judges the time from now to `next`, during which nothing changes.
    fn watch_gates(&mut self, next: Instant) {
        if !self.exclusive || next == self.now {
            return;
        }
        let open = |node: &usize| self.gate(*node) == Gate::Open;
        let open: Vec<usize> = (0..self.nodes.len()).filter(open).collect();
        for (index, a) in open.iter().enumerate() {
            for b in &open[index + 1..] {
                let (better, other) = if self.beats(*a, *b) {
                    (*a, *b)
                } else {
                    (*b, *a)
                };
                let arrives = |node: usize, rank| {
                    let claims = self.nodes[node].claims();
                    let better = claims.filter(|(_, claim)| Some(*claim) > rank);
                    let mut sent = better.map(|(sent, _)| sent);
                    sent.any(|sent| next <= sent + self.network.delay.end)
                };
                let rank = |node: usize| Some(self.nodes[node].rank());
                // A claim from before its sender lost priority settles it too, for as long as the other has not heard of that.
                let settled = arrives(better, rank(other))
                    || arrives(other, rank(better))
                    || self.nodes[better].resigned && arrives(other, None);
                if !settled && self.network.connects(*a, *b) {
                    let at = self.elapsed();
                    self.violations
                        .push(format!("at {at:?} nodes {a} and {b} are both open"));
                }
            }
        }
    }

    fn fault(&mut self, node: usize, what: &'static str) {
        self.note(node, Event::Fault(what));
    }

    fn note(&mut self, node: usize, event: Event) {
        let at = self.elapsed();
        self.history.push(Entry { at, node, event });
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, node, event } = self;
        write!(f, "{:>10.3} ms  {node}  ", at.as_secs_f64() * 1e3)?;
        match event {
            Event::Transition(from, to, why) => write!(f, "{from:?} → {to:?}: {why}"),
            Event::Gate(gate) => write!(f, "gate {gate:?}"),
            Event::Fenced(why) => write!(f, "kernel fences: {why}"),
            Event::Fault(what) => write!(f, "*** {what}"),
        }
    }
}

/// Only one instance lives on a node, so its name is all there is to tell.
const INSTANCE: &str = "VI_1";

/// An instance and the epoch of a guard.
type Epoch = (InstanceId, u32);
