//! The fast service table: two-choice placement of services in one half.

use std::collections::BTreeMap;

use bytemuck::Zeroable;
use lb_common::{
    dest::{DEST_LOCAL, DestValue, is_nat},
    hash::service_slots,
    service::{
        ServiceKey, ServiceSlot, ServiceTableHeader, ServiceValue, TABLE_LOCAL_NAT_SOURCE,
        TABLE_WILDCARD_NAT_SOURCE, TABLE_WILDCARD_SERVICE,
    },
};

use super::image::{Image, is_live};

/// Displacements before a seed is given up; far above what a half-full table needs.
const DISPLACEMENTS: u32 = 512;

/// Seeds tried before the table counts as full.
const SEEDS: u32 = 256;

/// Sets the table of `image`, which has `slots` slots, to the services of `image`, writing the idle half and turning the header to
/// it; leaves both alone, but for the number of NAT sources and its flags, when packets find exactly these services already. False when no seed
/// fits the services.
pub fn place(image: &mut Image, slots: u32) -> bool {
    let mask = slots / 2 - 1;
    #[expect(clippy::cast_possible_truncation, reason = "no more than the map has")]
    let nat_sources = image.nat_sources.len() as u32;
    image.header.nat_sources = nat_sources;
    image.header.flags = flags(image);
    let found: BTreeMap<_, _> = image.live().map(|(key, value)| (*key, *value)).collect();
    if found == image.services && (found.is_empty() || image.header.mask == mask) {
        return true;
    }
    // The seed stays wherever it can: then the turn of the header changes one word that matters, and a packet
    // that reads it meanwhile sees the old or the new half, never a mixture.
    let first = image.header.seed;
    let Some((seed, half)) = (0..SEEDS)
        .map(|n| first.wrapping_add(n))
        .find_map(|seed| Some((seed, half(&image.services, seed, mask)?)))
    else {
        return false;
    };
    let base = if image.header.base == 0 { slots / 2 } else { 0 };
    image
        .slots
        .retain(|at, _| !(base..=base + mask).contains(at));
    image
        .slots
        .extend(half.into_iter().map(|(at, slot)| (base + at, slot)));
    #[expect(clippy::cast_possible_truncation, reason = "no more than slots")]
    let services = image.services.len() as u32;
    image.header = ServiceTableHeader {
        base,
        mask,
        seed,
        services,
        nat_sources,
        flags: image.header.flags,
    };
    true
}

fn flags(image: &Image) -> u32 {
    let is_local =
        |dest: &DestValue| is_nat(dest.method) && is_live(dest) && dest.flags & DEST_LOCAL != 0;
    let all = [
        (
            TABLE_WILDCARD_SERVICE,
            image.services.keys().any(|key| key.port == [0; 2]),
        ),
        (
            TABLE_WILDCARD_NAT_SOURCE,
            image.nat_sources.keys().any(|key| key.port == [0; 2]),
        ),
        (TABLE_LOCAL_NAT_SOURCE, image.dests.values().any(is_local)),
    ];
    let set = all.iter().filter(|(_, is_set)| *is_set);
    set.fold(0, |flags, (flag, _)| flags | flag)
}

/// Cuckoo placement by key order: a service takes its first slot, whoever was there moves to its other one.
fn half(
    services: &BTreeMap<ServiceKey, ServiceValue>,
    seed: u32,
    mask: u32,
) -> Option<BTreeMap<u32, ServiceSlot>> {
    let mut slots: BTreeMap<u32, ServiceSlot> = BTreeMap::new();
    for (key, value) in services {
        let mut homeless = ServiceSlot {
            key: *key,
            occupied: 1,
            value: *value,
            ..ServiceSlot::zeroed()
        };
        let [first, second] = service_slots(key, seed, mask);
        let mut at = if slots.contains_key(&first) {
            second
        } else {
            first
        };
        for _ in 0..DISPLACEMENTS {
            let Some(evicted) = slots.insert(at, homeless) else {
                at = u32::MAX;
                break;
            };
            homeless = evicted;
            let [first, second] = service_slots(&homeless.key, seed, mask);
            at = if at == first { second } else { first };
        }
        if at != u32::MAX {
            return None;
        }
    }
    Some(slots)
}

#[cfg(test)]
mod tests;
