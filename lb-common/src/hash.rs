//! Hashes both sides must agree on.

use crate::{Address, service::ServiceKey};

const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Folds one 64-bit word into a running hash (multiply, then take the high bits down).
#[inline(always)]
#[must_use]
pub const fn fold(hash: u64, word: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(MIX);
    mixed ^ (mixed >> 32)
}

#[inline(always)]
const fn word(bytes: &[u8; 16], at: usize) -> u64 {
    u64::from_le_bytes([
        bytes[at],
        bytes[at + 1],
        bytes[at + 2],
        bytes[at + 3],
        bytes[at + 4],
        bytes[at + 5],
        bytes[at + 6],
        bytes[at + 7],
    ])
}

/// Hash of a flow: client address and port, seeded with the service's front so that two services do
/// not send one client to the same place in their rings. The same on every director.
#[inline(always)]
#[must_use]
pub const fn flow(client: &Address, port: [u8; 2], service_port: [u8; 2]) -> u32 {
    let ports = u64::from_le_bytes([
        port[0],
        port[1],
        service_port[0],
        service_port[1],
        0,
        0,
        0,
        0,
    ]);
    let hash = fold(fold(fold(MIX, word(client, 0)), word(client, 8)), ports);
    (hash ^ (hash >> 29)).wrapping_mul(MIX).wrapping_shr(32) as u32
}

/// Position of `hash` in a ring of `len` entries (multiply-shift, no division).
#[inline(always)]
#[must_use]
pub const fn position(hash: u32, len: u32) -> u32 {
    ((hash as u64 * len as u64) >> 32) as u32
}

/// The two slots a service may occupy within a half of the fast service table.
#[inline(always)]
#[must_use]
pub const fn service_slots(key: &ServiceKey, seed: u32, mask: u32) -> [u32; 2] {
    let tail = u16::from_le_bytes(key.port) as u64 | (key.protocol as u64) << 16;
    // The seed comes last: the packet's part need not wait for it.
    let hash = fold(fold(MIX, word(&key.address, 0)), word(&key.address, 8));
    let hash = (hash ^ tail ^ (seed as u64) << 32).wrapping_mul(MIX);
    // Another round: the addresses of services often differ in their last byte only, and the two slots of
    // each must not follow from one another.
    let hash = (hash ^ (hash >> 29)).wrapping_mul(MIX);
    [(hash >> 32) as u32 & mask, hash as u32 & mask]
}
