//! The bfd child: one loop between the wire and [`Bfd`]. No decisions here.

mod kernel;
mod memory;
mod sockets;

use std::time::{Duration, Instant};

use anyhow::Context;
use lb_common::bfd::Silence;

use self::{
    kernel::{Kernel, Silences, next_silences},
    memory::Memory,
    sockets::Sockets,
};
use super::{
    channel::{ChildChannel, FromChild, Plan, ToChild},
    parent::Parent,
    signals::Signals,
    succession::Succession,
};
use crate::{
    bfd::{
        Bfd, Key, Wanted,
        output::{Note, Output},
        sentence::{self, Weight},
    },
    cli::Role,
    config::model::bfd::{Authentication, BfdInstance},
    io::{
        feed::{Fact, Feed},
        memory::give_back,
        scheduling::{Priorities, raise_files, take_on},
        secret,
        timer::Timer,
    },
    observe::status::{BfdStatus, LoopStatus, SessionsStatus, Wait},
    supervisor::RunDir,
};

/// How often sockets that cannot be opened are tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The child's state beside the core.
struct Child {
    bfd: Bfd,
    rng: fastrand::Rng,
    sockets: Sockets,
    kernel: Kernel,
    silences: Option<Silences>,
    memory: Memory,
    feed: Option<Feed>,
    priorities: Priorities,
    /// When sockets that are missing are tried again.
    retry: Option<Instant>,
    is_configured: bool,
}

/// Runs the child until it is stopped.
///
/// # Errors
/// When it cannot work at all.
pub async fn run(
    channel: ChildChannel,
    mut succession: Succession,
    run_dir: &RunDir,
) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let mut timer = Timer::new().context("timer")?;
    let mut parent = Parent::new(Role::Bfd, channel);
    let mut child = Child::new(run_dir);
    loop {
        child.drain();
        let next = child.poll_timeout();
        timer.set(next).context("timer")?;
        tokio::select! {
            biased;
            // 1. Deadlines. Packets that wait are read first: who was silent is seen by what did not arrive, not by what was not read.
            expired = timer.expired() => {
                expired.context("timer")?;
                child.handle_timeout(next);
            }
            // 2. What the kernel watched. Packets that wait are read first here too.
            silences = next_silences(&mut child.silences) => child.handle_silences(&silences?),
            // 3. The wire.
            () = child.sockets.readable() => child.take(),
            // 4. Who wants to hear of sessions.
            stream = subscriber(&mut child.feed) => {
                let facts = child.facts();
                if let Some(feed) = &mut child.feed {
                    feed.welcome(stream, &facts);
                }
            }
            // 5. The parent.
            order = parent.recv() => match order {
                ToChild::Configure(plan) => {
                    succession.enter().await?;
                    child.configure(&plan);
                    give_back();
                    parent.send(FromChild::Configured);
                }
                ToChild::Snapshot { detailed } => {
                    parent.send(FromChild::Bfd(child.status(detailed)));
                }
                ToChild::Request { number, .. } => {
                    let answer = Err("sessions take no requests".to_owned());
                    parent.send(FromChild::Answer { number, answer });
                }
                // Virtual routers are the vrrp child's, and levels were taken on the way.
                ToChild::Follow(_) | ToChild::Forget(_) | ToChild::LogLevel(_) => {}
                ToChild::Stop(_) => break,
            },
            () = signals.stop() => break,
            () = child.priorities.over_limit() => {}
        }
    }
    child.stop();
    Ok(())
}

async fn subscriber(feed: &mut Option<Feed>) -> tokio::net::UnixStream {
    match feed {
        Some(feed) => feed.subscriber().await,
        None => std::future::pending().await,
    }
}

impl Child {
    fn new(run_dir: &RunDir) -> Self {
        let feed = Feed::serve(run_dir.session_feed());
        let feed = feed.inspect_err(|error| tracing::error!("{}", sentence::feed_failed(error)));
        // A socket for each session.
        raise_files().ok();
        Self {
            bfd: Bfd::new(),
            rng: fastrand::Rng::new(),
            sockets: Sockets::default(),
            kernel: Kernel::default(),
            silences: None,
            memory: Memory::new(run_dir.session_memory()),
            feed: feed.ok(),
            priorities: Priorities::new(Role::Bfd),
            retry: None,
            is_configured: false,
        }
    }

    /// Makes `plan` the one in force: the same way at start and at reload.
    fn configure(&mut self, plan: &Plan) {
        self.priorities.forget_delays();
        let global = &plan.config.global;
        take_on(Some(Role::Bfd), global);
        self.priorities
            .apply(&global.bfd_process, global.auto_priority);
        let sessions = plan.config.bfd_instances.iter();
        let wanted: Vec<Wanted> = sessions.filter_map(wanted).collect();
        let left = if std::mem::replace(&mut self.is_configured, true) {
            Vec::new()
        } else {
            self.memory.take()
        };
        // Before anything is heard, which an earlier child's watches would keep from us.
        self.silences = self.kernel.configure(plan, &mut self.bfd);
        let now = Instant::now();
        self.bfd.handle_config(&wanted, &left, &mut self.rng, now);
        self.adjust_sockets();
        // What goes says so before its socket is closed.
        self.drain();
        self.sockets.retain(&self.bfd);
        self.memory.keep(&self.bfd.remembered());
        let facts = self.facts();
        if let Some(feed) = &mut self.feed {
            feed.tell(&facts);
        }
    }

