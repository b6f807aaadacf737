//! Routers whose two instances, one on each side, are a group: both sides have one master, the same, whatever
//! fails on one of them.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    net::IpAddr,
    time::{Duration, Instant},
};

use lb::{
    config::model::{InterfaceName, SyncGroup, VirtualAddress, VrrpInstance},
    vrrp::{
        LinkState, Router, RxMeta,
        advert::{Advertisement, TTL},
        object::Operation,
        output::{Output, Standing, State},
    },
};

use super::population;

const SEEDS: u64 = 1000;
const SIDES: [&str; 2] = ["eth0", "eth1"];
const NAMES: [&str; 2] = ["inside", "outside"];
const BEAT: Duration = Duration::from_millis(100);
const DELAY: Duration = Duration::from_micros(200);

/// A frame on its way: when, in which order, to which node, on which side, from whom, with which priority.
type Frame = (Instant, u64, usize, usize, usize, u8);

struct Node {
    router: Router,
    configs: [VrrpInstance; 2],
    links: [bool; 2],
    fault: [bool; 2],
}

struct World {
    now: Instant,
    nodes: Vec<Node>,
    frames: BinaryHeap<Reverse<Frame>>,
    sequence: u64,
}

fn side(index: usize) -> InterfaceName {
    SIDES[index].to_owned().try_into().unwrap()
}

fn source(node: usize) -> IpAddr {
    IpAddr::from([10, 0, 0, 10 + u8::try_from(node).unwrap()])
}

impl World {
    fn new(rng: &mut fastrand::Rng) -> Self {
        let now = Instant::now();
        let mut world = Self {
            now,
            nodes: Vec::new(),
            frames: BinaryHeap::new(),
            sequence: 0,
        };
        for _ in 0..rng.usize(2..=3) {
            let configs = std::array::from_fn(|index| {
                let plain = population::instance(rng.u8(50..250));
                let addresses = plain.addresses.iter().map(|line| VirtualAddress {
                    interface: side(index),
                    ..line.clone()
                });
                VrrpInstance {
                    name: NAMES[index].to_owned(),
                    interface: side(index),
                    addresses: addresses.collect(),
                    preempt: rng.bool(),
                    ..plain
                }
            });
            let group = SyncGroup {
                members: NAMES.map(str::to_owned).to_vec(),
                ..SyncGroup::new("G")
            };
            let mut router = Router::new();
            router.handle_config(&configs, &[group], now);
            world.nodes.push(Node {
                router,
                configs,
                links: [true; 2],
                fault: [false; 2],
            });
            let node = world.nodes.len() - 1;
            for index in 0..SIDES.len() {
                world.set_link(node, index, true);
            }
        }
        world
    }

    fn set_link(&mut self, node: usize, index: usize, up: bool) {
        let IpAddr::V4(v4) = source(node) else {
            return;
        };
        let link = LinkState {
            up,
            v4: Some(v4),
            v6: None,
            arp: true,
        };
        self.nodes[node].links[index] = up;
        let now = self.now;
        self.nodes[node]
            .router
            .handle_link(&side(index), Some(link), now);
        self.drain(node);
    }

