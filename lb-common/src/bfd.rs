//! BFD sessions: one entry per session that is Up, carrying its detection timer in the kernel.

use core::mem::offset_of;

use bytemuck::{Pod, Zeroable};

use crate::{
    Address,
    pulse::{Pulse, bpf_timer},
    shape,
};

/// UDP port of packets over one hop (RFC 5881 §4).
pub const SINGLE_HOP_PORT: u16 = 3784;
/// UDP port of packets over several hops (RFC 5883 §5).
pub const MULTIHOP_PORT: u16 = 4784;

/// Offset in a packet of the discriminator of whom it is for (RFC 5880 §4.1).
pub const YOUR_DISCRIMINATOR: usize = 8;

/// Later than this, in nanoseconds, a detection timer shows that the machine stood still: what came meanwhile was not taken in, and another
/// machine on the same host stood still too.
pub const STANDSTILL: u64 = 1_000_000;
/// How long silence is not believed after that, in nanoseconds.
pub const REPRIEVE: u64 = 2_000_000;

/// Longest packet that the fast path compares, in bytes. The longest there is has 52, with a SHA1 authentication section (RFC 5880 §4.4).
pub const CONTROL_MAX: usize = 64;

/// What the kernel takes in for a session between two wake-ups of the daemon. 160 bytes. The key is our discriminator, as it is in packets.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct SessionValue {
    /// Expires at the end of the detection time.
    pub timer: bpf_timer,
    /// `bpf_ktime_get_ns` (CLOCK_MONOTONIC) of the last packet.
    pub last_seen: u64,
    /// Detection time in nanoseconds.
    pub interval: u64,
    /// [`Pulse::deadline`].
    pub deadline: u64,
    /// Packets absorbed since the entry was written.
    pub heartbeats: u64,
    /// Given back in events, so that the daemon can tell an old timer from a new one.
    pub epoch: u32,
    /// Length of `packet` in bytes.
    pub len: u32,
    /// The other end.
    pub source: Address,
    /// Our address.
    pub destination: Address,
    /// UDP destination port, network byte order.
    pub port: [u8; 2],
    /// Smallest TTL or hop limit a packet may arrive with.
    pub min_ttl: u8,
    /// Of the packet, as `RouterKey::family`: an address alone does not tell an IPv4 one from its mapped form.
    pub family: u8,
    /// The expected packet from its first byte; zero beyond `len`.
    pub packet: [u8; CONTROL_MAX],
    /// The low half of `heartbeats`, and one, when packets last got [`REPRIEVE`] to be taken in: once for each silence.
    pub reprieved: u32,
}

/// One record of the `bfd_events` ring buffer: nothing was heard of a session for its detection time. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Silence {
    /// Our discriminator, as it is in packets.
    pub discriminator: u32,
    /// [`SessionValue::epoch`].
    pub epoch: u32,
    /// `bpf_ktime_get_ns` when it was noticed.
    pub at: u64,
}

/// The request `lb_bfd_timer` takes as its packet when the daemon runs it through `BPF_PROG_TEST_RUN`. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct SessionTimerRequest {
    /// Nanoseconds from now.
    pub after: u64,
    /// The session whose timer is started, as it is in packets.
    pub discriminator: u32,
    /// Zero.
    pub pad: u32,
}

shape!(SessionValue = 160, Silence = 16, SessionTimerRequest = 16);

const _: () = Pulse::begins([
    offset_of!(SessionValue, timer),
    offset_of!(SessionValue, last_seen),
    offset_of!(SessionValue, interval),
    offset_of!(SessionValue, deadline),
    offset_of!(SessionValue, heartbeats),
]);
