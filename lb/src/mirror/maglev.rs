//! Maglev rings (Eisenbud et al., NSDI 2016 §3.4), weighted.
//!
//! Every real server walks its own permutation of the ring, given by its identity alone, and takes the first
//! free entry it meets whenever it is its turn. Turns come in proportion to the weights and in the order of
//! the identities, so that every director with the same real servers builds the same ring, whatever the order of
//! its file.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use crate::pool::{DestId, mapped};

/// Ring length for few real servers: the largest prime below 4096.
pub const SMALL: u32 = 4093;
/// Ring length for many real servers or uneven weights: the largest prime that 16 bits can count.
pub const LARGE: u32 = 65521;

/// Entries per unit of weight below which the ring grows: the error of a share stays below one percent of it.
const ENTRIES_PER_WEIGHT: u64 = 100;

/// Ring length for the weights of all configured real servers, the failed ones too: another length moves most
/// flows, so health must not change it.
#[must_use]
pub fn length(weights: impl Iterator<Item = u32> + Clone) -> u32 {
    let divisor = divisor(weights.clone());
    let sum: u64 = weights.map(|weight| u64::from(weight / divisor)).sum();
    if sum.saturating_mul(ENTRIES_PER_WEIGHT) <= u64::from(SMALL) {
        SMALL
    } else {
        LARGE
    }
}

/// The greatest common divisor of weights; 1 where all are 0.
pub(super) fn divisor(weights: impl Iterator<Item = u32>) -> u32 {
    weights.fold(0, gcd).max(1)
}

const fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Fills a ring of `len` entries, [`SMALL`] or [`LARGE`], with indexes into `members`, pairs of real server and
/// weight; empty when no weight is above zero.
#[must_use]
pub fn ring(members: &[(DestId, u32)], len: u32) -> Vec<u16> {
    let weights = members.iter().map(|(_, weight)| u64::from(*weight));
    let Some(heaviest @ 1..) = weights.max() else {
        return Vec::new();
    };
    let mut turns: Vec<Turn> = (0u16..)
        .zip(members)
        .filter(|(_, (_, weight))| *weight > 0)
        .map(|(index, (id, weight))| Turn::new(index, *id, u64::from(*weight), heaviest, len))
        .collect();
    turns.sort_by_key(|turn| turn.id);

    let mut ring: Vec<Option<u16>> = vec![None; len as usize];
    let mut free = ring.len();
    while free > 0 {
        for turn in &mut turns {
            turn.credit += turn.weight;
            if turn.credit < heaviest || free == 0 {
                continue;
            }
            turn.credit -= heaviest;
            turn.take_next_free(&mut ring);
            free -= 1;
        }
    }
    ring.into_iter().flatten().collect()
}

struct Turn {
    id: DestId,
    index: u16,
    weight: u64,
    /// Takes an entry whenever this reaches the heaviest weight.
    credit: u64,
    position: u32,
    skip: u32,
}

impl Turn {
    fn new(index: u16, id: DestId, weight: u64, heaviest: u64, len: u32) -> Self {
        Self {
            id,
            index,
            weight,
            // Everyone takes an entry in the first round, so that the lightest is never left out.
            credit: heaviest - weight,
            position: reduce(hash(id, 0), len),
            skip: reduce(hash(id, 1), len - 1) + 1,
        }
    }

    /// The length is prime and the skip below it, so the walk meets every entry; one must be free.
    fn take_next_free(&mut self, ring: &mut [Option<u16>]) {
        #[expect(clippy::cast_possible_truncation, reason = "at most LARGE entries")]
        let len = ring.len() as u32;
        loop {
            let entry = &mut ring[self.position as usize];
            self.position = (self.position + self.skip) % len;
            if entry.is_none() {
                *entry = Some(self.index);
                return;
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder is below a u32"
)]
const fn reduce(hash: u64, below: u32) -> u32 {
    (hash % below as u64) as u32
}

/// Part of the interface between directors: a change of it moves every flow.
fn hash(id: DestId, purpose: u64) -> u64 {
    let mut hasher = SipHasher24::new_with_keys(0, purpose);
    hasher.write(&mapped(id.address));
    hasher.write(&id.port.to_be_bytes());
    hasher.write(&[id.protocol.number()]);
    hasher.finish()
}

#[cfg(test)]
mod tests;
