//! Flow entries: which dest a connection belongs to. A bucket is one cache line, or two for IPv6.

use bytemuck::{Pod, Zeroable};

use crate::shape;

/// Flow entry of an IPv4 client. 16 bytes, written as two 8-byte words: the key, then the rest.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct FlowEntry4 {
    /// Client address.
    pub client: [u8; 4],
    /// Client port, network byte order.
    pub port: [u8; 2],
    /// Service id plus one; 0 marks a free entry.
    pub service: u16,
    /// Dest id.
    pub dest: u16,
    /// [`DestValue::generation`](crate::dest::DestValue::generation) when the entry was made.
    pub generation: u8,
    /// One of the `FLOW_*` constants.
    pub state: u8,
    /// Low 32 bits of jiffies when the flow was last seen.
    pub seen: u32,
}

/// Flow entry of an IPv6 client. 32 bytes, the same fields.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct FlowEntry6 {
    /// Client address.
    pub client: [u8; 16],
    /// Client port, network byte order.
    pub port: [u8; 2],
    /// Service id plus one; 0 marks a free entry.
    pub service: u16,
    /// Zero.
    pub pad: u32,
    /// Dest id.
    pub dest: u16,
    /// [`DestValue::generation`](crate::dest::DestValue::generation) when the entry was made.
    pub generation: u8,
    /// One of the `FLOW_*` constants.
    pub state: u8,
    /// Low 32 bits of jiffies when the flow was last seen.
    pub seen: u32,
}

impl From<FlowEntry4> for FlowEntry6 {
    /// The same flow, its client IPv4-mapped.
    fn from(entry: FlowEntry4) -> Self {
        let FlowEntry4 {
            client,
            port,
            service,
            dest,
            generation,
            state,
            seen,
        } = entry;
        Self {
            client: crate::mapped(client),
            port,
            service,
            pad: 0,
            dest,
            generation,
            state,
            seen,
        }
    }
}

/// Flow entries in a bucket of `flows4`.
pub const FLOWS_PER_BUCKET4: u32 = 4;
/// Flow entries in a bucket of `flows6`.
pub const FLOWS_PER_BUCKET6: u32 = 4;

/// Four IPv4 flows. 64 bytes.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct FlowBucket4 {
    /// The entries, in no order.
    pub entries: [FlowEntry4; FLOWS_PER_BUCKET4 as usize],
}

/// Four IPv6 flows, in two cache lines: a table of pairs would push out a flow that lives as soon as three meet. 128 bytes.
#[repr(C, align(128))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct FlowBucket6 {
    /// The entries, in no order.
    pub entries: [FlowEntry6; FLOWS_PER_BUCKET6 as usize],
}

/// TCP between SYN and the first segment without SYN.
pub const FLOW_SYN: u8 = 1;
/// TCP established.
pub const FLOW_ESTABLISHED: u8 = 2;
/// TCP after a FIN or RST.
pub const FLOW_CLOSING: u8 = 3;
/// Any protocol without connections.
pub const FLOW_DATAGRAM: u8 = 4;
/// No flow, but where those of a client go (`persistence_timeout`): the port is 0, bits of the address that do not count too, and
/// `seen` is when it ends.
pub const FLOW_TEMPLATE: u8 = 5;

/// Number of `FLOW_*` states and of what no entry has.
pub const FLOW_STATES: u32 = 6;

/// Whether IPVS calls a connection in `state` active.
#[must_use]
#[inline(always)]
pub const fn is_active(state: u8) -> bool {
    state != FLOW_CLOSING
}

/// Idle time after which a flow entry may be taken where `lvs_timeouts` says nothing, in seconds, by state (IPVS defaults: tcp 900,
/// tcpfin 120, udp 300, and `IP_VS_TCP_S_SYN_RECV` 60).
#[must_use]
#[inline(always)]
pub const fn timeout_seconds(state: u8) -> u32 {
    match state {
        FLOW_SYN => 60,
        FLOW_CLOSING => 120,
        FLOW_DATAGRAM => 300,
        _ => 900,
    }
}

/// Ticks another CPU's clock may be ahead by when it stores `seen`.
const AHEAD: u32 = 1024;

/// Age of a flow entry in ticks; `now` is read once and `seen` may be newer than it, which is age zero.
#[must_use]
#[inline(always)]
pub const fn age(now: u32, seen: u32) -> u32 {
    let age = now.wrapping_sub(seen);
    if age > u32::MAX - AHEAD { 0 } else { age }
}

shape!(
    FlowEntry4 = 16,
    FlowEntry6 = 32,
    FlowBucket4 = 64,
    FlowBucket6 = 128
);

/// An entry under construction: no service has the number 0, so it matches no flow, and it is not free.
/// The same bytes mean this in the word of either family's entry that holds port and service.
pub const BUSY: [u8; 8] = [0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0];

#[cfg(test)]
mod tests;
