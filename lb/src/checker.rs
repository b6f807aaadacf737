//! Health checks: who is probed when, and what the answers mean.
//!
//! keepalived's rules: the first check of a real server starts at a random time within `warmup`, the next one
//! `delay_loop` after the end of the one before. A real server starts up, and the first check ever needs only
//! one failure to take it down; later it takes `1 + retry` failures in a row, `delay_before_retry` apart. A
//! single success brings it up. With `alpha` it starts down. All checks of a real server must pass.
//!
//! What decides is a round: one run, or where it fails and is retried all of its runs. `fall` rounds must fail in a row, `delay_loop`
//! apart, and `rise` must pass; with 1 and 1 that is keepalived's rule. Any success ends a row of failures, any failure one of
//! successes. The first check ever counts at once. With `jitter` the time between two rounds is evenly spread around `delay_loop`.
#![deny(clippy::disallowed_methods)]

mod check;
pub mod dialogue;
mod identity;
pub mod sentence;
mod sessions;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    sync::Arc,
    time::Instant,
};

use litemap::LiteMap;
use smallvec::SmallVec;

use self::{
    check::{Check, Step, pause},
    sessions::Sessions,
};
use crate::{
    config::model::{self, Config, FileCheck, FileWeight},
    outputs,
    pool::{Health, RealServerId, VirtualServerId},
    track::output::Reading,
};

/// One run of a check; never used twice, so that the answer of a check that is gone means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProbeId(u64);

/// A check, as long as it is configured; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CheckId(u32);

/// A connection that a check keeps from one run to the next; never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u32);

/// Why a probe failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// No answer in time.
    #[error("timeout")]
    Timeout,
    /// The kernel's or the peer's answer, or what is wrong with it.
    #[error("{0}")]
    Refused(String),
}

impl ProbeError {
    /// What is wrong, in words.
    #[must_use]
    pub fn because(words: impl Into<String>) -> Self {
        Self::Refused(words.into())
    }
}

/// What a probe that did not fail says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// All is well.
    #[default]
    Well,
    /// All is well, and the real server wants this weight (`misc_dynamic`).
    Weight(u32),
}

/// How a probe ended.
pub type ProbeResult = Result<Answer, ProbeError>;

/// What is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The check, with all its settings.
    pub check: Arc<model::Check>,
    /// Which of its urls, for those that have some.
    pub url: usize,
    /// For a check that keeps its connection.
    pub kept: Option<Kept>,
}

/// The connection that a check keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Which.
    pub id: ConnectionId,
    /// The answer is its end; else that there is one.
    pub awaits_end: bool,
}

/// An effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ask; answered by [`Checker::handle_result`].
    Probe {
        /// Given back with the answer.
        id: ProbeId,
        /// What.
        probe: Probe,
    },
    /// A check is gone that kept a connection, or waits for its end.
    Close(ConnectionId),
    /// A check changed its mind: log, and mail.
    CheckChanged(CheckChange),
    /// A check has run for the first time, and said what its real server was taken for.
    Confirmed {
        /// Of which.
        real_server: RealServerId,
        /// Whether the check has `alpha`.
        alpha: bool,
    },
    /// A failure that changes nothing, with `log_all_failures`.
    Failure {
        /// Of which.
        real_server: RealServerId,
        /// Keyword of the check.
        keyword: &'static str,
        /// The failure.
        error: ProbeError,
    },
    /// What the checks say about a real server is something else now.
    Health {
        /// The real server.
        real_server: RealServerId,
        /// All its checks together.
        health: Health,
    },
}

/// A check that changed its mind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckChange {
    /// The real server it speaks for.
    pub real_server: RealServerId,
    /// Keyword of the check.
    pub keyword: &'static str,
    /// The BFD session that it looks at, where it does.
    pub session: Option<String>,
    /// What it says now; failures come with the reason.
    pub result: Result<(), ProbeError>,
    /// Failures before this one that were retried, in its round.
    pub retries: u32,
    /// Whether the real server is up, this change included.
    pub is_up: bool,
    /// Whether that is news.
    pub is_news: bool,
    /// Whether the check itself says something else than before, and not the same for the first time.
    pub is_turn: bool,
}

