//! Sequence numbers of signed adverts, and which were seen.

use std::net::IpAddr;

use super::WallClock;

/// Senders that a multicast instance remembers.
const SENDERS: usize = 4;

/// A time and a count: 32 bits of seconds, 16 of 1/65536 s, 16 that tell apart what one clock reading made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence(pub(super) u64);

impl Sequence {
    /// The first number of a clock reading.
    pub(super) fn of(clock: WallClock) -> Self {
        Self(u64::from(clock.seconds()) << 32 | u64::from(clock.fraction()) << 16)
    }

    /// The one after.
    pub(super) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Serial number arithmetic (RFC 1982): numbers go round.
    pub(super) const fn is_newer_than(self, other: Self) -> bool {
        self.0.wrapping_sub(other.0).cast_signed() > 0
    }

    /// Seconds it is ahead of the clock; less than zero when it is behind.
    pub(super) fn ahead_of(self, clock: WallClock) -> i64 {
        let [a, b, c, d, ..] = self.0.to_be_bytes();
        let seconds = u32::from_be_bytes([a, b, c, d]);
        i64::from(seconds.wrapping_sub(clock.seconds()).cast_signed())
    }
}

/// The newest number of each sender.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// The one heard last is at the end.
    marks: Vec<(IpAddr, Sequence)>,
}

impl Marks {
    /// Forgets what is no longer of use: an advert that a forgotten mark would refuse is stale anyway.
    pub(super) fn forget(&mut self, is_of_use: impl Fn(Sequence) -> bool) {
        self.marks.retain(|(_, mark)| is_of_use(*mark));
    }

    /// Whether a number is newer than all of this sender before.
    pub(super) fn is_new(&self, sender: IpAddr, sequence: Sequence) -> bool {
        let mark = self.marks.iter().find(|(known, _)| *known == sender);
        mark.is_none_or(|(_, mark)| sequence.is_newer_than(*mark))
    }

    /// Remembers a number whose HMAC was good. Peers are all remembered; of a segment the senders heard last.
    pub(super) fn enter(&mut self, sender: IpAddr, sequence: Sequence, is_peer: bool) {
        self.marks.retain(|(known, _)| *known != sender);
        if !is_peer && self.marks.len() >= SENDERS {
            self.marks.remove(0);
        }
        self.marks.push((sender, sequence));
    }
}
