//! Gates: whether this node may answer for and forward to the addresses of a virtual router.

use bytemuck::{Pod, Zeroable};

use crate::{Address, Mac, shape};

/// Gate 0 belongs to no virtual router and is open for ever.
pub const ALWAYS_OPEN: u32 = 0;

/// Number of gates; the highest index is one less.
pub const GATES: u32 = 4096;

/// A gate. 4 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct GateValue {
    /// One of the `GATE_*` constants.
    pub state: u32,
}

/// Not ours now: the kernel may route the packet onward. The state of a fresh map.
pub const GATE_PASS: u32 = 0;
/// MASTER: forward and answer.
pub const GATE_OPEN: u32 = 1;
/// The address is still configured here but may not answer: drop.
pub const GATE_FENCED: u32 = 2;

/// Key of the `owned` map: a virtual address, IPv4-mapped for IPv4. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
pub struct OwnedKey {
    /// The address.
    pub address: Address,
}

/// Value of the `owned` map: the gate of the virtual router that has the address. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct OwnedValue {
    /// Index into `gates`.
    pub gate: u32,
    /// `OWNED_FLAG_*` bits.
    pub flags: u32,
    /// The virtual MAC it answers with; zero where that is the interface's own, or a link's.
    pub mac: Mac,
    /// Zero.
    pub pad: [u8; 2],
}

/// `no_accept` (RFC 9568 §6.1 Accept_Mode): behind an open gate the address is forwarded for, but what is for this host
/// itself is dropped, neighbour discovery excepted.
pub const OWNED_FLAG_NO_ACCEPT: u32 = 1;

shape!(GateValue = 4, OwnedKey = 16, OwnedValue = 16);