/// The real servers of a virtual server.
type Reals = LiteMap<(IpAddr, u16), Real>;

/// A real server and what its checks add up to.
#[derive(Debug, Default)]
struct Real {
    checks: SmallVec<[CheckId; 2]>,
    health: Health,
}

/// A file and who looks at it.
#[derive(Debug, Default)]
struct File {
    /// `None` until it was read.
    number: Option<i32>,
    checks: Vec<CheckId>,
}

/// The scheduler of all checks.
#[derive(Debug, Default)]
pub struct Checker {
    checks: BTreeMap<CheckId, Check>,
    servers: BTreeMap<VirtualServerId, Reals>,
    /// `(due, check)` of every check that waits for its time.
    timers: BTreeSet<(Instant, CheckId)>,
    running: BTreeMap<ProbeId, CheckId>,
    /// Files that checks look at, by name.
    files: BTreeMap<String, File>,
    /// BFD sessions that checks look at.
    sessions: Sessions,
    /// Real servers that start down, whatever the configuration says.
    remembered: BTreeSet<RealServerId>,
    /// Virtual servers whose checks rest (`ha_suspend`).
    suspended: BTreeSet<VirtualServerId>,
    next_check: u32,
    next_probe: u64,
    outputs: VecDeque<Output>,
}

impl Checker {
    /// A scheduler whose real servers in `down` start down: what the kernel remembers of a checker child
    /// that died, so that its successor sends nothing to a real server known to have failed.
    #[must_use]
    pub fn remembering(down: BTreeSet<RealServerId>) -> Self {
        Self {
            remembered: down,
            ..Self::default()
        }
    }

    /// Takes over a configuration. Checks that ask the same as before keep their state; the virtual servers in `same`, as
    /// [`unchanged`] tells them, are not even looked at. Ask for [`Self::health`] afterwards: a real server whose failing check is gone
    /// is up without a word.
    pub fn handle_config(
        &mut self,
        config: &Config,
        same: &BTreeSet<VirtualServerId>,
        rng: &mut fastrand::Rng,
        now: Instant,
    ) {
        let mut before = std::mem::take(&mut self.servers);
        for file in self.files.values_mut() {
            file.checks.clear();
        }
        self.sessions.forget_checks();
        for server in &config.virtual_servers {
            let id = VirtualServerId::of(server);
            if self.servers.contains_key(&id) {
                continue;
            }
            let old = before.remove(&id);
            let reals = match old {
                Some(old) if same.contains(&id) => old,
                old => {
                    let old = old.unwrap_or_default();
                    self.take_over_all(&id, &server.real_servers, old, (rng, config), now)
                }
            };
            self.servers.insert(id, reals);
        }
        for real in before.values().flat_map(Reals::values) {
            self.forget(&real.checks);
        }
        self.remembered.clear();
        // One that is looked at again is read again.
        self.files.retain(|_, file| !file.checks.is_empty());
        let checks = &self.checks;
        self.running.retain(|_, id| checks.contains_key(id));
    }

    fn take_over_all(
        &mut self,
        server: &VirtualServerId,
        wanted: &[model::RealServer],
        mut old: Reals,
        (rng, config): (&mut fastrand::Rng, &Config),
        now: Instant,
    ) -> Reals {
        let mut reals = Reals::with_capacity(wanted.len());
        for real in wanted {
            let place = (real.address, real.port);
            if reals.contains_key(&place) {
                continue;
            }
            let id = RealServerId::of(server.clone(), real);
            let was = old.remove(&place).unwrap_or_default();
            let entry = self.take_over(&id, real, was, (rng, config), now);
            reals.insert(place, entry);
        }
        for real in old.values() {
            self.forget(&real.checks);
        }
        reals
    }

