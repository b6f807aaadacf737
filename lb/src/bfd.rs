//! Bidirectional forwarding detection: RFC 5880, over one hop (RFC 5881) and several (RFC 5883).
//!
//! ```text
//!   datagram ──parse──▶ whose? ──▶ address, TTL, proof ──▶ state machine ──▶ Send, Turned, Noted
//!                                                             ▲
//!   configuration, deadlines ─────────────────────────────────┘
//! ```
//!
//! [`Bfd`] has all sessions of this node. It has no clock, socket or source of chance of its own. Asynchronous mode; demand mode is
//! honoured where the other end asks for it, and not asked for; there is no Echo function.
#![deny(clippy::disallowed_methods)]

mod authentication;
pub mod output;
pub mod packet;
pub mod refusal;
pub mod sentence;
mod session;
pub mod snapshot;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    num::NonZeroU32,
    time::Instant,
};

pub use self::authentication::Key;
use self::{
    authentication::Authenticator,
    output::{Incoming, Note, Output, Remembered, SessionId},
    packet::{Control, Parsed},
    refusal::Refusal,
    session::{MOST_SLACK, Session, Turn},
    snapshot::SessionSnapshot,
};
use crate::config::model::bfd::BfdInstance;

/// UDP ports to send from (RFC 5881 §4).
pub const SOURCE_PORTS: std::ops::RangeInclusive<u16> = 49152..=65535;

/// A session that is to be, with the key of its authentication where it has one.
pub type Wanted = (BfdInstance, Option<Key>);

/// All sessions.
#[derive(Debug, Default)]
pub struct Bfd {
    sessions: BTreeMap<SessionId, Session>,
    by_discriminator: BTreeMap<NonZeroU32, SessionId>,
    /// For packets without our discriminator.
    by_neighbor: BTreeMap<(IpAddr, bool), Vec<SessionId>>,
    /// When each session wants to be looked at, or earlier.
    timers: BTreeSet<(Instant, SessionId)>,
    /// Packets of no session, by reason.
    refused: BTreeMap<&'static str, u64>,
    next_id: u32,
    outputs: VecDeque<Output>,
}

impl Bfd {
    /// No sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes these the sessions, and no others. A session is the same as before when name, ends and kind are: it goes on undisturbed,
    /// and changed intervals are negotiated. `left` is what an earlier child knew.
    pub fn handle_config(
        &mut self,
        wanted: &[Wanted],
        left: &[Remembered],
        rng: &mut fastrand::Rng,
        now: Instant,
    ) {
        let mut before = std::mem::take(&mut self.sessions);
        for (config, key) in wanted {
            let authenticator = config.authentication.as_ref().zip(key.as_ref());
            let authenticator = authenticator.map(|(given, key)| {
                Authenticator::new(given.kind, given.key_id, key.clone(), rng.u32(..))
            });
            let same = before.iter().find(|(_, it)| is_same(it.config(), config));
            if let Some(id) = same.map(|(id, _)| *id)
                && let Some(mut session) = before.remove(&id)
            {
                let mut turn = turn(id, now, rng, &mut self.outputs);
                session.handle_config(config.clone(), authenticator, &mut turn);
                self.sessions.insert(id, session);
                continue;
            }
            let id = SessionId(self.next_id);
            self.next_id += 1;
            let session = self.begin(id, config, authenticator, left, rng, now);
            self.sessions.insert(id, session);
        }
        for (id, mut session) in before {
            let mut turn = turn(id, now, rng, &mut self.outputs);
            session.handle_stop(&mut turn);
            if let Some(armed) = session.armed {
                self.timers.remove(&(armed, id));
            }
        }
        self.index();
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in ids {
            self.arm(id);
        }
    }

