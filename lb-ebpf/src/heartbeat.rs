//! What the kernel does for a virtual router between two wake-ups of the daemon: absorbing the master's
//! adverts, yielding to a better one, keeping the lease.

use aya_ebpf::helpers::{bpf_ktime_get_ns, bpf_timer_start};
use lb_common::{
    checksum::Sum,
    event::{EVENT_YIELDED, Event},
    gate::ALWAYS_OPEN,
    router::{ADVERT_MAX, ROUTER_FLAG_YIELD, ROUTER_LEASE, ROUTER_WATCH, RouterKey, RouterValue},
};

use crate::{
    frame::Frame,
    ip::Ip,
    maps,
    outcome::Outcome,
    packet::{Advert, PROTOCOL_VRRP, VRRP_GROUP_V4, VRRP_GROUP_V6},
    parse::Packet,
};

/// TTL and hop limit of every advert (RFC 9568 §5.1.1.3).
const ADVERT_TTL: u8 = 255;
/// Type ADVERTISEMENT in the low half of the first byte.
const TYPE_ADVERTISEMENT: u8 = 1;

/// Where a packet was seen.
pub struct Place {
    /// Interface.
    pub ifindex: u32,
    /// VLAN id, 0 for untagged.
    pub vlan: u16,
}

/// True for what VRRP sends: to the protocol's group, whole, without options.
#[inline(always)]
pub fn is_advert(packet: &Packet) -> bool {
    let group = if packet.family == 4 {
        Ip::mapped(VRRP_GROUP_V4)
    } else {
        Ip::new(&VRRP_GROUP_V6)
    };
    packet.protocol == PROTOCOL_VRRP && packet.plain && packet.destination == group
}

/// An advert arrived. Passes whenever the daemon should judge it.
#[inline(always)]
pub fn receive(frame: &Frame, packet: &Packet, place: &Place) -> Outcome {
    let Some((router, advert)) = router_of(frame, packet, place) else {
        return Outcome::Pass;
    };
    if packet.ttl != ADVERT_TTL {
        return Outcome::Pass;
    }
    // SAFETY: an entry of `routers`, alive until the program ends. The daemon never changes one in place.
    let value = unsafe { &*router.entry };
    match value.role {
        ROUTER_WATCH if is_expected(frame, packet, value) => {
            if router.beat() {
                Outcome::AdvertAbsorbed
            } else {
                Outcome::Pass
            }
        }
        ROUTER_LEASE if beats(frame, packet, advert, value) => {
            if maps::fence(value.gate) {
                maps::emit(&Event {
                    kind: EVENT_YIELDED,
                    epoch: value.epoch,
                    key: router.key,
                    at: now(),
                });
            }
            Outcome::Yielded
        }
        _ => Outcome::Pass,
    }
}

/// An advert of ours leaves. It renews the lease unless it gives the addresses up (priority 0) or the gate is
/// fenced already: then only the daemon may open it again.
#[inline(always)]
pub fn send(frame: &Frame, packet: &Packet, place: &Place) -> Outcome {
    let Some((router, advert)) = router_of(frame, packet, place) else {
        return Outcome::Pass;
    };
    // SAFETY: as in `receive`.
    let value = unsafe { &*router.entry };
    let ours = value.role == ROUTER_LEASE && Ip::new(&value.source) == packet.source;
    if !ours || advert.priority == 0 || maps::is_fenced(value.gate) {
        return Outcome::Pass;
    }
    if router.beat() {
        Outcome::LeaseRenewed
    } else {
        Outcome::Pass
    }
}

struct Router {
    key: RouterKey,
    entry: *mut RouterValue,
}

impl Router {
    /// Restarts the timer and notes the time. False when there is no timer to restart: the entry is new and
    /// `lb_timer` has not armed it yet, so the daemon's own timers still count.
    #[inline(always)]
    fn beat(&self) -> bool {
        // SAFETY: `entry` is an entry of `routers`. Its figures are written by one CPU at a time, because the
        // adverts of one router come through one queue, and read for display only.
        unsafe {
            let timer = (&raw mut (*self.entry).timer).cast();
            if bpf_timer_start(timer, (*self.entry).interval, 0) != 0 {
                return false;
            }
            (*self.entry).last_seen = now();
            (*self.entry).heartbeats += 1;
        }
        true
    }
}

