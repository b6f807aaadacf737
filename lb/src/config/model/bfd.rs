//! `bfd_instance`: a BFD session (RFC 5880).

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Family, Word, track::TrackWeight};

/// `bfd_instance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BfdInstance {
    /// The block's name, unique among sessions.
    pub name: String,
    /// `neighbor_ip`.
    pub neighbor: IpAddr,
    /// `source_ip`; the kernel's choice where there is none.
    pub source: Option<IpAddr>,
    /// `min_rx`: the shortest time between two packets that this end takes.
    pub min_rx: Duration,
    /// `min_tx`: the shortest time between two packets that this end sends.
    pub min_tx: Duration,
    /// `idle_tx`: time between two packets while the session is not Up.
    pub idle_tx: Duration,
    /// `multiplier`: packets missing in a row that end the session (`bfd.DetectMult`).
    pub multiplier: u8,
    /// `passive`: this end waits for the other one.
    pub passive: bool,
    /// `ttl` of packets sent.
    pub ttl: u8,
    /// `max_hops`: how many hops a packet may have made; `None` where nobody looks.
    pub max_hops: Option<u8>,
    /// `multihop`: RFC 5883, on port 4784.
    pub multihop: bool,
    /// `weight`, -253 to 253, of instances that track it.
    pub weight: TrackWeight,
    /// Whether the vrrp child hears of it.
    pub for_vrrp: bool,
    /// Whether the checkers child hears of it.
    pub for_checker: bool,
    /// `authentication`, an extension.
    pub authentication: Option<Authentication>,
}

/// `authentication TYPE ID FILE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// How packets prove where they come from.
    pub kind: AuthenticationKind,
    /// Name of the key on the wire.
    pub key_id: u8,
    /// Path of a file whose first line is the key, and that nobody but its owner may read.
    pub file: String,
}

/// How packets prove where they come from (RFC 5880 §4.1, `Auth Type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthenticationKind {
    /// A password in clear text.
    Simple,
    /// MD5 over packet and key, with a sequence number that may stay.
    Md5,
    /// The same with a new number for each packet.
    MeticulousMd5,
    /// SHA1 over packet and key, with a sequence number that may stay.
    Sha1,
    /// The same with a new number for each packet.
    MeticulousSha1,
}

impl AuthenticationKind {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Simple => 1,
            Self::Md5 => 2,
            Self::MeticulousMd5 => 3,
            Self::Sha1 => 4,
            Self::MeticulousSha1 => 5,
        }
    }

    /// The most bytes that a key has, and the bytes of a digest.
    #[must_use]
    pub const fn longest_key(self) -> usize {
        match self {
            Self::Simple | Self::Md5 | Self::MeticulousMd5 => 16,
            Self::Sha1 | Self::MeticulousSha1 => 20,
        }
    }
}

impl Word for AuthenticationKind {
    const VALUES: &'static [Self] = &[
        Self::Simple,
        Self::Md5,
        Self::MeticulousMd5,
        Self::Sha1,
        Self::MeticulousSha1,
    ];
    const WORDS: &'static [&'static str] =
        &["simple", "md5", "meticulous_md5", "sha1", "meticulous_sha1"];
}

impl BfdInstance {
    /// A session with every default.
    #[must_use]
    pub fn new(name: &str, neighbor: IpAddr) -> Self {
        Self {
            name: name.to_owned(),
            neighbor,
            source: None,
            min_rx: Duration::from_millis(10),
            min_tx: Duration::from_millis(10),
            idle_tx: Duration::from_secs(1),
            multiplier: 5,
            passive: false,
            ttl: Self::default_ttl(Family::of(neighbor)),
            max_hops: Some(0),
            multihop: false,
            weight: TrackWeight::default(),
            for_vrrp: true,
            for_checker: true,
            authentication: None,
        }
    }

    /// The least TTL or hop limit of a packet that counts, by keepalived's rule: both ends are taken to send with the same.
    #[must_use]
    pub const fn min_ttl(&self) -> u8 {
        match self.max_hops {
            Some(hops) => self.ttl.saturating_sub(hops),
            None => 0,
        }
    }

    /// keepalived's default TTL: 64 for IPv6, against RFC 5881 §5.
    #[must_use]
    pub const fn default_ttl(family: Family) -> u8 {
        match family {
            Family::V4 => 255,
            Family::V6 => 64,
        }
    }
}
