//! One session: the state machine of RFC 5880 §6.8, and when it speaks.

mod timing;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    num::NonZeroU32,
    time::{Duration, Instant},
};

pub(super) use self::timing::MOST_SLACK;
use self::{
    timing::{jittered, slack},
    watch::Asked,
};
use super::{
    authentication::Authenticator,
    output::{Note, Output, Remembered, SessionId},
    packet::{Control, Diagnostic, Parsed, State},
    refusal::{Refusal, refuse_admin_down},
    snapshot::SessionSnapshot,
};
use crate::config::model::bfd::BfdInstance;
use lb_common::bfd::{REPRIEVE, STANDSTILL};

/// What a change of state follows from a packet (RFC 5880 §6.2, §6.8.6); `None` where it stays. A session that is AdminDown here takes
/// no packets.
pub(super) const fn transition(local: State, received: State) -> Option<State> {
    match (local, received) {
        (State::Down, State::Down) => Some(State::Init),
        (State::Down | State::Init, State::Init) | (State::Init, State::Up) => Some(State::Up),
        (State::Init | State::Up, State::AdminDown) | (State::Up, State::Down) => Some(State::Down),
        _ => None,
    }
}

/// What was last heard of the other end.
#[derive(Clone, Copy, Debug)]
struct Remote {
    discriminator: Option<NonZeroU32>,
    state: State,
    diagnostic: Diagnostic,
    min_tx: Duration,
    min_rx: Duration,
    /// 0 before anything is heard.
    detect_mult: u8,
    demand: bool,
}

impl Default for Remote {
    fn default() -> Self {
        Self {
            discriminator: None,
            state: State::Down,
            diagnostic: Diagnostic::NONE,
            min_tx: Duration::ZERO,
            min_rx: Duration::from_micros(1),
            detect_mult: 0,
            demand: false,
        }
    }
}

/// A poll sequence of ours (RFC 5880 §6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Poll {
    None,
    /// Packets have P until one with F comes.
    Running,
    /// The same, and what it was about has changed since: the answer may be to what was said before.
    Outdated,
}

/// What an input needs.
pub(super) struct Turn<'a> {
    pub(super) id: SessionId,
    pub(super) now: Instant,
    pub(super) rng: &'a mut fastrand::Rng,
    pub(super) outputs: &'a mut VecDeque<Output>,
}

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    config: BfdInstance,
    discriminator: NonZeroU32,
    authenticator: Option<Authenticator>,
    state: State,
    diagnostic: Diagnostic,
    /// Why it left Up last, also once it is back.
    last_diagnostic: Diagnostic,
    remote: Remote,
    /// The shortest time between two packets that we go by: after a poll sequence the configuration's.
    min_tx: Duration,
    /// The same for what we ask of the other end.
    min_rx: Duration,
    poll: Poll,
    next_tx: Option<Instant>,
    heard: Option<Instant>,
    expires: Option<Instant>,
    /// It was late, and packets were given time to come since.
    is_reprieved: bool,
    /// When the other end may have begun to count anew.
    forgets: Option<Instant>,
    /// What the kernel is to take in.
    watch: Option<Asked>,
    /// False while it is only taken for Up because an earlier child had it so.
    is_confirmed: bool,
    since: Instant,
    ups: u64,
    sent: u64,
    received: u64,
    refused: BTreeMap<&'static str, u64>,
    /// Refusals that the log has since the last change of state.
    told: BTreeSet<&'static str>,
    /// The key of its entry in the table of timers.
    pub(super) armed: Option<Instant>,
}

