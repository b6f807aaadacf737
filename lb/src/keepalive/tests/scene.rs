//! A system that does what the monitor wants: processes that live until they are told not to.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use fastrand::Rng;

use crate::keepalive::{
    Moment, Monitor,
    input::{Input, Role},
    output::{Event, Output, ScriptKind},
    record::{Ending, ProcessId, Record, SlotNumber, State},
    registration::{Registration, read},
};

pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// What happens to a process right after its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It runs.
    Lives,
    /// It ends like that at once.
    Ends(Ending),
    /// Its program cannot be executed.
    NoProgram,
    /// There is no memory for it.
    Shortage,
    /// The daemon hears nothing more of it.
    Silence,
}

/// The system and its monitor.
pub(super) struct Scene {
    pub(super) monitor: Monitor,
    pub(super) now: Moment,
    /// Living processes.
    pub(super) living: BTreeMap<u32, SlotNumber>,
    watched: BTreeMap<SlotNumber, ProcessId>,
    forked: BTreeMap<SlotNumber, (u64, ProcessId)>,
    next_pid: u32,
    /// By the name of the program; those without an entry live.
    pub(super) fates: BTreeMap<String, Fate>,
    /// Ignore SIGTERM.
    pub(super) stubborn: bool,
    /// The table.
    pub(super) table: BTreeMap<SlotNumber, Record>,
    /// What was told and done, a line each.
    pub(super) story: String,
    /// What is in tracked files.
    pub(super) tracked: BTreeMap<String, bool>,
}

impl Scene {
    pub(super) fn new(files: &[&str]) -> Self {
        let mut scene = Self {
            monitor: monitor(),
            now: Moment::since_boot(Duration::from_secs(1000)),
            living: BTreeMap::new(),
            watched: BTreeMap::new(),
            forked: BTreeMap::new(),
            next_pid: 100,
            fates: BTreeMap::new(),
            stubborn: false,
            table: BTreeMap::new(),
            story: String::new(),
            tracked: BTreeMap::new(),
        };
        for file in files {
            scene.register(file);
        }
        scene
    }

    pub(super) fn register(&mut self, file: &str) -> Vec<SlotNumber> {
        self.try_register(read("f", file).unwrap()).unwrap()
    }

    pub(super) fn try_register(
        &mut self,
        registrations: Vec<Registration>,
    ) -> Result<Vec<SlotNumber>, String> {
        let outcome = self.monitor.register(registrations, self.now);
        self.carry_out();
        outcome
    }

    pub(super) fn input(&mut self, input: Input) {
        self.monitor.handle_input(input, self.now);
        self.carry_out();
    }

    pub(super) fn role(&mut self, instance: &str, role: Role) {
        self.input(Input::Roles([(instance.to_owned(), role)].into()));
        self.pass(Duration::ZERO);
    }

