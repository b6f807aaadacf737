extern crate std;

use std::{collections::BTreeSet, vec};

use super::*;
use crate::mapped;

fn v6(last: u32) -> Address {
    let mut address = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    address[12..].copy_from_slice(&last.to_be_bytes());
    address
}

fn key(address: Address, port: u16) -> ServiceKey {
    ServiceKey {
        address,
        port: port.to_be_bytes(),
        protocol: 6,
        pad: 0,
    }
}

/// The most that any of 1,000 equal parts of the ring gets, where 1,000 is the mean.
fn fullest(hashes: impl Iterator<Item = u32>) -> u32 {
    let mut counts = vec![0u32; 1000];
    for hash in hashes {
        counts[position(hash, 1000) as usize] += 1;
    }
    counts.into_iter().max().unwrap()
}

#[test]
fn a_flow_never_changes_its_place_from_release_to_release() {
    let cases = [
        (mapped([192, 0, 2, 1]), 40_000u16, 80u16, 0xad66_0098),
        (mapped([192, 0, 2, 1]), 40_001, 80, 0x35aa_f135),
        (mapped([10, 0, 0, 1]), 40_000, 443, 0x325d_13e7),
        (v6(1), 40_000, 80, 0x3c7b_697b),
    ];
    for (client, port, service, expected) in cases {
        let hash = flow(&client, port.to_be_bytes(), service.to_be_bytes());
        assert_eq!(hash, expected, "{client:?} {port} {service}: {hash:#010x}");
    }
}

#[test]
fn flows_that_differ_little_are_spread_like_chance() {
    let port = |n: u32| ((n % 50_000) as u16 + 1024).to_be_bytes();
    // One client's ports; clients beside each other; both families.
    let cases: [(&str, u32); 5] = [
        ("clients beside each other", {
            let hash = |n: u32| flow(&mapped((0x0a00_0000 + n).to_be_bytes()), [4, 0], [0, 80]);
            fullest((0..1_000_000).map(hash))
        }),
        ("clients of 256 networks", {
            let hash = |n: u32| flow(&mapped((n << 8).to_be_bytes()), [4, 0], [0, 80]);
            fullest((0..1_000_000).map(hash))
        }),
        ("ports of twenty clients", {
            let hash = |n: u32| flow(&mapped([10, 0, 0, (n / 50_000) as u8]), port(n), [0, 80]);
            fullest((0..1_000_000).map(hash))
        }),
        ("IPv6 clients beside each other", {
            let hash = |n: u32| flow(&v6(n), [4, 0], [0, 80]);
            fullest((0..1_000_000).map(hash))
        }),
        ("IPv6 networks", {
            let hash = |n: u32| {
                let mut client = v6(1);
                client[4..8].copy_from_slice(&n.to_be_bytes());
                flow(&client, [4, 0], [0, 80])
            };
            fullest((0..1_000_000).map(hash))
        }),
    ];
    for (name, fullest) in cases {
        // Six standard deviations; a sequence may be spread more evenly than chance.
        assert!(fullest < 1190, "{name}: {fullest}");
    }
}

#[test]
fn the_two_slots_of_a_service_do_not_follow_from_one_another() {
    let mask = 0xffff;
    let keys = (0..60_000u32).map(|n| key(mapped((0x0a00_0000 + n).to_be_bytes()), 80));
    let (mut firsts, mut pairs) = (vec![0u32; 65_536], BTreeSet::new());
    for key in keys {
        let [first, second] = service_slots(&key, 7, mask);
        firsts[first as usize] += 1;
        pairs.insert((first, second));
    }
    assert_eq!(pairs.len(), 60_000);
    // As by chance: more than seven in one slot of as many slots is one case in a hundred thousand slots.
    assert!(*firsts.iter().max().unwrap() < 11);
}

#[test]
fn buckets_are_those_of_ipvs() {
    // hash_32(ntohs(port) + ntohl(folded address), 8) by hand.
    let cases = [
        (mapped([192, 0, 2, 1]), 0u16),
        (mapped([192, 0, 2, 1]), 1024),
        (mapped([255, 255, 255, 255]), 1),
        (v6(1), 0),
        (v6(1), 65_535),
    ];
    for (address, port) in cases {
        let words = address.as_chunks::<4>().0;
        let folded = if address[..12] == mapped([0; 4])[..12] {
            u32::from_be_bytes(words[3])
        } else {
            words
                .iter()
                .fold(0, |sum, word| sum ^ u32::from_be_bytes(*word))
        };
        let expected = folded
            .wrapping_add(u32::from(port))
            .wrapping_mul(0x61c8_8647)
            >> 24;
        let bucket = bucket(&address, port.to_be_bytes());
        assert_eq!(bucket, expected, "{address:?} {port}");
    }
}
