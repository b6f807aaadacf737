//! One virtual router on one interface.
//!
//! ```text
//!                    link usable                        master_down, lease adopted
//!   Init ─────────────────────────────────▶ Backup ──────────────────────────────▶ Master
//!     │    └─ owner, or lease adopted: straight to Master ─────────────────────────▲  │
//!     │ link unusable                        ▲   │                                    │
//!     ▼                          link usable │   │ link unusable     better advert    │
//!   Fault ───────────────────────────────────┘   │  ◀─────────────── Backup ──────────┤
//!     ▲──────────────────────────────────────────┘                                    │
//!     └───────────────────────────────── link unusable ───────────────────────────────┘
//! ```

mod election;
mod kernel;
mod transition;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{
    LinkState,
    advert::Advertisement,
    announce::{Announcements, REPEAT},
    heartbeat::Heartbeat,
    interval,
    object::{Object, ObjectKey},
    objects::Objects,
    output::{Gate, InstanceId, Output, State},
    source,
    timer::{Timer, Timers},
};
use crate::config::model::{Version, VirtualAddress, VrrpInstance};

/// Where an instance puts its effects.
type Outputs = VecDeque<Output>;

/// One `vrrp_instance` at work. Fed through [`Router`](super::Router) only.
#[derive(Debug)]
pub struct Instance {
    id: InstanceId,
    config: VrrpInstance,
    source: Option<IpAddr>,
    state: State,
    why: &'static str,
    since: Instant,
    /// What becomes of it when the link is first usable.
    adopted: bool,
    stopping: bool,
    gone: bool,
    /// The gate last asked for; `None` before the first wish, when a former process may have left any.
    gate: Option<Gate>,
    /// BACKUP: the master in force.
    master: Option<Master>,
    /// BACKUP: the end of the master-down interval as far as userspace has heard.
    deadline: Instant,
    /// The last master heard, though we may be about to preempt it.
    heard: Option<(IpAddr, u8)>,
    timers: Timers,
    heartbeat: Heartbeat,
    objects: Objects,
    announcements: Announcements,
    /// The kernel fenced the gate, and it opens again with the next advert that leaves.
    reopening: bool,
    counts: Counts,
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
    became_master: u64,
    refused: BTreeMap<&'static str, u64>,
}

impl Instance {
    /// An instance that waits for its link; `kernel` is what the kernel is known to have.
    pub(super) fn new(
        id: InstanceId,
        config: &VrrpInstance,
        kernel: &BTreeSet<ObjectKey>,
        now: Instant,
    ) -> Self {
        let mut objects = Objects::default();
        objects.configure(Object::of_instance(config), kernel);
        Self {
            id,
            config: config.clone(),
            source: None,
            state: State::Init,
            why: "waiting for the interface",
            since: now,
            adopted: false,
            stopping: false,
            gone: false,
            gate: None,
            master: None,
            deadline: now,
            heard: None,
            timers: Timers::default(),
            heartbeat: Heartbeat::default(),
            objects,
            announcements: Announcements::default(),
            reopening: false,
            counts: Counts::default(),
        }
    }

    /// The configuration in force.
    #[must_use]
    pub const fn config(&self) -> &VrrpInstance {
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
        if self.stopping {
            return;
        }
        let chosen = source::choose(&self.config, link);
        let source = chosen.ok();
        let moved = self.source != source;
        self.source = source;
        match (self.state, source) {
            (State::Init | State::Fault, Some(_)) => self.start(now, outputs),
            (State::Master, Some(_)) if moved => {
                self.set_lease(outputs);
                self.send_advert(self.config.priority.get(), now, outputs);
            }
            (State::Backup | State::Master, Some(_)) | (State::Fault, None) => {}
            (State::Init | State::Backup | State::Master, None) => {
                let why = chosen.err().unwrap_or("no source address");
                self.leave(State::Fault, why, now, outputs);
            }
        }
    }

    /// Takes over the lease a former process of this node left in the kernel.
    pub(super) fn on_adopted(&mut self, now: Instant, outputs: &mut Outputs) {
        match self.state {
            State::Init => self.adopted = true,
            State::Backup => self.become_master("lease adopted", now, outputs),
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
        self.config = config.clone();
        self.objects
            .configure(Object::of_instance(&self.config), kernel);
        match self.state {
            State::Master => {
                self.set_lease(outputs);
                self.send_advert(self.config.priority.get(), now, outputs);
            }
            State::Backup => self.judge_master_again(now, outputs),
            State::Init | State::Fault => {}
        }
        if self.state != State::Init {
            self.reconcile(outputs);
        }
        self.settle(outputs);
    }

    /// Begins to go away; [`Output::Removed`] follows when the kernel has nothing of it.
    pub(super) fn stop(&mut self, now: Instant, outputs: &mut Outputs) {
        if !self.stopping {
            self.stopping = true;
            self.leave(State::Init, "stopped", now, outputs);
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
                Timer::Advert => {
                    self.send_advert(self.config.priority.get(), now, outputs);
                    // Adverts stay on the beat, unless we are a whole beat late.
                    let next = due + self.config.advert_interval.get();
                    if next > now {
                        self.timers.set(Timer::Advert, next);
                    }
                }
                Timer::MasterDown => self.become_master("master down", now, outputs),
                Timer::Announce => {
                    for address in self.announcements.due(now) {
                        if self.objects.is_settled(&address) {
                            self.announce(&address, outputs);
                        }
                    }
                    self.schedule_announcements();
                }
                Timer::AddressRetry => {
                    self.objects.retry();
                    self.reconcile(outputs);
                    self.settle(outputs);
                }
                Timer::Yielded => {
                    // No advert that came up beats ours: the kernel yields to what we refuse.
                    self.heartbeat.give_up();
                    self.restore_lease(now, outputs);
                }
            }
        }
    }

    /// Sends an advert and restarts the advert timer.
    fn send_advert(&mut self, priority: u8, now: Instant, outputs: &mut Outputs) {
        self.counts.sent += 1;
        outputs.push_back(Output::SendAdvert {
            instance: self.id,
            advert: Advertisement::of(&self.config, priority),
        });
        self.timers
            .set(Timer::Advert, now + self.config.advert_interval.get());
    }

    fn ask_gate(&mut self, gate: Gate, outputs: &mut Outputs) {
        self.gate = Some(gate);
        outputs.push_back(Output::SetGate {
            instance: self.id,
            gate,
        });
    }

    /// Announces every address the kernel has, now and once more later.
    fn announce_all(&mut self, now: Instant, outputs: &mut Outputs) {
        for address in self.objects.settled() {
            self.announce(&address, outputs);
            self.announcements.begin(&address, now);
        }
        self.schedule_announcements();
    }

    fn announce(&self, address: &VirtualAddress, outputs: &mut Outputs) {
        outputs.extend((0..REPEAT).map(|_| Output::Announce {
            instance: self.id,
            address: address.clone(),
        }));
    }

    fn schedule_announcements(&mut self) {
        match self.announcements.next() {
            Some(when) => self.timers.set(Timer::Announce, when),
            None => self.timers.stop(Timer::Announce),
        }
    }

    /// Skew_Time.
    fn skew_time(&self) -> Duration {
        interval::skew_time(
            self.config.version,
            self.config.priority,
            self.master_interval(),
        )
    }

    /// Master_Down_Interval.
    fn master_down_interval(&self) -> Duration {
        interval::master_down_interval(
            self.config.version,
            self.config.priority,
            self.master_interval(),
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
