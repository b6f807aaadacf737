//! Which adverts count: the checks of RFC 9568 §7.1 that need to know the instance.

use std::net::IpAddr;

use super::{
    RxMeta,
    advert::{Advertisement, TTL},
};
use crate::config::model::{Version, VrrpInstance};

/// What became of an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is ours, come back.
    Echo,
    /// Counted under this name and dropped.
    Refused(&'static str),
    /// It counts, though its addresses are not ours; counted under this name (keepalived accepts it).
    AcceptedDespite(&'static str),
    /// It counts.
    Accepted,
}

/// Judges an advert for an instance that sends from `source`.
pub(super) fn judge(
    config: &VrrpInstance,
    source: Option<IpAddr>,
    rx: &RxMeta,
    advert: &Advertisement,
) -> Verdict {
    if source == Some(rx.source) {
        Verdict::Echo
    } else if rx.ttl != TTL {
        Verdict::Refused("ttl")
    } else if advert.version != config.version {
        Verdict::Refused("version")
    } else if config.version == Version::V2 && advert.interval != config.advert_interval {
        // RFC 3768 §7.1. In v3 the backup adopts the master's interval instead.
        Verdict::Refused("interval")
    } else if !same_addresses(config, advert) {
        Verdict::AcceptedDespite("address_list")
    } else {
        Verdict::Accepted
    }
}

/// Whether an advert names the configured addresses, in any order.
fn same_addresses(config: &VrrpInstance, advert: &Advertisement) -> bool {
    let ours = || config.addresses.iter().map(|line| line.address);
    ours().count() == advert.addresses.len()
        && ours().all(|address| advert.addresses.contains(&address))
}
