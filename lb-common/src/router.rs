//! Routers: one entry per virtual router, carrying its heartbeat timer in the kernel.

use bytemuck::{Pod, Zeroable};

use crate::{Address, shape};

/// The kernel's `struct bpf_timer`. 16 bytes.
///
/// The kernel finds it in the map's value by this name, so the name is not ours to choose.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct bpf_timer {
    /// Belongs to the kernel; reads as zero from userspace.
    pub opaque: [u64; 2],
}

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

/// What the kernel does for a virtual router between two wake-ups of the daemon. 1096 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct RouterValue {
    /// BACKUP: expires at the master-down time. MASTER: expires at the end of the lease.
    pub timer: bpf_timer,
    /// `bpf_ktime_get_ns` (CLOCK_MONOTONIC) of the last advert absorbed (watch) or sent (lease).
    pub last_seen: u64,
    /// Master_Down_Interval (watch) or lease (lease), in nanoseconds.
    pub interval: u64,
    /// Number of adverts absorbed (watch) or lease renewals (lease) since the entry was written.
    pub heartbeats: u64,
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
    /// Watch: source of the expected advert. Lease: our own source, for the tie-break.
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
    bpf_timer = 16,
    RouterKey = 8,
    RouterValue = 1096,
    TimerRequest = 32
);
