//! Connections of dests, counted as IPVS counts them, and what they are weighed and limited by.

use bytemuck::{Pod, Zeroable};

use crate::shape;

/// What schedulers that count connections go by, and where a dest takes no more. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct DestLimits {
    /// Share of new flows.
    pub weight: u32,
    /// `uthreshold`: connections, active or not, at which it takes no more; 0 is no limit.
    pub upper: u32,
    /// `lthreshold`: connections below which it takes some again; 0 is three quarters of `upper`.
    pub lower: u32,
    /// Zero.
    pub pad: u32,
}

/// Connections of a dest: its flow entries, except those of earlier dests with the same id. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct DestConnections {
    /// Half open and established ones, and datagram flows.
    pub active: u32,
    /// Those after a FIN or RST.
    pub inactive: u32,
    /// Non-zero between reaching `upper` and falling below `lower` (`IP_VS_DEST_F_OVERLOAD`).
    pub overloaded: u32,
    /// Zero.
    pub pad: u32,
}

shape!(DestLimits = 16, DestConnections = 16);

/// Asks `lb_sweep` for a look at buckets of a flow table; it answers with the number of entries it freed and [`SWEPT_LEFT`] for each that
/// goes on. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct SweepRequest {
    /// 4 or 6.
    pub family: u32,
    /// The first bucket.
    pub from: u32,
    /// How many, [`SWEEP_BUCKETS`] at most.
    pub count: u32,
    /// Zero.
    pub pad: u32,
}

/// The most buckets of one [`SweepRequest`].
pub const SWEEP_BUCKETS: u32 = 512;

/// In the answer, one entry that goes on: what is below counts those that were freed.
pub const SWEPT_LEFT: u32 = 1 << 16;

shape!(SweepRequest = 16);