    fn adjust_sockets(&mut self) {
        let is_complete = self.sockets.adjust(&self.bfd, &mut self.rng);
        self.retry = (!is_complete).then(|| Instant::now() + RETRY);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let due = self.bfd.poll_timeout().map(|(due, _)| due);
        let audit = self.kernel.poll_timeout();
        due.into_iter().chain(self.retry).chain(audit).min()
    }

    fn handle_timeout(&mut self, due: Option<Instant>) {
        let late = due.map_or(Duration::ZERO, |due| due.elapsed());
        self.priorities.late(late);
        self.sockets.receive();
        self.take();
        let now = Instant::now();
        if self.retry.is_some_and(|at| at <= now) {
            self.adjust_sockets();
        }
        // As in `handle_silences`.
        self.drain();
        self.kernel.audit(&mut self.bfd, &mut self.rng, now);
        self.bfd.handle_timeout(&mut self.rng, now);
    }

    /// Hears of sessions that the kernel found silent.
    fn handle_silences(&mut self, silences: &[Silence]) {
        self.sockets.receive();
        self.take();
        // Who was heard since is watched anew before that, and what was said of it before does not count.
        self.drain();
        for silence in silences {
            self.kernel
                .handle_silence(&mut self.bfd, silence, &mut self.rng);
        }
    }

    /// Takes the datagrams in that were read.
    fn take(&mut self) {
        let (bfd, rng) = (&mut self.bfd, &mut self.rng);
        let now = Instant::now();
        self.sockets
            .take(|incoming| bfd.handle_packet(&incoming, rng, now));
    }

    /// Carries out what the core wants.
    fn drain(&mut self) {
        let mut facts = Vec::new();
        let (mut notes, mut is_memorable) = (Vec::new(), false);
        while let Some(output) = self.bfd.poll_output() {
            match output {
                Output::Send { session, payload } => self.sockets.send(session, &payload),
                Output::Watch {
                    session,
                    watch,
                    heard,
                } => {
                    let watch = watch.as_ref();
                    self.kernel.watch(&mut self.bfd, session, watch, heard);
                }
                Output::Turned {
                    name,
                    is_up,
                    expired,
                } => facts.push(Fact::new(&name, is_up, expired)),
                Output::Noted { name, what } => {
                    is_memorable |= matches!(what, Note::DetectionTime { .. });
                    notes.push((name, what));
                }
            }
        }
        // Those who act on it first, then those who read of it.
        if let Some(feed) = &mut self.feed {
            feed.tell(&facts);
        }
        for (name, what) in notes {
            note(&name, &what);
        }
        if is_memorable || !facts.is_empty() {
            self.memory.keep(&self.bfd.remembered());
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let facts = self.bfd.facts();
        facts
            .map(|(name, is_up)| Fact::new(name, is_up, false))
            .collect()
    }

    fn status(&mut self, detailed: bool) -> BfdStatus {
        let waits = if detailed {
            self.waits(Instant::now())
        } else {
            Vec::new()
        };
        self.kernel.ask_all(&mut self.bfd);
        let refused = self.bfd.refused().iter();
        BfdStatus {
            sessions: SessionsStatus {
                sessions: self.bfd.snapshot(Instant::now()),
                refused: refused
                    .map(|(name, count)| ((*name).to_owned(), *count))
                    .collect(),
            },
            event_loop: LoopStatus {
                longest_delay: self.priorities.longest_delay().as_secs_f64(),
                ..LoopStatus::default()
            },
            waits,
        }
    }

    fn waits(&self, now: Instant) -> Vec<Wait> {
        let sessions = self.bfd.waits();
        let sessions = sessions
            .map(|(name, due)| Wait::until(format!("session {name}: packet or silence"), due, now));
        let retry = self.retry.into_iter();
        let retry = retry.map(|due| Wait::until("sockets: tried again".to_owned(), due, now));
        sessions.chain(retry).collect()
    }

    /// Reloads to nothing: the other ends hear that it is meant, and nothing is left for a next child.
    fn stop(mut self) {
        // What this makes of sessions is nobody's failure any more.
        self.feed = None;
        self.bfd.handle_stop(&mut self.rng, Instant::now());
        self.drain();
        self.memory.keep(&[]);
    }
}

/// The session with its key; `None`, and a sentence, where it cannot prove what it should.
fn wanted(config: &BfdInstance) -> Option<Wanted> {
    let Some(given) = &config.authentication else {
        return Some((config.clone(), None));
    };
    match key(given) {
        Ok(key) => Some((config.clone(), Some(key))),
        Err(error) => {
            tracing::error!("{}", sentence::no_key(&config.name, &format!("{error:#}")));
            None
        }
    }
}

fn key(given: &Authentication) -> anyhow::Result<Key> {
    let line = secret::first_line(&given.file)?;
    let most = given.kind.longest_key();
    Key::new(given.kind, line.trim_ascii_end().to_vec())
        .with_context(|| format!("{}: a key has 1 to {most} bytes", given.file))
}

fn note(name: &str, what: &Note) {
    let (weight, text) = sentence::noted(name, what);
    match weight {
        Weight::Warning => tracing::warn!(session = name, "{text}"),
        Weight::Info => tracing::info!(session = name, "{text}"),
        Weight::Debug => tracing::debug!(session = name, "{text}"),
    }
}
