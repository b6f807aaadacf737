//! The lists of dests that IPVS's schedulers go through, all but `mh`.
//!
//! IPVS keeps real servers newest first and keepalived adds them in the order of the file, so the last of the file comes first. A
//! real server whose checks fail is not among them; one of weight 0 is, and takes nothing.

use lb_common::{Address, hash};

use super::maglev;
use crate::config::model::Scheduler;

/// A real server in IPVS's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Dest id.
    pub id: u16,
    /// Its weight.
    pub weight: u32,
}

/// The longest list; IPVS has no limit. A longer one is made of weights that are rounded.
pub const LONGEST: u64 = maglev::LARGE as u64;

/// Buckets of `sh` and `dh` (`IP_VS_SH_TAB_SIZE`).
const BUCKETS: usize = hash::BUCKETS as usize;

/// The ring of a service for `address` by dest ids, where 0 is nobody; `None` for a scheduler that is not one of these.
///
/// That of `sh` has a place for every bucket, with `fallback` already gone on from those that take nothing; all others are walked
/// round.
#[must_use]
pub fn ring(
    scheduler: Scheduler,
    list: &[Entry],
    address: &Address,
    fallback: bool,
) -> Option<Vec<u16>> {
    match scheduler {
        Scheduler::RoundRobin
        | Scheduler::LeastConnections
        | Scheduler::WeightedLeastConnections
        | Scheduler::ShortestExpectedDelay
        | Scheduler::NeverQueue
        | Scheduler::Overflow => Some(takers(list).map(|entry| entry.id).collect()),
        Scheduler::WeightedRoundRobin => Some(weighted(list)),
        Scheduler::Failover => Some(heaviest(list).into_iter().collect()),
        Scheduler::SourceHash => Some(source_hash(list, fallback)),
        Scheduler::DestinationHash => Some(destination_hash(list, address).into_iter().collect()),
        _ => None,
    }
}

fn takers(list: &[Entry]) -> impl Iterator<Item = &Entry> + Clone {
    list.iter().filter(|entry| entry.weight > 0)
}

/// `ip_vs_wrr_schedule`: the level falls from the heaviest weight by the greatest common divisor, and at each level those that
/// weigh as much take one flow.
fn weighted(list: &[Entry]) -> Vec<u16> {
    let mut divisor = maglev::divisor(list.iter().map(|entry| entry.weight));
    let shares = loop {
        let share = |entry: &Entry| (entry.id, entry.weight.div_ceil(divisor));
        let shares: Vec<(u16, u32)> = takers(list).map(share).collect();
        let length: u64 = shares.iter().map(|(_, share)| u64::from(*share)).sum();
        if length <= LONGEST {
            break shares;
        }
        divisor = divisor.saturating_mul(2);
    };
    let highest = shares.iter().map(|(_, share)| *share).max();
    let levels = (1..=highest.unwrap_or(0)).rev();
    let at = |level| shares.iter().filter(move |(_, share)| *share >= level);
    levels.flat_map(at).map(|(id, _)| *id).collect()
}

/// `ip_vs_fo_schedule`: the heaviest, the first of equals.
fn heaviest(list: &[Entry]) -> Option<u16> {
    let most = takers(list).map(|entry| entry.weight).max()?;
    let first = list.iter().find(|entry| entry.weight == most);
    first.map(|entry| entry.id)
}

/// `ip_vs_sh_reassign`: each takes as many buckets as it weighs, one at least, round and round.
fn source_hash(list: &[Entry], fallback: bool) -> Vec<u16> {
    if list.is_empty() {
        return Vec::new();
    }
    let round = list.iter().cycle();
    let assigned = round.flat_map(|entry| {
        std::iter::repeat_n(
            *entry,
            usize::try_from(entry.weight.max(1)).unwrap_or(BUCKETS),
        )
    });
    let buckets: Vec<Entry> = assigned.take(BUCKETS).collect();
    let takes = |entry: &Entry| entry.weight > 0;
    let found = |bucket: usize| {
        let own = std::iter::once(buckets[bucket]);
        let further = (0..BUCKETS).map(|offset| buckets[(bucket + bucket + offset) % BUCKETS]);
        let mut tried = own.chain(further.filter(|_| fallback));
        tried.find(takes).map_or(0, |entry| entry.id)
    };
    (0..BUCKETS).map(found).collect()
}

/// `ip_vs_dh_reassign`: each takes one bucket, round and round; a service has one address and so one bucket.
fn destination_hash(list: &[Entry], address: &Address) -> Option<u16> {
    let bucket = hash::bucket(address, [0; 2]) as usize;
    let entry = list.iter().cycle().nth(bucket)?;
    (entry.weight > 0).then_some(entry.id)
}

#[cfg(test)]
mod tests;
