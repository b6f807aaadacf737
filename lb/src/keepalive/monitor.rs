//! Decides what is started, stopped and given up.
//!
//! What should be (`Monitor::wanted`) is compared with what goes on in a slot ([`Phase`]), and every step goes from the
//! one to the other, after any input: there is no other place that starts or stops anything.

mod facts;
mod group;
mod requests;
mod takeover;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
    time::Duration,
};

use fastrand::Rng;

use super::{
    Moment,
    backoff::Backoff,
    output::{Event, Launch, Output, Script, ScriptKind},
    placement::Node,
    record::{DownBy, Ending, Phase, Record, SlotNumber, State},
    registration::{ERROR_LIMIT_MAX, Registration, Sink},
};

/// Jitter of the back-off, as a part of it.
const JITTER: f64 = 0.1;

/// The state machine of a keepalive daemon.
#[derive(Debug)]
pub struct Monitor {
    node: Node,
    /// After this time a start that failed for a shortage is tried again (`-t`).
    interval: Duration,
    rng: Rng,
    size: u32,
    slots: BTreeMap<SlotNumber, Slot>,
    groups: BTreeMap<String, BTreeSet<(u64, SlotNumber)>>,
    timers: BTreeSet<(Moment, SlotNumber)>,
    sequence: u64,
    /// What was last written to the files that virtual routers track.
    tracked: BTreeMap<PathBuf, bool>,
    touched: BTreeSet<SlotNumber>,
    effects: Vec<Output>,
    outputs: VecDeque<Output>,
}

/// A slot in use.
#[derive(Debug)]
struct Slot {
    record: Record,
    /// When patience with what goes on is over.
    deadline: Option<Moment>,
    /// The entry in `timers`.
    timer: Option<Moment>,
}

/// What should be of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// A process.
    Run,
    /// None; the state to show, and why.
    Rest(State, &'static str),
}

impl Monitor {
    /// A monitor of nothing, for a table of `size` slots on the node of this name.
    #[must_use]
    pub fn new(node: &str, size: u32, interval: Duration, rng: Rng) -> Self {
        Self {
            node: Node {
                name: node.to_owned(),
                ..Node::default()
            },
            interval,
            rng,
            size,
            slots: BTreeMap::new(),
            groups: BTreeMap::new(),
            timers: BTreeSet::new(),
            sequence: 0,
            tracked: BTreeMap::new(),
            touched: BTreeSet::new(),
            effects: Vec::new(),
            outputs: VecDeque::new(),
        }
    }

    /// The next thing to do. Take them to the end after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Moment> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// What is known of a slot in use.
    #[must_use]
    pub fn record(&self, slot: SlotNumber) -> Option<&Record> {
        self.slots.get(&slot).map(|slot| &slot.record)
    }

    /// Every slot in use.
    pub fn records(&self) -> impl Iterator<Item = (SlotNumber, &Record)> {
        self.slots.iter().map(|(slot, of)| (*slot, &of.record))
    }

    /// Patience is over somewhere. May come early.
    pub fn handle_timeout(&mut self, now: Moment) {
        while let Some((due, slot)) = self.timers.first().copied()
            && due <= now
        {
            self.timers.pop_first();
            if let Some(of) = self.slots.get_mut(&slot) {
                (of.timer, of.deadline) = (None, None);
            }
            self.expire(slot);
            self.touched.insert(slot);
        }
        self.settle(now);
    }

    /// What was waited for in a slot has not come, or what was to be done later is due.
    fn expire(&mut self, slot: SlotNumber) {
        let Some(of) = self.slots.get_mut(&slot) else {
            return;
        };
        let record = &mut of.record;
        match record.phase {
            Phase::Running(process) => {
                let event = if record.state == State::Ok {
                    Event::Silent
                } else {
                    Event::NotReady
                };
                let alone = record.adopted;
                self.effects.push(Output::Kill {
                    slot,
                    process,
                    alone,
                });
                self.tell(slot, event);
            }
            Phase::Stopping(process) => {
                let alone = record.adopted;
                self.effects.push(Output::Kill {
                    slot,
                    process,
                    alone,
                });
                self.tell(slot, Event::Killed { pid: process.pid });
            }
            Phase::Idle => self.clear(slot),
            // It may still have to wait for its turn.
            Phase::Waiting(_) => record.phase = Phase::Idle,
            // These are answered without fail.
            Phase::Script | Phase::Forking | Phase::Executing(_) | Phase::Searching => {}
        }
    }

