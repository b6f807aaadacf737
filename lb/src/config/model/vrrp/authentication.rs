//! Proofs that an advert comes from one of us.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::config::model::Word;

/// Text that no log and no debugger shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `authentication`, of version 2 alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// `auth_type`.
    pub kind: AuthenticationType,
    /// `auth_pass`, at most 8 bytes.
    pub password: Secret,
}

impl Authentication {
    /// The authentication data on the wire: the password for `PASS`, nothing for `AH`.
    #[must_use]
    pub fn wire_data(&self) -> [u8; 8] {
        match self.kind {
            AuthenticationType::Password => self.padded(),
            AuthenticationType::Header => [0; 8],
        }
    }

    /// The password, filled up with zeroes.
    #[must_use]
    pub fn padded(&self) -> [u8; 8] {
        let mut bytes = [0; 8];
        for (byte, given) in bytes.iter_mut().zip(self.password.expose().bytes()) {
            *byte = given;
        }
        bytes
    }
}

/// `auth_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthenticationType {
    /// `PASS`: the password in clear text (RFC 2338 §5.3.6.2).
    Password,
    /// `AH`: HMAC-MD5-96 in an authentication header (RFC 2338 §5.3.6.3).
    Header,
}

impl AuthenticationType {
    /// The number on the wire (RFC 2338 §5.3.6); 0 is none.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Password => 1,
            Self::Header => 2,
        }
    }
}

impl Word for AuthenticationType {
    const VALUES: &'static [Self] = &[Self::Password, Self::Header];
    const WORDS: &'static [&'static str] = &["PASS", "AH"];
}

/// `auth_hmac`: a trailer of HMAC-SHA-256 behind each advert, an extension of keepalived's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hmac {
    /// `key` lines.
    pub keys: Vec<HmacKey>,
    /// `active_key`: the id of the key that adverts are signed with; one of `keys`.
    pub active_key: u8,
    /// `time_window`: how old an advert may be.
    pub time_window: Duration,
    /// `anti_replay`.
    pub anti_replay: AntiReplay,
    /// `mode`.
    pub mode: HmacMode,
}

/// `key ID VALUE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HmacKey {
    /// Its id, 1 to 255.
    pub id: u8,
    /// What it is, or where.
    pub source: KeySource,
}

/// What a key is, or where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeySource {
    /// Its bytes as text, 32 to 64.
    Text(Secret),
    /// `hex:`, its bytes as 64 to 128 digits.
    Hex(Secret),
    /// `file:`, a path that nobody but its owner may read.
    File(String),
}

/// `anti_replay`: how adverts are put in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AntiReplay {
    /// By the clock, which the routers must agree on.
    #[default]
    Time,
    /// Each sender by its own count.
    Monotonic,
}

impl Word for AntiReplay {
    const VALUES: &'static [Self] = &[Self::Time, Self::Monotonic];
    const WORDS: &'static [&'static str] = &["time", "monotonic"];
}

/// `mode`: what becomes of adverts without a trailer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HmacMode {
    /// They are dropped.
    #[default]
    Enforce,
    /// They are taken.
    Permissive,
    /// They are taken, and sent too.
    ReceiveOnly,
}

impl Word for HmacMode {
    const VALUES: &'static [Self] = &[Self::Enforce, Self::Permissive, Self::ReceiveOnly];
    const WORDS: &'static [&'static str] = &["enforce", "permissive", "receive-only"];
}
