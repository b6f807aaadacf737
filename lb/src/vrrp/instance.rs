//! One virtual router on one interface.
//!
//! ```text
//!                       no fault                        master_down, lease adopted
//!   Init ─────────────────────────────────▶ Backup ──────────────────────────────▶ Master
//!     │    └─ owner, or lease adopted: straight to Master ─────────────────────────▲  │
//!     │ fault                                ▲   │        better advert, group,       │
//!     ▼                             no fault │   │ fault   own timers late            │
//!   Fault ───────────────────────────────────┘   │  ◀─────────────── Backup ──────────┤
//!     ▲──────────────────────────────────────────┘           Backup or gone ◀─────────┤ resigned and
//!     └─────────────────────────────────── fault ─────────────────────────────────────┘ successor heard
//! ```
//!
//! A fault is one of the link, of something tracked, or of another member of the group. A member of a group
//! does not become MASTER by itself: it says that it would, and the [`Router`](super::Router) lets all members
//! do it together.

mod announcing;
mod election;
mod farewell;
mod kernel;
mod preemption;
mod rivalry;
mod standing;
mod transition;
mod view;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use self::{farewell::Farewell, preemption::Preemption, rivalry::Rival, standing::Faults};
use super::{
    LinkState,
    advert::Advertisement,
    announce::Announcements,
    heartbeat::Heartbeat,
    interval,
    object::{Object, ObjectKey},
    objects::Objects,
    output::{Gate, Happening, InstanceId, Output, State},
    source,
    timer::{Timer, Timers},
};
use crate::config::model::{Priority, Version, VrrpInstance};

/// Where an instance puts its effects.
type Outputs = VecDeque<Output>;

/// Why something is so: a short phrase for people.
type Why = Cow<'static, str>;

/// One `vrrp_instance` at work. Fed through [`Router`](super::Router) only.
#[derive(Debug)]
pub struct Instance {
    id: InstanceId,
    config: Arc<VrrpInstance>,
    source: Option<IpAddr>,
    state: State,
    why: Why,
    since: Instant,
    /// The priority in force: on the wire, in comparisons, in the kernel.
    priority: Priority,
    /// Sum of what is tracked.
    adjustment: i32,
    /// The priority until the next term as MASTER, in place of what the configuration and tracking say.
    lowered: Option<Priority>,
    faults: Faults,
    /// The state of its link was told.
    linked: bool,
    /// Its link is down, which it need not heed (`dont_track_primary`): no advert leaves that could renew a lease.
    mute: bool,
    /// It belongs to a group, so that it becomes MASTER only together with the other members.
    bound: bool,
    /// Member of a group: why it would be MASTER now.
    candidate: Option<&'static str>,
    /// An advert of lower priority came, and the group has not heard of it yet.
    challenged: bool,
    /// What becomes of it when the link is first usable.
    adopted: bool,
    stopping: bool,
    /// What is told when it is over.
    ending: Happening,
    gone: bool,
    /// The gate last asked for; `None` before the first wish, when a former process may have left any.
    gate: Option<Gate>,
    /// BACKUP: the master in force.
    master: Option<Master>,
    /// BACKUP: the end of the master-down interval as far as userspace has heard.
    deadline: Instant,
    /// BACKUP: the master-down interval the kernel keeps, which a change of priority leaves as it is.
    watched: Duration,
    /// When that watch was set.
    watched_since: Instant,
    /// BACKUP: its silent master was given more time, because adverts were lost here.
    spared: bool,
    /// The last master heard, though we may be about to preempt it.
    heard: Option<Heard>,
    preemption: Preemption,
    /// MASTER that has said priority 0 and waits for its successor.
    farewell: Option<Farewell>,
    rival: Option<Rival>,
    timers: Timers,
    /// What all instances of this node keep time with.
    beat: Instant,
    heartbeat: Heartbeat,
    /// When an advert last left.
    said: Option<Instant>,
    /// The lease is due anew once the next advert has left: it is of another priority.
    relet: bool,
    objects: Objects,
    announcements: Announcements,
    /// The kernel fenced the gate, and it opens again with the next advert that leaves.
    reopening: bool,
    /// That was told.
    fenced: bool,
    counts: Counts,
}

/// A master that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heard {
    source: IpAddr,
    priority: u8,
    /// When, if it is not followed because we are about to preempt it.
    passed_over: Option<Instant>,
}

