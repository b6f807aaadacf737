//! Who is up, and whether that is enough: the states of real servers and virtual servers, and what their changes are to others.
//!
//! keepalived's rules. The quorum is gained when the weights of the real servers that are up add up to `quorum + hysteresis`, and lost
//! below `quorum - hysteresis`, and without any. Without `alpha` a virtual server is up as soon as it is there, before any check
//! has run. A real server's weight is the configured one and what its checks add, of which the quorum counts all, also while a slow
//! start lets it have less.

mod slow_start;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    time::{Duration, Instant},
};

use litemap::LiteMap;

use self::slow_start::SlowStart;

use super::{RealServerId, VirtualServerId};
use crate::{
    config::model::{self, Config, Micros, VirtualServer, lvs::Notify},
    outputs,
};

/// The largest weight that IPVS takes.
const MOST: i64 = i32::MAX as i64;

/// What the checks of a real server add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether all pass.
    pub is_up: bool,
    /// The configured weight that they add to.
    pub base: u32,
    /// What they add.
    pub added: i64,
    /// Whether one is down because it failed, and not only because it has not passed yet (`alpha`).
    pub has_failed: bool,
}

/// Up, and nothing added.
impl Default for Health {
    fn default() -> Self {
        Self {
            is_up: true,
            base: 1,
            added: 0,
            has_failed: false,
        }
    }
}

impl Health {
    /// Share of new flows while it is up.
    #[must_use]
    pub fn weight(&self) -> u32 {
        let weight = i64::from(self.base).saturating_add(self.added);
        u32::try_from(weight.clamp(0, MOST)).unwrap_or_default()
    }
}

/// What a real server takes part with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Whether its checks pass.
    pub is_up: bool,
    /// Share of new flows while they do.
    pub weight: u32,
    /// The weight that it grows to in its slow start; else the same.
    pub whole: u32,
}

/// How much weight there is, and how much it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Sum of the weights of what is up.
    pub weight: u64,
    /// `quorum`.
    pub quorum: u32,
    /// `hysteresis`.
    pub hysteresis: u32,
}

impl Balance {
    /// The weight that gains the quorum, or below which it is lost.
    #[must_use]
    pub fn threshold(&self, has_quorum: bool) -> u64 {
        let (quorum, hysteresis) = (u64::from(self.quorum), u64::from(self.hysteresis));
        if has_quorum {
            quorum.saturating_sub(hysteresis)
        } else {
            quorum + hysteresis
        }
    }

    /// How it was gained, or lost, or was not there from the beginning, as keepalived says it.
    #[must_use]
    pub fn words(&self, has_quorum: bool, begins_down: bool) -> String {
        let Self {
            weight,
            quorum,
            hysteresis,
        } = self;
        if has_quorum {
            let threshold = self.threshold(false);
            return format!("Gained quorum {quorum}+{hysteresis}={threshold} <= {weight}");
        }
        let verb = if begins_down {
            "Starting with quorum down"
        } else {
            "Lost quorum"
        };
        let threshold = self.threshold(true);
        format!("{verb} {quorum}-{hysteresis}={threshold} > {weight}")
    }

    /// Whether there is a quorum now, where there was one or not.
    const fn has_quorum(&self, threshold: u64) -> bool {
        self.weight > 0 && self.weight >= threshold
    }
}

/// Who a notice is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A virtual server and its quorum.
    VirtualServer(VirtualServerId),
    /// A real server of one.
    RealServer(RealServerId),
}

/// Something that others are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Of whom.
    pub subject: Subject,
    /// What it is now.
    pub is_up: bool,
    /// The program that the configuration has for that.
    pub command: Option<model::Command>,
    /// The text of a mail, where one is wanted.
    pub mail: Option<String>,
}

/// An effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A real server went up or down: log.
    RealServer {
        /// Which.
        id: RealServerId,
        /// What it is now.
        is_up: bool,
        /// It keeps its place, with weight 0, while it is down.
        inhibits: bool,
    },
    /// A real server that is up has another weight: log.
    Weight {
        /// Which.
        id: RealServerId,
        /// What it was.
        from: u32,
        /// What it is.
        to: u32,
    },
    /// A real server is back, and has all of its weight only after a time, or has it now: log.
    SlowStart {
        /// Which.
        id: RealServerId,
        /// All of its weight.
        weight: u32,
        /// How long it takes; `None` when it is over.
        time: Option<Duration>,
    },
    /// The quorum is gained or lost: log.
    Quorum {
        /// Of which.
        server: VirtualServerId,
        /// What it is now.
        has_quorum: bool,
        /// It was never there.
        begins_down: bool,
        /// How.
        balance: Balance,
        /// The `sorry_server` that goes or comes, and whether it keeps its place.
        sorry: Option<(String, bool)>,
    },
    /// Tell whom it concerns.
    Notice(Notice),
}

