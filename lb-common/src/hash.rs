//! Hashes both sides must agree on.
//!
//! A sum of products, each word times a number of its own so that no product waits for another, mixed twice.

use crate::{
    Address,
    dest::{FILTER_WORDS, NatSourceKey},
    service::ServiceKey,
};

const HIGH: u64 = 0x9e37_79b9_7f4a_7c15;
const LOW: u64 = 0xd6e8_feb8_6659_fd93;
const TAIL: u64 = 0xc2b2_ae3d_27d4_eb4f;
const MIX: u64 = 0xff51_afd7_ed55_8ccd;

/// The low half of an address is turned round: a bit of a product depends on lower bits only, and addresses differ in their last
/// bytes.
#[inline(always)]
const fn sum(address: &Address, tail: u64) -> u64 {
    let high = word(address, 0).wrapping_mul(HIGH);
    let low = word(address, 8).rotate_left(32).wrapping_mul(LOW);
    high.wrapping_add(low).wrapping_add(tail.wrapping_mul(TAIL))
}

/// What is hashed beside an address.
#[inline(always)]
const fn tail(port: [u8; 2], protocol: u8) -> u64 {
    u16::from_le_bytes(port) as u64 | (protocol as u64) << 16
}

#[inline(always)]
const fn mix(sum: u64) -> u64 {
    let hash = (sum ^ sum >> 32).wrapping_mul(MIX);
    (hash ^ hash >> 29).wrapping_mul(MIX)
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
    let [a, b] = port;
    let [c, d] = service_port;
    let ports = u32::from_le_bytes([a, b, c, d]);
    (mix(sum(client, ports as u64)) >> 32) as u32
}

/// The bit of `nat_filter` that is set where this real server is in `nat_sources`: the word, and the bit in it.
#[inline(always)]
#[must_use]
pub const fn filter_bit(source: &NatSourceKey) -> (u32, u64) {
    let tail = tail(source.port, source.protocol);
    let hash = mix(sum(&source.address, tail));
    ((hash >> 6) as u32 % FILTER_WORDS, 1 << (hash & 63))
}

/// Buckets of `sh` and `dh` in IPVS (`IP_VS_SH_TAB_SIZE`, `IP_VS_DH_TAB_SIZE`).
pub const BUCKETS: u32 = 256;

/// The bucket of an address, and of a port where it counts, as in IPVS: `hash_32` of their sum (`ip_vs_sh_hashkey`).
#[inline(always)]
#[must_use]
pub const fn bucket(address: &Address, port: [u8; 2]) -> u32 {
    let [high, low] = [word(address, 0), word(address, 8)];
    let (folded, last) = (high ^ low, (low >> 32) as u32);
    let is_mapped = high == 0 && low as u32 == u32::from_le_bytes([0, 0, 0xff, 0xff]);
    let folded = if is_mapped {
        last
    } else {
        (folded >> 32) as u32 ^ folded as u32
    };
    // `word` has the first byte lowest, numbers on the wire have it highest.
    let sum = folded
        .swap_bytes()
        .wrapping_add(u16::from_be_bytes(port) as u32);
    sum.wrapping_mul(0x61c8_8647) >> 24
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
    let tail = tail(key.port, key.protocol);
    let hash = mix(sum(&key.address, tail | (seed as u64) << 32));
    [(hash >> 32) as u32 & mask, hash as u32 & mask]
}

#[cfg(test)]
mod tests;
