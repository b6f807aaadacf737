//! Fragments: what the first tells of the others.

use bytemuck::{Pod, Zeroable};

use crate::{Address, shape};

/// What the fragments of one packet have in common. 40 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct FragmentKey {
    /// Source, IPv4-mapped for IPv4.
    pub source: Address,
    /// Destination, IPv4-mapped for IPv4.
    pub destination: Address,
    /// Identification as the header has it.
    pub id: u32,
    /// IP protocol number.
    pub protocol: u8,
    /// Zero.
    pub pad: [u8; 3],
}

/// What only the first fragment has. 8 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct FragmentValue {
    /// Source port, network byte order.
    pub source: [u8; 2],
    /// Destination port, network byte order.
    pub destination: [u8; 2],
    /// Low 32 bits of jiffies when the first fragment came.
    pub seen: u32,
}

/// Seconds for which a first fragment counts, as long as the kernel waits for the others (`ipfrag_time`, `ip6frag_time` is 60).
/// Identifications come again.
pub const FRAGMENT_SECONDS: u32 = 30;

shape!(FragmentKey = 40, FragmentValue = 8);
