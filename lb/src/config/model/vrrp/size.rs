//! How long adverts are, in bytes.

use super::{AuthenticationType, VrrpInstance};
use crate::config::model::{Family, Version};

/// What an advert has before its addresses.
pub const HEADER_LEN: usize = 8;
/// The authentication data behind them, in version 2.
pub const AUTHENTICATION_LEN: usize = 8;
/// The header before an advert with `auth_type AH`.
pub const AUTHENTICATION_HEADER_LEN: usize = 24;
/// The trailer of `auth_hmac`.
pub const TRAILER_LEN: usize = 28;

impl VrrpInstance {
    /// The packet of an advert, without its addresses.
    #[must_use]
    pub fn bare_packet(&self) -> usize {
        let ip = match self.family {
            Family::V4 => 20,
            Family::V6 => 40,
        };
        let kind = self.authentication.as_ref().map(|given| given.kind);
        let before = match kind {
            Some(AuthenticationType::Header) => AUTHENTICATION_HEADER_LEN,
            Some(AuthenticationType::Password) | None => 0,
        };
        let data = match self.version {
            Version::V2 => AUTHENTICATION_LEN,
            Version::V3 => 0,
        };
        let trailer = self.hmac.as_ref().map_or(0, |_| TRAILER_LEN);
        ip + before + HEADER_LEN + data + trailer
    }
}