    fn take_over(
        &mut self,
        id: &RealServerId,
        real: &model::RealServer,
        mut old: Real,
        (rng, config): (&mut fastrand::Rng, &Config),
        now: Instant,
    ) -> Real {
        let mut checks = SmallVec::new();
        for settings in &real.checks {
            let same = old.checks.iter().position(|id| {
                let check = self.checks.get(id);
                check.is_some_and(|check| identity::asks_same(check.settings(), settings))
            });
            let check = match same {
                Some(place) => old.checks.remove(place),
                None => self.add(id, settings, rng, now),
            };
            self.settle(check, settings, (rng, config), now);
            checks.push(check);
        }
        self.forget(&old.checks);
        let health = health_of(&self.checks, &checks, real.weight.get());
        Real { checks, health }
    }

    fn add(
        &mut self,
        real_server: &RealServerId,
        settings: &model::Check,
        rng: &mut fastrand::Rng,
        now: Instant,
    ) -> CheckId {
        let id = CheckId(self.next_check);
        self.next_check += 1;
        let is_remembered = self.remembered.contains(real_server);
        let mut check = Check::new(
            real_server.clone(),
            Arc::new(settings.clone()),
            is_remembered,
        );
        if let Some(schedule) = check.schedule() {
            let due = now + schedule.warmup.mul_f64(rng.f64());
            check.due = Some(due);
            self.timers.insert((due, id));
        }
        self.checks.insert(id, check);
        id
    }

    /// Gives a check its settings, which may have changed in what it does not tell it apart.
    fn settle(
        &mut self,
        id: CheckId,
        settings: &model::Check,
        (rng, config): (&mut fastrand::Rng, &Config),
        now: Instant,
    ) {
        let Some(check) = self.checks.get_mut(&id) else {
            return;
        };
        if let model::Check::File(file) = settings {
            let weight = file_weight(file, config);
            let file = self.files.entry(file.track_file.clone()).or_default();
            file.checks.push(id);
            check.set_file_weight(weight);
            if let Some(number) = file.number {
                // What it adds up to is asked for after a configuration.
                check.handle_number(number);
            }
        }
        if let model::Check::Bfd(bfd) = settings
            && let Some(is_up) = self.sessions.follow(&bfd.instance, id)
        {
            check.handle_session(is_up);
        }
        if check.settings() != settings {
            check.set_settings(Arc::new(settings.clone()));
            // A shorter delay_loop counts from now, not from the end of the longer one.
            if let (Some(due), Some(schedule)) = (check.due, check.schedule())
                && due > now + schedule.delay_loop + schedule.jitter.get()
            {
                let sooner = now + pause(schedule, rng);
                self.timers.remove(&(due, id));
                self.timers.insert((sooner, id));
                check.due = Some(sooner);
            }
        }
    }

    fn forget(&mut self, checks: &[CheckId]) {
        for id in checks {
            let Some(gone) = self.checks.remove(id) else {
                continue;
            };
            if let Some(due) = gone.due {
                self.timers.remove(&(due, *id));
            }
            if gone.keeps_connection() {
                self.outputs.push_back(Output::Close(ConnectionId(id.0)));
            }
        }
    }

    /// The virtual servers whose checks rest.
    #[must_use]
    pub const fn suspended(&self) -> &BTreeSet<VirtualServerId> {
        &self.suspended
    }

    /// The checks of these virtual servers rest from now on, and no others.
    pub fn handle_suspended(&mut self, suspended: BTreeSet<VirtualServerId>) {
        self.suspended = suspended;
    }

    /// The answer to [`Output::Probe`].
    pub fn handle_result(
        &mut self,
        probe: ProbeId,
        result: ProbeResult,
        rng: &mut fastrand::Rng,
        now: Instant,
    ) {
        let Some(id) = self.running.remove(&probe) else {
            return;
        };
        let Some(check) = self.checks.get_mut(&id) else {
            return;
        };
        let step = check.handle_result(result, rng);
        let due = now + step.delay;
        check.due = Some(due);
        self.timers.insert((due, id));
        self.follow(id, step);
    }