/// A master and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Master {
    source: IpAddr,
    advert: Advertisement,
}

#[derive(Clone, Debug, Default)]
struct Counts {
    received: u64,
    sent: u64,
    zero_received: u64,
    zero_sent: u64,
    became_master: u64,
    released_master: u64,
    fenced: u64,
    refused: BTreeMap<Cow<'static, str>, u64>,
}

impl Instance {
    /// An instance that waits for its link; `kernel` is what the kernel is known to have, `beat` any one time for all
    /// instances of the node.
    pub(super) fn new(
        id: InstanceId,
        config: &VrrpInstance,
        kernel: &BTreeSet<ObjectKey>,
        beat: Instant,
        now: Instant,
    ) -> Self {
        let mut objects = Objects::default();
        objects.configure(Object::of_instance(config), kernel);
        Self {
            id,
            config: Arc::new(config.clone()),
            source: None,
            state: State::Init,
            why: "waiting for the interface".into(),
            since: now,
            priority: config.priority,
            adjustment: 0,
            lowered: None,
            faults: Faults::default(),
            linked: false,
            mute: false,
            bound: false,
            candidate: None,
            challenged: false,
            adopted: false,
            stopping: false,
            ending: Happening::Stop,
            gone: false,
            gate: None,
            master: None,
            deadline: now,
            watched: Duration::ZERO,
            watched_since: now,
            spared: false,
            heard: None,
            preemption: Preemption::default(),
            farewell: None,
            rival: None,
            timers: Timers::default(),
            beat,
            heartbeat: Heartbeat::default(),
            said: None,
            relet: false,
            objects,
            announcements: Announcements::default(),
            reopening: false,
            fenced: false,
            counts: Counts::default(),
        }
    }

    /// What it is called in inputs and outputs.
    #[must_use]
    pub const fn id(&self) -> InstanceId {
        self.id
    }

