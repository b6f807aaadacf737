//! What comes of what happens.

use std::collections::BTreeMap;

use super::{Monitor, output, sweep};
use crate::keepalive::{
    Moment,
    input::{Input, Role},
    output::{Event, Output},
    placement::Node,
    record::{DownBy, Ending, Phase, ProcessId, SlotNumber, State},
    registration::Readiness,
};

impl Monitor {
    /// Takes in a fact. Drain the outputs afterwards.
    pub fn handle_input(&mut self, input: Input, now: Moment) {
        match input {
            Input::Forked {
                slot,
                start,
                process,
            } => self.forked(slot, start, process, now),
            Input::Executed { slot, start } => self.executed(slot, start, now),
            Input::StartFailed {
                slot,
                start,
                shortage,
                why,
            } => self.start_failed(slot, start, shortage, why, now),
            Input::Ended {
                slot,
                process,
                ending,
            } => self.ended(slot, process, ending, now),
            Input::Found { slot, start, main } => self.found(slot, start, main, now),
            Input::MainProcess { slot, main } => self.main_process(slot, main, now),
            Input::Ready { slot, start } => {
                // A fast process is ready before we know that it runs.
                self.executed(slot, start, now);
                if self.is_start(slot, start) {
                    self.ready(slot, now);
                }
            }
            Input::Alive { slot } => self.alive(slot, now),
            Input::ScriptEnded { slot } => {
                if self.phase(slot) == Some(&Phase::Script) {
                    self.fork(slot);
                    self.touched.insert(slot);
                }
            }
            Input::Roles(roles) => self.roles(roles, now),
            Input::Leaving(instances) => {
                let mut roles = self.node.roles.clone();
                for (name, role) in &mut roles {
                    if instances.is_empty() || instances.contains(name) {
                        *role = Role::Backup;
                    }
                }
                self.roles(roles, now);
            }
        }
        self.settle(now);
    }

    fn phase(&self, slot: SlotNumber) -> Option<&Phase> {
        self.slots.get(&slot).map(|of| &of.record.phase)
    }

    /// Whether this is the latest start of the slot.
    fn is_start(&self, slot: SlotNumber, start: u64) -> bool {
        self.slots
            .get(&slot)
            .is_some_and(|of| of.record.starts == start)
    }

    fn forked(&mut self, slot: SlotNumber, start: u64, process: ProcessId, now: Moment) {
        if !self.is_start(slot, start) || self.phase(slot) != Some(&Phase::Forking) {
            return;
        }
        let Some(of) = self.slots.get_mut(&slot) else {
            return;
        };
        let record = &mut of.record;
        record.phase = Phase::Executing(process);
        record.last_started = Some(now);
        let before = record.last_pid.replace(process.pid);
        let output = before.and_then(|pid| output(&record.registration, pid));
        self.effects.extend(output);
        self.effects.push(Output::Release(slot));
        self.touched.insert(slot);
    }

    fn executed(&mut self, slot: SlotNumber, start: u64, now: Moment) {
        if !self.is_start(slot, start) {
            return;
        }
        let Some(&Phase::Executing(process)) = self.phase(slot) else {
            return;
        };
        self.tell(slot, Event::Started(process));
        self.watch(slot, process, now);
    }

    /// The process runs, and is watched from now on.
    pub(super) fn watch(&mut self, slot: SlotNumber, process: ProcessId, now: Moment) {
        self.effects.push(Output::Watch { slot, process });
        let Some(of) = self.slots.get_mut(&slot) else {
            return;
        };
        of.record.phase = Phase::Running(process);
        if of.record.registration.daemonize {
            of.record.state = State::Daemonize;
            of.deadline = Some(now + of.record.registration.ready_timeout);
        } else {
            self.await_readiness(slot, now);
        }
        self.touched.insert(slot);
    }

    /// The main process runs: it is ready, or has a while to become it.
    pub(super) fn await_readiness(&mut self, slot: SlotNumber, now: Moment) {
        let Some(of) = self.slots.get_mut(&slot) else {
            return;
        };
        let registration = &of.record.registration;
        of.deadline = Some(now + registration.ready_timeout);
        match registration.readiness {
            Readiness::None => self.ready(slot, now),
            Readiness::Notify => {}
            Readiness::Tcp(_) | Readiness::Command(_) => {
                let start = of.record.starts;
                let registration = Box::new(registration.clone());
                self.effects.push(Output::Probe {
                    slot,
                    start,
                    registration,
                });
            }
        }
    }

    fn ready(&mut self, slot: SlotNumber, now: Moment) {
        let Some(of) = self.slots.get_mut(&slot) else {
            return;
        };
        let record = &mut of.record;
        if record.state == State::Ok || !matches!(record.phase, Phase::Running(_)) {
            return;
        }
        record.state = State::Ok;
        of.deadline = record.registration.watchdog.map(|limit| now + limit);
        let told = record.registration.readiness != Readiness::None;
        self.effects.push(Output::StopProbe(slot));
        if told {
            self.tell(slot, Event::Ready);
        }
        self.touched.insert(slot);
    }