/// The states of all virtual servers.
#[derive(Debug, Default)]
pub struct Pool {
    servers: BTreeMap<VirtualServerId, State>,
    /// `(due, real server)` of every one whose weight is to grow.
    timers: BTreeSet<(Instant, RealServerId)>,
    /// No weight grows until then.
    paced: Option<Instant>,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
struct State {
    has_quorum: bool,
    omega: bool,
    quorum: model::lvs::Quorum,
    mails: bool,
    sorry: Option<(String, bool)>,
    reals: LiteMap<(IpAddr, u16), Real>,
}

#[derive(Debug)]
struct Real {
    health: Health,
    notify: Notify,
    inhibits: bool,
    /// `smtp_alert`.
    mails: bool,
    /// `slow_start`; zero is none.
    slow_start: Micros,
    /// While its weight grows.
    start: Option<Box<SlowStart>>,
    /// Of its timer.
    due: Option<Instant>,
}

impl State {
    fn of(server: &VirtualServer, id: &VirtualServerId) -> Self {
        let sorry = server.sorry_server.as_deref();
        Self {
            has_quorum: false,
            omega: server.omega,
            quorum: server.quorum.clone(),
            mails: server.smtp_alert,
            sorry: sorry.map(|sorry| {
                let name = super::DestId {
                    address: sorry.address,
                    port: sorry.port,
                    protocol: id.protocol(),
                };
                (name.to_string(), sorry.inhibit)
            }),
            reals: LiteMap::with_capacity(server.real_servers.len()),
        }
    }

    fn balance(&self) -> Balance {
        let up = self.reals.values().filter(|real| real.health.is_up);
        Balance {
            weight: up.map(|real| u64::from(real.health.weight())).sum(),
            quorum: self.quorum.weight,
            hysteresis: self.quorum.hysteresis,
        }
    }

    /// Gains or loses the quorum, where it is time for that. A virtual server that begins without one, as with `alpha`, tells of that
    /// where it has a sorry server, as with keepalived.
    fn judge(&mut self, id: &VirtualServerId, is_new: bool, outputs: &mut VecDeque<Output>) {
        let balance = self.balance();
        let threshold = balance.threshold(self.has_quorum);
        let has_quorum = balance.has_quorum(threshold);
        let begins_down = is_new && !has_quorum && self.sorry.is_some();
        let is_news = has_quorum != self.has_quorum || begins_down;
        if !is_news {
            return;
        }
        self.has_quorum = has_quorum;
        outputs.push_back(Output::Quorum {
            server: id.clone(),
            has_quorum,
            begins_down,
            balance,
            sorry: self.sorry.clone(),
        });
        let mail = format!("=> {} <=", balance.words(has_quorum, begins_down));
        outputs.push_back(self.notice(id.clone(), has_quorum, mail));
    }

    /// That it has a quorum or none.
    fn notice(&self, id: VirtualServerId, is_up: bool, mail: String) -> Output {
        Output::Notice(Notice {
            subject: Subject::VirtualServer(id),
            is_up,
            command: command(&self.quorum.notify, is_up),
            mail: self.mails.then_some(mail),
        })
    }

    /// Its real servers are configured no more: with `omega` that they are down is told.
    fn end_real_servers(&self, id: &VirtualServerId, outputs: &mut VecDeque<Output>) {
        let reals = self.reals.iter().filter(|_| self.omega);
        for ((address, port), real) in reals.filter(|(_, real)| real.health.is_up) {
            let id = RealServerId {
                server: id.clone(),
                address: *address,
                port: *port,
            };
            outputs.push_back(real.notice(id, false));
        }
    }
}

impl Real {
    /// One of a configuration, which may have been there `before`. A slow start goes on; a reload begins none.
    fn of(real: &model::RealServer, health: Health, before: Option<&Self>) -> Self {
        let goes_on = health.is_up && real.slow_start > Micros::ZERO;
        Self {
            health,
            notify: real.notify.clone(),
            inhibits: real.inhibit_on_failure,
            mails: real.smtp_alert,
            slow_start: real.slow_start,
            start: before
                .filter(|_| goes_on)
                .and_then(|before| before.start.clone()),
            due: None,
        }
    }

