//! Two ends of one wire, and a peer that says what it is told to.

use std::{
    collections::VecDeque,
    net::IpAddr,
    num::NonZeroU32,
    time::{Duration, Instant},
};

use super::kernel::Kernel;
use crate::{
    bfd::{
        Bfd, Wanted,
        output::{Incoming, Note, Output, Remembered},
        packet::{Control, Diagnostic, State},
        snapshot::SessionSnapshot,
    },
    config::model::bfd::BfdInstance,
};

pub(super) const A: [u8; 4] = [192, 0, 2, 1];
pub(super) const B: [u8; 4] = [192, 0, 2, 2];
/// How long a packet takes.
pub(super) const FLIGHT: Duration = Duration::from_micros(300);

#[expect(
    clippy::disallowed_methods,
    reason = "any instant is as good a start as another"
)]
pub(super) fn start() -> Instant {
    Instant::now()
}

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A session with a neighbor, with every default.
pub(super) fn session(name: &str, neighbor: [u8; 4]) -> BfdInstance {
    BfdInstance::new(name, IpAddr::from(neighbor))
}

/// A node with its time and chance.
pub(super) struct Node {
    pub(super) bfd: Bfd,
    pub(super) address: IpAddr,
    rng: fastrand::Rng,
    /// What watches for it; without one every packet is its own to take.
    pub(super) kernel: Option<Kernel>,
    /// What it said for the log.
    pub(super) notes: Vec<Note>,
    /// What those who track heard, with the time.
    pub(super) turns: Vec<(Instant, bool)>,
}

impl Node {
    pub(super) fn new(address: [u8; 4], seed: u64) -> Self {
        Self {
            bfd: Bfd::new(),
            address: address.into(),
            rng: fastrand::Rng::with_seed(seed),
            kernel: None,
            notes: Vec::new(),
            turns: Vec::new(),
        }
    }

    pub(super) fn configure(&mut self, wanted: &[Wanted], left: &[Remembered], now: Instant) {
        self.bfd.handle_config(wanted, left, &mut self.rng, now);
    }

    pub(super) fn hear(&mut self, source: IpAddr, payload: &[u8], now: Instant) {
        let incoming = Incoming {
            source,
            destination: self.address,
            ttl: 255,
            is_multihop: false,
            payload,
        };
        self.take(&incoming, now);
    }

    pub(super) fn take(&mut self, incoming: &Incoming<'_>, now: Instant) {
        let kernel = self.kernel.as_mut();
        if !kernel.is_some_and(|kernel| kernel.absorbs(incoming, now)) {
            self.bfd.handle_packet(incoming, &mut self.rng, now);
        }
    }

    pub(super) fn wake(&mut self, now: Instant) {
        if let Some(kernel) = &mut self.kernel {
            kernel.wake(&mut self.bfd, &mut self.rng, now);
        }
        self.bfd.handle_timeout(&mut self.rng, now);
    }

    /// When [`Self::wake`] is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let kernel = self.kernel.as_ref().and_then(Kernel::due);
        let own = self.bfd.poll_timeout().map(|(due, _)| due);
        kernel.into_iter().chain(own).min()
    }

    pub(super) fn stop(&mut self, now: Instant) {
        self.bfd.handle_stop(&mut self.rng, now);
    }

    /// What it sends; the rest is kept.
    pub(super) fn drain(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        while let Some(output) = self.bfd.poll_output() {
            match output {
                Output::Send { payload, .. } => sent.push(payload),
                Output::Watch {
                    session,
                    watch,
                    heard,
                } => match &mut self.kernel {
                    Some(kernel) => kernel.take(&mut self.bfd, session, watch, heard),
                    None => self.bfd.handle_watched(session, false),
                },
                Output::Turned { is_up, .. } => self.turns.push((now, is_up)),
                Output::Noted { what, .. } => self.notes.push(what),
            }
        }
        sent
    }

    /// The packets that it sends, taken apart.
    pub(super) fn said(&mut self, now: Instant) -> Vec<Control> {
        let sent = self.drain(now);
        let parsed = sent.iter().map(|bytes| Control::parse(bytes).unwrap());
        parsed.map(|parsed| parsed.control).collect()
    }

    pub(super) fn snapshot(&self, now: Instant) -> SessionSnapshot {
        self.bfd.snapshot(now).remove(0)
    }

    pub(super) fn state(&self, now: Instant) -> State {
        self.snapshot(now).state
    }

    /// Sleeps until `until`, waking when it wants to; tells when it sent what.
    pub(super) fn sleep(&mut self, now: &mut Instant, until: Instant) -> Vec<(Instant, Control)> {
        let mut said = Vec::new();
        while let Some((due, _)) = self.bfd.poll_timeout().filter(|(due, _)| *due <= until) {
            *now = due.max(*now);
            self.wake(*now);
            said.extend(self.said(*now).into_iter().map(|control| (*now, control)));
        }
        *now = until;
        said
    }
}