impl Session {
    pub(super) fn new(
        config: BfdInstance,
        discriminator: NonZeroU32,
        authenticator: Option<Authenticator>,
        turn: &mut Turn<'_>,
    ) -> Self {
        let mut session = Self {
            discriminator,
            authenticator,
            state: State::Down,
            diagnostic: Diagnostic::NONE,
            last_diagnostic: Diagnostic::NONE,
            remote: Remote::default(),
            min_tx: config.idle_tx,
            min_rx: config.min_rx,
            config,
            poll: Poll::None,
            next_tx: None,
            heard: None,
            expires: None,
            is_reprieved: false,
            forgets: None,
            watch: None,
            is_confirmed: true,
            since: turn.now,
            ups: 0,
            sent: 0,
            received: 0,
            refused: BTreeMap::new(),
            told: BTreeSet::new(),
            armed: None,
        };
        session.speak(turn);
        session
    }

    /// One that goes on where an earlier child left it. It is Up until the other end contradicts, or is silent for the detection time.
    pub(super) fn taken_up(
        config: BfdInstance,
        left: &Remembered,
        discriminator: NonZeroU32,
        authenticator: Option<Authenticator>,
        turn: &mut Turn<'_>,
    ) -> Self {
        let mut session = Self::new(
            config,
            discriminator,
            authenticator,
            &mut Turn {
                id: turn.id,
                now: turn.now,
                rng: turn.rng,
                outputs: &mut VecDeque::new(),
            },
        );
        session.sent = 0;
        session.state = State::Up;
        session.remote = Remote {
            discriminator: NonZeroU32::new(left.remote_discriminator),
            state: State::Up,
            min_tx: left.remote_min_tx,
            min_rx: left.remote_min_rx,
            detect_mult: left.remote_detect_mult,
            ..Remote::default()
        };
        session.is_confirmed = false;
        session.min_tx = session.config.min_tx;
        session.expires = session.detection_time().map(|time| turn.now + time);
        session.note(Note::TakenUp, turn);
        session.begin_poll(turn);
        session
    }

    pub(super) const fn config(&self) -> &BfdInstance {
        &self.config
    }

    pub(super) const fn discriminator(&self) -> NonZeroU32 {
        self.discriminator
    }

    /// Whether it is Up; `None` while that is only remembered.
    pub(super) fn is_up(&self) -> Option<bool> {
        self.is_confirmed.then_some(self.state == State::Up)
    }

    /// Name of the `bfd_instance`.
    pub(super) fn name(&self) -> &str {
        &self.config.name
    }

    /// What the next child should know; only of a session that is Up.
    pub(super) fn remembered(&self) -> Option<Remembered> {
        let sequence = match &self.authenticator {
            Some(authenticator) => Some(authenticator.resumable()?),
            None => None,
        };
        let discriminator = self.remote.discriminator?;
        (self.state == State::Up).then(|| Remembered {
            name: self.config.name.clone(),
            neighbor: self.config.neighbor,
            discriminator: self.discriminator.get(),
            remote_discriminator: discriminator.get(),
            remote_min_tx: self.remote.min_tx,
            remote_min_rx: self.remote.min_rx,
            remote_detect_mult: self.remote.detect_mult,
            sequence,
        })
    }

    /// Takes a changed configuration in (RFC 5880 §6.8.3): what is less strict counts at once, the rest when the other end knows.
    pub(super) fn handle_config(
        &mut self,
        config: BfdInstance,
        authenticator: Option<Authenticator>,
        turn: &mut Turn<'_>,
    ) {
        // What counted may not count any more.
        self.unwatch(turn);
        let before = std::mem::replace(&mut self.config, config);
        let old = std::mem::replace(&mut self.authenticator, authenticator);
        if let (Some(new), Some(old)) = (&mut self.authenticator, &old) {
            new.adopt(old);
        }
        if self.config == before {
            return;
        }
        let detection = self.detection_time();
        let desired = self.desired_min_tx();
        if self.state == State::Up {
            self.min_tx = self.min_tx.min(desired);
            self.min_rx = self.min_rx.max(self.config.min_rx);
        } else {
            (self.min_tx, self.min_rx) = (desired, self.config.min_rx);
        }
        self.tell_detection_time(detection, turn);
        let rates = |config: &BfdInstance| (config.min_tx, config.min_rx);
        if self.state == State::Up && rates(&before) != rates(&self.config) {
            self.begin_poll(turn);
        } else {
            self.speak(turn);
        }
    }

