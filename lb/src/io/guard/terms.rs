//! On what terms an advert counts, as far as the kernel can judge it.

use std::{fmt, net::IpAddr, time::Duration};

use lb_common::router::{
    ROUTER_FLAG_ANSWERS, ROUTER_FLAG_OTHER_CHECKSUMS, ROUTER_FLAG_PASS, ROUTER_FLAG_PEERS,
    RouterValue,
};

use crate::{
    config::model::{
        Family, Version, VrrpInstance,
        vrrp::{AuthenticationType, Destination, OldChecksum},
    },
    io::clock::nanoseconds,
};

/// What the configuration of an instance says of the adverts that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    version: u8,
    family: Family,
    /// `None`: adverts go to our own address.
    group: Option<IpAddr>,
    interval: Duration,
    password: Option<Password>,
    signed: bool,
    other_checksums: bool,
    peers_only: bool,
    answers: bool,
}

/// Authentication data, which no log and no debugger shows.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Password([u8; 8]);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Terms {
    /// The terms of an instance.
    #[must_use]
    pub fn of(config: &VrrpInstance) -> Self {
        let authentication = config.authentication.as_ref();
        let of_kind = |kind| authentication.filter(|given| given.kind == kind);
        let unicast = config.adverts.destination.unicast();
        Self {
            version: config.version.number(),
            family: config.family,
            group: match config.adverts.destination {
                Destination::Multicast(group) => Some(group),
                Destination::Unicast(_) => None,
            },
            interval: config.advert_interval.get(),
            password: of_kind(AuthenticationType::Password).map(|given| Password(given.padded())),
            signed: config.hmac.is_some() || of_kind(AuthenticationType::Header).is_some(),
            other_checksums: config.version == Version::V3
                && config.family == Family::V4
                && (config.adverts.v3_checksum_as_v2
                    || unicast.is_some_and(|unicast| unicast.old_checksum != OldChecksum::Never)),
            peers_only: unicast.is_some_and(|unicast| unicast.check_source),
            answers: !config.election.lower_prio_no_advert && !config.election.owner_ignore_adverts,
        }
    }

    /// Where adverts to an instance with the source `own` go.
    #[must_use]
    pub fn destination(&self, own: IpAddr) -> IpAddr {
        self.group.unwrap_or(own)
    }

    /// Whether adverts are signed: each is another, and only userspace can verify it.
    #[must_use]
    pub const fn are_signed(&self) -> bool {
        self.signed
    }

    pub(super) const fn are_peers_only(&self) -> bool {
        self.peers_only
    }

    /// Smallest and largest TTL or hop limit of adverts. Multicast stays on the link (RFC 9568 §5.1.1.3); unicast may come
    /// from afar.
    pub(super) const fn ttls(&self) -> (u8, u8) {
        match self.group {
            Some(_) => (u8::MAX, u8::MAX),
            None => (0, u8::MAX),
        }
    }

    /// Puts the terms into an entry.
    pub(super) fn write(&self, value: &mut RouterValue) {
        value.version = self.version;
        value.spacing = nanoseconds(self.interval / 4);
        (value.min_ttl, value.max_ttl) = self.ttls();
        value.seconds = u8::try_from(self.interval.as_secs()).unwrap_or(u8::MAX);
        if let Some(Password(password)) = self.password {
            value.authentication = AuthenticationType::Password.number();
            value.password = password;
        }
        let flags = [
            (self.signed, ROUTER_FLAG_PASS),
            (self.other_checksums, ROUTER_FLAG_OTHER_CHECKSUMS),
            (self.peers_only, ROUTER_FLAG_PEERS),
            (self.answers, ROUTER_FLAG_ANSWERS),
        ];
        for (_, flag) in flags.into_iter().filter(|(set, _)| *set) {
            value.flags |= flag;
        }
    }
}

#[cfg(test)]
mod tests;
