use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::config::model::Protocol;

fn member(host: u16, weight: u32) -> (DestId, u32) {
    let [high, low] = host.to_be_bytes();
    let id = DestId {
        address: [10, 0, high, low].into(),
        port: 8080,
        protocol: Protocol::Tcp,
    };
    (id, weight)
}

fn configured_length(members: &[(DestId, u32)]) -> u32 {
    length(members.iter().map(|(_, weight)| *weight))
}

fn owners(members: &[(DestId, u32)], len: u32) -> Vec<DestId> {
    ring(members, len)
        .into_iter()
        .map(|index| members[usize::from(index)].0)
        .collect()
}

fn shares(ring: &[DestId]) -> BTreeMap<DestId, usize> {
    let mut counts = BTreeMap::new();
    for owner in ring {
        *counts.entry(*owner).or_insert(0) += 1;
    }
    counts
}

#[test]
fn the_ring_is_long_enough_for_the_weights() {
    let table: [(&[u32], u32); 8] = [
        (&[], SMALL),
        (&[0, 0], SMALL),
        (&[1], SMALL),
        (&[1, 0, 1], SMALL),
        (&[100, 300, 200], SMALL),
        (&[1; 40], SMALL),
        (&[1; 41], LARGE),
        (&[100, 99], LARGE),
    ];
    for (weights, expected) in table {
        assert_eq!(length(weights.iter().copied()), expected, "{weights:?}");
    }
}

#[test]
fn ring_lengths_are_prime_and_waste_little_of_their_chunks() {
    use lb_common::ring::CHUNK_LEN;
    for len in [SMALL, LARGE] {
        assert!((2..256).all(|n| len % n != 0), "{len}");
    }
    assert_eq!((SMALL as usize).div_ceil(CHUNK_LEN), 16);
    assert_eq!((LARGE as usize).div_ceil(CHUNK_LEN), 256);
}

#[test]
fn a_ring_never_changes_from_release_to_release() {
    let members = [member(1, 1), member(2, 2), member(3, 1)];
    let digest = ring(&members, SMALL).iter().fold(0u64, |hash, index| {
        let mixed = (hash ^ u64::from(*index)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 32)
    });
    assert_eq!(
        digest, 0x3efe_4200_95ec_033b,
        "two directors of different versions must agree"
    );
}

fn members(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<(DestId, u32)>> {
    prop::collection::btree_map(any::<u16>(), 1u32..=10, count).prop_map(|map| {
        map.into_iter()
            .map(|(host, weight)| member(host, weight))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn shares_follow_the_weights(members in members(1..60)) {
        let ring = owners(&members, configured_length(&members));
        let counts = shares(&ring);
        let len = ring.len() as f64;
        let sum: u32 = members.iter().map(|(_, weight)| weight).sum();
        for (id, weight) in &members {
            let share = f64::from(*weight) / f64::from(sum) * len;
            let got = counts[id] as f64;
            prop_assert!((got - share).abs() <= 3.0, "{got} entries instead of {share}");
        }
    }

    #[test]
    fn the_order_of_the_file_does_not_matter(members in members(1..20), turn in 0usize..20) {
        let mut other = members.clone();
        other.rotate_left(turn % members.len());
        let len = configured_length(&members);
        prop_assert_eq!(owners(&members, len), owners(&other, len));
    }
}

/// How much more than the share of a member moves when it leaves.
fn excess(members: &[(DestId, u32)], gone: usize) -> f64 {
    let mut rest = members.to_vec();
    rest.remove(gone);
    let len = configured_length(members);
    let (before, after) = (owners(members, len), owners(&rest, len));
    let sum: u32 = members.iter().map(|(_, weight)| weight).sum();
    let share = f64::from(members[gone].1) / f64::from(sum);
    let moved = before.iter().zip(&after).filter(|(a, b)| a != b).count();
    moved as f64 / before.len() as f64 - share
}

/// Two members may happen to walk the ring alike, and then more moves: so it is the many that count.
#[test]
fn one_that_leaves_moves_little_more_than_its_share() {
    let mut random = fastrand::Rng::with_seed(1);
    let cases: Vec<f64> = (0..100)
        .map(|_| {
            let hosts: BTreeSet<u16> = (0..random.usize(2..60)).map(|_| random.u16(..)).collect();
            let members: Vec<_> = hosts
                .into_iter()
                .map(|host| member(host, random.u32(1..=10)))
                .collect();
            excess(&members, random.usize(..members.len()))
        })
        .collect();
    let mean = cases.iter().sum::<f64>() / cases.len() as f64;
    assert!(mean <= 0.01, "{mean} more than the share");
    let most = cases.iter().copied().fold(0.0, f64::max);
    assert!(most <= 0.3, "{most} more than the share");
}

/// Of a hundred equal ones, each once: its own share is 1 %.
#[test]
fn one_of_a_hundred_that_leaves_or_comes_moves_less_than_two_hundredths() {
    let all: Vec<_> = (0..100).map(|host| member(host, 1)).collect();
    let len = configured_length(&all);
    let whole = owners(&all, len);
    let moved = |gone: usize| {
        let mut rest = all.clone();
        rest.remove(gone);
        let differ = whole.iter().zip(owners(&rest, len));
        differ.filter(|(a, b)| *a != b).count() as f64 / f64::from(len)
    };
    let moved: Vec<f64> = (0..all.len()).map(moved).collect();
    let most = moved.iter().copied().fold(0.0, f64::max);
    let mean = moved.iter().sum::<f64>() / moved.len() as f64;
    assert!(most < 0.02, "{most} at most, {mean} in the mean");
}
