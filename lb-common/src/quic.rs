//! QUIC: which real server a connection ID names (draft-ietf-quic-load-balancers, in plaintext).

use bytemuck::{Pod, Zeroable};

use crate::shape;

/// Key of `quic_servers`: a server id within a service. 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
pub struct QuicKey {
    /// The server id as a number, host byte order.
    pub server: u64,
    /// Service id.
    pub service: u32,
    /// Zero.
    pub pad: u32,
}

/// Most bytes of a server id.
pub const MOST_SERVER_ID: u8 = 8;
/// First byte of a packet: it has a long header.
pub const LONG_HEADER: u8 = 0x80;
/// First byte of a connection ID: the upper three bits are all set where it names nobody.
pub const UNROUTABLE: u8 = 0xe0;

shape!(QuicKey = 16);