    /// Takes every touched slot as far as it can go, then puts out what is to be done: records first.
    fn settle(&mut self, now: Moment) {
        let mut due: BTreeSet<SlotNumber> = std::mem::take(&mut self.touched);
        let mut changed = due.clone();
        while let Some(slot) = due.pop_first() {
            for mate in self.mates(slot) {
                if self.step(mate, now) {
                    changed.insert(mate);
                    due.insert(mate);
                }
            }
            // What a step does to others.
            for other in std::mem::take(&mut self.touched) {
                changed.insert(other);
                due.insert(other);
            }
        }
        for slot in changed {
            self.schedule(slot);
            if self.slots.contains_key(&slot) {
                self.outputs.push_back(Output::Record(slot));
            }
        }
        self.track();
        self.outputs.extend(self.effects.drain(..));
    }

    /// What should be of a slot.
    fn wanted(&self, record: &Record) -> Wanted {
        if record.leaving {
            Wanted::Rest(State::Shutdown, "it is unregistered")
        } else if record.down_by.is_some() {
            Wanted::Rest(State::Down, "it is down")
        } else if record.halted {
            Wanted::Rest(State::Shutdown, "a critical member of its group died")
        } else if record.yielding {
            Wanted::Rest(State::Shutdown, "it moves to another node")
        } else if let Some(why) = self.node.excludes(&record.registration) {
            Wanted::Rest(State::Shutdown, why)
        } else {
            Wanted::Run
        }
    }

    /// One step from what is to what should be; tells whether there was one.
    fn step(&mut self, slot: SlotNumber, now: Moment) -> bool {
        let Some(of) = self.slots.get(&slot) else {
            return false;
        };
        let record = &of.record;
        let wanted = self.wanted(record);
        match (wanted, &record.phase) {
            (Wanted::Rest(..), Phase::Idle | Phase::Waiting(_)) if record.leaving => {
                self.erase(slot);
                true
            }
            (Wanted::Rest(..), Phase::Idle | Phase::Waiting(_)) if record.halted => {
                self.resume_group(slot)
            }
            (Wanted::Rest(state, _), Phase::Idle | Phase::Waiting(_)) => self.rest(slot, state),
            (Wanted::Rest(_, why), Phase::Running(_)) => {
                let may = self.may_stop(slot);
                if may {
                    self.stop(slot, why, now);
                }
                may
            }
            (Wanted::Run, Phase::Waiting(until)) if *until > now => false,
            (Wanted::Run, Phase::Idle | Phase::Waiting(_)) => {
                let may = self.may_start(slot);
                if may {
                    self.begin(slot);
                }
                may
            }
            (
                Wanted::Rest(..),
                Phase::Script
                | Phase::Forking
                | Phase::Executing(_)
                | Phase::Searching
                | Phase::Stopping(_),
            )
            | (
                Wanted::Run,
                Phase::Script
                | Phase::Forking
                | Phase::Executing(_)
                | Phase::Running(_)
                | Phase::Searching
                | Phase::Stopping(_),
            ) => false,
        }
    }

    /// Nothing runs and nothing is due.
    fn rest(&mut self, slot: SlotNumber, state: State) -> bool {
        let Some(of) = self.slots.get_mut(&slot) else {
            return false;
        };
        let changes = (of.record.state, &of.record.phase) != (state, &Phase::Idle);
        of.record.state = state;
        of.record.phase = Phase::Idle;
        changes
    }

    /// Starts a process, after the restart script where there is one.
    fn begin(&mut self, slot: SlotNumber) {
        let Some(of) = self.slots.get_mut(&slot) else {
            return;
        };
        let record = &mut of.record;
        let again = record.state != State::Start;
        if again {
            record.state = State::Respawn;
        }
        if again && !record.registration.restart_script.is_empty() {
            record.phase = Phase::Script;
            self.run_script(slot, ScriptKind::Restart);
        } else {
            self.fork(slot);
        }
    }

    fn fork(&mut self, slot: SlotNumber) {
        let Some(of) = self.slots.get_mut(&slot) else {
            return;
        };
        let record = &mut of.record;
        record.starts += 1;
        record.phase = Phase::Forking;
        self.effects.push(Output::Fork(Box::new(Launch {
            slot,
            start: record.starts,
            sequence: record.sequence,
            mark: record.mark(),
            registration: record.registration.clone(),
        })));
    }

