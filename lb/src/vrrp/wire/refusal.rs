//! Why a packet does not count, and what an operator should hear of one that does.

use crate::vrrp::advert::Malformed;

/// Why a packet does not count. Each is counted under its [name](Self::name), keepalived's where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no advert.
    #[error("{0}")]
    Malformed(Malformed),
    /// It came by a router, or not by as many as the peer is away.
    #[error("TTL or hop limit {0}")]
    Ttl(u8),
    /// Multicast to a unicast instance, unicast to a multicast one, or another group.
    #[error("it was sent to {destination}", destination = .0)]
    Destination(std::net::IpAddr),
    /// From no peer of a unicast instance.
    #[error("its sender is no peer")]
    UnknownPeer,
    /// Another version than the instance's.
    #[error("VRRP version {0}")]
    Version(u8),
    /// In version 2, another interval than the instance's.
    #[error("advert interval {0} s")]
    Interval(u64),
    /// Authenticated in another way than the instance.
    #[error("it is authenticated in another way than is configured here")]
    AuthenticationMismatch,
    /// Another password, or a header that proves nothing.
    #[error("the password or the authentication header is wrong")]
    AuthenticationFailure,
    /// An authentication header seen before.
    #[error("the sequence number {0} of its authentication header is not new")]
    HeaderReplay(u32),
    /// No HMAC trailer.
    #[error("it has no HMAC (auth_hmac)")]
    HmacMissing,
    /// A trailer of a kind that is not known.
    #[error("its HMAC trailer is malformed")]
    HmacMalformed,
    /// Signed with a key that is not known here.
    #[error("it is signed with key {0}, which is not configured here")]
    HmacUnknownKey(u8),
    /// The HMAC is wrong.
    #[error("its HMAC is wrong")]
    HmacInvalid,
    /// Older, or further ahead, than the window.
    #[error("it is {0} s off our clock")]
    HmacStale(i64),
    /// Not newer than the last one of its sender.
    #[error("it was heard before, or is older than one that was")]
    HmacReplay,
    /// The checksum of keepalived up to 1.3.6 with `old_unicast_checksum never`.
    #[error("its checksum is that of keepalived up to 1.3.6, which old_unicast_checksum forbids")]
    OldChecksum,
}

impl Refusal {
    /// Name of the counter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed(reason) => reason.name(),
            Self::Ttl(_) => "ip_ttl_err",
            Self::Destination(_) => "destination_err",
            Self::UnknownPeer => "unicast_src_err",
            Self::Version(_) => "vers_err",
            Self::Interval(_) => "advert_interval_err",
            Self::AuthenticationMismatch => "authtype_mismatch",
            Self::AuthenticationFailure | Self::HeaderReplay(_) => "auth_failure",
            Self::HmacMissing => "auth_ext_missing",
            Self::HmacMalformed => "auth_ext_malformed",
            Self::HmacUnknownKey(_) => "auth_ext_unknown_key",
            Self::HmacInvalid => "auth_ext_invalid_hmac",
            Self::HmacStale(_) => "auth_ext_stale",
            Self::HmacReplay => "auth_ext_replay",
            Self::OldChecksum => "chk_err",
        }
    }
}

/// What an operator should hear of an advert that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Remark {
    /// It has no HMAC, and the mode lets it pass.
    #[error("it has no HMAC, which mode permissive or receive-only lets pass")]
    HmacMissing,
    /// More than half of `time_window` off.
    #[error("the clocks differ by {0} s, more than half of time_window")]
    ClockSkew(i64),
    /// Its addresses are not ours; the core counts it.
    #[error("its addresses are not those that are configured here")]
    AddressList,
    /// Its checksum is that of keepalived up to 1.3.6; ours will be too.
    #[error("its checksum is that of keepalived up to 1.3.6: ours is the same from now on")]
    OldChecksum,
}

impl Remark {
    /// Name of the counter; `None` for what is counted elsewhere, and what is no fault of the advert.
    #[must_use]
    pub const fn counter(self) -> Option<&'static str> {
        match self {
            Self::HmacMissing => Some(Refusal::HmacMissing.name()),
            Self::ClockSkew(_) | Self::AddressList | Self::OldChecksum => None,
        }
    }

    /// What tells kinds of remarks apart.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacMissing => Refusal::HmacMissing.name(),
            Self::ClockSkew(_) => "clock_skew",
            Self::AddressList => "addr_list_err",
            Self::OldChecksum => "old_unicast_checksum",
        }
    }
}
