//! What operators ask of a keepalive daemon.

use super::{Daemon, Leaving};
use crate::{
    io::{
        control::Reply,
        keepalive::{now, search},
    },
    keepalive::{
        record::SlotNumber,
        registration::Registration,
        request::{Answer, Request},
        table::SLOTS_MAX,
    },
    observe::keepalive as say,
};

impl Daemon {
    pub(super) fn asked(
        &mut self,
        request: Result<Request, String>,
        reply: Option<Reply>,
    ) -> anyhow::Result<()> {
        let answer = match request {
            Ok(request) => self.answer(request)?,
            Err(why) => Answer::Refused(why),
        };
        match (reply, answer) {
            (Some(reply), answer) => self.answered = Some(reply.answer(answer)),
            (None, Answer::Refused(why)) => say::fifo_refused(&why),
            (None, Answer::Done(_) | Answer::Here { .. }) => {}
        }
        Ok(())
    }

    fn answer(&mut self, request: Request) -> anyhow::Result<Answer> {
        let now = now()?;
        let outcome = match request {
            Request::Register(_) | Request::Adopt { .. } if self.leaving == Leaving::Quit => {
                Err(say::QUITTING.to_owned())
            }
            Request::Register(registrations) => self.monitor.register(registrations, now),
            Request::Adopt {
                registration,
                pid,
                arguments,
            } => self.adopt(*registration, pid, arguments)?,
            Request::Unregister { which, kill } => self.monitor.unregister(&which, kill, now),
            Request::Clear { which, kill } => self.monitor.clear_errors(&which, kill, now),
            Request::Resize(slots) => self.resize(slots),
            Request::Query => return Ok(self.here()),
            Request::Quit { kill } => {
                self.monitor.unregister_all(kill, now);
                self.leaving = Leaving::Quit;
                Ok(Vec::new())
            }
        };
        Ok(outcome.map_or_else(Answer::Refused, Answer::Done))
    }

    fn adopt(
        &mut self,
        registration: Registration,
        pid: u32,
        arguments: bool,
    ) -> anyhow::Result<Result<Vec<SlotNumber>, String>> {
        Ok(match search::running(pid) {
            Ok(running) => self
                .monitor
                .adopt(registration, &running, arguments, now()?),
            Err(error) => Err(say::no_process(pid, &error)),
        })
    }

    fn resize(&mut self, slots: u32) -> Result<Vec<SlotNumber>, String> {
        if !(1..=SLOTS_MAX).contains(&slots) {
            return Err(say::table_size(slots));
        }
        let before = self.table.slots();
        let done = self.monitor.resize(slots)?;
        if let Err(error) = self.table.resize(slots, self.monitor.records()) {
            // What was there is in use still.
            drop(self.monitor.resize(before));
            return Err(error.to_string());
        }
        Ok(done)
    }

    fn here(&self) -> Answer {
        let used = self.monitor.records().count();
        Answer::Here {
            pid: std::process::id(),
            node: self.settings.node.clone(),
            used: u32::try_from(used).unwrap_or(u32::MAX),
            slots: self.table.slots(),
        }
    }
}
