//! One check: what its answers make of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Answer, ConnectionId, Kept, Probe, ProbeError, ProbeResult};
use crate::{
    config::model::{self, FileWeight, Http, Schedule},
    pool::RealServerId,
};

/// A file's number times its weight that is a failure, whatever the weight of the real server (`IPVS_WEIGHT_FAULT` of keepalived).
const FAULT: i64 = i32::MIN as i64;

#[derive(Debug)]
pub(super) struct Check {
    pub(super) real_server: RealServerId,
    settings: Arc<model::Check>,
    is_up: bool,
    /// Failures of this round, which are retried.
    failures: u32,
    /// Rounds in a row that speak against what it is taken for.
    rounds: u32,
    /// Whether it has passed or failed as a whole.
    has_run: bool,
    /// Whether it was known to have failed when it began.
    is_remembered: bool,
    /// The last result; `None` before the first.
    last: Option<Result<(), ProbeError>>,
    /// What this check has to say beside up and down.
    state: State,
    /// When the next run starts; `None` while one is running.
    pub(super) due: Option<Instant>,
}

#[derive(Debug)]
enum State {
    /// Nothing.
    Plain,
    /// Which of several urls is next.
    Urls {
        next: usize,
        /// Urls in a row that were as they should be.
        passed: usize,
        /// The next one is asked again because it failed.
        is_again: bool,
    },
    /// The weight that the program wants.
    Weight(Option<u32>),
    /// The number in the file, and what it is multiplied by.
    Number { number: i32, weight: FileWeight },
}

/// What comes of a result.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// Until the next run.
    pub(super) delay: Duration,
    /// The check says something else than before, or something for the first time, after so many failures that were forgiven.
    pub(super) changed: Option<(Result<(), ProbeError>, u32)>,
    /// It was up before.
    pub(super) was_up: bool,
    /// It has run for the first time, and is what it was taken for.
    pub(super) is_confirmed: bool,
    /// The checks of the real server may add up to something else now.
    pub(super) matters: bool,
    /// A failure to be told though it changes nothing.
    pub(super) forgiven: Option<ProbeError>,
}

impl Check {
    /// One that has not run. It starts down with `alpha`, and where it is known to have failed.
    pub(super) fn new(
        real_server: RealServerId,
        settings: Arc<model::Check>,
        has_failed: bool,
    ) -> Self {
        let (retry, fall) = settings.schedule().map_or((0, 0), |it| (it.retry, it.fall));
        let alpha = has_alpha(&settings);
        let is_up = !alpha && !has_failed;
        let state = match &*settings {
            model::Check::Http(_) | model::Check::Ssl(_) => State::Urls {
                next: 0,
                passed: 0,
                is_again: false,
            },
            model::Check::Misc(_) => State::Weight(None),
            model::Check::File(_) => State::Number {
                number: 0,
                weight: FileWeight {
                    multiplier: 1,
                    reverse: false,
                },
            },
            _ => State::Plain,
        };
        Self {
            real_server,
            is_up,
            // The first check ever has no failure to forgive.
            failures: retry,
            rounds: if is_up { fall } else { 0 },
            has_run: false,
            is_remembered: has_failed,
            last: None,
            state,
            due: None,
            settings,
        }
    }

    pub(super) fn settings(&self) -> &model::Check {
        &self.settings
    }

    pub(super) fn set_settings(&mut self, settings: Arc<model::Check>) {
        self.settings = settings;
    }

    pub(super) fn schedule(&self) -> Option<&Schedule> {
        self.settings.schedule()
    }

    /// Whether it is down until it has passed.
    pub(super) fn has_alpha(&self) -> bool {
        has_alpha(&self.settings)
    }

    pub(super) const fn is_up(&self) -> bool {
        self.is_up
    }

    /// It is down, and not only because it has not passed yet.
    pub(super) const fn has_failed(&self) -> bool {
        !self.is_up && (self.has_run || self.is_remembered)
    }

    pub(super) const fn is_waiting(&self) -> bool {
        !self.has_run
    }

    /// What is asked next.
    pub(super) fn probe(&self, connection: ConnectionId) -> Probe {
        let url = match self.state {
            State::Urls { next, .. } => next,
            _ => 0,
        };
        Probe {
            check: Arc::clone(&self.settings),
            url,
            kept: self.keeps_connection().then_some(Kept {
                id: connection,
                awaits_end: self.is_settled(),
            }),
        }
    }