    /// The configuration in force.
    #[must_use]
    pub const fn config(&self) -> &Arc<VrrpInstance> {
        &self.config
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The address adverts are sent from; `None` while the interface is not usable.
    #[must_use]
    pub const fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// The priority in force.
    #[must_use]
    pub const fn priority(&self) -> Priority {
        self.priority
    }

    /// Whether a lease of a former process waits to be taken up.
    pub(super) const fn is_adopted(&self) -> bool {
        self.adopted
    }

    /// Whether it is on its way out.
    pub(super) const fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Whether [`Output::Removed`] has been said.
    pub(super) const fn is_gone(&self) -> bool {
        self.gone
    }

    /// When and why it wants to be woken.
    pub(super) fn next_timeout(&self) -> Option<(Instant, &'static str)> {
        let next = self.timers.next();
        next.map(|(when, timer)| (when, timer.name()))
    }

    /// Takes the state of its interface, `None` when there is no such interface.
    pub(super) fn on_link(&mut self, link: Option<LinkState>, now: Instant, outputs: &mut Outputs) {
        let chosen = source::choose(&self.config, link);
        let source = chosen.ok();
        let mute = link.is_some_and(|link| !link.up);
        let moved = self.source != source || self.mute != mute;
        self.mute = mute;
        self.source = source;
        self.faults.link = chosen.err();
        if self.stopping {
            return self.say_nothing_more(now, outputs);
        }
        self.linked = true;
        let was_master = self.state == State::Master;
        self.judge("interface usable", now, outputs);
        if was_master && self.state == State::Master && moved && self.farewell.is_none() {
            self.set_lease(outputs);
            self.send_advert(now, outputs);
        }
    }

    /// Takes over the lease a former process of this node left in the kernel.
    pub(super) fn on_adopted(&mut self, now: Instant, outputs: &mut Outputs) {
        match self.state {
            State::Init => self.adopted = true,
            State::Backup => self.win("lease adopted", now, outputs),
            State::Master | State::Fault => {}
        }
    }

    /// Adopts a changed configuration of the same virtual router, keeping the state.
    pub(super) fn on_config(
        &mut self,
        config: &VrrpInstance,
        kernel: &BTreeSet<ObjectKey>,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        self.config = Arc::new(config.clone());
        self.objects
            .configure(Object::of_instance(&self.config), kernel);
        self.take_up_priority(outputs);
        match self.state {
            State::Master if self.farewell.is_none() => {
                self.set_lease(outputs);
                self.send_advert(now, outputs);
                self.plan_refresh(now);
            }
            State::Backup => self.judge_master_again(now, outputs),
            State::Init | State::Master | State::Fault => {}
        }
        if self.state != State::Init {
            self.reconcile(outputs);
        }
        self.settle(outputs);
    }

    /// Begins to go away; [`Output::Removed`] follows when the kernel has nothing of it. A MASTER waits for its
    /// successor first where that is `graceful`: nobody waits for its place.
    pub(super) fn stop(
        &mut self,
        ending: Happening,
        graceful: bool,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        if self.stopping {
            return;
        }
        self.stopping = true;
        self.ending = ending;
        self.timers.stop(Timer::Yield);
        if graceful && self.state == State::Master {
            self.hand_over(now, outputs);
        } else {
            self.leave(State::Init, "stopped".into(), now, outputs);
        }
    }

    /// Goes away before it has begun.
    pub(super) fn discard(&mut self, outputs: &mut Outputs) {
        self.stopping = true;
        self.gone = true;
        outputs.push_back(Output::Removed { instance: self.id });
    }

    /// Does what is due.
    pub(super) fn on_timeout(&mut self, now: Instant, outputs: &mut Outputs) {
        while let Some((due, timer)) = self.timers.expire(now) {
            match timer {
                Timer::Advert if self.is_late(now) => self.step_down(now, outputs),
                Timer::Advert => {
                    self.advertise(now, outputs);
                    // It stays on the beat, unless we are a whole interval late.
                    let next = due + self.config.advert_interval.get();
                    if next > now {
                        self.timers.set(Timer::Advert, next);
                    }
                }
                Timer::MasterDown => self.win("master down", now, outputs),
                Timer::Announce => self.announce_again(now, outputs),
                Timer::AddressRetry => self.retry_objects(outputs),
                Timer::Yielded => {
                    // No advert that came up beats ours: the kernel yields to what we refuse.
                    self.heartbeat.give_up();
                    self.was_fenced(outputs);
                    self.restore_lease(now, outputs);
                }
                Timer::Preempt => self.lose_patience(now, outputs),
                Timer::Farewell => self.find_no_successor(now, outputs),
                Timer::Yield => self.on_release("the time is over", now, outputs),
                Timer::Rogue => self.judge_rival(now, outputs),
            }
        }
    }

    /// Sends the advert of a MASTER, with the priority that is right by now. The lease follows when the advert has left.
    fn advertise(&mut self, now: Instant, outputs: &mut Outputs) {
        if self.take_up_priority(outputs) {
            self.relet = true;
        }
        self.send_advert(now, outputs);
    }

    /// Sends an advert and restarts the advert timer.
    fn send_advert(&mut self, now: Instant, outputs: &mut Outputs) {
        self.counts.sent += 1;
        outputs.push_back(Output::SendAdvert {
            instance: self.id,
            advert: Advertisement::of(&self.config, self.priority.get()),
        });
        let next = interval::next_advert(self.beat, now, self.config.advert_interval.get());
        self.timers.set(Timer::Advert, next);
    }

    fn ask_gate(&mut self, gate: Gate, outputs: &mut Outputs) {
        self.gate = Some(gate);
        outputs.push_back(Output::SetGate {
            instance: self.id,
            gate,
        });
    }

    /// Skew_Time; the longest there is while others go first by request.
    fn skew_time(&self) -> Duration {
        let interval = self.master_interval();
        if self.preemption.yields() {
            interval::longest_skew_time(self.config.version, interval)
        } else {
            interval::skew_time(self.config.version, self.priority, interval)
        }
    }

    /// Master_Down_Interval.
    fn master_down_interval(&self) -> Duration {
        let adverts = u32::from(self.config.election.down_timer_adverts);
        self.master_interval() * adverts + self.skew_time()
    }

    /// How long an advert of ours entitles us to the addresses.
    fn lease(&self) -> Duration {
        interval::lease(
            self.config.version,
            self.config.advert_interval.get(),
            self.config.election.down_timer_adverts,
        )
    }

    /// Master_Adver_Interval: in v3 the master's (RFC 9568 §6.1 Active_Adver_Interval).
    fn master_interval(&self) -> Duration {
        match (self.config.version, &self.master) {
            (Version::V3, Some(master)) => master.advert.interval.get(),
            (Version::V3, None) | (Version::V2, _) => self.config.advert_interval.get(),
        }
    }
}