    fn track(&mut self, node: usize, index: usize, fails: bool) {
        let faults: BTreeSet<String> = fails.then(|| "script".to_owned()).into_iter().collect();
        let standing = Standing {
            adjustment: 0,
            faults,
        };
        self.nodes[node].fault[index] = fails;
        let now = self.now;
        self.nodes[node]
            .router
            .handle_standing(NAMES[index], &standing, now);
        self.drain(node);
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let timers = self.nodes.iter().enumerate();
            let timers = timers.filter_map(|(node, n)| Some((n.router.poll_timeout()?.0, node)));
            let timer = timers.min();
            let frame = self.frames.peek().map(|Reverse(frame)| frame.0);
            let next = timer.map(|(at, _)| at).into_iter().chain(frame).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            if frame.is_some_and(|at| at <= next) {
                self.deliver();
            } else if let Some((_, node)) = timer {
                let now = self.now;
                self.nodes[node].router.handle_timeout(now);
                self.drain(node);
            }
        }
        self.now = end;
    }

    fn deliver(&mut self) {
        let Some(Reverse((_, _, to, index, from, priority))) = self.frames.pop() else {
            return;
        };
        if !self.nodes[to].links[index] {
            return;
        }
        let rx = RxMeta {
            interface: side(index),
            source: source(from),
            ttl: TTL,
        };
        let advert = Advertisement::of(&self.nodes[from].configs[index], priority);
        let now = self.now;
        self.nodes[to].router.handle_advert(&rx, &advert, now);
        self.drain(to);
    }

    fn drain(&mut self, node: usize) {
        let now = self.now;
        while let Some(output) = self.nodes[node].router.poll_output() {
            let router = &mut self.nodes[node].router;
            match output {
                Output::SendAdvert { instance, advert } => {
                    let name = router.instance(instance).unwrap().config().name.clone();
                    let index = NAMES.iter().position(|n| *n == name).unwrap();
                    let up = self.nodes[node].links[index];
                    self.nodes[node]
                        .router
                        .handle_advert_sent(instance, up, now);
                    for to in (0..self.nodes.len()).filter(|to| up && *to != node) {
                        self.sequence += 1;
                        let frame = (now + DELAY, self.sequence, to, index, node, advert.priority);
                        self.frames.push(Reverse(frame));
                    }
                }
                Output::SetGuard {
                    instance, epoch, ..
                } => {
                    router.handle_guard(instance, epoch, false, now);
                }
                Output::Install {
                    instance, object, ..
                } => {
                    router.handle_applied(instance, &object, Operation::Install, Ok(()), now);
                }
                Output::Remove { instance, object } => {
                    router.handle_applied(instance, &object, Operation::Remove, Ok(()), now);
                }
                Output::SetGate { .. }
                | Output::Announce { .. }
                | Output::Transition { .. }
                | Output::Yielding { .. }
                | Output::Notice(_)
                | Output::Removed { .. } => {}
            }
        }
    }

    fn states(&self, node: usize) -> Vec<State> {
        let snapshot = self.nodes[node].router.snapshot(self.now);
        snapshot.iter().map(|instance| instance.state).collect()
    }

    /// What must be true at rest.
    fn check(&self) -> Result<(), String> {
        let all: Vec<Vec<State>> = (0..self.nodes.len())
            .map(|node| self.states(node))
            .collect();
        for (node, states) in self.nodes.iter().zip(&all) {
            let fails = node.fault.contains(&true) || node.links.contains(&false);
            let fault = states.contains(&State::Fault);
            if states[0] != states[1] || fails != fault {
                return Err(format!("a node is in {states:?}, fails {fails}: {all:?}"));
            }
        }
        let able = all.iter().any(|states| states[0] != State::Fault);
        let masters = all
            .iter()
            .filter(|states| states[0] == State::Master)
            .count();
        if masters == usize::from(able) {
            return Ok(());
        }
        Err(format!("{masters} masters: {all:?}"))
    }
}

#[test]
fn a_thousand_pairs_of_lans_have_one_master_each_and_the_same() {
    for seed in 0..SEEDS {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut world = World::new(&mut rng);
        for round in 0..4 {
            for _ in 0..rng.usize(1..8) {
                world.run(BEAT.mul_f64(rng.f64() * 4.0));
                let (node, index) = (rng.usize(..world.nodes.len()), rng.usize(..2));
                match rng.u8(..4) {
                    0 => world.set_link(node, index, false),
                    1 => world.set_link(node, index, true),
                    2 => world.track(node, index, true),
                    _ => world.track(node, index, false),
                }
            }
            world.run(BEAT * 16);
            if let Err(error) = world.check() {
                panic!("seed {seed}, round {round}: {error}");
            }
        }
    }
}
