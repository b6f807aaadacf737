//! Health checks: who is probed when, and what the answers mean.
//!
//! keepalived's rules: the first check of a real server starts at a random time within `warmup`, the next one
//! `delay_loop` after the end of the one before. A real server starts up, and the first check ever needs only
//! one failure to take it down; later it takes `1 + retry` failures in a row, `delay_before_retry` apart. A
//! single success brings it up. All checks of a real server must pass.
#![deny(clippy::disallowed_methods)]

pub mod sentence;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    config::model::{Config, Connection},
    pool::{Front, RealServerId, target},
};

/// One run of a check; never used twice, so that the answer of a check that is gone means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProbeId(u64);

/// Why a probe failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// No answer within `connect_timeout`.
    #[error("timeout")]
    Timeout,
    /// The kernel's or the peer's answer, in the words of strerror(3).
    #[error("{0}")]
    Refused(String),
}

/// A check's identity through reloads: what keepalived's `compare` looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckId {
    /// The real server it speaks for.
    pub real_server: RealServerId,
    /// What it connects to.
    pub target: SocketAddr,
}

/// An effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Connect to `target`; answered by [`Checker::handle_result`].
    Probe {
        /// Given back with the answer.
        id: ProbeId,
        /// Where to connect.
        target: SocketAddr,
        /// `connect_timeout`.
        timeout: Duration,
    },
    /// A check changed its mind: log.
    CheckChanged {
        /// The check.
        check: CheckId,
        /// The new state; failures come with the reason.
        result: Result<(), ProbeError>,
        /// Failures before this one that were forgiven.
        retries: u32,
    },
    /// A real server is up or down now.
    Verdict {
        /// The real server.
        real_server: RealServerId,
        /// Whether all its checks pass.
        up: bool,
    },
}

#[derive(Clone, Debug)]
struct Check {
    settings: Connection,
    up: bool,
    /// Failures in a row that were forgiven.
    failures: u32,
    /// `None` until the first run ends.
    last: Option<Result<(), ProbeError>>,
    /// When the next run starts; `None` while one is running.
    due: Option<Instant>,
}

/// The scheduler of all checks.
#[derive(Debug, Default)]
pub struct Checker {
    checks: BTreeMap<CheckId, Check>,
    /// `(due, check)` of every check that is not running.
    timers: BTreeSet<(Instant, CheckId)>,
    running: BTreeMap<ProbeId, CheckId>,
    down: BTreeSet<RealServerId>,
    next_probe: u64,
    outputs: VecDeque<Output>,
}

impl Checker {
    /// A scheduler whose real servers in `down` start down: what the data plane remembers of a checker child
    /// that died, so that its successor sends nothing to a real server known to have failed.
    #[must_use]
    pub fn remembering(down: BTreeSet<RealServerId>) -> Self {
        Self {
            down,
            ..Self::default()
        }
    }

    /// Takes over a configuration. Checks that were there before keep their state.
    pub fn handle_config(&mut self, config: &Config, rng: &mut fastrand::Rng, now: Instant) {
        let mut wanted = BTreeMap::new();
        let mut configured = BTreeSet::new();
        for server in &config.virtual_servers {
            let Some(front) = Front::of(server) else {
                continue;
            };
            for real in &server.real_servers {
                let real_server = RealServerId::of(front, real);
                configured.insert(real_server);
                for check in real.tcp_checks() {
                    let id = CheckId {
                        real_server,
                        target: target(check),
                    };
                    wanted.entry(id).or_insert(check);
                }
            }
        }
        self.forget_checks_not_in(&wanted);
        self.down.retain(|id| configured.contains(id));
        for (id, settings) in wanted {
            match self.checks.get_mut(&id) {
                Some(check) => {
                    // A shorter delay_loop counts from now, not from the end of the longer one.
                    if let Some(due) = check.due {
                        let sooner = due.min(now + settings.schedule.delay_loop);
                        self.timers.remove(&(due, id));
                        self.timers.insert((sooner, id));
                        check.due = Some(sooner);
                    }
                    check.settings = settings.clone();
                }
                None => self.add(id, settings.clone(), rng, now),
            }
        }
        self.free_from_checks_that_are_gone();
    }

    fn add(&mut self, id: CheckId, settings: Connection, rng: &mut fastrand::Rng, now: Instant) {
        let due = now + settings.schedule.warmup.mul_f64(rng.f64());
        let check = Check {
            up: !self.down.contains(&id.real_server),
            // The first check ever has no failure to forgive.
            failures: settings.schedule.retry,
            settings,
            last: None,
            due: Some(due),
        };
        self.timers.insert((due, id));
        self.checks.insert(id, check);
    }

