//! The HMAC trailer of `auth_hmac`, an extension of keepalived's (since 2.4).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +---------------+---------------+-------------------------------+
//! |   type (1)    |    key id     |           reserved            |
//! +---------------+---------------+-------------------------------+
//! |                         seconds, UTC                          |
//! +-------------------------------+-------------------------------+
//! |       1/65536 seconds         |            counter            |
//! +-------------------------------+-------------------------------+
//! |                HMAC-SHA-256, its first 16 bytes                |
//! +---------------------------------------------------------------+
//! ```
//!
//! The HMAC covers a pseudo header (family, version, VRID, source), the advert with its checksum zero and the trailer with
//! its HMAC zero. The destination is not covered: one signature serves all peers.

use std::net::IpAddr;

use hmac::{Hmac as Mac, KeyInit, Mac as _};
use sha2::Sha256;

use super::{
    Keys, Refusal, Remark, WallClock,
    replay::{Marks, Sequence},
};
use crate::{
    config::model::{
        Family,
        vrrp::{self as model, AntiReplay, HmacMode, size::TRAILER_LEN},
    },
    vrrp::advert::Advertisement,
};

const HEAD: usize = 12;
const TAG: usize = TRAILER_LEN - HEAD;
const TYPE: u8 = 1;
const PSEUDO_HEADER: usize = 20;
const CHECKSUM: std::ops::Range<usize> = 6..8;

/// What an instance remembers of signed adverts.
#[derive(Debug)]
pub(super) struct Hmac {
    keys: Keys,
    active_key: u8,
    /// In seconds.
    window: i64,
    anti_replay: AntiReplay,
    mode: HmacMode,
    /// The number sent last.
    sent: Option<Sequence>,
    seen: Marks,
}

impl Hmac {
    pub(super) fn new(config: &model::Hmac, keys: Keys) -> Self {
        Self {
            keys,
            active_key: config.active_key,
            window: i64::try_from(config.time_window.as_secs()).unwrap_or(i64::MAX),
            anti_replay: config.anti_replay,
            mode: config.mode,
            sent: None,
            seen: Marks::default(),
        }
    }

    /// Takes a changed configuration, and keeps what was sent and seen.
    pub(super) fn adopt(&mut self, new: Self) {
        let (sent, seen) = (self.sent, std::mem::take(&mut self.seen));
        *self = Self { sent, seen, ..new };
    }

    /// False while adverts are to be signed and the key is missing.
    pub(super) fn can_send(&self) -> bool {
        self.mode == HmacMode::ReceiveOnly || self.keys.contains_key(&self.active_key)
    }

    /// The trailer of one advert; `None` where adverts are only received with one, or the active key is missing.
    pub(super) fn seal(
        &mut self,
        advert: &Advertisement,
        source: IpAddr,
        clock: WallClock,
    ) -> Option<[u8; TRAILER_LEN]> {
        if self.mode == HmacMode::ReceiveOnly {
            return None;
        }
        let sequence = self.next(clock);
        let key = self.keys.get(&self.active_key)?;
        let mut trailer = [0; TRAILER_LEN];
        trailer[0] = TYPE;
        trailer[1] = self.active_key;
        trailer[4..HEAD].copy_from_slice(&sequence.0.to_be_bytes());
        let message = advert.body(Family::of(source));
        let tag = mac(key.bytes(), &message, &trailer, source)?.finalize();
        trailer[HEAD..].copy_from_slice(tag.into_bytes().get(..TAG)?);
        Some(trailer)
    }

    /// The clock, or one more than the last number where the clock stands still or was set back.
    fn next(&mut self, clock: WallClock) -> Sequence {
        let reading = Sequence::of(clock);
        let next = match self.sent {
            Some(sent) if !reading.is_newer_than(sent) && !self.ran_away(sent, clock) => {
                sent.next()
            }
            _ => reading,
        };
        self.sent = Some(next);
        next
    }

    /// Numbers so far ahead of the clock that peers refuse them: the clock was set back.
    fn ran_away(&self, sent: Sequence, clock: WallClock) -> bool {
        self.anti_replay == AntiReplay::Time && sent.ahead_of(clock) > self.window
    }

    /// Judges the trailer of a message that is an advert between these addresses; empty means there is none.
    ///
    /// # Errors
    /// When it does not prove that the advert is new and from one of us.
    pub(super) fn verify(
        &mut self,
        message: &[u8],
        trailer: &[u8],
        source: IpAddr,
        is_peer: bool,
        clock: WallClock,
    ) -> Result<Option<Remark>, Refusal> {
        let Some((head, _)) = trailer.split_first_chunk::<HEAD>() else {
            return match self.mode {
                HmacMode::Enforce => Err(Refusal::HmacMissing),
                HmacMode::Permissive | HmacMode::ReceiveOnly => Ok(Some(Remark::HmacMissing)),
            };
        };
        let [kind, id, reserved @ .., a, b, c, d, e, f, g, h] = *head;
        if kind != TYPE || id == 0 || reserved != [0, 0] {
            return Err(Refusal::HmacMalformed);
        }
        let sequence = Sequence(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
        let ahead = sequence.ahead_of(clock);
        let by_time = self.anti_replay == AntiReplay::Time;
        if by_time && ahead.abs() > self.window {
            return Err(Refusal::HmacStale(ahead));
        }
        let key = self.keys.get(&id).ok_or(Refusal::HmacUnknownKey(id))?;
        let tag = trailer.get(HEAD..).unwrap_or_default();
        mac(key.bytes(), message, trailer, source)
            .ok_or(Refusal::HmacInvalid)?
            .verify_truncated_left(tag)
            .map_err(|_| Refusal::HmacInvalid)?;
        if by_time {
            let window = self.window;
            self.seen
                .forget(|mark| mark.ahead_of(clock).abs() <= window);
        }
        if !self.seen.is_new(source, sequence) {
            return Err(Refusal::HmacReplay);
        }
        self.seen.enter(source, sequence, is_peer);
        let skewed = by_time && ahead.abs() * 2 > self.window;
        Ok(skewed.then_some(Remark::ClockSkew(ahead)))
    }
}

/// Feeds everything that the HMAC covers; `None` for a message without a header.
fn mac(key: &[u8], message: &[u8], trailer: &[u8], source: IpAddr) -> Option<Mac<Sha256>> {
    let (head, rest) = message.split_at_checked(CHECKSUM.end)?;
    let mut mac = Mac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(&pseudo_header(head, source)?);
    mac.update(head.get(..CHECKSUM.start)?);
    mac.update(&[0; CHECKSUM.end - CHECKSUM.start]);
    mac.update(rest);
    mac.update(trailer.get(..HEAD)?);
    mac.update(&[0; TAG]);
    Some(mac)
}

fn pseudo_header(head: &[u8], source: IpAddr) -> Option<[u8; PSEUDO_HEADER]> {
    let mut bytes = [0; PSEUDO_HEADER];
    bytes[1] = head.first()? >> 4;
    bytes[2] = *head.get(1)?;
    match source {
        IpAddr::V4(source) => {
            bytes[0] = 4;
            bytes[4..8].copy_from_slice(&source.octets());
        }
        IpAddr::V6(source) => {
            bytes[0] = 6;
            bytes[4..].copy_from_slice(&source.octets());
        }
    }
    Some(bytes)
}
