//! Events the programs send to the daemon through the ring buffer.

use bytemuck::{Pod, Zeroable};

use crate::{router::RouterKey, shape};

/// One record of the `events` ring buffer. 24 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Event {
    /// One of the `EVENT_*` constants.
    pub kind: u32,
    /// [`RouterValue::epoch`](crate::router::RouterValue::epoch) of the entry the event is about.
    pub epoch: u32,
    /// The virtual router.
    pub key: RouterKey,
    /// `bpf_ktime_get_ns` when it happened.
    pub at: u64,
}

/// Watch: no advert for the master-down interval.
pub const EVENT_MASTER_DOWN: u32 = 1;
/// Lease: not renewed in time; the gate is fenced.
pub const EVENT_LEASE_LOST: u32 = 2;
/// Lease: an advert that beats ours arrived; the gate is fenced.
pub const EVENT_YIELDED: u32 = 3;

shape!(Event = 24);
