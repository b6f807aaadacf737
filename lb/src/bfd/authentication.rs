//! Proofs that a packet comes from the other end (RFC 5880 §6.7): a password, or a digest over packet and key.
//!
//! ```text
//! simple    type 1 │ length │ key id │ password, 1 to 16 bytes
//! MD5       type 2, 3 │ 24 │ key id │ 0 │ sequence number │ digest, 16 bytes
//! SHA1      type 4, 5 │ 28 │ key id │ 0 │ sequence number │ digest, 20 bytes
//! ```
//!
//! The digest is over the whole packet with the key, filled up with zeroes, where the digest will be.

use std::fmt;

use md5::{Digest as _, Md5};
use sha1::Sha1;

use super::{
    packet::{AUTHENTICATED, HEADER_LEN},
    refusal::Refusal,
};
use crate::config::model::bfd::AuthenticationKind;

/// Bytes of a section before its digest.
const HEAD: usize = 8;
/// Bytes of the head of a simple password.
const SIMPLE_HEAD: usize = 3;

/// A secret that both ends share; no log and no debugger shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Vec<u8>);

impl Key {
    /// A key of 1 to 16 bytes, or 20 with SHA1; `None` for another length.
    #[must_use]
    pub fn new(kind: AuthenticationKind, bytes: Vec<u8>) -> Option<Self> {
        (1..=kind.longest_key())
            .contains(&bytes.len())
            .then_some(Self(bytes))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// What one session needs to prove and to be proved.
#[derive(Clone, Debug)]
pub(super) struct Authenticator {
    kind: AuthenticationKind,
    key_id: u8,
    key: Key,
    /// `bfd.XmitAuthSeq`.
    sent: u32,
    /// `bfd.RcvAuthSeq`, where it is known.
    heard: Option<u32>,
}

impl Authenticator {
    /// `first` is where this end begins to count; at random (RFC 5880 §6.8.1).
    pub(super) const fn new(kind: AuthenticationKind, key_id: u8, key: Key, first: u32) -> Self {
        Self {
            kind,
            key_id,
            key,
            sent: first,
            heard: None,
        }
    }

    /// Takes a changed kind or key, and counts on.
    pub(super) fn adopt(&mut self, before: &Self) {
        (self.sent, self.heard) = (before.sent, before.heard);
    }

    /// Counts on where an earlier child was.
    pub(super) const fn resume(&mut self, sequence: Option<u32>) {
        if let Some(sequence) = sequence {
            self.sent = sequence;
        }
    }

    /// The number sent last, of a kind whose numbers need not be new with each packet.
    pub(super) const fn resumable(&self) -> Option<u32> {
        match self.kind {
            AuthenticationKind::MeticulousMd5 | AuthenticationKind::MeticulousSha1 => None,
            _ => Some(self.sent),
        }
    }

    /// The other end may have begun anew: any number counts.
    pub(super) const fn forget(&mut self) {
        self.heard = None;
    }

    /// The packet with its authentication section.
    pub(super) fn seal(&mut self, header: &[u8; HEADER_LEN]) -> Vec<u8> {
        let mut bytes = header.to_vec();
        bytes[1] |= AUTHENTICATED;
        if self.is_meticulous() {
            self.sent = self.sent.wrapping_add(1);
        }
        let section = if self.kind == AuthenticationKind::Simple {
            SIMPLE_HEAD + self.key.0.len()
        } else {
            HEAD + self.kind.longest_key()
        };
        // At most 24 + 28.
        bytes[3] = u8::try_from(HEADER_LEN + section).unwrap_or(u8::MAX);
        bytes.extend([
            self.kind.number(),
            u8::try_from(section).unwrap_or(u8::MAX),
            self.key_id,
        ]);
        if self.kind == AuthenticationKind::Simple {
            bytes.extend(&self.key.0);
            return bytes;
        }
        bytes.push(0);
        bytes.extend(self.sent.to_be_bytes());
        let digest = self.digest(&bytes);
        bytes.extend(digest);
        bytes
    }

    /// Judges a packet: `bytes` is all of it, `section` its end, `detect_mult` what it says.
    ///
    /// # Errors
    /// When it proves nothing.
    pub(super) fn verify(
        &mut self,
        bytes: &[u8],
        section: &[u8],
        detect_mult: u8,
    ) -> Result<(), Refusal> {
        let [kind, length, key_id, rest @ ..] = section else {
            return Err(Refusal::AuthenticationLength);
        };
        if *kind != self.kind.number() {
            return Err(Refusal::AuthenticationType(*kind));
        }
        if *key_id != self.key_id {
            return Err(Refusal::AuthenticationKey(*key_id));
        }
        if usize::from(*length) != section.len() {
            return Err(Refusal::AuthenticationLength);
        }
        if self.kind == AuthenticationKind::Simple {
            return if is_same(rest, &self.key.0) {
                Ok(())
            } else {
                Err(Refusal::AuthenticationFailed)
            };
        }
        let [_, a, b, c, d, digest @ ..] = rest else {
            return Err(Refusal::AuthenticationLength);
        };
        if digest.len() != self.kind.longest_key() {
            return Err(Refusal::AuthenticationLength);
        }
        let sequence = u32::from_be_bytes([*a, *b, *c, *d]);
        if !self.is_next(sequence, detect_mult) {
            return Err(Refusal::AuthenticationSequence(sequence));
        }
        let head = bytes.len().saturating_sub(digest.len());
        if !is_same(digest, &self.digest(bytes.get(..head).unwrap_or_default())) {
            return Err(Refusal::AuthenticationFailed);
        }
        self.heard = Some(sequence);
        Ok(())
    }

    /// RFC 5880 §6.7.3, §6.7.4: at most three times the multiplier ahead; a meticulous one never the same twice.
    fn is_next(&self, sequence: u32, detect_mult: u8) -> bool {
        let Some(heard) = self.heard else {
            return true;
        };
        let ahead = sequence.wrapping_sub(heard);
        let least = u32::from(self.is_meticulous());
        (least..=3 * u32::from(detect_mult)).contains(&ahead)
    }

    const fn is_meticulous(&self) -> bool {
        matches!(
            self.kind,
            AuthenticationKind::MeticulousMd5 | AuthenticationKind::MeticulousSha1
        )
    }

    /// Over what comes before the digest, and the key in its place.
    fn digest(&self, head: &[u8]) -> Vec<u8> {
        let mut key = self.key.0.clone();
        key.resize(self.kind.longest_key(), 0);
        match self.kind {
            AuthenticationKind::Sha1 | AuthenticationKind::MeticulousSha1 => {
                let digest = Sha1::new().chain_update(head).chain_update(key);
                digest.finalize().to_vec()
            }
            _ => {
                let digest = Md5::new().chain_update(head).chain_update(key);
                digest.finalize().to_vec()
            }
        }
    }
}

/// Compares in a time that does not tell where they differ.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let pairs = a.iter().zip(b);
    a.len() == b.len() && pairs.fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