    fn forget_checks_not_in<T>(&mut self, wanted: &BTreeMap<CheckId, T>) {
        self.checks.retain(|id, check| {
            let keep = wanted.contains_key(id);
            if let (false, Some(due)) = (keep, check.due) {
                self.timers.remove(&(due, *id));
            }
            keep
        });
        self.running.retain(|_, id| wanted.contains_key(id));
    }

    /// A real server whose failing check is gone is up again.
    fn free_from_checks_that_are_gone(&mut self) {
        let freed: Vec<_> = self
            .down
            .iter()
            .copied()
            .filter(|id| self.all_pass(*id))
            .collect();
        for real_server in freed {
            self.down.remove(&real_server);
            self.outputs.push_back(Output::Verdict {
                real_server,
                up: true,
            });
        }
    }

    /// The answer to [`Output::Probe`].
    pub fn handle_result(&mut self, probe: ProbeId, result: Result<(), ProbeError>, now: Instant) {
        let Some(id) = self.running.remove(&probe) else {
            return;
        };
        let Some(check) = self.checks.get_mut(&id) else {
            return;
        };
        let retries = check.failures;
        let first = check.last.is_none();
        let settings = &check.settings.schedule;
        let (delay, changed) = match (&result, check.up) {
            (Ok(()), up) => {
                check.failures = 0;
                (settings.delay_loop, !up || first)
            }
            (Err(_), true) if check.failures < settings.retry => {
                check.failures += 1;
                (settings.delay_before_retry, false)
            }
            (Err(_), up) => {
                check.failures = 0;
                (settings.delay_loop, up)
            }
        };
        if changed {
            check.up = result.is_ok();
            self.outputs.push_back(Output::CheckChanged {
                check: id,
                result: result.clone(),
                retries: if first { 0 } else { retries },
            });
        }
        check.last = Some(result);
        let due = now + delay;
        check.due = Some(due);
        self.timers.insert((due, id));
        if changed {
            self.judge(id.real_server);
        }
    }

    fn judge(&mut self, real_server: RealServerId) {
        let up = self.all_pass(real_server);
        let changed = if up {
            self.down.remove(&real_server)
        } else {
            self.down.insert(real_server)
        };
        if changed {
            self.outputs.push_back(Output::Verdict { real_server, up });
        }
    }

    fn checks_of(&self, real_server: RealServerId) -> impl Iterator<Item = (&CheckId, &Check)> {
        let from = CheckId {
            real_server,
            target: SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        self.checks
            .range(from..)
            .take_while(move |(id, _)| id.real_server == real_server)
    }

    fn all_pass(&self, real_server: RealServerId) -> bool {
        self.checks_of(real_server).all(|(_, check)| check.up)
    }

    /// Starts every check that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(due, id)) = self.timers.first() {
            if due > now {
                break;
            }
            self.timers.pop_first();
            let Some(check) = self.checks.get_mut(&id) else {
                continue;
            };
            check.due = None;
            let probe = ProbeId(self.next_probe);
            self.next_probe += 1;
            self.running.insert(probe, id);
            self.outputs.push_back(Output::Probe {
                id: probe,
                target: id.target,
                timeout: check.settings.timeout,
            });
        }
    }

    /// When [`Self::handle_timeout`] is due next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.timers.first().map(|(due, _)| (*due, "check"))
    }

    /// The next effect; drain to `None` after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The real servers whose checks fail.
    #[must_use]
    pub const fn down(&self) -> &BTreeSet<RealServerId> {
        &self.down
    }

    /// The last result of a real server's checks in words.
    #[must_use]
    pub fn why(&self, real_server: RealServerId) -> String {
        let mut answers = self.checks_of(real_server).peekable();
        if answers.peek().is_none() {
            return "no checks".to_owned();
        }
        let mut waiting = false;
        for (id, check) in answers {
            match &check.last {
                Some(Err(why)) => return format!("TCP_CHECK {}: {why}", id.target),
                Some(Ok(())) => {}
                None if check.up => waiting = true,
                None => return "failed before the checker child restarted".to_owned(),
            }
        }
        let word = if waiting {
            "not checked yet"
        } else {
            "TCP_CHECK: success"
        };
        word.to_owned()
    }
}

#[cfg(test)]
mod tests;