    /// The number in a file that is tracked, for `FILE_CHECK`.
    pub fn handle_file(&mut self, name: &str, reading: &Reading) {
        let number = match reading {
            Reading::Missing => 0,
            Reading::Number(number) => *number,
            // What was there before counts on.
            Reading::TooLarge | Reading::Unreadable(_) => return,
        };
        let Some(file) = self.files.get_mut(name) else {
            return;
        };
        file.number = Some(number);
        for id in file.checks.clone() {
            if let Some(step) = self
                .checks
                .get_mut(&id)
                .map(|check| check.handle_number(number))
            {
                self.follow(id, step);
            }
        }
    }

    /// Tells what came of a result.
    fn follow(&mut self, id: CheckId, step: Step) {
        let Some(check) = self.checks.get(&id) else {
            return;
        };
        let real_server = check.real_server.clone();
        let keyword = check.settings().keyword();
        let session = match check.settings() {
            model::Check::Bfd(bfd) => Some(bfd.instance.clone()),
            _ => None,
        };
        if let Some(error) = step.forgiven {
            let real_server = real_server.clone();
            self.outputs.push_back(Output::Failure {
                real_server,
                keyword,
                error,
            });
        }
        if step.is_confirmed {
            let alpha = check.has_alpha();
            self.outputs.push_back(Output::Confirmed {
                real_server: real_server.clone(),
                alpha,
            });
        }
        if !step.matters {
            return;
        }
        let (before, health) = self.judge(&real_server);
        if let Some((result, retries)) = step.changed {
            let is_turn = step.was_up != result.is_ok();
            self.outputs.push_back(Output::CheckChanged(CheckChange {
                real_server: real_server.clone(),
                keyword,
                session,
                result,
                retries,
                is_up: health.is_up,
                is_news: before.is_up != health.is_up,
                is_turn,
            }));
        }
        if before != health {
            self.outputs.push_back(Output::Health {
                real_server,
                health,
            });
        }
    }

    /// What the checks of a real server added up to before, and do now.
    fn judge(&mut self, real_server: &RealServerId) -> (Health, Health) {
        let reals = self.servers.get_mut(&real_server.server);
        let place = (real_server.address, real_server.port);
        let Some(real) = reals.and_then(|reals| reals.get_mut(&place)) else {
            return (Health::default(), Health::default());
        };
        let health = health_of(&self.checks, &real.checks, real.health.base);
        (std::mem::replace(&mut real.health, health), health)
    }

    /// Starts every check that is due.
    pub fn handle_timeout(&mut self, rng: &mut fastrand::Rng, now: Instant) {
        while let Some(&(due, id)) = self.timers.first() {
            if due > now {
                break;
            }
            self.timers.pop_first();
            let Some(check) = self.checks.get_mut(&id) else {
                continue;
            };
            if self.suspended.contains(&check.real_server.server)
                && let Some(schedule) = check.schedule()
            {
                let due = now + pause(schedule, rng);
                check.due = Some(due);
                self.timers.insert((due, id));
                continue;
            }
            check.due = None;
            let probe = ProbeId(self.next_probe);
            self.next_probe += 1;
            self.running.insert(probe, id);
            self.outputs.push_back(Output::Probe {
                id: probe,
                probe: check.probe(ConnectionId(id.0)),
            });
        }
    }

