//! Pauses between announcements (`vrrp_garp_interval`, `vrrp_gna_interval`, `garp_group`), for switches that
//! lose what comes too fast.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use super::output::InstanceId;
use crate::config::model::{
    Family, InterfaceName, VirtualAddress, global::Announce, network::GarpGroup,
};

/// An announcement that waits.
type Waiting = (InstanceId, VirtualAddress);

/// What shares one pause: ARP and neighbour advertisements each have their own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    /// One interface.
    Interface(InterfaceName, Family),
    /// The interfaces of a `garp_group`, by its place in the file.
    Group(usize, Family),
}

#[derive(Debug)]
struct Queue {
    /// When the next may leave.
    free: Instant,
    waiting: VecDeque<Waiting>,
}

/// Lets announcements out one after the other.
#[derive(Debug, Default)]
pub(super) struct Pacing {
    garp: Duration,
    gna: Duration,
    groups: Vec<GarpGroup>,
    lanes: BTreeMap<Lane, Queue>,
}

impl Pacing {
    /// Adopts new pauses. What waits for the old ones is due at once, to wait for the new ones.
    pub(super) fn configure(&mut self, announce: &Announce, groups: &[GarpGroup]) -> Vec<Waiting> {
        let pauses = (announce.garp_interval, announce.gna_interval);
        if (self.garp, self.gna) == pauses && self.groups == groups {
            return Vec::new();
        }
        (self.garp, self.gna) = pauses;
        self.groups = groups.to_vec();
        let lanes = std::mem::take(&mut self.lanes);
        lanes
            .into_values()
            .flat_map(|queue| queue.waiting)
            .collect()
    }

    /// Whether an announcement may leave now; one that may not is kept.
    pub(super) fn admits(
        &mut self,
        id: InstanceId,
        address: &VirtualAddress,
        now: Instant,
    ) -> bool {
        let (lane, pause) = self.lane(address);
        if pause.is_zero() {
            return true;
        }
        let queue = self.lanes.entry(lane).or_insert_with(|| Queue {
            free: now,
            waiting: VecDeque::new(),
        });
        let free = queue.waiting.is_empty() && queue.free <= now;
        if free {
            queue.free = now + pause;
        } else {
            queue.waiting.push_back((id, address.clone()));
        }
        free
    }

    /// When the next that waits may leave.
    pub(super) fn next(&self) -> Option<Instant> {
        let queues = self.lanes.values();
        let waiting = queues.filter(|queue| !queue.waiting.is_empty());
        waiting.map(|queue| queue.free).min()
    }

    /// Takes one that may leave now. One for which `worthwhile` is false is dropped and costs no pause.
    pub(super) fn due(
        &mut self,
        now: Instant,
        worthwhile: impl Fn(&Waiting) -> bool,
    ) -> Option<Waiting> {
        let (garp, gna, groups) = (self.garp, self.gna, &self.groups);
        for (lane, queue) in &mut self.lanes {
            if queue.free > now {
                continue;
            }
            while let Some(waiting) = queue.waiting.pop_front() {
                if worthwhile(&waiting) {
                    queue.free = now
                        + match lane {
                            Lane::Interface(_, family) => pause(*family, garp, gna),
                            Lane::Group(place, family) => {
                                groups.get(*place).map_or(Duration::ZERO, |g| {
                                    pause(*family, g.garp_interval, g.gna_interval)
                                })
                            }
                        };
                    return Some(waiting);
                }
            }
        }
        None
    }

    fn lane(&self, address: &VirtualAddress) -> (Lane, Duration) {
        let family = Family::of(address.address);
        let place = self
            .groups
            .iter()
            .position(|group| group.interfaces.contains(&address.interface));
        match place.and_then(|place| Some((place, self.groups.get(place)?))) {
            Some((place, group)) => (
                Lane::Group(place, family),
                pause(family, group.garp_interval, group.gna_interval),
            ),
            None => (
                Lane::Interface(address.interface.clone(), family),
                pause(family, self.garp, self.gna),
            ),
        }
    }
}

const fn pause(family: Family, garp: Duration, gna: Duration) -> Duration {
    match family {
        Family::V4 => garp,
        Family::V6 => gna,
    }
}
