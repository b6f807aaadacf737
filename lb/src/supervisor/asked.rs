//! Requests of operators that a child has not answered yet.

use std::collections::BTreeMap;

use super::control;
use crate::{cli::Role, io::control::Reply, observe::answer};

/// Who waits for which answer.
#[derive(Debug, Default)]
pub(super) struct Asked {
    last: u64,
    waiting: BTreeMap<u64, (Role, Reply)>,
}

impl Asked {
    /// Notes who waits for an answer of the child; returns the number of the request.
    pub(super) fn add(&mut self, role: Role, reply: Reply) -> u64 {
        self.last += 1;
        self.waiting.insert(self.last, (role, reply));
        self.last
    }

    /// Answers a request, unless it has been.
    pub(super) fn answer(&mut self, number: u64, answer: Result<String, String>) {
        if let Some((_, reply)) = self.waiting.remove(&number) {
            match answer {
                Ok(words) => control::answer(reply, words),
                Err(why) => control::refuse(reply, why),
            }
        }
    }

    /// Answers a request that took too long.
    pub(super) fn give_up(&mut self, number: u64) {
        if let Some((role, reply)) = self.waiting.remove(&number) {
            control::refuse(reply, answer::no_answer(role));
        }
    }

    /// Answers all that wait for the child: it is gone.
    pub(super) fn refuse_all(&mut self, role: Role) {
        for (_, (_, reply)) in self.waiting.extract_if(.., |_, (of, _)| *of == role) {
            control::refuse(reply, answer::no_answer(role));
        }
    }
}
