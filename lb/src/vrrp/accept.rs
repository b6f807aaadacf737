//! Which adverts count: the checks of RFC 9568 §7.1 that need to know the instance.
//!
//! [`envelope`] and [`message`] are asked before a proof is looked at, [`judge`] when the state is known. keepalived's order
//! but for two: the checksum comes before the HMAC, and everything that needs no key before it, so that nobody without a key
//! can spend the sequence number of an advert that was heard from another.

use std::net::IpAddr;

use super::{
    RxMeta,
    advert::{Advertisement, TTL},
    wire::{Incoming, Refusal, Remark},
};
use crate::config::model::{
    Version, VrrpInstance,
    vrrp::{Destination, Unicast},
};

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
        return Verdict::Echo;
    }
    let judged = sender(config, rx.source, rx.ttl).and_then(|()| message(config, advert));
    match judged {
        Err(refusal) => Verdict::Refused(refusal.name()),
        Ok(()) if same_addresses(config, advert) => Verdict::Accepted,
        Ok(()) => Verdict::AcceptedDespite(Remark::AddressList.name()),
    }
}

/// Judges what the IP header says.
///
/// # Errors
/// When it is not for this instance, or comes from elsewhere than it may.
pub(super) fn envelope(config: &VrrpInstance, packet: &Incoming<'_>) -> Result<(), Refusal> {
    sender(config, packet.source, packet.ttl)?;
    let meant = match &config.adverts.destination {
        Destination::Multicast(group) => packet.destination == *group,
        Destination::Unicast(_) => !packet.destination.is_multicast(),
    };
    if meant {
        Ok(())
    } else {
        Err(Refusal::Destination(packet.destination))
    }
}

/// Judges what the advert says of itself.
///
/// # Errors
/// When it is of another version or, in version 2, another interval.
pub(super) fn message(config: &VrrpInstance, advert: &Advertisement) -> Result<(), Refusal> {
    if advert.version != config.version {
        return Err(Refusal::Version(advert.version.number()));
    }
    if config.version == Version::V2 && advert.interval != config.advert_interval {
        // RFC 3768 §7.1. In v3 the backup adopts the master's interval instead.
        return Err(Refusal::Interval(advert.interval.get().as_secs()));
    }
    Ok(())
}

fn sender(config: &VrrpInstance, source: IpAddr, ttl: u8) -> Result<(), Refusal> {
    match &config.adverts.destination {
        Destination::Multicast(_) if ttl != TTL => Err(Refusal::Ttl(ttl)),
        Destination::Multicast(_) => Ok(()),
        Destination::Unicast(unicast) => peer(unicast, config.hmac.is_some(), source, ttl),
    }
}

/// With `auth_hmac` only peers count: each has a mark of its own against replays.
fn peer(unicast: &Unicast, is_signed: bool, source: IpAddr, ttl: u8) -> Result<(), Refusal> {
    match unicast.peers.iter().find(|peer| peer.address == source) {
        None if unicast.check_source || is_signed => Err(Refusal::UnknownPeer),
        None => Ok(()),
        Some(peer) if (peer.min_ttl..=peer.max_ttl).contains(&ttl) => Ok(()),
        Some(_) => Err(Refusal::Ttl(ttl)),
    }
}

/// Whether an advert names the configured addresses, in any order.
pub(super) fn same_addresses(config: &VrrpInstance, advert: &Advertisement) -> bool {
    let ours = || config.addresses.iter().map(|line| line.address);
    ours().count() == advert.addresses.len()
        && ours().all(|address| advert.addresses.contains(&address))
}
