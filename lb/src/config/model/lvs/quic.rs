//! Server ids of QUIC.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// `quic_server_id`: the bytes by which a real server is told in the connection IDs it gives out, one to eight of them
/// (draft-ietf-quic-load-balancers, in plaintext: they follow the first byte).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuicServerId {
    /// As a number in network byte order.
    value: u64,
    length: u8,
}

impl QuicServerId {
    /// Reads 2 to 16 hexadecimal digits, two for each byte.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_whole = matches!(text.len(), 2..=16) && text.len().is_multiple_of(2);
        if !is_hex || !is_whole {
            return None;
        }
        Some(Self {
            value: u64::from_str_radix(text, 16).ok()?,
            length: u8::try_from(text.len() / 2).ok()?,
        })
    }

    /// As a number in network byte order.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.value
    }

    /// Its bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub const fn len(self) -> u8 {
        self.length
    }
}

/// As it is written.
impl fmt::Display for QuicServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.length) * 2;
        write!(f, "{:0digits$x}", self.value)
    }
}

impl fmt::Debug for QuicServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for QuicServerId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for QuicServerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("no server id"))
    }
}
