//! One node: a daemon around the real [`Router`], and its kernel.

use std::{
    collections::VecDeque,
    net::IpAddr,
    time::{Duration, Instant},
};

use lb::{
    config::model::{InterfaceName, VirtualAddress, VrrpInstance, vrrp::Adverts},
    vrrp::{
        LinkState, Router, RxMeta,
        object::{self, Object},
        output::{InstanceId, Output, Standing, State},
    },
};

use super::{
    Event, INSTANCE,
    kernel::{self, Kernel, KernelKind, Told},
    network::Frame,
};

/// Claims that are remembered: more than can be in flight at once.
const CLAIMS: usize = 8;

/// What makes a node.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its only instance, named `VI_1`.
    pub config: VrrpInstance,
    /// The address it sends from.
    pub source: IpAddr,
    /// What its kernel can do.
    pub kernel: KernelKind,
}

/// An address operation under way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Operation {
    instance: InstanceId,
    address: VirtualAddress,
    add: bool,
}

/// What a node does to the world.
#[derive(Debug)]
pub(super) enum Effect {
    Send(Vec<u8>),
    Operate(Operation),
    Happened(Event),
}

/// What waits for a daemon that does not run.
#[derive(Debug, Default)]
struct Queues {
    adverts: VecDeque<(Instant, Frame)>,
    told: VecDeque<Told>,
    facts: VecDeque<(VirtualAddress, bool)>,
    answers: VecDeque<(Operation, Result<(), String>)>,
    link: bool,
    config: bool,
    standing: bool,
    wish: Option<Option<Duration>>,
}

/// A node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) setup: Setup,
    pub(super) kernel: Kernel,
    pub(super) stalled: bool,
    pub(super) link: bool,
    /// Number of the daemon's present life.
    pub(super) life: u32,
    pub(super) last_sent: Option<Instant>,
    /// When it claimed the addresses lately, and with which priorities; the last one is the last.
    claims: VecDeque<(Instant, u8)>,
    /// It has resigned since.
    pub(super) resigned: bool,
    pub(super) standing: Standing,
    /// When the daemon looks at its watch next.
    audit: Option<Instant>,
    router: Option<Router>,
    stopping: bool,
    queues: Queues,
}