    fn begin(
        &mut self,
        id: SessionId,
        config: &BfdInstance,
        authenticator: Option<Authenticator>,
        left: &[Remembered],
        rng: &mut fastrand::Rng,
        now: Instant,
    ) -> Session {
        let mut of_this = left.iter().filter(|left| {
            left.name == config.name
                && left.neighbor == config.neighbor
                && left.sequence.is_some() == authenticator.is_some()
        });
        let taken = of_this.find_map(|left| {
            let discriminator = NonZeroU32::new(left.discriminator)?;
            let is_free = !self.by_discriminator.contains_key(&discriminator);
            is_free.then_some((left, discriminator))
        });
        let Some((left, discriminator)) = taken else {
            let discriminator = self.choose_discriminator(rng);
            self.by_discriminator.insert(discriminator, id);
            let mut turn = turn(id, now, rng, &mut self.outputs);
            return Session::new(config.clone(), discriminator, authenticator, &mut turn);
        };
        self.by_discriminator.insert(discriminator, id);
        let authenticator = authenticator.map(|mut authenticator| {
            authenticator.resume(left.sequence);
            authenticator
        });
        let mut turn = turn(id, now, rng, &mut self.outputs);
        Session::taken_up(
            config.clone(),
            left,
            discriminator,
            authenticator,
            &mut turn,
        )
    }

    /// At random, so that nobody off the path can guess it (RFC 5880 §6.8.1, §9).
    fn choose_discriminator(&self, rng: &mut fastrand::Rng) -> NonZeroU32 {
        loop {
            if let Some(chosen) = NonZeroU32::new(rng.u32(..))
                && !self.by_discriminator.contains_key(&chosen)
            {
                return chosen;
            }
        }
    }

    fn index(&mut self) {
        self.by_discriminator.clear();
        self.by_neighbor.clear();
        for (id, session) in &self.sessions {
            self.by_discriminator.insert(session.discriminator(), *id);
            let config = session.config();
            let neighbor = (config.neighbor, config.multihop);
            self.by_neighbor.entry(neighbor).or_default().push(*id);
        }
    }

    /// Takes a datagram in.
    pub fn handle_packet(
        &mut self,
        incoming: &Incoming<'_>,
        rng: &mut fastrand::Rng,
        now: Instant,
    ) {
        let found = Control::parse(incoming.payload)
            .map_err(Refusal::from)
            .and_then(|parsed| Ok((self.find(&parsed, incoming)?, parsed)));
        let (id, parsed) = match found {
            Ok(found) => found,
            Err(refusal) => return self.refuse(incoming.source, refusal),
        };
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let mut turn = turn(id, now, rng, &mut self.outputs);
        let judged = judge(session.config(), incoming);
        match judged.and_then(|()| session.judge(&parsed, now)) {
            Ok(()) => {
                session.handle_control(&parsed.control, &mut turn);
                session.watch_like(incoming, &parsed.control, &mut turn);
            }
            Err(refusal) => session.refuse(refusal, &mut turn),
        }
        self.arm(id);
    }

    /// By our discriminator where the packet has it, by its source where not (RFC 5880 §6.3).
    fn find(&self, parsed: &Parsed<'_>, incoming: &Incoming<'_>) -> Result<SessionId, Refusal> {
        if let Some(discriminator) = parsed.control.your_discriminator {
            let found = self.by_discriminator.get(&discriminator).copied();
            return found.ok_or(Refusal::NoSession(discriminator.get()));
        }
        let neighbor = (incoming.source, incoming.is_multihop);
        let candidates = self.by_neighbor.get(&neighbor).into_iter().flatten();
        let source = |id: &SessionId| self.sessions.get(id)?.config().source;
        let exact = candidates
            .clone()
            .find(|id| source(id) == Some(incoming.destination));
        let any = || candidates.clone().find(|id| source(id).is_none());
        exact.or_else(any).copied().ok_or(Refusal::NoSession(0))
    }

    fn refuse(&mut self, source: IpAddr, refusal: Refusal) {
        let count = self.refused.entry(refusal.name()).or_default();
        *count += 1;
        if *count == 1 {
            self.outputs.push_back(Output::Noted {
                name: source.to_string(),
                what: Note::Refused(refusal),
            });
        }
    }