    /// Judges a packet that is of this session by its discriminator or its source.
    pub(super) fn judge(&mut self, parsed: &Parsed<'_>, now: Instant) -> Result<(), Refusal> {
        if !self.is_watched()
            && self.forgets.is_some_and(|at| at <= now)
            && let Some(authenticator) = &mut self.authenticator
        {
            authenticator.forget();
        }
        match (&mut self.authenticator, parsed.authentication) {
            (None, None) => {}
            (None, Some(_)) => return Err(Refusal::AuthenticationUnexpected),
            (Some(_), None) => return Err(Refusal::AuthenticationMissing),
            (Some(authenticator), Some(section)) => {
                authenticator.verify(parsed.bytes, section, parsed.control.detect_mult)?;
            }
        }
        refuse_admin_down(self.state)
    }

    /// Counts a packet that changes nothing.
    pub(super) fn refuse(&mut self, refusal: Refusal, turn: &mut Turn<'_>) {
        *self.refused.entry(refusal.name()).or_default() += 1;
        if self.told.insert(refusal.name()) {
            self.note(Note::Refused(refusal), turn);
        }
    }

    /// Takes a packet in that was judged (RFC 5880 §6.8.6).
    pub(super) fn handle_control(&mut self, control: &Control, turn: &mut Turn<'_>) {
        self.received += 1;
        self.heard = Some(turn.now);
        let (interval, detection) = (self.interval(), self.detection_time());
        let was_periodic = self.is_periodic();
        self.remote = Remote {
            discriminator: Some(control.my_discriminator),
            state: control.state,
            diagnostic: control.diagnostic,
            min_tx: control.desired_min_tx,
            min_rx: control.required_min_rx,
            detect_mult: control.detect_mult,
            demand: control.demand,
        };
        let polls_again = control.is_final && self.finish_poll();
        let to = transition(self.state, control.state);
        if let Some(state) = to {
            let diagnostic = match state {
                State::Down => Diagnostic::NEIGHBOR_DOWN,
                _ => Diagnostic::NONE,
            };
            self.enter(state, diagnostic, turn);
        }
        if !std::mem::replace(&mut self.is_confirmed, true) && self.state == State::Up {
            self.turned(turn);
        }
        self.tell_detection_time(detection, turn);
        self.expect_next();
        if control.poll {
            self.send(true, turn);
        }
        if to.is_some() || polls_again {
            self.speak(turn);
        } else if self.interval() != interval || self.is_periodic() != was_periodic {
            self.schedule_sooner(turn);
        } else if self.next_tx.is_none() {
            self.schedule(turn);
        }
    }

