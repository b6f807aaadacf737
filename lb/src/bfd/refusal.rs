//! Why a packet does not count.

use super::packet::{Malformed, State};

/// Why a packet changes nothing; each is counted under its [name](Self::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no BFD Control packet.
    #[error("{0}")]
    Malformed(Malformed),
    /// Our discriminator, or the source of a packet without one, is of no session.
    #[error("it is of no session (your discriminator {0})")]
    NoSession(u32),
    /// It came by the port of single-hop sessions to a multihop session, or the other way round.
    #[error("it came by the port of the other kind of session")]
    Port,
    /// Our discriminator came from somebody else than the neighbor, or to another address than ours.
    #[error("it is not between the two ends of its session")]
    Address,
    /// It came over more hops than `max_hops` (RFC 5082).
    #[error("TTL or hop limit {0}")]
    Ttl(u8),
    /// This end is AdminDown.
    #[error("the session is AdminDown")]
    AdminDown,
    /// It is authenticated, and this end is not.
    #[error("it is authenticated, and no authentication is configured here")]
    AuthenticationUnexpected,
    /// It is not authenticated, and this end is.
    #[error("it is not authenticated")]
    AuthenticationMissing,
    /// Authenticated in another way.
    #[error("authentication type {0}")]
    AuthenticationType(u8),
    /// Authenticated with another key.
    #[error("authentication key {0}")]
    AuthenticationKey(u8),
    /// The section is not as long as its type says.
    #[error("its authentication section is malformed")]
    AuthenticationLength,
    /// Heard before, or too far ahead.
    #[error("its sequence number {0} is not next")]
    AuthenticationSequence(u32),
    /// The password or the digest is wrong.
    #[error("its password or digest is wrong")]
    AuthenticationFailed,
}

impl Refusal {
    /// Name of the counter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed.name(),
            Self::NoSession(_) => "no_session",
            Self::Port => "wrong_port",
            Self::Address => "wrong_address",
            Self::Ttl(_) => "ttl",
            Self::AdminDown => "admin_down",
            Self::AuthenticationUnexpected => "authentication_unexpected",
            Self::AuthenticationMissing => "authentication_missing",
            Self::AuthenticationType(_) => "authentication_type",
            Self::AuthenticationKey(_) => "authentication_key",
            Self::AuthenticationLength => "authentication_length",
            Self::AuthenticationSequence(_) => "authentication_sequence",
            Self::AuthenticationFailed => "authentication_failed",
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Whether a session in this state takes packets at all (RFC 5880 §6.8.6).
pub(super) fn refuse_admin_down(state: State) -> Result<(), Refusal> {
    if state == State::AdminDown {
        Err(Refusal::AdminDown)
    } else {
        Ok(())
    }
}
