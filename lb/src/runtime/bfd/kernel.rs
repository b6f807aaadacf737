//! What the kernel watches of the sessions, where there is a data plane.

use std::time::{Duration, Instant};

use anyhow::Context;
use lb_common::bfd::Silence;

use crate::{
    bfd::{
        Bfd,
        output::{SessionId, Watch},
        sentence,
    },
    io::{
        sessions::Watches,
        watch,
        xdp::{Events, Pins},
    },
    runtime::channel::Plan,
};

/// How often the kernel is asked what it has heard, in case an event was lost.
const AUDIT: Duration = Duration::from_secs(1);

/// The kernel's part; none without a data plane, BPF timers or `bfd_xdp`.
#[derive(Default)]
pub(super) struct Kernel {
    watches: Option<Watches>,
    audit: Option<Instant>,
    /// The last complaint, so that each is in the log once.
    told: Option<String>,
}

/// Where the kernel tells of silence.
pub(super) type Silences = watch::Watch<Events<Silence>>;

/// Sessions that the kernel found silent; for ever where it watches none.
pub(super) async fn next_silences(events: &mut Option<Silences>) -> anyhow::Result<Vec<Silence>> {
    let Some(events) = events else {
        return std::future::pending().await;
    };
    let events = events.ready().await.context("BFD events")?;
    Ok(std::iter::from_fn(|| events.next_event()).collect())
}

impl Kernel {
    /// Takes up whether the kernel may watch; where it may, events come.
    pub(super) fn configure(&mut self, plan: &Plan, bfd: &mut Bfd) -> Option<Silences> {
        let may = plan.config.watches_bfd();
        let pins = plan.pins.as_ref().map(Pins::new);
        match pins.map(|pins| self.open(&pins)) {
            Some(Ok(events)) if may => return Some(events),
            Some(Err(error)) if may => self.complain(&error),
            _ => {}
        }
        self.forget(bfd);
        None
    }

    /// Opens what is pinned, which takes away what a child before this one watched, though this one may not watch itself.
    fn open(&mut self, pins: &Pins) -> anyhow::Result<Silences> {
        let events = watch::Watch::new(Events::of_sessions(pins)?)?;
        if self.watches.is_none() {
            self.watches = Some(Watches::open(pins)?);
        }
        Ok(events)
    }

    /// Has it watch nothing more.
    fn forget(&mut self, bfd: &mut Bfd) {
        for id in self.ids() {
            self.watch(bfd, id, None, Instant::now());
        }
        (self.watches, self.audit) = (None, None);
    }

    fn ids(&self) -> Vec<SessionId> {
        self.watches.iter().flat_map(Watches::ids).collect()
    }

    /// Carries out what the core asks for a session.
    pub(super) fn watch(
        &mut self,
        bfd: &mut Bfd,
        id: SessionId,
        watch: Option<&Watch>,
        heard: Instant,
    ) {
        self.ask(bfd, id);
        let Some(watches) = &mut self.watches else {
            return bfd.handle_watched(id, false);
        };
        let done = match watch {
            Some(watch) => watches.set(id, watch, heard),
            None => watches.end(id),
        };
        bfd.handle_watched(id, done.is_ok() && watch.is_some());
        if let Err(error) = done {
            self.complain(&error);
        }
    }

    /// Tells the core what the kernel has heard of a session. False where it hears nothing more.
    fn ask(&mut self, bfd: &mut Bfd, id: SessionId) -> bool {
        let looked = match &mut self.watches {
            Some(watches) => watches.look(id),
            None => Ok(None),
        };
        match looked {
            Ok(heard) => heard.is_none_or(|heard| {
                bfd.handle_heard(id, heard.at, heard.more);
                heard.is_watching
            }),
            Err(error) => {
                self.complain(&error);
                false
            }
        }
    }

    /// Tells the core what it has heard of all of them.
    pub(super) fn ask_all(&mut self, bfd: &mut Bfd) {
        for id in self.ids() {
            self.ask(bfd, id);
        }
    }

    /// The session is watched no longer, because of its silence.
    pub(super) fn handle_silence(
        &mut self,
        bfd: &mut Bfd,
        silence: &Silence,
        rng: &mut fastrand::Rng,
    ) {
        let watches = self.watches.as_ref();
        if let Some(id) = watches.and_then(|watches| watches.whose(silence)) {
            self.end(bfd, id, rng);
        }
    }

    fn end(&mut self, bfd: &mut Bfd, id: SessionId, rng: &mut fastrand::Rng) {
        self.ask(bfd, id);
        let ended = self.watches.as_mut().map(|watches| watches.end(id));
        if let Some(Err(error)) = ended {
            self.complain(&error);
        }
        bfd.handle_silence(id, rng, Instant::now());
    }

    /// When [`Self::audit`] is due; `None` while nothing is watched.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.audit
    }

    /// Looks for sessions whose silence was told to nobody, where that is due.
    pub(super) fn audit(&mut self, bfd: &mut Bfd, rng: &mut fastrand::Rng, now: Instant) {
        if self.audit.is_some_and(|at| at <= now) {
            self.audit = None;
            for id in self.ids() {
                if !self.ask(bfd, id) {
                    self.end(bfd, id, rng);
                }
            }
        }
        let watches_any = self.watches.iter().flat_map(Watches::ids).next().is_some();
        if watches_any && self.audit.is_none() {
            self.audit = Some(now + AUDIT);
        }
    }

    fn complain(&mut self, error: &anyhow::Error) {
        let text = sentence::unwatched(&format!("{error:#}"));
        if self.told.as_ref() != Some(&text) {
            tracing::warn!("{text}");
            self.told = Some(text);
        }
    }
}