    /// The kernel watches a session as it was asked last, or will not.
    pub fn handle_watched(&mut self, id: SessionId, is_on: bool) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.handle_watched(is_on);
        }
        self.arm(id);
    }

    /// The kernel took `more` packets of a session in since it was asked last, the latest at `heard`.
    pub fn handle_heard(&mut self, id: SessionId, heard: Instant, more: u64) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.handle_heard(heard, more);
        }
        self.arm(id);
    }

    /// The kernel heard nothing of a session it watched for the detection time, and watches it no longer. Told after
    /// [`Self::handle_heard`], and after the packets that wait.
    pub fn handle_silence(&mut self, id: SessionId, rng: &mut fastrand::Rng, now: Instant) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.handle_silence(&mut turn(id, now, rng, &mut self.outputs));
        }
        self.arm(id);
    }

    /// Sends what is due and finds who is silent.
    pub fn handle_timeout(&mut self, rng: &mut fastrand::Rng, now: Instant) {
        let due: Vec<_> = self
            .timers
            .range(..=(now + MOST_SLACK, SessionId(u32::MAX)))
            .map(|(_, id)| *id)
            .collect();
        for id in due {
            let Some(session) = self.sessions.get_mut(&id) else {
                continue;
            };
            session.handle_timeout(&mut turn(id, now, rng, &mut self.outputs));
            if let Some(armed) = session.armed
                && session.due() != Some(armed)
            {
                self.timers.remove(&(armed, id));
                session.armed = None;
            }
            self.arm(id);
        }
    }

    /// When [`Self::handle_timeout`] is due next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.timers.first().map(|(due, _)| (*due, "session"))
    }

    /// When each session is looked at next.
    pub fn waits(&self) -> impl Iterator<Item = (&str, Instant)> {
        self.timers.iter().filter_map(|(due, id)| {
            let session = self.sessions.get(id)?;
            Some((session.name(), *due))
        })
    }

    /// Has the session looked at when it wants to be. An entry that comes too early stays: each packet moves the detection further away,
    /// and a packet of ours is due before.
    fn arm(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Some(due) = session.due() else {
            return;
        };
        if session.armed.is_some_and(|armed| armed <= due) {
            return;
        }
        if let Some(armed) = session.armed.replace(due) {
            self.timers.remove(&(armed, id));
        }
        self.timers.insert((due, id));
    }

    /// Ends all sessions; the other ends hear that it is meant (RFC 5880 §6.8.16).
    pub fn handle_stop(&mut self, rng: &mut fastrand::Rng, now: Instant) {
        for (id, session) in &mut self.sessions {
            session.handle_stop(&mut turn(*id, now, rng, &mut self.outputs));
        }
        self.timers.clear();
    }

    /// The next effect; drain to `None` after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The configuration of each session.
    pub fn configs(&self) -> impl Iterator<Item = (SessionId, &BfdInstance)> {
        self.sessions.iter().map(|(id, it)| (*id, it.config()))
    }

    /// Name and state of each session; not of one that is Up only because an earlier child had it so.
    pub fn facts(&self) -> impl Iterator<Item = (&str, bool)> {
        let sessions = self.sessions.values();
        sessions.filter_map(|it| Some((it.config().name.as_str(), it.is_up()?)))
    }

    /// What the next child should know.
    #[must_use]
    pub fn remembered(&self) -> Vec<Remembered> {
        let sessions = self.sessions.values();
        sessions.filter_map(Session::remembered).collect()
    }

    /// What observers see of the sessions, by name.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Vec<SessionSnapshot> {
        let sessions = self.sessions.values();
        let mut all: Vec<_> = sessions.map(|session| session.snapshot(now)).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Packets of no session, by reason.
    #[must_use]
    pub const fn refused(&self) -> &BTreeMap<&'static str, u64> {
        &self.refused
    }
}

fn turn<'a>(
    id: SessionId,
    now: Instant,
    rng: &'a mut fastrand::Rng,
    outputs: &'a mut VecDeque<Output>,
) -> Turn<'a> {
    Turn {
        id,
        now,
        rng,
        outputs,
    }
}

/// Whether two configurations are of one session.
fn is_same(a: &BfdInstance, b: &BfdInstance) -> bool {
    let key = |config: &BfdInstance| (config.neighbor, config.source, config.multihop);
    a.name == b.name && key(a) == key(b)
}

/// What the envelope of a packet must be like.
fn judge(config: &BfdInstance, incoming: &Incoming<'_>) -> Result<(), Refusal> {
    if incoming.is_multihop != config.multihop {
        return Err(Refusal::Port);
    }
    let is_ours = config
        .source
        .is_none_or(|source| source == incoming.destination);
    if incoming.source != config.neighbor || !is_ours {
        return Err(Refusal::Address);
    }
    if incoming.ttl < config.min_ttl() {
        return Err(Refusal::Ttl(incoming.ttl));
    }
    Ok(())
}
