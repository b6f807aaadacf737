//! Routers: one entry per virtual router, carrying its heartbeat timer in the kernel.

use core::mem::offset_of;

use bytemuck::{Pod, Zeroable};

use crate::{
    Address,
    pulse::{Pulse, bpf_timer},
    shape,
};

/// Longest VRRP payload the fast path compares, in bytes; a longer advert goes up the socket.
pub const ADVERT_MAX: usize = 1024;

/// A virtual router on an interface. 8 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
pub struct RouterKey {
    /// Interface the adverts arrive on and leave by.
    pub ifindex: u32,
    /// VLAN id, 0 for untagged.
    pub vlan: u16,
    /// Virtual router identifier.
    pub vrid: u8,
    /// 4 or 6.
    pub family: u8,
}

/// What the kernel does for a virtual router between two wake-ups of the daemon. 1168 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct RouterValue {
    /// BACKUP: expires at the master-down time. MASTER: expires at the end of the lease.
    pub timer: bpf_timer,
    /// `bpf_ktime_get_ns` (CLOCK_MONOTONIC) of the last advert absorbed (watch) or sent (lease).
    pub last_seen: u64,
    /// Master_Down_Interval (watch) or lease (lease), in nanoseconds.
    pub interval: u64,
    /// [`Pulse::deadline`].
    pub deadline: u64,
    /// Number of adverts absorbed (watch) or lease renewals (lease) since the entry was written.
    pub heartbeats: u64,
    /// Number of adverts dropped since the entry was written, because their sender exceeded its budget.
    pub dropped: u64,
    /// The budget of each sender: one advert in so many nanoseconds, after [`SENDER_BURST`] at once; 0 has no end.
    pub spacing: u64,
    /// Index into `gates`.
    pub gate: u32,
    /// Given back in events, so that the daemon can tell an old timer from a new one.
    pub epoch: u32,
    /// One of the `ROUTER_*` constants.
    pub role: u8,
    /// Our own priority (lease), for comparison with an advert received.
    pub priority: u8,
    /// VRRP version, 2 or 3.
    pub version: u8,
    /// `ROUTER_FLAG_*` bits.
    pub flags: u8,
    /// Length of `advert` in bytes (watch).
    pub advert_len: u32,
    /// Smallest TTL or hop limit an advert may arrive with.
    pub min_ttl: u8,
    /// Largest TTL or hop limit an advert may arrive with.
    pub max_ttl: u8,
    /// Version 2: authentication type of every advert, 0 (none) or 1 (password).
    pub authentication: u8,
    /// Version 2: advert interval of every advert, in seconds.
    pub seconds: u8,
    /// Zero.
    pub pad: [u8; 4],
    /// Version 2 with a password: the authentication data of every advert.
    pub password: [u8; 8],
    /// Where adverts to us go: the multicast group, or our own address.
    pub destination: Address,
    /// Our own source: the sender of a lease's adverts, for the tie-break, and to know our own echo.
    pub own: Address,
    /// Watch: source of the expected advert.
    pub source: Address,
    /// Watch: the expected VRRP payload from its first byte; zero beyond `advert_len`.
    pub advert: [u8; ADVERT_MAX],
}

/// BACKUP: adverts equal to `advert` are absorbed; the timer is master_down.
pub const ROUTER_WATCH: u8 = 1;
/// MASTER: adverts leaving renew the lease; the timer fences the gate.
pub const ROUTER_LEASE: u8 = 2;

/// An advert that beats ours closes the gate in XDP. Not set where a check of the advert needs
/// userspace (authentication) or where the answer is not to yield (address owner).
pub const ROUTER_FLAG_YIELD: u8 = 1;
/// Adverts count only from `peers`, each within its own TTLs.
pub const ROUTER_FLAG_PEERS: u8 = 2;
/// A checksum that is neither of the usual forms may be right all the same: only the daemon can tell.
pub const ROUTER_FLAG_OTHER_CHECKSUMS: u8 = 4;
/// Every advert that is not absorbed passes: adverts are signed, and nothing about one is known before the daemon has
/// verified it, or the operator wants it so.
pub const ROUTER_FLAG_PASS: u8 = 8;