    /// Sends what is due and sees whether the other end is silent.
    pub(super) fn handle_timeout(&mut self, turn: &mut Turn<'_>) {
        if !self.is_watched()
            && let Some(at) = self.expires.filter(|at| *at <= turn.now)
        {
            let stood_still = turn.now - at > Duration::from_nanos(STANDSTILL);
            if stood_still && !std::mem::replace(&mut self.is_reprieved, true) {
                self.expires = Some(turn.now + Duration::from_nanos(REPRIEVE));
            } else {
                self.expire(turn);
            }
        }
        let early = slack(self.interval());
        if self.next_tx.is_some_and(|at| at <= turn.now + early) {
            self.send(false, turn);
            self.schedule(turn);
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        let expires = self.expires.filter(|_| !self.is_watched());
        self.next_tx.into_iter().chain(expires).min()
    }

    /// The operator ends it: the other end hears that it is meant.
    pub(super) fn handle_stop(&mut self, turn: &mut Turn<'_>) {
        if self.state != State::AdminDown {
            self.enter(State::AdminDown, Diagnostic::ADMIN_DOWN, turn);
            if self.is_allowed_to_speak() {
                self.send(false, turn);
            }
            (self.next_tx, self.expires) = (None, None);
        }
    }

    /// RFC 5880 §6.8.4; and whatever was known of the other end is not known any more (§6.8.1).
    fn expire(&mut self, turn: &mut Turn<'_>) {
        let silence = self.heard.map(|heard| turn.now - heard);
        let detection = self.detection_time().unwrap_or_default();
        let overdue = self.expires.map_or(Duration::ZERO, |at| turn.now - at);
        self.expires = None;
        let diagnostic = self.remote.diagnostic;
        self.remote = Remote {
            diagnostic,
            ..Remote::default()
        };
        if matches!(self.state, State::Init | State::Up) {
            let silence = silence.unwrap_or(detection);
            self.note(Note::Expired { silence, overdue }, turn);
            self.enter(State::Down, Diagnostic::EXPIRED, turn);
            self.speak(turn);
        }
        self.is_confirmed = true;
    }

    fn enter(&mut self, state: State, diagnostic: Diagnostic, turn: &mut Turn<'_>) {
        let was_up = self.state == State::Up;
        self.state = state;
        self.diagnostic = diagnostic;
        if state <= State::Down {
            self.last_diagnostic = diagnostic;
        }
        self.since = turn.now;
        self.told.clear();
        let remote = self.remote.diagnostic;
        self.note(
            Note::Entered {
                state,
                diagnostic,
                remote,
            },
            turn,
        );
        if state == State::Up {
            self.ups += 1;
            self.is_confirmed = true;
            self.turned(turn);
            // From now on it wants to be faster, or slower, than while it was not Up.
            self.min_tx = self.min_tx.min(self.config.min_tx);
            if self.config.min_tx != self.config.idle_tx {
                self.poll = Poll::Running;
                self.note(Note::Polling, turn);
            }
            return;
        }
        self.unwatch(turn);
        self.poll = Poll::None;
        (self.min_tx, self.min_rx) = (self.desired_min_tx(), self.config.min_rx);
        if was_up {
            self.is_confirmed = true;
            self.turned(turn);
        }
    }

    fn begin_poll(&mut self, turn: &mut Turn<'_>) {
        self.poll = match self.poll {
            Poll::None => {
                self.note(Note::Polling, turn);
                Poll::Running
            }
            Poll::Running | Poll::Outdated => Poll::Outdated,
        };
        self.speak(turn);
    }

    /// The other end answers; whether another sequence follows.
    fn finish_poll(&mut self) -> bool {
        match self.poll {
            Poll::None => false,
            Poll::Running => {
                self.poll = Poll::None;
                (self.min_tx, self.min_rx) = (self.desired_min_tx(), self.config.min_rx);
                false
            }
            Poll::Outdated => {
                self.poll = Poll::Running;
                true
            }
        }
    }

    /// `bfd.DesiredMinTxInterval`: at least a second while the session is not Up (RFC 5880 §6.8.3).
    const fn desired_min_tx(&self) -> Duration {
        match self.state {
            State::Up => self.config.min_tx,
            _ => self.config.idle_tx,
        }
    }

    /// Time between two packets, before jitter (RFC 5880 §6.8.7).
    fn interval(&self) -> Duration {
        self.min_tx.max(self.remote.min_rx)
    }

    /// RFC 5880 §6.8.4; `None` before anything is heard.
    fn detection_time(&self) -> Option<Duration> {
        let interval = self.min_rx.max(self.remote.min_tx);
        (self.remote.detect_mult > 0).then(|| interval * self.remote.detect_mult.into())
    }

    /// Whether the other end wants no periodic packets (RFC 5880 §6.6).
    fn is_demand_active(&self) -> bool {
        let both_up = self.state == State::Up && self.remote.state == State::Up;
        self.remote.demand && both_up
    }

    /// RFC 5880 §6.8.7, but for demand mode.
    fn is_allowed_to_speak(&self) -> bool {
        let is_waiting = self.config.passive && self.remote.discriminator.is_none();
        !is_waiting && !self.remote.min_rx.is_zero()
    }

    fn is_periodic(&self) -> bool {
        let is_silenced = self.is_demand_active() && self.poll == Poll::None;
        self.is_allowed_to_speak() && !is_silenced && self.state != State::AdminDown
    }

    /// Says at once what has changed, and goes on from there.
    fn speak(&mut self, turn: &mut Turn<'_>) {
        if self.is_periodic() {
            self.send(false, turn);
        }
        self.schedule(turn);
    }

    fn schedule(&mut self, turn: &mut Turn<'_>) {
        let wait = jittered(self.interval(), self.config.multiplier, turn.rng);
        self.next_tx = self.is_periodic().then(|| turn.now + wait);
    }

    /// The interval has changed: what was to come later comes sooner, and never later than it was to.
    fn schedule_sooner(&mut self, turn: &mut Turn<'_>) {
        let before = self.next_tx;
        self.schedule(turn);
        if let (Some(before), Some(now)) = (before, self.next_tx) {
            self.next_tx = Some(before.min(now));
        }
    }

    fn send(&mut self, is_final: bool, turn: &mut Turn<'_>) {
        let control = Control {
            diagnostic: self.diagnostic,
            state: self.state,
            poll: self.poll != Poll::None && !is_final,
            is_final,
            is_independent: false,
            demand: false,
            detect_mult: self.config.multiplier,
            my_discriminator: self.discriminator,
            your_discriminator: self.remote.discriminator,
            desired_min_tx: self.desired_min_tx(),
            required_min_rx: self.config.min_rx,
            required_min_echo_rx: Duration::ZERO,
        };
        let header = control.emit();
        let payload = match &mut self.authenticator {
            Some(authenticator) => authenticator.seal(&header),
            None => header.to_vec(),
        };
        self.sent += 1;
        turn.outputs.push_back(Output::Send {
            session: turn.id,
            payload,
        });
    }

    fn tell_detection_time(&self, before: Option<Duration>, turn: &mut Turn<'_>) {
        let now = self.detection_time();
        if let Some(time) = now
            && now != before
        {
            let before = before.unwrap_or_default();
            self.note(Note::DetectionTime { now: time, before }, turn);
        }
    }

    fn turned(&self, turn: &mut Turn<'_>) {
        turn.outputs.push_back(Output::Turned {
            name: self.config.name.clone(),
            is_up: self.state == State::Up,
            expired: self.state == State::Down && self.diagnostic == Diagnostic::EXPIRED,
        });
    }

    fn note(&self, what: Note, turn: &mut Turn<'_>) {
        let name = self.config.name.clone();
        turn.outputs.push_back(Output::Noted { name, what });
    }

    pub(super) fn snapshot(&self, now: Instant) -> SessionSnapshot {
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        SessionSnapshot {
            name: self.config.name.clone(),
            neighbor: self.config.neighbor,
            source: self.config.source,
            multihop: self.config.multihop,
            state: self.state,
            since: now.saturating_duration_since(self.since).as_secs_f64(),
            confirmed: self.is_confirmed,
            diagnostic: self.last_diagnostic.to_string(),
            remote_state: self.remote.state,
            remote_diagnostic: self.remote.diagnostic.to_string(),
            discriminator: self.discriminator.get(),
            remote_discriminator: self.remote.discriminator.map_or(0, NonZeroU32::get),
            tx_interval_ms: millis(self.interval()),
            rx_interval_ms: millis(self.min_rx.max(self.remote.min_tx)),
            detection_time_ms: self.detection_time().map(millis),
            watched: self.is_watched(),
            polling: self.poll != Poll::None,
            authentication: self.authenticator.is_some(),
            ups: self.ups,
            sent: self.sent,
            received: self.received,
            refused: self
                .refused
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect(),
        }
    }
}