    fn stop(&mut self, slot: SlotNumber, why: &'static str, now: Moment) {
        let Some(of) = self.slots.get_mut(&slot) else {
            return;
        };
        let Phase::Running(process) = of.record.phase else {
            return;
        };
        of.record.phase = Phase::Stopping(process);
        of.deadline = Some(now + of.record.registration.term_wait);
        let alone = of.record.adopted;
        self.tell(
            slot,
            Event::Stopping {
                pid: process.pid,
                why,
            },
        );
        self.effects.push(Output::StopProbe(slot));
        self.effects.push(Output::Terminate {
            slot,
            process,
            alone,
        });
    }

    /// The process is gone although it should run, or never was.
    fn died(&mut self, slot: SlotNumber, ending: Ending, why: Option<String>, now: Moment) {
        let Some(of) = self.slots.get_mut(&slot) else {
            return;
        };
        let record = &mut of.record;
        let pid = record.phase.process().map_or(0, |process| process.pid);
        let lived = record
            .last_started
            .map_or(Duration::ZERO, |at| now.since(at));
        record.first_died.get_or_insert(now);
        record.last_died = Some(now);
        record.last_ending = Some(ending);
        record.adopted = false;
        record.phase = Phase::Idle;
        of.deadline = None;
        self.effects.push(Output::StopProbe(slot));
        self.effects.push(sweep(record));
        if let Some(by) = verdict(&record.registration, ending) {
            return self.go_down(slot, by, now);
        }
        let period = record.registration.probation_period;
        record.failures.push_back(now);
        record.failures.retain(|at| now.since(*at) < period);
        if record.failures.len() > ERROR_LIMIT_MAX as usize {
            // Without a limit nobody counts them, and the record has no room for all.
            record.failures.pop_front();
        }
        let limit = record.registration.error_limit;
        if limit != 0 && record.failures.len() >= limit as usize {
            return self.go_down(slot, DownBy::ErrorLimit, now);
        }
        let back_off = record.backoff.ended(lived, record.registration.back_off);
        let mut wait = back_off.mul_f64(1.0 + JITTER * self.rng.f64());
        if lived < record.registration.respawn_time {
            wait = wait.max(record.registration.respawn_time);
        }
        record.state = State::Dead;
        record.phase = Phase::Waiting(now + wait);
        record.yielding = self.node.moves_away(&record.registration);
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let event = match why {
            Some(why) => Event::NotStarted { why, wait_ms },
            None => Event::Died {
                pid,
                ending,
                wait_ms,
            },
        };
        self.tell(slot, event);
        self.halt_group(slot);
    }

    fn go_down(&mut self, slot: SlotNumber, by: DownBy, now: Moment) {
        let Some(of) = self.slots.get_mut(&slot) else {
            return;
        };
        let record = &mut of.record;
        record.down_by = Some(by);
        record.state = State::Down;
        let code = match record.last_ending {
            Some(Ending::Exited(code)) => code,
            _ => 0,
        };
        let registration = &record.registration;
        let retry = registration
            .retry_after
            .filter(|_| by == DownBy::ErrorLimit);
        of.deadline = retry.map(|retry| now + retry);
        let event = match by {
            DownBy::ErrorLimit => Event::ErrorLimit {
                failures: record.failures.len(),
                seconds: registration.probation_period.as_secs(),
                retry: retry.map(|retry| retry.as_secs()),
            },
            DownBy::Code => Event::DownByCode(code),
            DownBy::Reject => Event::Rejected(code),
            DownBy::Group => Event::DownByGroup,
        };
        let has_script = !registration.down_script.is_empty();
        self.tell(slot, event);
        if has_script && by != DownBy::Group {
            self.run_script(slot, ScriptKind::Down);
        }
        if by != DownBy::Group {
            self.down_group(slot, now);
        }
    }

    fn run_script(&mut self, slot: SlotNumber, kind: ScriptKind) {
        let Some(of) = self.slots.get(&slot) else {
            return;
        };
        let record = &of.record;
        let words = match kind {
            ScriptKind::Restart => &record.registration.restart_script,
            ScriptKind::Down => &record.registration.down_script,
        };
        let (exit, signal) = match record.last_ending {
            Some(Ending::Exited(code)) => (code.to_string(), String::new()),
            Some(Ending::Signalled(signal)) => (String::new(), signal.to_string()),
            Some(Ending::Unknown | Ending::NotStarted) | None => (String::new(), String::new()),
        };
        let pid = record.last_pid.map_or(String::new(), |pid| pid.to_string());
        let environment = vec![
            ("KA_NAME", record.registration.name.clone()),
            ("KA_PID", pid),
            ("KA_STATE", record.state.name().to_owned()),
            ("KA_EXIT", exit),
            ("KA_SIGNAL", signal),
            ("KA_ATTEMPT", record.failures.len().to_string()),
            ("KA_NODE", self.node.name.clone()),
            (
                "KA_VRRP_STATE",
                self.node.role_of(&record.registration).to_owned(),
            ),
        ];
        self.effects.push(Output::Script(Box::new(Script {
            slot,
            kind,
            words: words.clone(),
            environment,
        })));
    }

