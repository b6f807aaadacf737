//! Rings: the tables schedulers pick a real server from.

use bytemuck::{Pod, Zeroable};

use crate::shape;

/// Entries per chunk of the `rings` map.
pub const CHUNK_LEN: usize = 256;

/// One value of the `rings` map: dest ids, native byte order. 512 bytes.
///
/// A ring is a run of chunks; entry `i` is in chunk `base + i / CHUNK_LEN`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Zeroable, Pod)]
pub struct RingChunk {
    /// Dest ids.
    pub dests: [u16; CHUNK_LEN],
}

shape!(RingChunk = 512);
