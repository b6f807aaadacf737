//! Ports of this host that full NAT gives to flows, so that real servers answer to it and not to the client.
//!
//! A port tells its place: ports come in groups of eight, and a group of a real server has a bucket, which it may share with groups of
//! others. So a reply finds its flow with one look, and no port of a real server can be given out twice.

use bytemuck::{Pod, Zeroable};

use crate::{Address, hash, shape};

/// The first port given out.
pub const FIRST_PORT: u16 = 1024;
/// Number of ports given out: those below where the kernel's own begin (`ip_local_port_range`).
pub const PORTS: u32 = 32_768 - FIRST_PORT as u32;
/// Ports in a bucket of `local_ports`.
pub const PORTS_PER_BUCKET: u32 = 8;
/// Groups of ports.
pub const GROUPS: u32 = PORTS / PORTS_PER_BUCKET;

/// A port and the flow that has it, as long as its flow entry lives. 32 bytes, the key written as one 8-byte word.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct LocalPort {
    /// Client address, IPv4-mapped for IPv4.
    pub client: Address,
    /// Client port, network byte order.
    pub port: [u8; 2],
    /// Dest id; 0 marks a free entry.
    pub dest: u16,
    /// [`pool`] of the real server.
    pub pool: u16,
    /// The group of ports.
    pub group: u16,
    /// Zero.
    pub pad: u64,
}

/// Eight ports that follow each other. 256 bytes.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct LocalPortBucket {
    /// The entry of the port at the same place in its group.
    pub entries: [LocalPort; PORTS_PER_BUCKET as usize],
}

/// What ports are unique within: a real server's address, port and protocol. Two that have the same number share ports, which does no
/// harm.
#[inline(always)]
#[must_use]
pub const fn pool(address: &Address, port: [u8; 2], protocol: u8) -> u16 {
    (hash::flow(address, port, [protocol, 0]) >> 16) as u16
}

/// The groups that a flow of `client` to the dest `dest` may have a port of.
#[inline(always)]
#[must_use]
pub const fn groups(client: &Address, port: [u8; 2], dest: u16) -> [u32; 2] {
    let hash = hash::flow(client, port, dest.to_ne_bytes());
    [
        hash::position(hash, GROUPS),
        hash::position(hash.rotate_left(16), GROUPS),
    ]
}

/// The hash of the bucket of a group.
#[inline(always)]
#[must_use]
pub const fn bucket(pool: u16, group: u32) -> u32 {
    let word = (pool as u32) << 16 | group;
    let mixed = (word ^ word >> 15).wrapping_mul(0x2c1b_3c6d);
    mixed ^ mixed >> 12
}

/// The port at `place` of `group`.
#[inline(always)]
#[must_use]
pub const fn port(group: u32, place: u32) -> u16 {
    FIRST_PORT + (group * PORTS_PER_BUCKET + place) as u16
}

/// The group of `port` and its place there; `None` for one that is not given out.
#[inline(always)]
#[must_use]
pub const fn place(port: u16) -> Option<(u32, u32)> {
    if port < FIRST_PORT || port as u32 - FIRST_PORT as u32 >= PORTS {
        return None;
    }
    let at = (port - FIRST_PORT) as u32;
    Some((at / PORTS_PER_BUCKET, at % PORTS_PER_BUCKET))
}

shape!(LocalPort = 32, LocalPortBucket = 256);