    fn alive(&mut self, slot: SlotNumber, now: Moment) {
        if let Some(of) = self.slots.get_mut(&slot)
            && let (Phase::Running(_), State::Ok) = (&of.record.phase, of.record.state)
            && let Some(limit) = of.record.registration.watchdog
        {
            of.deadline = Some(now + limit);
            // Not a change of the record.
            self.schedule(slot);
        }
    }

    fn start_failed(
        &mut self,
        slot: SlotNumber,
        start: u64,
        shortage: bool,
        why: String,
        now: Moment,
    ) {
        let phase = self.phase(slot);
        let was_starting = matches!(phase, Some(Phase::Forking | Phase::Executing(_)));
        if !self.is_start(slot, start) || !was_starting {
            return;
        }
        self.touched.insert(slot);
        if !shortage {
            return self.died(slot, Ending::NotStarted, Some(why), now);
        }
        if let Some(of) = self.slots.get_mut(&slot) {
            of.record.phase = Phase::Waiting(now + self.interval);
        }
        let wait_ms = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
        self.tell(slot, Event::NotStarted { why, wait_ms });
    }

    /// The process of a slot is gone.
    pub(super) fn ended(
        &mut self,
        slot: SlotNumber,
        process: ProcessId,
        ending: Ending,
        now: Moment,
    ) {
        let Some(of) = self.slots.get_mut(&slot) else {
            return;
        };
        let record = &mut of.record;
        if record.phase.process() != Some(process) {
            return;
        }
        self.touched.insert(slot);
        let went_to_background = record.state == State::Daemonize
            && matches!(ending, Ending::Exited(0) | Ending::Unknown);
        if matches!(record.phase, Phase::Stopping(_)) {
            record.phase = Phase::Idle;
            record.state = State::Shutdown;
            record.last_ending = Some(ending);
            record.adopted = false;
            of.deadline = None;
            let left = sweep(record);
            self.effects.push(left);
            let pid = process.pid;
            self.tell(slot, Event::Stopped { pid, ending });
        } else if went_to_background {
            record.phase = Phase::Searching;
            of.deadline = None;
            self.search(slot);
        } else {
            self.died(slot, ending, None, now);
        }
    }

    pub(super) fn search(&mut self, slot: SlotNumber) {
        if let Some(of) = self.slots.get(&slot) {
            self.effects.push(Output::Search {
                slot,
                start: of.record.starts,
                sequence: of.record.sequence,
                mark: of.record.mark(),
                pid_file: of.record.registration.pid_file.clone(),
            });
        }
    }

    fn found(&mut self, slot: SlotNumber, start: u64, main: Option<ProcessId>, now: Moment) {
        if !self.is_start(slot, start) || self.phase(slot) != Some(&Phase::Searching) {
            return;
        }
        self.touched.insert(slot);
        match main {
            Some(process) => self.daemonized(slot, process, now),
            None => {
                self.tell(slot, Event::Lost);
                self.died(slot, Ending::Unknown, None, now);
            }
        }
    }

    fn main_process(&mut self, slot: SlotNumber, main: ProcessId, now: Moment) {
        let state = self.slots.get(&slot).map(|of| of.record.state);
        let going = matches!(self.phase(slot), Some(Phase::Running(_) | Phase::Searching));
        if going && state == Some(State::Daemonize) {
            self.daemonized(slot, main, now);
        }
    }

    fn daemonized(&mut self, slot: SlotNumber, main: ProcessId, now: Moment) {
        self.effects.push(Output::Watch {
            slot,
            process: main,
        });
        if let Some(of) = self.slots.get_mut(&slot) {
            of.record.phase = Phase::Running(main);
            of.record.state = State::Respawn;
        }
        self.tell(slot, Event::Daemonized(main));
        self.await_readiness(slot, now);
        self.touched.insert(slot);
    }

    fn roles(&mut self, roles: BTreeMap<String, Role>, now: Moment) {
        let before = std::mem::replace(&mut self.node.roles, roles);
        let before = Node {
            roles: before,
            name: self.node.name.clone(),
        };
        for (slot, of) in &mut self.slots {
            let record = &mut of.record;
            let registration = &record.registration;
            if registration.run_on.instance().is_none() {
                continue;
            }
            let was_elsewhere = before.excludes(registration).is_some();
            let is_elsewhere = self.node.excludes(registration).is_some();
            if was_elsewhere == is_elsewhere {
                continue;
            }
            self.touched.insert(*slot);
            if is_elsewhere {
                // Another node has it now, so nothing is in the way of its return.
                record.yielding = false;
                if record.down_by == Some(DownBy::Reject) {
                    record.down_by = None;
                }
            } else if record.phase.is_quiet() {
                // The other node has this time to stop it.
                record.phase = Phase::Waiting(now + registration.start_delay());
            }
        }
    }
}
