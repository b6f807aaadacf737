use super::*;

fn list(weights: &[u32]) -> Vec<Entry> {
    (1..)
        .zip(weights)
        .map(|(id, weight)| Entry {
            id,
            weight: *weight,
        })
        .collect()
}

fn of(scheduler: Scheduler, weights: &[u32]) -> Vec<u16> {
    ring(scheduler, &list(weights), &[0; 16], false).unwrap()
}

#[test]
fn turns_are_those_of_ipvs() {
    use Scheduler::{Failover, RoundRobin, WeightedRoundRobin};
    let cases: [(Scheduler, &[u32], &[u16]); 12] = [
        (RoundRobin, &[], &[]),
        (RoundRobin, &[5, 0, 1], &[1, 3]),
        (WeightedRoundRobin, &[], &[]),
        (WeightedRoundRobin, &[0, 0], &[]),
        (WeightedRoundRobin, &[1, 1, 1], &[1, 2, 3]),
        (WeightedRoundRobin, &[4, 3, 2], &[1, 1, 2, 1, 2, 3, 1, 2, 3]),
        (
            WeightedRoundRobin,
            &[40, 30, 20],
            &[1, 1, 2, 1, 2, 3, 1, 2, 3],
        ),
        (WeightedRoundRobin, &[1, 0, 3], &[3, 3, 1, 3]),
        (Failover, &[], &[]),
        (Failover, &[1, 7, 3], &[2]),
        (Failover, &[7, 7, 3], &[1]),
        (Failover, &[0, 0], &[]),
    ];
    for (scheduler, weights, expected) in cases {
        assert_eq!(
            of(scheduler, weights),
            expected,
            "{scheduler:?} {weights:?}"
        );
    }
}

/// `ip_vs_wrr_schedule` of Linux 6, step by step.
fn wrr_model(list: &[Entry], count: usize) -> Vec<u16> {
    let weights = list.iter().map(|entry| entry.weight);
    let divisor = i64::from(maglev::divisor(weights));
    let most = list
        .iter()
        .map(|entry| i64::from(entry.weight))
        .max()
        .unwrap();
    let highest = most - (divisor - 1);
    let (mut at, mut level) = (0, highest);
    let mut taken = Vec::new();
    while taken.len() < count {
        if at == list.len() {
            at = 0;
            level -= divisor;
            if level <= 0 {
                level = highest;
            }
        }
        if i64::from(list[at].weight) >= level {
            taken.push(list[at].id);
        }
        at += 1;
    }
    taken
}

#[test]
fn a_hundred_thousand_connections_go_where_ipvs_would_send_them() {
    for weights in [
        &[1, 2, 3][..],
        &[10, 10, 25, 0],
        &[7, 5, 3, 2, 1],
        &[100, 1],
    ] {
        let list = list(weights);
        let ring = of(Scheduler::WeightedRoundRobin, weights);
        let taken: Vec<u16> = ring.iter().copied().cycle().take(100_000).collect();
        assert_eq!(taken, wrr_model(&list, 100_000), "{weights:?}");
    }
}

#[test]
fn shares_stay_within_a_point_where_weights_are_rounded() {
    let weights = [65_535, 32_768, 16_001, 3, 40_000];
    let ring = of(Scheduler::WeightedRoundRobin, &weights);
    assert!(ring.len() as u64 <= LONGEST);
    let sum: u32 = weights.iter().sum();
    for (id, weight) in (1u16..).zip(weights) {
        let share = ring.iter().filter(|entry| **entry == id).count() as f64 / ring.len() as f64;
        let due = f64::from(weight) / f64::from(sum);
        assert!((share - due).abs() < 0.01, "{weight}: {share} for {due}");
    }
}

#[test]
fn buckets_are_shared_by_weight_and_a_fallback_goes_on() {
    let buckets = |weights: &[u32], fallback| {
        ring(Scheduler::SourceHash, &list(weights), &[0; 16], fallback).unwrap()
    };
    assert!(buckets(&[], true).is_empty());
    assert_eq!(buckets(&[2, 1], false)[..7], [1, 1, 2, 1, 1, 2, 1]);
    assert_eq!(buckets(&[1, 0, 2], false)[..6], [1, 0, 3, 3, 1, 0]);
    // From bucket 1 on: 2, 3, …; from 5 on: 10, 11, ….
    assert_eq!(buckets(&[1, 0, 2], true)[..6], [1, 3, 3, 3, 1, 3]);
    assert!(buckets(&[0, 0], true).iter().all(|id| *id == 0));
    assert_eq!(buckets(&[300, 1], false), [1; 256]);
}

#[test]
fn dh_sends_a_service_to_one_bucket() {
    let address = lb_common::mapped([192, 0, 2, 1]);
    let bucket = hash::bucket(&address, [0; 2]) as usize;
    let chosen = ring(
        Scheduler::DestinationHash,
        &list(&[1, 1, 1]),
        &address,
        false,
    )
    .unwrap();
    assert_eq!(chosen, [(bucket % 3) as u16 + 1]);
    let none = ring(Scheduler::DestinationHash, &list(&[0]), &address, false).unwrap();
    assert!(none.is_empty());
}

#[test]
fn schedulers_that_count_connections_have_a_list_of_those_that_take_some() {
    for scheduler in [
        Scheduler::LeastConnections,
        Scheduler::WeightedLeastConnections,
        Scheduler::ShortestExpectedDelay,
        Scheduler::NeverQueue,
        Scheduler::Overflow,
    ] {
        let list = ring(scheduler, &list(&[3, 0, 1]), &[0; 16], false);
        assert_eq!(list, Some(vec![1, 3]), "{scheduler:?}");
    }
}

#[test]
fn mh_is_none_of_these() {
    assert_eq!(
        ring(Scheduler::MaglevHash, &list(&[1]), &[0; 16], false),
        None
    );
}
