//! What is heard again and again, and the timer that ends when it is not.

use core::mem::offset_of;

use bytemuck::{Pod, Zeroable};

use crate::shape;

/// The kernel's `struct bpf_timer`. 16 bytes.
///
/// The kernel finds it in the map's value by this name, so the name is not ours to choose.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct bpf_timer {
    /// Belongs to the kernel; reads as zero from userspace.
    pub opaque: [u64; 2],
}

/// How values with a heartbeat begin, so that the programs treat them alike. 48 bytes.
///
/// The kernel finds a timer only where it is a field of the value itself, so they cannot have this as theirs.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Pulse {
    /// Ends when nothing was heard for `interval`.
    pub timer: bpf_timer,
    /// `bpf_ktime_get_ns` (CLOCK_MONOTONIC) of the last beat.
    pub last_seen: u64,
    /// How long silence may last, in nanoseconds.
    pub interval: u64,
    /// When the timer ends, as `last_seen`; 0 while it does not run. A beat leaves it alone: when it ends it is started again for what
    /// is left since the last of them, because starting it costs as much as all else about a packet.
    pub deadline: u64,
    /// Number of beats since the value was written.
    pub heartbeats: u64,
}

impl Pulse {
    /// Refuses to compile where a value with its fields at `offsets` begins otherwise.
    pub(crate) const fn begins(offsets: [usize; 5]) {
        let own = [
            offset_of!(Self, timer),
            offset_of!(Self, last_seen),
            offset_of!(Self, interval),
            offset_of!(Self, deadline),
            offset_of!(Self, heartbeats),
        ];
        let mut at = 0;
        while at < own.len() {
            assert!(own[at] == offsets[at], "it begins as a pulse does");
            at += 1;
        }
    }
}

shape!(bpf_timer = 16, Pulse = 48);
