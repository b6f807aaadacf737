//! A kernel that watches the session of a node, as the programs do.

use std::time::Instant;

use crate::bfd::{
    Bfd,
    output::{Incoming, SessionId, Watch},
};

/// What it watches, if anything.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    watching: Option<Watching>,
    /// Packets that it has kept from the node.
    pub(super) absorbed: u64,
}

#[derive(Debug)]
struct Watching {
    session: SessionId,
    watch: Watch,
    heard: Instant,
    more: u64,
}

impl Kernel {
    /// What it was asked to watch last.
    pub(super) fn watch(&self) -> Option<&Watch> {
        self.watching.as_ref().map(|watching| &watching.watch)
    }

    /// Takes up what the node asks.
    pub(super) fn take(
        &mut self,
        bfd: &mut Bfd,
        session: SessionId,
        watch: Option<Watch>,
        heard: Instant,
    ) {
        if let Some(before) = self.watching.take() {
            bfd.handle_heard(session, before.heard, before.more);
        }
        bfd.handle_watched(session, watch.is_some());
        self.watching = watch.map(|watch| Watching {
            session,
            watch,
            heard,
            more: 0,
        });
    }

    /// Whether the node need not see a packet.
    pub(super) fn absorbs(&mut self, incoming: &Incoming<'_>, now: Instant) -> bool {
        let Some(watching) = &mut self.watching else {
            return false;
        };
        let watch = &watching.watch;
        let is_expected = watch.payload == incoming.payload
            && watch.source == incoming.source
            && watch.destination == incoming.destination
            && watch.is_multihop == incoming.is_multihop
            && watch.min_ttl <= incoming.ttl;
        if is_expected {
            watching.heard = now;
            watching.more += 1;
            self.absorbed += 1;
        }
        is_expected
    }

    /// Tells the node what it has heard until now.
    pub(super) fn tell(&mut self, bfd: &mut Bfd) {
        if let Some(watching) = &mut self.watching {
            let more = std::mem::take(&mut watching.more);
            bfd.handle_heard(watching.session, watching.heard, more);
        }
    }

    /// When its timer ends.
    pub(super) fn due(&self) -> Option<Instant> {
        let watching = self.watching.as_ref()?;
        Some(watching.heard + watching.watch.detection)
    }

    /// Tells the node of silence, where there is any.
    pub(super) fn wake(&mut self, bfd: &mut Bfd, rng: &mut fastrand::Rng, now: Instant) {
        if self.due().is_some_and(|due| due <= now)
            && let Some(ended) = self.watching.take()
        {
            bfd.handle_heard(ended.session, ended.heard, ended.more);
            bfd.handle_silence(ended.session, rng, now);
        }
    }
}
