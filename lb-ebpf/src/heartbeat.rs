//! What the kernel does for a virtual router between two wake-ups of the daemon: absorbing the master's
//! adverts, yielding to a better one, keeping the lease, holding back floods.
//!
//! What is held back would not change who is MASTER: an advert that would is passed at any rate. It raises what the next
//! one has to exceed as soon as the daemon follows it, so a flood of such adverts ends itself.

use lb_common::{
    counter::Counter,
    event::{EVENT_YIELDED, Event},
    gate::ALWAYS_OPEN,
    router::{
        CHALLENGE, ROUTER_FLAG_ANSWERS, ROUTER_FLAG_PASS, ROUTER_FLAG_YIELD, ROUTER_LEASE,
        ROUTER_WATCH, RouterKey, RouterValue,
    },
};

use crate::{
    budget::Budget,
    clock::now,
    frame::Frame,
    ip::Ip,
    judge::{Judgement, judge},
    maps,
    outcome::Outcome,
    packet::{AUTHENTICATION_WORDS, Advert, Authentication, PROTOCOL_AH, PROTOCOL_VRRP},
    parse::Packet,
    timer,
};

/// Offset of the priority in an advert.
const PRIORITY: usize = 2;

/// Where a packet was seen.
#[derive(Clone, Copy)]
pub struct Place {
    /// Interface.
    pub ifindex: u32,
    /// VLAN id, 0 for untagged.
    pub vlan: u16,
}

/// True for what VRRP sends: whole, and without options. With an authentication header only the daemon can judge it.
#[inline(always)]
pub fn is_advert(packet: &Packet) -> bool {
    packet.protocol == PROTOCOL_VRRP && packet.is_plain()
}

/// Offset of the advert in a packet of ours that leaves, also behind an authentication header; `None` for anything
/// else.
#[inline(always)]
pub fn leaving_advert(frame: &Frame, packet: &Packet) -> Option<usize> {
    if is_advert(packet) {
        return Some(packet.transport);
    }
    if packet.protocol != PROTOCOL_AH || packet.family != 4 || !packet.is_plain() {
        return None;
    }
    let header = frame.get::<Authentication>(packet.transport)?;
    let expected = header.next_header == PROTOCOL_VRRP && header.length == AUTHENTICATION_WORDS;
    expected.then_some(packet.transport + size_of::<Authentication>())
}

/// An advert arrived. `None` when it may be for another host.
#[inline(always)]
pub fn receive(frame: &Frame, packet: &Packet, place: &Place) -> Option<Outcome> {
    let Some(advert) = frame.get::<Advert>(packet.transport) else {
        return beyond(place, packet, Counter::AdvertLength);
    };
    let key = key_of(packet, advert.vrid, place);
    let Some(router) = Router::find(key, packet) else {
        // Those configured here are the daemon's to judge.
        return if maps::is_strange(advert.vrid, packet.family) {
            beyond(place, packet, Counter::AdvertStranger)
        } else {
            None
        };
    };
    // SAFETY: an entry of `routers`, alive until the program ends. The daemon never changes one in place.
    let value = unsafe { &*router.entry };
    if value.role == ROUTER_WATCH && is_expected(frame, packet, value) {
        return Some(if router.beat() {
            Outcome::AdvertAbsorbed
        } else {
            Outcome::Pass
        });
    }
    if !packet.destination.is(&value.destination) {
        return None;
    }
    if value.flags & ROUTER_FLAG_PASS != 0 {
        return Some(Outcome::Pass);
    }
    let reason = match judge(frame, packet, advert, &router.key, value) {
        Judgement::Unsure => return Some(Outcome::Pass),
        Judgement::Refused(reason) => reason,
        Judgement::Valid if is_better(packet, advert, value) => {
            return Some(router.yield_to(value));
        }
        Judgement::Valid if resigns(packet, advert, value) => return Some(Outcome::Pass),
        Judgement::Valid => Counter::AdvertExcess,
    };
    if Budget::new(value.spacing).charge(router.key, packet.source) {
        if matches!(reason, Counter::AdvertExcess) {
            router.hear_claim(advert, value);
        }
        return Some(Outcome::Pass);
    }
    router.drop_one();
    Some(Outcome::AdvertExcess(reason))
}

/// An advert leaves, perhaps one of ours. It renews the lease unless it gives the addresses up (priority 0) or the gate is
/// fenced already: then only the daemon may open it again.
#[inline(always)]
pub fn send(packet: &Packet, advert: &Advert, key: RouterKey) -> Outcome {
    let Some(router) = Router::find(key, packet) else {
        return Outcome::Pass;
    };
    // SAFETY: as in `receive`.
    let value = unsafe { &*router.entry };
    let ours = value.role == ROUTER_LEASE && packet.source.is(&value.own);
    if !ours || advert.priority == 0 || maps::is_fenced(value.gate) {
        return Outcome::Pass;
    }
    if router.beat() {
        Outcome::LeaseRenewed
    } else {
        Outcome::Pass
    }
}