/// An advert of lower priority is answered at once (RFC 9568 §6.4.3): the lease of a MASTER that does not ends after [`CHALLENGE`].
pub const ROUTER_FLAG_ANSWERS: u8 = 16;

/// How soon an advert of ours has to leave where another router claims to be MASTER too, in nanoseconds. The daemon takes well
/// under a millisecond; on a busy machine with a normal priority it may wait for a few time slices.
pub const CHALLENGE: u64 = 50_000_000;

/// Adverts a sender may send at once before its budget counts.
///
/// A MASTER sends one advert per interval, one more at each advert of lower priority or priority 0 it hears and at each
/// change of its own priority, and one when it stops. Sixteen in a row is more than any election makes, and
/// `spacing`, a quarter of the interval, is four times what a MASTER sends for long.
pub const SENDER_BURST: u64 = 16;

/// Senders whose whole budget all may spend together: more than ever are MASTER of one virtual router at once.
pub const SENDERS_AT_ONCE: u64 = 4;

/// The budget of a sender of virtual routers that are not configured here, in nanoseconds per advert.
///
/// Its adverts may be meant for guests behind a bridge of ours. A thousand a second is all 255 virtual routers of both
/// families at twice the usual rate, and costs the daemon next to nothing.
pub const STRANGER_SPACING: u64 = 1_000_000;
/// [`SENDER_BURST`] of such a sender: one advert of each of its virtual routers.
pub const STRANGER_BURST: u64 = 512;

/// Key of the `senders` map: who sends adverts that were not absorbed. 24 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
pub struct SenderKey {
    /// The virtual router; one with VRID 0 for all that are not configured here.
    pub router: RouterKey,
    /// Source of the adverts; the unspecified address for all senders not seen before.
    pub source: Address,
}

/// Value of the `senders` map. 8 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct SenderValue {
    /// When the budget is unspent again, by `bpf_ktime_get_ns`; past while it is.
    pub until: u64,
}

/// Key of the `peers` map: a router whose unicast adverts count. 24 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
pub struct PeerKey {
    /// The virtual router.
    pub router: RouterKey,
    /// Address of the peer.
    pub address: Address,
}

/// Value of the `peers` map. 4 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct PeerValue {
    /// Smallest TTL or hop limit its adverts may arrive with.
    pub min_ttl: u8,
    /// Largest TTL or hop limit its adverts may arrive with.
    pub max_ttl: u8,
    /// Zero.
    pub pad: [u8; 2],
}

/// Index into `known_vrids` that is non-zero once the map is complete; no virtual router has VRID 0.
pub const VRIDS_KNOWN: u32 = 0;
/// Number of entries of `known_vrids`.
pub const VRIDS: u32 = 512;

/// Index into `known_vrids` of a virtual router's number, `family` being 4 or 6.
#[inline(always)]
#[must_use]
pub const fn vrid_index(vrid: u8, family: u8) -> u32 {
    ((family == 6) as u32) << 8 | vrid as u32
}

/// The request `lb_timer` takes as its packet when the daemon runs it through `BPF_PROG_TEST_RUN`.
/// 32 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct TimerRequest {
    /// The router whose timer is meant.
    pub key: RouterKey,
    /// One of the `TIMER_*` constants.
    pub operation: u32,
    /// Zero.
    pub pad: u32,
    /// Nanoseconds from now ([`TIMER_START`]).
    pub after: u64,
    /// Zero; the kernel wants at least an Ethernet header.
    pub pad2: u64,
}

/// Start the timer, `after` nanoseconds from now.
pub const TIMER_START: u32 = 1;
/// Cancel the timer.
pub const TIMER_CANCEL: u32 = 2;

shape!(
    RouterKey = 8,
    RouterValue = 1168,
    SenderKey = 24,
    SenderValue = 8,
    PeerKey = 24,
    PeerValue = 4,
    TimerRequest = 32
);

const _: () = Pulse::begins([
    offset_of!(RouterValue, timer),
    offset_of!(RouterValue, last_seen),
    offset_of!(RouterValue, interval),
    offset_of!(RouterValue, deadline),
    offset_of!(RouterValue, heartbeats),
]);