    /// Forgets failures and starts again what is down.
    fn clear(&mut self, slot: SlotNumber) {
        let Some(of) = self.slots.get_mut(&slot) else {
            return;
        };
        let record = &mut of.record;
        record.failures.clear();
        record.backoff = Backoff::new();
        let was_down = record.down_by.take().is_some();
        if was_down {
            of.deadline = None;
            record.state = State::Respawn;
            self.tell(slot, Event::Cleared);
            self.clear_group(slot);
        }
        self.touched.insert(slot);
    }

    /// Makes a slot free.
    fn erase(&mut self, slot: SlotNumber) {
        self.tell(slot, Event::Unregistered);
        let Some(of) = self.slots.remove(&slot) else {
            return;
        };
        if let Some(timer) = of.timer {
            self.timers.remove(&(timer, slot));
        }
        let registration = of.record.registration;
        if let Some(group) = &registration.group_name
            && let Some(members) = self.groups.get_mut(group)
        {
            members.remove(&(of.record.sequence, slot));
            self.touched.extend(members.iter().map(|(_, mate)| *mate));
            if members.is_empty() {
                self.groups.remove(group);
            }
        }
        self.effects.push(Output::StopProbe(slot));
        self.effects.push(Output::Forget(slot));
        let sequence = of.record.sequence;
        self.effects.push(Output::Erase { slot, sequence });
        let output = of
            .record
            .last_pid
            .and_then(|pid| output(&registration, pid));
        self.effects.extend(output);
    }

    /// Puts what a slot waits for into the table of timers.
    fn schedule(&mut self, slot: SlotNumber) {
        let Some(of) = self.slots.get_mut(&slot) else {
            return;
        };
        let due = match of.record.phase {
            Phase::Waiting(until) => Some(until),
            _ => of.deadline,
        };
        if of.timer != due {
            if let Some(timer) = of.timer {
                self.timers.remove(&(timer, slot));
            }
            self.timers.extend(due.map(|due| (due, slot)));
            of.timer = due;
        }
    }

    /// Has the files that virtual routers track say what is so.
    fn track(&mut self) {
        let mut files: BTreeMap<PathBuf, bool> = BTreeMap::new();
        for of in self.slots.values() {
            if let Some(file) = &of.record.registration.track_file {
                let bad = of.record.down_by.is_some() || of.record.yielding;
                *files.entry(file.clone()).or_default() |= bad;
            }
        }
        for file in self.tracked.keys() {
            files.entry(file.clone()).or_default();
        }
        for (file, down) in &files {
            if self.tracked.get(file) != Some(down) {
                let (file, down) = (file.clone(), *down);
                self.effects.push(Output::Track { file, down });
            }
        }
        self.tracked = files;
    }

    fn tell(&mut self, slot: SlotNumber, event: Event) {
        if let Some(of) = self.slots.get(&slot) {
            let name = of.record.registration.name.clone();
            self.effects.push(Output::Tell { slot, name, event });
        }
    }
}

/// The output of an ended process is to be removed, if it went into a file.
fn output(registration: &Registration, pid: u32) -> Option<Output> {
    let basename = registration.basename().to_owned();
    let has_file = registration.output == Sink::File;
    has_file.then_some(Output::RemoveOutput { basename, pid })
}

/// Whatever the main process left behind is to end.
fn sweep(record: &Record) -> Output {
    Output::Sweep {
        sequence: record.sequence,
        mark: record.mark(),
    }
}

/// Whether an exit code says that there is nothing to restart.
fn verdict(registration: &Registration, ending: Ending) -> Option<DownBy> {
    let Ending::Exited(code) = ending else {
        return None;
    };
    let code = u8::try_from(code).ok()?;
    if registration.down_codes.contains(&code) {
        Some(DownBy::Code)
    } else if registration.reject_codes.contains(&code) {
        Some(DownBy::Reject)
    } else {
        None
    }
}