impl Node {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            kernel: Kernel::new(setup.kernel),
            setup,
            stalled: false,
            link: true,
            life: 0,
            last_sent: None,
            claims: VecDeque::new(),
            resigned: false,
            standing: Standing::default(),
            audit: None,
            router: None,
            stopping: false,
            queues: Queues::default(),
        }
    }

    /// What decides between two masters.
    pub(super) fn rank(&self) -> (u8, IpAddr) {
        let claim = self.claims.back().map_or(0, |(_, priority)| *priority);
        (claim, self.setup.source)
    }

    /// When it claimed the addresses lately, with what decided then.
    pub(super) fn claims(&self) -> impl Iterator<Item = (Instant, (u8, IpAddr))> {
        let claims = self.claims.iter();
        claims.map(|(sent, priority)| (*sent, (*priority, self.setup.source)))
    }

    pub(super) fn priority(&self) -> u8 {
        let base = self.setup.config.priority;
        let sum = i32::from(base.get()) + self.standing.adjustment;
        if base.is_owner() {
            return base.get();
        }
        u8::try_from(sum.clamp(1, 254)).unwrap_or(base.get())
    }

    pub(super) fn track(&mut self, standing: Standing, now: Instant, effects: &mut Vec<Effect>) {
        self.standing = standing;
        self.queues.standing = true;
        self.attend(now, effects);
    }

    pub(super) fn request_yield(
        &mut self,
        time: Option<Duration>,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        self.queues.wish = Some(time);
        self.attend(now, effects);
    }

    pub(super) fn state(&self) -> State {
        let instance = self.router.as_ref().and_then(|router| {
            let id = router.instance_id(INSTANCE)?;
            router.instance(id)
        });
        instance.map_or(State::Init, lb::vrrp::Instance::state)
    }

    pub(super) fn has_addresses(&self) -> (bool, bool) {
        let mut lines = self.setup.config.addresses.iter();
        let has = |line: &VirtualAddress| self.kernel.addresses.contains(line);
        (!self.kernel.addresses.is_empty(), lines.all(has))
    }

    /// When the kernel or the daemon has something to do.
    pub(super) fn next(&self) -> Option<Instant> {
        let running = self.router.as_ref().filter(|_| !self.stalled);
        let daemon = running.and_then(|router| Some(router.poll_timeout()?.0));
        let audit = running.and(self.audit);
        self.kernel
            .deadline
            .into_iter()
            .chain(daemon)
            .chain(audit)
            .min()
    }

    /// Tells the daemon what its watch has seen, every few beats: lives are short here.
    fn look(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.audit.is_none_or(|at| at <= now) {
            self.audit = Some(now + self.setup.config.advert_interval.get() * 8);
            if let Some(((id, epoch), seen)) = self.kernel.watch() {
                self.tell(now, effects, |router| {
                    router.handle_heartbeat(id, epoch, seen, now);
                });
            }
        }
    }

    pub(super) fn start(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.router.is_some() {
            self.queues.config |= std::mem::take(&mut self.stopping);
            return self.attend(now, effects);
        }
        let mut router = Router::new();
        router.handle_config(std::slice::from_ref(&self.setup.config), &[], now);
        let id = router.instance_id(INSTANCE);
        if let Some(id) = id.filter(|_| self.kernel.has_live_lease(now)) {
            router.handle_adopted(id, now);
        }
        for line in &self.kernel.addresses {
            router.handle_address(&line.interface, line.address, line.prefix.get(), true, now);
        }
        router.handle_standing(INSTANCE, &self.standing, now);
        self.router = Some(router);
        self.queues.link = true;
        self.attend(now, effects);
    }

    pub(super) fn stop(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if let Some(router) = self.router.as_mut().filter(|_| !self.stalled) {
            self.stopping = true;
            self.queues.config = false;
            router.handle_stop(now);
            self.carry_out(now, effects);
        }
    }

    pub(super) fn kill(&mut self) {
        self.router = None;
        self.stalled = false;
        self.stopping = false;
        self.queues = Queues::default();
        self.life += 1;
    }

    pub(super) fn resume(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.stalled = false;
        self.attend(now, effects);
    }

    pub(super) fn reload(&mut self, config: VrrpInstance, now: Instant, effects: &mut Vec<Effect>) {
        self.setup.config = config;
        self.queues.config = !self.stopping;
        self.attend(now, effects);
    }

    pub(super) fn set_link(&mut self, up: bool, now: Instant, effects: &mut Vec<Effect>) {
        self.link = up;
        self.queues.link = true;
        self.attend(now, effects);
    }

    pub(super) fn meddle(&mut self, present: bool, now: Instant, effects: &mut Vec<Effect>) {
        for line in self.setup.config.addresses.clone() {
            self.set_address(&line, present);
        }
        self.attend(now, effects);
    }

    pub(super) fn kernel_timer(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let before = self.kernel.gate;
        let told = self.kernel.expires(now);
        if before != self.kernel.gate {
            effects.push(Effect::Happened(Event::Fenced("lease lost")));
        }
        self.queues.told.extend(told);
        self.attend(now, effects);
    }

    pub(super) fn receive(&mut self, frame: &Frame, now: Instant, effects: &mut Vec<Effect>) {
        let (up, told) = self.kernel.receives(frame, now);
        if told.is_some() {
            effects.push(Effect::Happened(Event::Fenced("yielded")));
        }
        self.queues.told.extend(told);
        if up && self.router.is_some() {
            self.queues.adverts.push_back((now, frame.clone()));
        }
        self.attend(now, effects);
    }

    /// The kernel comes to an operation the daemon asked for.
    pub(super) fn operate(
        &mut self,
        life: u32,
        operation: &Operation,
        refused: bool,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        if life != self.life {
            return;
        }
        let result = if refused {
            Err("refused".to_owned())
        } else {
            self.set_address(&operation.address, operation.add);
            Ok(())
        };
        self.queues.answers.push_back((operation.clone(), result));
        self.attend(now, effects);
    }

    pub(super) fn timeout(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.look(now, effects);
        if let Some(router) = &mut self.router {
            router.handle_timeout(now);
        }
        self.carry_out(now, effects);
    }

    fn set_address(&mut self, address: &VirtualAddress, present: bool) {
        let changed = if present {
            self.kernel.addresses.insert(address.clone())
        } else {
            self.kernel.addresses.remove(address)
        };
        if changed {
            self.queues.facts.push_back((address.clone(), present));
        }
    }

    /// Lets the daemon read what waits for it, as its loop does: the configuration and the
    /// link, adverts, the kernel's events,
    /// answers, facts, and timers last.
    fn attend(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.stalled {
            return;
        }
        if std::mem::take(&mut self.queues.config) {
            let config = self.setup.config.clone();
            self.queues.standing = true;
            self.tell(now, effects, |router| {
                router.handle_config(&[config], &[], now);
            });
        }
        if std::mem::take(&mut self.queues.standing) {
            let standing = self.standing.clone();
            self.tell(now, effects, |router| {
                router.handle_standing(INSTANCE, &standing, now);
            });
        }
        if let Some(time) = self.queues.wish.take() {
            self.tell(now, effects, |router| {
                match time {
                    Some(_) => router.handle_yield(INSTANCE, time, now),
                    None => router.handle_release(INSTANCE, now),
                };
            });
        }
        let interface = self.setup.config.interface.clone();
        if std::mem::take(&mut self.queues.link) {
            let link = link_state(self.setup.source, self.link);
            self.tell(now, effects, |router| {
                router.handle_link(&interface, Some(link), now);
            });
        }
        while let Some((at, frame)) = self.queues.adverts.pop_front() {
            if self.kernel.has_seen_since(frame.source, at) {
                continue;
            }
            let rx = receipt(&interface, &frame);
            let advert = kernel::read(&frame);
            self.tell(now, effects, |router| {
                router.handle_advert(&rx, &advert, now);
            });
        }
        while let Some(told) = self.queues.told.pop_front() {
            let last_seen = self.kernel.last_seen;
            self.tell(now, effects, |router| match told {
                Told::MasterDown(_, at) if last_seen > Some(at) => {}
                Told::MasterDown((id, epoch), _) => router.handle_master_down(id, epoch, now),
                Told::LeaseLost((id, epoch)) => router.handle_lease_lost(id, epoch, now),
                Told::Yielded((id, epoch)) => router.handle_yielded(id, epoch, now),
            });
        }
        while let Some((operation, result)) = self.queues.answers.pop_front() {
            let Operation {
                instance,
                address,
                add,
            } = operation;
            self.tell(now, effects, |router| {
                let (object, operation) = operation_of(address, add);
                router.handle_applied(instance, &object, operation, result, now);
            });
        }
        while let Some((line, present)) = self.queues.facts.pop_front() {
            let prefix = line.prefix.get();
            self.tell(now, effects, |router| {
                router.handle_address(&line.interface, line.address, prefix, present, now);
            });
        }
        self.timeout(now, effects);
    }

    fn tell(&mut self, now: Instant, effects: &mut Vec<Effect>, input: impl FnOnce(&mut Router)) {
        if let Some(router) = &mut self.router {
            input(router);
            self.carry_out(now, effects);
        }
    }

    /// Carries out what the router asks for, in order.
    fn carry_out(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let Some(router) = &mut self.router else {
            return;
        };
        while let Some(output) = router.poll_output() {
            match output {
                Output::SendAdvert { instance, advert } => {
                    let family = self.setup.config.family;
                    let destination = Adverts::group(family);
                    effects.push(Effect::Send(advert.emit(self.setup.source, destination)));
                    self.kernel.sends(now);
                    self.last_sent = Some(now);
                    self.resigned = advert.priority == 0;
                    if !self.resigned {
                        self.claims.push_back((now, advert.priority));
                        if self.claims.len() > CLAIMS {
                            self.claims.pop_front();
                        }
                    }
                    router.handle_advert_sent(instance, true, now);
                }
                Output::SetGuard {
                    instance,
                    epoch,
                    guard,
                } => {
                    let taken = self.kernel.set_guard((instance, epoch), guard, now);
                    router.handle_guard(instance, epoch, taken, now);
                }
                Output::SetGate { gate, .. } => {
                    if self.kernel.gate != gate {
                        effects.push(Effect::Happened(Event::Gate(gate)));
                    }
                    self.kernel.gate = gate;
                }
                Output::Install {
                    instance,
                    object: Object::Address(line),
                    ..
                } => {
                    let address = line.address;
                    effects.push(Effect::Operate(Operation {
                        instance,
                        address,
                        add: true,
                    }));
                }
                Output::Remove {
                    instance,
                    object: Object::Address(line),
                } => {
                    let address = line.address;
                    effects.push(Effect::Operate(Operation {
                        instance,
                        address,
                        add: false,
                    }));
                }
                Output::Transition { from, to, why, .. } => {
                    effects.push(Effect::Happened(Event::Transition(from, to, why)));
                }
                // The LAN knows of addresses alone.
                Output::Install { .. }
                | Output::Remove { .. }
                | Output::Announce { .. }
                | Output::Yielding { .. }
                | Output::Notice(_)
                | Output::Removed { .. } => {}
            }
        }
        if router.is_empty() {
            self.kill();
        }
    }
}

fn operation_of(address: VirtualAddress, add: bool) -> (Object, object::Operation) {
    let operation = match add {
        true => object::Operation::Install,
        false => object::Operation::Remove,
    };
    (address.into(), operation)
}

fn link_state(source: IpAddr, up: bool) -> LinkState {
    let (v4, v6) = match source {
        IpAddr::V4(v4) => (Some(v4), None),
        IpAddr::V6(v6) => (None, Some(v6)),
    };
    LinkState {
        up,
        v4,
        v6,
        arp: true,
    }
}

fn receipt(interface: &InterfaceName, frame: &Frame) -> RxMeta {
    RxMeta {
        interface: interface.clone(),
        source: frame.source,
        ttl: lb::vrrp::advert::TTL,
    }
}