    pub(super) fn keeps_connection(&self) -> bool {
        matches!(*self.settings, model::Check::Keepalive(_))
    }

    /// It is up because it has passed.
    const fn is_settled(&self) -> bool {
        self.is_up && self.has_run
    }

    /// What it adds to the configured weight.
    pub(super) fn adds(&self, base: u32) -> i64 {
        match &self.state {
            State::Weight(Some(weight)) => i64::from(*weight) - i64::from(base),
            State::Number { number, weight } if weight.multiplier != 0 => product(*number, *weight),
            _ => 0,
        }
    }

    pub(super) fn handle_result(&mut self, result: ProbeResult, rng: &mut fastrand::Rng) -> Step {
        let Some(schedule) = self.settings.schedule().copied() else {
            return Step::default();
        };
        let pause = pause(&schedule, rng);
        match result {
            Ok(answer) => self.handle_success(answer, &schedule, pause),
            Err(error) => {
                let mut step = self.handle_failure(error.clone(), &schedule, pause);
                if schedule.log_all_failures && step.changed.is_none() {
                    step.forgiven = Some(error);
                }
                step
            }
        }
    }

    fn handle_success(&mut self, answer: Answer, schedule: &Schedule, pause: Duration) -> Step {
        let retries = std::mem::take(&mut self.failures);
        if self.is_up {
            self.rounds = 0;
        }
        let mut step = Step {
            delay: pause,
            ..Step::default()
        };
        if let (State::Weight(weight), Answer::Weight(wanted)) = (&mut self.state, answer) {
            step.matters = weight.replace(wanted) != Some(wanted);
        }
        let is_whole = self.is_whole();
        let is_settled = self.is_settled();
        let recovers_fast = http(&self.settings).is_some_and(|http| http.fast_recovery);
        if recovers_fast && !is_settled && !is_whole {
            step.delay = Duration::ZERO;
        }
        if is_whole || self.is_up {
            self.last = Some(Ok(()));
        }
        step.was_up = self.is_up;
        if is_whole && !is_settled && self.has_risen(schedule.rise) {
            step.is_confirmed = self.is_up;
            step.changed = Some((Ok(()), if self.has_run { retries } else { 0 }));
            step.matters = true;
            (self.is_up, self.has_run) = (true, true);
        }
        if self.keeps_connection() && self.is_settled() {
            // Nothing to be asked: the end of the connection is waited for.
            step.delay = Duration::ZERO;
        }
        step
    }

    /// Takes a round that passed in; whether there are enough of them for it to be up.
    fn has_risen(&mut self, rise: u32) -> bool {
        if self.is_up {
            return true;
        }
        self.rounds = self.rounds.saturating_add(1);
        if self.rounds >= rise {
            self.rounds = 0;
            return true;
        }
        if let State::Urls { passed, .. } = &mut self.state {
            *passed = 0;
        }
        false
    }

    /// Takes a url that passed in; whether all there are have passed now.
    fn is_whole(&mut self) -> bool {
        let urls = http(&self.settings).map_or(1, |http| http.urls.len());
        let State::Urls {
            next,
            passed,
            is_again,
        } = &mut self.state
        else {
            return true;
        };
        *next = (*next + 1) % urls.max(1);
        *passed += 1;
        if std::mem::take(is_again) && !self.is_up && urls > 1 {
            // Its failure is over; now all must pass.
            (*next, *passed) = (0, 0);
        }
        *passed >= urls
    }

    fn handle_failure(
        &mut self,
        error: ProbeError,
        schedule: &Schedule,
        mut pause: Duration,
    ) -> Step {
        self.last = Some(Err(error.clone()));
        if let State::Urls {
            passed, is_again, ..
        } = &mut self.state
        {
            (*passed, *is_again) = (0, true);
            pause = pause.max(schedule.delay_before_retry);
        }
        if self.is_up && self.failures < schedule.retry {
            self.failures += 1;
            return Step {
                delay: schedule.delay_before_retry,
                ..Step::default()
            };
        }
        let retries = std::mem::take(&mut self.failures);
        self.rounds = self.rounds.saturating_add(1);
        if self.is_up && self.rounds < schedule.fall {
            return Step {
                delay: pause,
                ..Step::default()
            };
        }
        self.rounds = 0;
        let has_run = std::mem::replace(&mut self.has_run, true);
        let was_up = std::mem::take(&mut self.is_up);
        Step {
            delay: pause,
            was_up,
            // keepalived says nothing of a web server that it took for down.
            is_confirmed: !has_run && !was_up && http(&self.settings).is_none(),
            changed: was_up.then_some((Err(error), if has_run { retries } else { 0 })),
            matters: was_up || !has_run,
            ..Step::default()
        }
    }

