//! What operators ask.

use super::{Monitor, Slot};
use crate::{
    keepalive::{
        Moment,
        output::{Event, Output},
        record::{Phase, Record, SlotNumber, State},
        registration::Registration,
        request::{Running, Selector},
    },
    observe::keepalive as say,
};

/// What comes of a request: the slots that it is about, or why nothing is done.
pub(super) type Outcome = Result<Vec<SlotNumber>, String>;

impl Monitor {
    /// Registers processes, which start.
    ///
    /// # Errors
    /// When one of them cannot be registered; then none is.
    pub fn register(&mut self, registrations: Vec<Registration>, now: Moment) -> Outcome {
        let mut checked = Vec::new();
        for registration in registrations {
            let registration = usable(registration)?;
            if let Some(slot) = self.twin(&registration) {
                return Err(say::registered_already(&registration.name, slot));
            }
            checked.push(registration);
        }
        let many: u64 = checked.iter().map(|one| u64::from(one.instances)).sum();
        let free = self.free();
        if many > free {
            return Err(say::table_full(many, free));
        }
        let mut slots = Vec::new();
        for registration in checked {
            for instance in 1..=registration.instances {
                slots.extend(self.occupy(registration.clone(), instance, now));
            }
        }
        self.touched.extend(&slots);
        self.settle(now);
        Ok(slots)
    }

    /// Monitors a process that runs already.
    ///
    /// # Errors
    /// When it is not what is registered, or is monitored already.
    pub fn adopt(
        &mut self,
        registration: Registration,
        running: &Running,
        arguments: bool,
        now: Moment,
    ) -> Outcome {
        let registration = usable(registration)?;
        let path = &registration.path;
        let pid = running.process.pid;
        if registration.instances != 1 {
            return Err(say::adopts_one());
        }
        if self.slot_of(pid).is_some() {
            return Err(say::monitored_already(pid));
        }
        // A script is run by an interpreter, which has the script among its words.
        let (first, second) = (running.words.first(), running.words.get(1));
        let runs_it = running.program == *path || [first, second].contains(&Some(path));
        if !runs_it {
            return Err(say::other_program(pid, &running.program, path));
        }
        if arguments && !running.words.ends_with(&registration.args) {
            return Err(say::other_arguments(pid));
        }
        let Some(slot) = self.occupy(registration, 1, now) else {
            return Err(say::table_full(1, 0));
        };
        if let Some(of) = self.slots.get_mut(&slot) {
            of.record.adopted = true;
            of.record.state = State::Ok;
            of.record.phase = Phase::Running(running.process);
            of.record.last_started = Some(now);
            of.record.last_pid = Some(pid);
        }
        self.effects.push(Output::Watch {
            slot,
            process: running.process,
        });
        self.tell(slot, Event::Adopted(running.process));
        self.touched.insert(slot);
        self.settle(now);
        Ok(vec![slot])
    }

    /// Monitors processes no more, and ends them on demand.
    ///
    /// # Errors
    /// When there are none.
    pub fn unregister(&mut self, which: &Selector, kill: bool, now: Moment) -> Outcome {
        let slots = self.select(which)?;
        self.leave(&slots, kill, now);
        Ok(slots)
    }

    /// As [`Self::unregister`], for all there are.
    pub fn unregister_all(&mut self, kill: bool, now: Moment) {
        let slots: Vec<SlotNumber> = self.slots.keys().copied().collect();
        self.leave(&slots, kill, now);
    }

    fn leave(&mut self, slots: &[SlotNumber], kill: bool, now: Moment) {
        for slot in slots {
            let Some(of) = self.slots.get_mut(slot) else {
                continue;
            };
            if kill {
                of.record.leaving = true;
                self.touched.insert(*slot);
            } else {
                self.erase(*slot);
            }
        }
        self.settle(now);
    }

    /// Forgets failures, starts what is down, and on demand restarts what runs.
    ///
    /// # Errors
    /// When there is nothing of the kind.
    pub fn clear_errors(&mut self, which: &Selector, kill: bool, now: Moment) -> Outcome {
        let slots = self.select(which)?;
        for slot in &slots {
            self.clear(*slot);
            if kill {
                self.stop(*slot, "it is to be restarted", now);
            }
        }
        self.settle(now);
        Ok(slots)
    }

    /// Changes the number of slots.
    ///
    /// # Errors
    /// When a slot beyond is in use.
    pub fn resize(&mut self, size: u32) -> Outcome {
        match self.slots.last_key_value() {
            Some((last, _)) if last.0 >= size => Err(say::slot_in_use(*last)),
            _ => {
                self.size = size;
                Ok(Vec::new())
            }
        }
    }

    /// The slot whose process this is.
    #[must_use]
    pub fn slot_of(&self, pid: u32) -> Option<SlotNumber> {
        let mut slots = self.slots.iter();
        slots
            .find(|(_, of)| {
                of.record
                    .phase
                    .process()
                    .is_some_and(|process| process.pid == pid)
            })
            .map(|(slot, _)| *slot)
    }

    fn select(&self, which: &Selector) -> Outcome {
        let is_meant = |slot: SlotNumber, record: &Record| {
            let registration = &record.registration;
            match which {
                Selector::Path { path, args } => {
                    registration.path == *path
                        && args.as_ref().is_none_or(|args| registration.args == *args)
                }
                Selector::Pid(pid) => record
                    .phase
                    .process()
                    .is_some_and(|process| process.pid == *pid),
                Selector::Group(name) => registration.group_name.as_ref() == Some(name),
                Selector::Slot(number) => slot == *number,
            }
        };
        let slots: Vec<SlotNumber> = self
            .slots
            .iter()
            .filter(|(slot, of)| is_meant(**slot, &of.record))
            .map(|(slot, _)| *slot)
            .collect();
        if slots.is_empty() {
            return Err(say::nothing_selected(which));
        }
        Ok(slots)
    }

    /// A slot that is registered for the same already.
    fn twin(&self, registration: &Registration) -> Option<SlotNumber> {
        let is_same = |record: &Record| {
            let other = &record.registration;
            other.name == registration.name && other.command().eq(registration.command())
        };
        let mut slots = self.slots.iter();
        slots
            .find(|(_, of)| !of.record.leaving && is_same(&of.record))
            .map(|(slot, _)| *slot)
    }

    fn free(&self) -> u64 {
        let used = u64::try_from(self.slots.len()).unwrap_or(u64::MAX);
        u64::from(self.size).saturating_sub(used)
    }

    /// Takes the first free slot.
    fn occupy(
        &mut self,
        registration: Registration,
        instance: u32,
        now: Moment,
    ) -> Option<SlotNumber> {
        let slot = (0..self.size)
            .map(SlotNumber)
            .find(|slot| !self.slots.contains_key(slot))?;
        // By the time, so that no daemon gives a number that an earlier one gave to what still runs.
        self.sequence = u64::from(now).max(self.sequence + 1);
        let record = Record::new(registration, self.sequence, instance);
        self.insert(slot, record);
        Some(slot)
    }

    /// Puts a record into a slot.
    pub(super) fn insert(&mut self, slot: SlotNumber, record: Record) {
        if let Some(group) = &record.registration.group_name {
            let members = self.groups.entry(group.clone()).or_default();
            members.insert((record.sequence, slot));
        }
        let of = Slot {
            record,
            deadline: None,
            timer: None,
        };
        self.slots.insert(slot, of);
    }
}

/// A registration that can be used, or why not, for the operator.
fn usable(registration: Registration) -> Result<Registration, String> {
    let path = registration.path.clone();
    registration
        .checked()
        .map_err(|why| say::refused(&path, &why))
}