    /// That it is up or down.
    fn notice(&self, id: RealServerId, is_up: bool) -> Output {
        Output::Notice(Notice {
            subject: Subject::RealServer(id),
            is_up,
            command: command(&self.notify, is_up),
            mail: None,
        })
    }
}

impl Pool {
    /// Makes a configuration the one in force; `health` is what the checks say of each real server now, but for the configured weight.
    pub fn handle_config(&mut self, config: &Config, health: impl Fn(&RealServerId) -> Health) {
        let mut before = std::mem::take(&mut self.servers);
        self.timers.clear();
        for server in &config.virtual_servers {
            let id = VirtualServerId::of(server);
            if self.servers.contains_key(&id) {
                continue;
            }
            let mut old = before.remove(&id);
            let is_new = old.is_none();
            let mut state = State::of(server, &id);
            for real in &server.real_servers {
                let key = (real.address, real.port);
                if state.reals.contains_key(&key) {
                    continue;
                }
                let real_id = RealServerId::of(id.clone(), real);
                let was = old.as_mut().and_then(|old| old.reals.remove(&key));
                let health = Health {
                    base: real.weight.get(),
                    ..health(&real_id)
                };
                let mut now = Real::of(real, health, was.as_ref());
                let is_news = |was: &Real| was.health.is_up != now.health.is_up;
                if was.as_ref().is_some_and(is_news) {
                    let notice = now.notice(real_id.clone(), now.health.is_up);
                    self.outputs.push_back(notice);
                }
                now.reschedule(&real_id, &mut self.timers);
                state.reals.insert(key, now);
            }
            if let Some(old) = old {
                state.has_quorum = old.has_quorum;
                old.end_real_servers(&id, &mut self.outputs);
            }
            state.judge(&id, is_new, &mut self.outputs);
            self.servers.insert(id, state);
        }
        for (id, old) in before {
            old.end_real_servers(&id, &mut self.outputs);
            if old.omega && old.has_quorum {
                let notice = old.notice(id, false, "=> Shutting down <=".to_owned());
                self.outputs.push_back(notice);
            }
        }
    }

    /// Tells what a real server is, though that is no news: a check of it has run for the first time.
    pub fn handle_confirmed(&mut self, id: &RealServerId) {
        let notice = self
            .real_server(id)
            .map(|real| real.notice(id.clone(), real.health.is_up));
        self.outputs.extend(notice);
    }

    /// What the checks say of a real server now.
    pub fn handle_health(&mut self, id: &RealServerId, health: Health, now: Instant) {
        let Some(state) = self.servers.get_mut(&id.server) else {
            return;
        };
        let Some(real) = state.reals.get_mut(&(id.address, id.port)) else {
            return;
        };
        let before = std::mem::replace(&mut real.health, health);
        if before.is_up != health.is_up {
            self.outputs.push_back(Output::RealServer {
                id: id.clone(),
                is_up: health.is_up,
                inhibits: real.inhibits,
            });
            self.outputs
                .push_back(real.notice(id.clone(), health.is_up));
            let begins = health.is_up && before.has_failed && real.slow_start > Micros::ZERO;
            real.start = begins.then(|| Box::new(SlowStart::new(now)));
            if begins {
                let time = real.slow_start.get();
                self.outputs.extend(real.tell_start(id, Some(time)));
            }
        }
        real.reschedule(id, &mut self.timers);
        if before.weight() != health.weight() && health.is_up {
            self.outputs.push_back(Output::Weight {
                id: id.clone(),
                from: before.weight(),
                to: health.weight(),
            });
        }
        state.judge(&id.server, false, &mut self.outputs);
    }

    /// The next effect; drain to `None` after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        outputs::next(&mut self.outputs)
    }

    /// Whether enough of a virtual server is up.
    #[must_use]
    pub fn has_quorum(&self, id: &VirtualServerId) -> bool {
        self.servers.get(id).is_none_or(|state| state.has_quorum)
    }

    /// What a real server takes part with.
    #[must_use]
    pub fn share(&self, id: &VirtualServerId, address: IpAddr, port: u16) -> Option<Share> {
        let state = self.servers.get(id)?;
        let real = state.reals.get(&(address, port))?;
        Some(Share {
            is_up: real.health.is_up,
            weight: real.weight(),
            whole: real.health.weight(),
        })
    }

    /// Whether mail about the checks of a real server is wanted.
    #[must_use]
    pub fn mails(&self, id: &RealServerId) -> bool {
        self.real_server(id).is_some_and(|real| real.mails)
    }

    fn real_server(&self, id: &RealServerId) -> Option<&Real> {
        let state = self.servers.get(&id.server)?;
        state.reals.get(&(id.address, id.port))
    }
}

fn command(notify: &Notify, is_up: bool) -> Option<model::Command> {
    let command = if is_up { &notify.up } else { &notify.down };
    command.as_deref().cloned()
}

#[cfg(test)]
mod tests;