    pub(super) fn set_file_weight(&mut self, to: FileWeight) {
        if let State::Number { number, weight } = &mut self.state {
            *weight = to;
            // Before it was read what is known counts.
            if self.has_run {
                self.is_up = !is_fault(*number, to);
            }
        }
    }

    /// The number in the file.
    pub(super) fn handle_number(&mut self, to: i32) -> Step {
        let State::Number { number, weight } = &mut self.state else {
            return Step::default();
        };
        let before = std::mem::replace(number, to);
        let is_up = !is_fault(to, *weight);
        let has_changed = is_up != self.is_up || !std::mem::replace(&mut self.has_run, true);
        let result = if is_up {
            Ok(())
        } else {
            Err(ProbeError::because(format!("{to} in the file")))
        };
        let was_up = std::mem::replace(&mut self.is_up, is_up);
        self.last = Some(result.clone());
        Step {
            was_up,
            changed: has_changed.then_some((result, 0)),
            matters: has_changed || before != to,
            ..Step::default()
        }
    }

    /// Whether the BFD session is up.
    pub(super) fn handle_session(&mut self, is_up: bool) -> Step {
        let result = if is_up {
            Ok(())
        } else {
            Err(ProbeError::because("the session is down"))
        };
        let was_up = std::mem::replace(&mut self.is_up, is_up);
        let has_run = std::mem::replace(&mut self.has_run, true);
        let has_changed = was_up != is_up || !has_run;
        self.last = Some(result.clone());
        Step {
            was_up,
            is_confirmed: was_up && is_up && !has_run,
            changed: has_changed.then_some((result, 0)),
            matters: has_changed,
            ..Step::default()
        }
    }

    /// The last result in words.
    pub(super) fn words(&self) -> String {
        let keyword = self.settings.keyword();
        match &self.last {
            Some(Err(why)) => match self.settings.connection() {
                Some(to) => format!("{keyword} {}: {why}", to.target()),
                None => format!("{keyword}: {why}"),
            },
            Some(Ok(())) if self.rounds > 0 => {
                let rise = self.schedule().map_or(1, |schedule| schedule.rise);
                format!("{keyword}: success {} of {rise} (rise)", self.rounds)
            }
            Some(Ok(())) => format!("{keyword}: success"),
            None if self.is_up => "not checked yet".to_owned(),
            None if self.has_alpha() && !self.is_remembered => {
                "not checked yet, down until it is (alpha)".to_owned()
            }
            None => "failed before the checker child restarted".to_owned(),
        }
    }
}

/// From the end of a round to the next: `delay_loop`, and at random up to `jitter` less or more.
pub(super) fn pause(schedule: &Schedule, rng: &mut fastrand::Rng) -> Duration {
    let (middle, jitter) = (schedule.delay_loop, schedule.jitter.get());
    if jitter.is_zero() {
        return middle;
    }
    let shortest = middle.saturating_sub(jitter);
    shortest + (middle + jitter - shortest).mul_f64(rng.f64())
}

fn has_alpha(check: &model::Check) -> bool {
    match check {
        model::Check::Bfd(bfd) => bfd.alpha,
        other => other.schedule().is_some_and(|it| it.alpha),
    }
}

fn http(check: &model::Check) -> Option<&Http> {
    match check {
        model::Check::Http(probe) | model::Check::Ssl(probe) => Some(&probe.settings),
        _ => None,
    }
}

fn product(number: i32, weight: FileWeight) -> i64 {
    let product = i64::from(number) * i64::from(weight.multiplier);
    if weight.reverse { -product } else { product }
}

/// With weight 0 any number but 0 is a failure, turned around with `reverse`.
fn is_fault(number: i32, weight: FileWeight) -> bool {
    if weight.multiplier == 0 {
        (number != 0) != weight.reverse
    } else {
        product(number, weight) <= FAULT
    }
}
