//! Whether an advert counts: the daemon's checks (keepalived's order), as far as they need no key.

use lb_common::{
    checksum::Sum,
    counter::Counter,
    router::{
        ADVERT_MAX, PeerKey, ROUTER_FLAG_OTHER_CHECKSUMS, ROUTER_FLAG_PEERS, RouterKey, RouterValue,
    },
};

use crate::{
    frame::{Frame, opaque},
    maps,
    packet::{Advert, PROTOCOL_VRRP},
    parse::Packet,
};

/// Type ADVERTISEMENT in the low half of the first byte.
const TYPE_ADVERTISEMENT: u8 = 1;
/// Bytes of authentication data behind the addresses in version 2.
const AUTHENTICATION_LEN: usize = 8;

/// What the daemon would say of an advert.
#[derive(Clone, Copy)]
pub enum Judgement {
    /// It counts.
    Valid,
    /// It does not, for the reason with this counter.
    Refused(Counter),
    /// Only the daemon knows.
    Unsure,
}

/// Judges an advert to the virtual router `key` with the entry `value`. Where it goes to was compared before.
#[inline(always)]
pub fn judge(
    frame: &Frame,
    packet: &Packet,
    advert: &Advert,
    key: &RouterKey,
    value: &RouterValue,
) -> Judgement {
    let authentication = end_of_addresses(packet, advert);
    let length = if value.version == 2 {
        authentication + AUTHENTICATION_LEN
    } else {
        authentication
    };
    if packet.transport + length != packet.end {
        return Judgement::Refused(Counter::AdvertLength);
    }
    if length > ADVERT_MAX {
        return Judgement::Unsure;
    }
    if let Some(reason) = refuse_header(packet, advert, value) {
        return Judgement::Refused(reason);
    }
    if value.version == 2
        && value.authentication != 0
        && frame.get::<[u8; AUTHENTICATION_LEN]>(packet.transport + authentication)
            != Some(&value.password)
    {
        return Judgement::Refused(Counter::AdvertPassword);
    }
    if !is_intact(frame, packet, advert, value.version, length) {
        return if value.flags & ROUTER_FLAG_OTHER_CHECKSUMS == 0 {
            Judgement::Refused(Counter::AdvertChecksum)
        } else {
            Judgement::Unsure
        };
    }
    match refuse_sender(packet, key, value) {
        Some(reason) => Judgement::Refused(reason),
        None => Judgement::Valid,
    }
}

/// Where the advert's addresses end by its own account. Ethernet's padding is behind the end of the IP packet.
#[inline(always)]
fn end_of_addresses(packet: &Packet, advert: &Advert) -> usize {
    let address = if packet.family == 4 { 4 } else { 16 };
    size_of::<Advert>() + usize::from(advert.count) * address
}

#[inline(always)]
fn refuse_header(packet: &Packet, advert: &Advert, value: &RouterValue) -> Option<Counter> {
    let [first, second] = advert.interval;
    if packet.ttl < value.min_ttl || packet.ttl > value.max_ttl {
        return Some(Counter::AdvertTtl);
    }
    if advert.version_type >> 4 != value.version {
        return Some(Counter::AdvertVersion);
    }
    if advert.version_type & 0xf != TYPE_ADVERTISEMENT {
        return Some(Counter::AdvertType);
    }
    if value.version == 2 {
        if first != value.authentication {
            return Some(Counter::AdvertAuthentication);
        }
        // RFC 3768 §7.1. In version 3 a backup adopts the master's.
        if second != value.seconds {
            return Some(Counter::AdvertInterval);
        }
    } else if first & 0xf == 0 && second == 0 {
        return Some(Counter::AdvertInterval);
    }
    None
}

#[inline(always)]
fn refuse_sender(packet: &Packet, key: &RouterKey, value: &RouterValue) -> Option<Counter> {
    if packet.source.is(&value.own) {
        return Some(Counter::AdvertEcho);
    }
    if value.flags & ROUTER_FLAG_PEERS == 0 {
        return None;
    }
    let key = PeerKey {
        router: *key,
        address: packet.source.address(),
    };
    match maps::peer(&key) {
        None => Some(Counter::AdvertPeer),
        Some(peer) if packet.ttl < peer.min_ttl || packet.ttl > peer.max_ttl => {
            Some(Counter::AdvertTtl)
        }
        Some(_) => None,
    }
}

/// Verifies the advert's checksum: over IPv4 in version 2 it covers the advert (RFC 3768 §5.3.8), in version 3 a
/// pseudo header too, but there are routers that leave it out; over IPv6 it always covers both.
#[inline(always)]
fn is_intact(frame: &Frame, packet: &Packet, advert: &Advert, version: u8, length: usize) -> bool {
    // No sum of data that is not all zero makes this one, though with it the sum would be right (RFC 1624 §3).
    if advert.checksum == [0xff, 0xff] {
        return false;
    }
    let (with_pseudo_header, payload) = sum_payload(frame, packet, length);
    match (version, packet.family) {
        (2, 4) => payload.is_valid(),
        (_, 4) => with_pseudo_header.is_valid() || payload.is_valid(),
        _ => with_pseudo_header.is_valid(),
    }
}

/// Sums an advert, which is of whole words, with and without the pseudo header. A frame that ends too soon has a sum that is
/// wrong.
///
/// Nothing that the length is known of is used after the loops, and the second begins where the packet says: so the
/// verifier walks each of them once, not once for every length. Hence two sums side by side.
#[inline(always)]
fn sum_payload(frame: &Frame, packet: &Packet, length: usize) -> (Sum, Sum) {
    const CHUNK: usize = 32;
    let mut with = pseudo_header(packet, length);
    let mut without = Sum::new();
    let odd = length % CHUNK;
    let even = opaque(packet.transport + odd);
    let chunks = opaque(length / CHUNK);
    for index in 0..CHUNK / 4 - 1 {
        let at = index * 4;
        if at >= odd {
            break;
        }
        let Some(words) = frame.get(packet.transport + at) else {
            return (Sum::new(), Sum::new());
        };
        with = with.add32(*words);
        without = without.add32(*words);
    }
    for index in 0..ADVERT_MAX / CHUNK {
        if index >= chunks {
            break;
        }
        let Some(chunk) = frame.get::<[[u8; 4]; CHUNK / 4]>(even + index * CHUNK) else {
            return (Sum::new(), Sum::new());
        };
        for words in chunk {
            with = with.add32(*words);
            without = without.add32(*words);
        }
    }
    (with, without)
}

#[inline(always)]
fn pseudo_header(packet: &Packet, length: usize) -> Sum {
    addresses(packet)
        .add16([0, PROTOCOL_VRRP])
        .add16((length as u16).to_be_bytes())
}

#[inline(always)]
fn addresses(packet: &Packet) -> Sum {
    if packet.family == 4 {
        Sum::new()
            .add32(packet.source.v4())
            .add32(packet.destination.v4())
    } else {
        packet.source.sum().add(packet.destination.sum())
    }
}
