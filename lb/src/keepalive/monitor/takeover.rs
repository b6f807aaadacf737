//! A new daemon takes up what an earlier one left.

use super::Monitor;
use crate::keepalive::{
    Moment,
    output::{Event, Output},
    record::{DownBy, Ending, Phase, ProcessId, Record, SlotNumber, State},
};

impl Monitor {
    /// Takes over a slot. `ending` is how its process ended meanwhile; `None` when it runs, or when there is none. A process
    /// that never was released has ended with its daemon. Call [`Self::taken_over`] after the last.
    pub fn take_over(
        &mut self,
        slot: SlotNumber,
        record: Record,
        ending: Option<Ending>,
        now: Moment,
    ) {
        self.sequence = self.sequence.max(record.sequence);
        let phase = record.phase.clone();
        self.insert(slot, record);
        self.touched.insert(slot);
        match (phase, ending) {
            (phase, Some(ending)) => {
                if let Some(process) = phase.process() {
                    self.ended(slot, process, ending, now);
                }
            }
            (Phase::Executing(process) | Phase::Running(process), None) => {
                self.tell(slot, Event::TakenOver(process));
                self.take_over_running(slot, process, now);
            }
            (Phase::Stopping(process), None) => self.take_over_stopping(slot, process, now),
            (Phase::Forking | Phase::Script, None) => {
                if let Some(of) = self.slots.get_mut(&slot) {
                    of.record.phase = Phase::Waiting(now);
                }
            }
            (Phase::Searching, None) => self.search(slot),
            (Phase::Idle, None) => {
                if let Some(of) = self.slots.get_mut(&slot)
                    && of.record.down_by == Some(DownBy::ErrorLimit)
                {
                    let retry = of.record.registration.retry_after;
                    of.deadline = retry.map(|retry| now + retry);
                }
            }
            (Phase::Waiting(_), None) => {}
        }
    }

    /// Every slot is taken over: decides what follows.
    pub fn taken_over(&mut self, now: Moment) {
        self.settle(now);
    }

    fn take_over_running(&mut self, slot: SlotNumber, process: ProcessId, now: Moment) {
        let Some(of) = self.slots.get_mut(&slot) else {
            return;
        };
        let record = &mut of.record;
        let background = record.registration.daemonize && record.state != State::Daemonize;
        match record.state {
            State::Ok => {
                of.deadline = record.registration.watchdog.map(|limit| now + limit);
                self.effects.push(Output::Watch { slot, process });
            }
            // The main process of one that went to the background already.
            _ if background && matches!(record.phase, Phase::Running(_)) => {
                self.effects.push(Output::Watch { slot, process });
                self.await_readiness(slot, now);
            }
            _ => self.watch(slot, process, now),
        }
    }

    fn take_over_stopping(&mut self, slot: SlotNumber, process: ProcessId, now: Moment) {
        self.effects.push(Output::Watch { slot, process });
        if let Some(of) = self.slots.get_mut(&slot) {
            of.record.phase = Phase::Running(process);
        }
        self.stop(slot, "an earlier daemon had begun to", now);
    }
}