    /// When [`Self::handle_timeout`] is due next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.timers.first().map(|(due, _)| (*due, "check"))
    }

    /// Every check that waits for its time: of which real server, which one and when.
    pub fn waits(&self) -> impl Iterator<Item = (&RealServerId, &'static str, Instant)> {
        self.timers.iter().filter_map(|(due, id)| {
            let check = self.checks.get(id)?;
            Some((&check.real_server, check.settings().keyword(), *due))
        })
    }

    /// The checks whose probes are under way.
    pub fn probing(&self) -> impl Iterator<Item = (&RealServerId, &'static str)> {
        self.running.values().filter_map(|id| {
            let check = self.checks.get(id)?;
            Some((&check.real_server, check.settings().keyword()))
        })
    }

    /// The next effect; drain to `None` after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        outputs::next(&mut self.outputs)
    }

    /// What the checks say about a real server.
    #[must_use]
    pub fn health(&self, real_server: &RealServerId) -> Health {
        let reals = self.servers.get(&real_server.server);
        let real = reals.and_then(|reals| reals.get(&(real_server.address, real_server.port)));
        real.map_or_else(Health::default, |real| real.health)
    }

    /// What the checks say about the real servers that are not simply up.
    #[must_use]
    pub fn troubled(&self) -> BTreeMap<RealServerId, Health> {
        let is_troubled = |real: &Real| !real.health.is_up || real.health.added != 0;
        let real_servers = self.real_servers();
        let troubled = real_servers.filter(|(.., real)| is_troubled(real));
        troubled
            .map(|(server, place, real)| (id_of(server, place), real.health))
            .collect()
    }

    /// The last result of the checks of each real server in words.
    #[must_use]
    pub fn words(&self) -> BTreeMap<RealServerId, String> {
        self.real_servers()
            .map(|(server, place, real)| (id_of(server, place), self.why(real)))
            .collect()
    }

    fn real_servers(&self) -> impl Iterator<Item = (&VirtualServerId, (IpAddr, u16), &Real)> {
        self.servers.iter().flat_map(|(server, reals)| {
            let reals = reals.iter();
            reals.map(move |(place, real)| (server, *place, real))
        })
    }

    fn why(&self, real: &Real) -> String {
        let ids = real.checks.iter();
        let checks: Vec<_> = ids.filter_map(|id| self.checks.get(id)).collect();
        let Some(first) = checks.first() else {
            return "no checks".to_owned();
        };
        let telling = checks.iter().find(|check| !check.is_up());
        let telling = telling.or_else(|| checks.iter().find(|check| check.is_waiting()));
        telling.unwrap_or(first).words()
    }
}

/// The virtual servers that are in both configurations and the same in every word, so that their checks are. What a file or a session does
/// is written elsewhere too, so one that looks at such is not among them.
#[must_use]
pub fn unchanged(old: &Config, new: &Config) -> BTreeSet<VirtualServerId> {
    let mut before = BTreeMap::new();
    for server in &old.virtual_servers {
        // The first of two equal ones counts.
        before.entry(VirtualServerId::of(server)).or_insert(server);
    }
    let mut seen = BTreeSet::new();
    let mut same = BTreeSet::new();
    for server in &new.virtual_servers {
        let id = VirtualServerId::of(server);
        let mut checks = server.real_servers.iter().flat_map(|real| &real.checks);
        let is_same = before.get(&id) == Some(&server);
        let looks_elsewhere =
            checks.any(|check| matches!(check, model::Check::File(_) | model::Check::Bfd(_)));
        if seen.insert(id.clone()) && is_same && !looks_elsewhere {
            same.insert(id);
        }
    }
    same
}

fn id_of(server: &VirtualServerId, (address, port): (IpAddr, u16)) -> RealServerId {
    RealServerId {
        server: server.clone(),
        address,
        port,
    }
}

/// What these of all checks add up to.
fn health_of(all: &BTreeMap<CheckId, Check>, checks: &[CheckId], base: u32) -> Health {
    let mut health = Health {
        base,
        ..Health::default()
    };
    for check in checks.iter().filter_map(|id| all.get(id)) {
        health.is_up &= check.is_up();
        health.has_failed |= check.has_failed();
        health.added = health.added.saturating_add(check.adds(base));
    }
    health
}

/// What the number in a file is multiplied by: the check's own weight, or that of the file's block.
fn file_weight(check: &FileCheck, config: &Config) -> FileWeight {
    let mut files = config.track_files.iter();
    let block = files.find(|file| file.name == check.track_file);
    check.weight.unwrap_or_else(|| {
        block.map_or(
            FileWeight {
                multiplier: 1,
                reverse: false,
            },
            |block| FileWeight {
                multiplier: block.weight.value.into(),
                reverse: block.weight.is_reversed,
            },
        )
    })
}