/// What the peer of a test says, unless told otherwise.
pub(super) fn control(state: State, yours: u32) -> Control {
    Control {
        diagnostic: Diagnostic::NONE,
        state,
        poll: false,
        is_final: false,
        is_independent: false,
        demand: false,
        detect_mult: 3,
        my_discriminator: NonZeroU32::new(77).unwrap(),
        your_discriminator: NonZeroU32::new(yours),
        desired_min_tx: ms(10),
        required_min_rx: ms(10),
        required_min_echo_rx: Duration::ZERO,
    }
}

/// A node whose one session, with `B`, is in this state.
pub(super) fn in_state(state: State, config: BfdInstance, now: Instant) -> (Node, u32) {
    let mut node = Node::new(A, 7);
    node.configure(&[(config, None)], &[], now);
    let ours = node.snapshot(now).discriminator;
    let steps: &[State] = match state {
        State::AdminDown => {
            node.stop(now);
            &[]
        }
        State::Down => &[],
        State::Init => &[State::Down],
        State::Up => &[State::Down, State::Up],
    };
    for step in steps {
        node.hear(B.into(), &control(*step, ours).emit(), now);
    }
    if state == State::Up {
        // Its poll sequence is over.
        let answer = Control {
            is_final: true,
            ..control(State::Up, ours)
        };
        node.hear(B.into(), &answer.emit(), now);
    }
    node.drain(now);
    assert_eq!(node.state(now), state);
    (node, ours)
}

/// Which packets a wire loses: asked with the number of the sender and of its packet.
pub(super) type Loss = Box<dyn FnMut(usize, usize) -> bool>;

/// Two nodes, a wire, and one clock.
pub(super) struct Scene {
    pub(super) nodes: [Node; 2],
    pub(super) now: Instant,
    loss: Loss,
    /// Arrival, receiver, bytes.
    flying: VecDeque<(Instant, usize, Vec<u8>)>,
    sent: [usize; 2],
    /// All that was said, also what was lost.
    pub(super) log: Vec<(Instant, usize, Control)>,
}

impl Scene {
    pub(super) fn new(a: Wanted, b: Wanted, seed: u64) -> Self {
        let now = start();
        let mut nodes = [Node::new(A, seed), Node::new(B, seed + 1000)];
        nodes[0].configure(&[a], &[], now);
        nodes[1].configure(&[b], &[], now);
        let mut scene = Self {
            nodes,
            now,
            loss: Box::new(|_, _| false),
            flying: VecDeque::new(),
            sent: [0; 2],
            log: Vec::new(),
        };
        scene.carry();
        scene
    }

    /// Both ends with the same settings, but for a change of each.
    pub(super) fn alike(change: impl Fn(&mut BfdInstance), seed: u64) -> Self {
        let (mut a, mut b) = (session("b", B), session("a", A));
        change(&mut a);
        change(&mut b);
        Self::new((a, None), (b, None), seed)
    }

    pub(super) fn lose(&mut self, loss: impl FnMut(usize, usize) -> bool + 'static) {
        self.loss = Box::new(loss);
    }

    /// Puts what the nodes send on the wire.
    pub(super) fn carry(&mut self) {
        for sender in [0, 1] {
            for bytes in self.nodes[sender].drain(self.now) {
                let control = Control::parse(&bytes).unwrap().control;
                self.log.push((self.now, sender, control));
                self.sent[sender] += 1;
                if !(self.loss)(sender, self.sent[sender]) {
                    self.flying
                        .push_back((self.now + FLIGHT, 1 - sender, bytes));
                }
            }
        }
    }

    fn next(&self) -> Option<Instant> {
        let arrival = self.flying.front().map(|(at, ..)| *at);
        let nodes = self.nodes.iter();
        let due = nodes.filter_map(Node::due);
        due.chain(arrival).min()
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.next().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            while let Some((_, receiver, bytes)) =
                self.flying.pop_front_if(|(at, ..)| *at <= self.now)
            {
                let source = self.nodes[1 - receiver].address;
                self.nodes[receiver].hear(source, &bytes, self.now);
            }
            for node in &mut self.nodes {
                node.wake(self.now);
            }
            self.carry();
        }
        self.now = until;
    }

    pub(super) fn states(&self) -> [State; 2] {
        [0, 1].map(|node| self.nodes[node].state(self.now))
    }

    /// Both Up, with what they have negotiated in force.
    pub(super) fn up(mut self) -> Self {
        self.run(Duration::from_secs(5));
        assert_eq!(self.states(), [State::Up; 2]);
        for node in &mut self.nodes {
            node.turns.clear();
            node.notes.clear();
        }
        self.log.clear();
        self
    }
}