#[inline(always)]
fn router_of<'a>(frame: &'a Frame, packet: &Packet, place: &Place) -> Option<(Router, &'a Advert)> {
    let advert = frame.get::<Advert>(packet.transport)?;
    let key = RouterKey {
        ifindex: place.ifindex,
        vlan: place.vlan,
        vrid: advert.vrid,
        family: packet.family,
    };
    let entry = maps::router(&key)?;
    Some((Router { key, entry }, advert))
}

/// True when the packet is the watched advert, byte for byte, from the same sender.
#[inline(always)]
fn is_expected(frame: &Frame, packet: &Packet, value: &RouterValue) -> bool {
    let len = value.advert_len as usize;
    if packet.end != packet.transport + len || packet.source != Ip::new(&value.source) {
        return false;
    }
    // One way out of the loop, and nothing of its state used after: the verifier walks what follows once, not
    // once for every length.
    let mut different = 0;
    let (words, _) = value.advert.as_chunks::<4>();
    for (index, expected) in words.iter().enumerate() {
        let at = index * 4;
        if at >= len {
            break;
        }
        let Some(word) = frame.get(packet.transport + at) else {
            different = 1;
            break;
        };
        different |= u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(*expected);
    }
    different == 0
}

/// True when the advert takes mastership from us (RFC 9568 §6.4.3): intact, and of higher priority or, at the
/// same priority, from a higher address.
#[inline(always)]
fn beats(frame: &Frame, packet: &Packet, advert: &Advert, value: &RouterValue) -> bool {
    let version_type = value.version << 4 | TYPE_ADVERTISEMENT;
    if value.flags & ROUTER_FLAG_YIELD == 0
        || value.gate == ALWAYS_OPEN
        || advert.version_type != version_type
    {
        return false;
    }
    let better = advert.priority > value.priority
        || advert.priority == value.priority
            && packet.source.is_higher_than(Ip::new(&value.source));
    better && is_intact(frame, packet, value.version)
}

/// Verifies the advert's checksum: over the payload in version 2 (RFC 3768 §5.3.8), with the pseudo-header
/// in version 3. Over IPv4 version 3 is taken without it too: there are routers that leave it out.
#[inline(always)]
fn is_intact(frame: &Frame, packet: &Packet, version: u8) -> bool {
    let Some(payload) = sum_payload(frame, packet) else {
        return false;
    };
    let with_pseudo_header = pseudo_header(packet).add(payload);
    match (version, packet.family) {
        (2, _) => payload.is_valid(),
        (_, 4) => with_pseudo_header.is_valid() || payload.is_valid(),
        _ => with_pseudo_header.is_valid(),
    }
}

/// Sums a payload of whole words. A longer or odd one is left to the daemon.
#[inline(always)]
fn sum_payload(frame: &Frame, packet: &Packet) -> Option<Sum> {
    let len = packet.end.wrapping_sub(packet.transport);
    if len > ADVERT_MAX || !len.is_multiple_of(4) {
        return None;
    }
    let mut sum = Sum::new();
    for index in 0..ADVERT_MAX / 4 {
        let at = index * 4;
        if at >= len {
            break;
        }
        let Some(words) = frame.get(packet.transport + at) else {
            break;
        };
        sum = sum.add32(*words);
    }
    frame.holds(packet.end).then_some(sum)
}

#[inline(always)]
fn pseudo_header(packet: &Packet) -> Sum {
    let length = (packet.end - packet.transport) as u16;
    addresses(packet)
        .add16([0, PROTOCOL_VRRP])
        .add16(length.to_be_bytes())
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

#[inline(always)]
fn now() -> u64 {
    // SAFETY: reads a clock.
    unsafe { bpf_ktime_get_ns() }
}
