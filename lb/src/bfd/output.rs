//! What the sessions hear and what they want.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    packet::{Diagnostic, State},
    refusal::Refusal,
};

/// A session, as long as it is configured; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(super) u32);

/// A UDP datagram as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Whether it came by the port of multihop sessions (RFC 5883 §5).
    pub is_multihop: bool,
    /// The payload.
    pub payload: &'a [u8],
}

/// What a session of an earlier child knew, so that the next one goes on where the other end does not notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Name of the `bfd_instance`.
    pub name: String,
    /// The other end.
    pub neighbor: IpAddr,
    /// Our name for the session.
    pub discriminator: u32,
    /// The other end's.
    pub remote_discriminator: u32,
    /// What the other end last said of its intervals.
    pub remote_min_tx: Duration,
    /// The same for what it takes.
    pub remote_min_rx: Duration,
    /// Its multiplier.
    pub remote_detect_mult: u8,
    /// The sequence number of our authentication; not of a meticulous one, which the next child cannot know.
    pub sequence: Option<u32>,
}

/// What the kernel may take in for a session that is Up: packets equal to this one. Each puts the detection off, and changes nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Our name for the session, which the packets have.
    pub discriminator: NonZeroU32,
    /// Where they come from.
    pub source: IpAddr,
    /// Where they go.
    pub destination: IpAddr,
    /// Whether they come by the port of multihop sessions.
    pub is_multihop: bool,
    /// The least TTL or hop limit that counts.
    pub min_ttl: u8,
    /// The UDP payload.
    pub payload: Vec<u8>,
    /// Silence for so long is the end of the session.
    pub detection: Duration,
}

/// An effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this to the other end of the session.
    Send {
        /// The session.
        session: SessionId,
        /// The UDP payload.
        payload: Vec<u8>,
    },
    /// The kernel is to watch the session so, or not any more; answered by [`Bfd::handle_watched`](super::Bfd::handle_watched) and
    /// [`Bfd::handle_heard`](super::Bfd::handle_heard).
    Watch {
        /// The session.
        session: SessionId,
        /// What is taken in.
        watch: Option<Watch>,
        /// When the other end was heard last.
        heard: Instant,
    },
    /// Those who track the session are to hear of it.
    Turned {
        /// Name of the `bfd_instance`.
        name: String,
        /// Whether it is Up.
        is_up: bool,
        /// It is not, because nothing was heard for the detection time.
        expired: bool,
    },
    /// For the log.
    Noted {
        /// Name of the `bfd_instance`; the source's address where there is none.
        name: String,
        /// What happened.
        what: Note,
    },
}

/// What an operator may want to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The session entered a state.
    Entered {
        /// Which.
        state: State,
        /// Why, for states below Init.
        diagnostic: Diagnostic,
        /// What the other end said last of its own.
        remote: Diagnostic,
    },
    /// Nothing was heard for the detection time.
    Expired {
        /// Since the last packet.
        silence: Duration,
        /// How much later than it should this was seen.
        overdue: Duration,
    },
    /// The detection time is another one.
    DetectionTime {
        /// It is now.
        now: Duration,
        /// It was; zero where there was none.
        before: Duration,
    },
    /// A poll sequence begins.
    Polling,
    /// A session of an earlier child goes on.
    TakenUp,
    /// A packet did not count; each kind once until the state changes.
    Refused(Refusal),
}