    /// The clock goes on, with everything that is due.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.monitor.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.monitor.handle_timeout(self.now);
            self.carry_out();
        }
        self.now = end;
    }

    /// A process ends, and whoever watches it hears of it.
    pub(super) fn end(&mut self, slot: u32, ending: Ending) {
        let slot = SlotNumber(slot);
        let process = self.watched.remove(&slot).unwrap();
        self.living.remove(&process.pid);
        self.input(Input::Ended {
            slot,
            process,
            ending,
        });
    }

    pub(super) fn states(&self) -> Vec<&'static str> {
        let records = self.monitor.records();
        records.map(|(_, record)| record.state.name()).collect()
    }

    pub(super) fn state(&self, slot: u32) -> State {
        self.monitor.record(SlotNumber(slot)).unwrap().state
    }

    pub(super) fn pid(&self, slot: u32) -> Option<u32> {
        let record = self.monitor.record(SlotNumber(slot))?;
        Some(record.phase.process()?.pid)
    }

    /// The story since the last time.
    pub(super) fn told(&mut self) -> String {
        std::mem::take(&mut self.story)
    }

    pub(super) fn carry_out(&mut self) {
        while let Some(output) = self.monitor.poll_output() {
            self.apply(output);
        }
    }

    fn apply(&mut self, output: Output) {
        match output {
            Output::Record(slot) => {
                let record = self.monitor.record(slot).unwrap().clone();
                self.table.insert(slot, record);
            }
            Output::Erase { slot, .. } => drop(self.table.remove(&slot)),
            Output::Fork(launch) => {
                let fate = self.fates.get(launch.registration.basename());
                if fate == Some(&Fate::Shortage) {
                    let (slot, start) = (launch.slot, launch.start);
                    let why = "no memory".to_owned();
                    return self.input(Input::StartFailed {
                        slot,
                        start,
                        shortage: true,
                        why,
                    });
                }
                let process = self.make(launch.slot);
                self.forked.insert(launch.slot, (launch.start, process));
                self.input(Input::Forked {
                    slot: launch.slot,
                    start: launch.start,
                    process,
                });
            }
            Output::Release(slot) => self.release(slot),
            Output::Watch { slot, process } => {
                self.watched.insert(slot, process);
                let fate = self.fate(slot);
                if let Fate::Ends(ending) = fate {
                    self.end(slot.0, ending);
                }
            }
            Output::Terminate { slot, .. } if !self.stubborn => {
                self.end(slot.0, Ending::Signalled(15));
            }
            Output::Terminate { .. } => {}
            Output::Kill { slot, .. } => self.end(slot.0, Ending::Signalled(9)),
            Output::Script(script) => {
                let keyword = script.kind.keyword();
                writeln!(self.story, "{}: {keyword}", script.slot).unwrap();
                if script.kind == ScriptKind::Restart {
                    let slot = script.slot;
                    self.input(Input::ScriptEnded { slot });
                }
            }
            Output::Track { file, down } => {
                self.tracked.insert(file.display().to_string(), down);
            }
            Output::Tell { slot, event, .. } => self.tell(slot, &event),
            Output::Search { slot, start, .. } => {
                let main = (self.fate(slot) != Fate::NoProgram).then(|| self.make(slot));
                self.fates.clear();
                self.input(Input::Found { slot, start, main });
            }
            Output::Probe { .. }
            | Output::StopProbe(_)
            | Output::Forget(_)
            | Output::Sweep { .. }
            | Output::RemoveOutput { .. } => {}
        }
    }

    fn tell(&mut self, slot: SlotNumber, event: &Event) {
        let what = format!("{event:?}");
        let name = what.split(['(', ' ']).next().unwrap();
        writeln!(self.story, "{slot}: {name}").unwrap();
    }

    fn fate(&self, slot: SlotNumber) -> Fate {
        let program = self.monitor.record(slot).unwrap().registration.basename();
        self.fates.get(program).copied().unwrap_or(Fate::Lives)
    }

    fn make(&mut self, slot: SlotNumber) -> ProcessId {
        self.next_pid += 1;
        self.living.insert(self.next_pid, slot);
        ProcessId {
            pid: self.next_pid,
            start_time: u64::from(self.next_pid),
            inode: None,
        }
    }

    fn release(&mut self, slot: SlotNumber) {
        let (start, process) = self.forked.remove(&slot).unwrap();
        // The record is there before the program runs.
        let recorded = self
            .table
            .get(&slot)
            .and_then(|record| record.phase.process());
        assert_eq!(recorded, Some(process));
        match self.fate(slot) {
            Fate::Silence => {}
            Fate::NoProgram => {
                self.living.remove(&process.pid);
                let why = "no such file".to_owned();
                self.input(Input::StartFailed {
                    slot,
                    start,
                    shortage: false,
                    why,
                });
            }
            _ => self.input(Input::Executed { slot, start }),
        }
    }

    /// The daemon is killed; another takes over.
    pub(super) fn restart_daemon(&mut self) {
        self.monitor = monitor();
        self.watched.clear();
        // What was not released has died with the daemon.
        for (_, (_, process)) in std::mem::take(&mut self.forked) {
            self.living.remove(&process.pid);
        }
        for (slot, record) in self.table.clone() {
            let process = record.phase.process();
            let is_gone = process.is_some_and(|process| !self.living.contains_key(&process.pid));
            let ending = is_gone.then_some(Ending::Unknown);
            self.monitor.take_over(slot, record, ending, self.now);
        }
        self.monitor.taken_over(self.now);
        self.carry_out();
    }
}

fn monitor() -> Monitor {
    Monitor::new("here", 64, INTERVAL, Rng::with_seed(3))
}
