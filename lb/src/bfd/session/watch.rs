//! What of a session the kernel does: taking in packets that change nothing, and seeing when they stop.

use std::time::Instant;

use super::{Session, State, Turn};
use crate::bfd::{
    output::{Incoming, Output, Watch},
    packet::Control,
};

/// A watch that was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    watch: Watch,
    /// The kernel has it.
    is_on: bool,
}

impl Session {
    /// Whether the kernel sees the silence of the other end.
    pub(super) fn is_watched(&self) -> bool {
        self.watch.as_ref().is_some_and(|asked| asked.is_on)
    }

    /// Asks the kernel to take in packets like this one, where they say nothing new; of any other it takes none, until the next one that does.
    pub(in crate::bfd) fn watch_like(
        &mut self,
        incoming: &Incoming<'_>,
        control: &Control,
        turn: &mut Turn<'_>,
    ) {
        let wanted = self.watch(incoming, control);
        if self.watch.as_ref().map(|asked| &asked.watch) != wanted.as_ref() {
            self.ask(wanted, turn);
        }
    }

    /// `None` where the packet asks or answers, or the next one has to differ.
    fn watch(&self, incoming: &Incoming<'_>, control: &Control) -> Option<Watch> {
        let is_plain = !control.poll && !control.is_final;
        let repeats = self
            .authenticator
            .as_ref()
            .is_none_or(|authenticator| authenticator.resumable().is_some());
        let is_steady = self.state == State::Up && control.state == State::Up;
        (is_plain && repeats && is_steady).then_some(())?;
        Some(Watch {
            discriminator: control.your_discriminator?,
            source: incoming.source,
            destination: incoming.destination,
            is_multihop: incoming.is_multihop,
            min_ttl: self.config.min_ttl(),
            payload: incoming.payload.to_vec(),
            detection: self.detection_time()?,
        })
    }

    /// Has the kernel take in nothing more. Silence is counted from now until it has said when it heard the other end last.
    pub(super) fn unwatch(&mut self, turn: &mut Turn<'_>) {
        if self.is_watched() {
            self.expires = self.detection_time().map(|time| turn.now + time);
        }
        if self.watch.is_some() {
            self.ask(None, turn);
        }
    }

    fn ask(&mut self, wanted: Option<Watch>, turn: &mut Turn<'_>) {
        let heard = self.heard.unwrap_or(turn.now);
        self.watch = wanted.clone().map(|watch| Asked {
            watch,
            is_on: false,
        });
        turn.outputs.push_back(Output::Watch {
            session: turn.id,
            watch: wanted,
            heard,
        });
    }

    /// The kernel has what was asked last, or will not have it.
    pub(in crate::bfd) fn handle_watched(&mut self, is_on: bool) {
        if let Some(asked) = &mut self.watch {
            asked.is_on = is_on;
        }
    }

    /// The kernel took `more` packets in, the last one at `heard`.
    pub(in crate::bfd) fn handle_heard(&mut self, heard: Instant, more: u64) {
        self.received += more;
        if self.heard.is_none_or(|before| before < heard) {
            self.heard = Some(heard);
        }
        self.expect_next();
    }

    /// The kernel has heard nothing for the detection time. It watches no longer; who was heard here since is watched anew.
    pub(in crate::bfd) fn handle_silence(&mut self, turn: &mut Turn<'_>) {
        let Some(asked) = self.watch.take() else {
            return;
        };
        if self.expires.is_some_and(|at| at > turn.now) {
            return self.ask(Some(asked.watch), turn);
        }
        self.expire(turn);
    }

    /// Puts the detection off from when the other end was heard last.
    pub(super) fn expect_next(&mut self) {
        let detection = self.detection_time();
        let after = |times: u32| Some(self.heard? + detection? * times);
        (self.expires, self.forgets) = (after(1), after(2));
        self.is_reprieved = false;
    }
}
