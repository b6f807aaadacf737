//! Requests of operators that the vrrp child has not answered yet.

use std::collections::BTreeMap;

use super::control::Reply;

/// Who waits for which answer.
#[derive(Debug, Default)]
pub(super) struct Asked {
    last: u64,
    waiting: BTreeMap<u64, Reply>,
}

impl Asked {
    /// Notes who waits; returns the number of the request.
    pub(super) fn add(&mut self, reply: Reply) -> u64 {
        self.last += 1;
        self.waiting.insert(self.last, reply);
        self.last
    }

    /// Answers a request, unless it has been.
    pub(super) fn answer(&mut self, number: u64, answer: Result<String, String>) {
        if let Some(reply) = self.waiting.remove(&number) {
            reply.answer(answer);
        }
    }

    /// Answers all that wait: nobody else will.
    pub(super) fn refuse_all(&mut self, why: &str) {
        for (_, reply) in std::mem::take(&mut self.waiting) {
            reply.answer(Err(why.to_owned()));
        }
    }
}