/// An advert of no virtual router that is configured here, or too short to be of any: it is nobody's, unless the packet goes
/// on to another host, and is counted as `reason` beyond its sender's budget.
#[inline(always)]
fn beyond(place: &Place, packet: &Packet, reason: Counter) -> Option<Outcome> {
    let all = key_of(packet, 0, place);
    let excess = !Budget::STRANGER.charge(all, packet.source);
    excess.then_some(Outcome::AdvertExcess(reason))
}

struct Router {
    key: RouterKey,
    entry: *mut RouterValue,
}

impl Router {
    /// The entry for a packet. A virtual router whose configuration names no interface has interface 0, and only unicast
    /// adverts.
    #[inline(always)]
    fn find(key: RouterKey, packet: &Packet) -> Option<Self> {
        if let Some(entry) = maps::router(&key) {
            return Some(Self { key, entry });
        }
        if packet.destination.is_multicast(packet.family) {
            return None;
        }
        let key = RouterKey {
            ifindex: 0,
            vlan: 0,
            ..key
        };
        let entry = maps::router(&key)?;
        Some(Self { key, entry })
    }

    /// [`timer::beat`].
    #[inline(always)]
    fn beat(&self) -> bool {
        // SAFETY: `entry` is an entry of `routers`; the adverts of one router come through one queue.
        unsafe { timer::beat(self.entry.cast()) }
    }

    /// Lets the advert pass that takes mastership from us, with the gate fenced before anybody acts on it.
    #[inline(always)]
    fn yield_to(&self, value: &RouterValue) -> Outcome {
        let may = value.role == ROUTER_LEASE && value.flags & ROUTER_FLAG_YIELD != 0;
        if !may || value.gate == ALWAYS_OPEN {
            return Outcome::Pass;
        }
        if maps::fence(value.gate) {
            maps::emit(&Event {
                kind: EVENT_YIELDED,
                epoch: value.epoch,
                key: self.key,
                at: now(),
            });
        }
        Outcome::Yielded
    }

    /// Another router claims what we lease, though ours is the better right: the daemon answers, or lives no more.
    #[inline(always)]
    fn hear_claim(&self, advert: &Advert, value: &RouterValue) {
        let answers = value.role == ROUTER_LEASE && value.flags & ROUTER_FLAG_ANSWERS != 0;
        if answers && advert.priority != 0 {
            // SAFETY: as in `beat`.
            unsafe { timer::end_within(self.entry.cast(), CHALLENGE) };
        }
    }

    #[inline(always)]
    fn drop_one(&self) {
        // SAFETY: as in `beat`.
        unsafe { (*self.entry).dropped += 1 };
    }
}

/// The key of the virtual router of a VRID where the packet was seen; VRID 0 stands for those that are nobody's.
#[inline(always)]
pub fn key_of(packet: &Packet, vrid: u8, place: &Place) -> RouterKey {
    RouterKey {
        ifindex: place.ifindex,
        vlan: place.vlan,
        vrid,
        family: packet.family,
    }
}

/// True when the packet is the watched advert, byte for byte, from the same sender, to the same destination.
#[inline(always)]
fn is_expected(frame: &Frame, packet: &Packet, value: &RouterValue) -> bool {
    let len = value.advert_len as usize;
    if packet.end != packet.transport + len
        || packet.ttl < value.min_ttl
        || packet.ttl > value.max_ttl
        || !packet.source.is(&value.source)
        || !packet.destination.is(&value.destination)
    {
        return false;
    }
    frame.has_words(packet.transport, &value.advert, len)
}

/// True when the advert takes mastership (RFC 9568 §6.4.3): from us (lease), or from the master in force (watch). It is of
/// higher priority or, at the same priority, from a higher address.
#[inline(always)]
fn is_better(packet: &Packet, advert: &Advert, value: &RouterValue) -> bool {
    let (priority, address) = if value.role == ROUTER_LEASE {
        (value.priority, &value.own)
    } else {
        (value.advert[PRIORITY], &value.source)
    };
    advert.priority > priority
        || advert.priority == priority && packet.source.is_higher_than(Ip::new(address))
}

/// True when the watched master says that it stops.
#[inline(always)]
fn resigns(packet: &Packet, advert: &Advert, value: &RouterValue) -> bool {
    value.role == ROUTER_WATCH && advert.priority == 0 && packet.source.is(&value.source)
}
