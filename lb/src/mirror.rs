//! The mirror: from the desired services to the exact contents of the BPF maps, and the difference to what is there.
//!
//! Desired services → [`plan`] → wanted [`Image`] → [`diff`] → [`MapOp`]s → acknowledged → installed [`Image`].
//! The plan starts from what is installed, so ids, generations and rings of whatever did not change stay, and
//! a checker child that starts with the image read back from the kernel writes nothing that is there already.
#![deny(clippy::disallowed_methods)]

pub mod diff;
pub mod displaced;
pub mod image;
pub mod maglev;
pub mod plan;
pub mod room;
pub mod table;
pub mod turns;

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use lb_common::{
    flow::{FLOW_DATAGRAM, FLOW_ESTABLISHED, timeout_seconds},
    service::{SCHEDULER_MH, ServiceKey},
};

pub use self::image::{Image, MapOp};
use self::{
    plan::{Planner, Refusal, service_key},
    room::Room,
};
use crate::{
    config::model::Protocol,
    outputs,
    pool::{Front, desired::Service},
};

/// What is known about a ring that did not change for as long as flows last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Some flows are elsewhere, by their flow entries.
    Held,
    /// Every flow is where the ring says.
    Settled,
}

/// XDP's part beside IPVS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// IPVS has none of the services.
    #[default]
    Alone,
    /// IPVS goes on with the flows it has.
    Successor,
    /// IPVS has the services too, and takes what is not carried here.
    Shared,
    /// XDP goes on with the flows it has; IPVS takes those that begin.
    Leaving,
}

/// How long until it is looked again whether a service that leaves has flows.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long until flows that still hold on to an older ring are counted again.
const COUNT_AGAIN: Duration = Duration::from_secs(300);

/// How long until a write that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// An effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Write a map; answered by [`Mirror::handle_written`] before the next output is asked for.
    Write(MapOp),
    /// Count the flows that are where an older ring placed them, with [`displaced::Displaced`]; answered by
    /// [`Mirror::handle_displaced`].
    CountDisplaced,
    /// Count the connections of each service, as far as they have entries; answered by [`Mirror::handle_connections`].
    CountConnections,
    /// A service cannot be carried as configured: log.
    Refused {
        /// The service.
        front: Front,
        /// Why.
        why: Refusal,
    },
}

/// Keeps the maps equal to the desired services.
#[derive(Debug)]
pub struct Mirror {
    installed: Image,
    desired: Vec<Service>,
    planner: Planner,
    refused: BTreeMap<Front, Refusal>,
    /// Services whose ring differs from the previous one, and when that may end.
    unsettled: BTreeMap<ServiceKey, Instant>,
    /// When it is looked next whether services that leave have flows.
    look: Option<Instant>,
    retry: Option<Instant>,
    outputs: VecDeque<Output>,
}

impl Mirror {
    /// A mirror of maps that hold `installed` and have `room`.
    #[must_use]
    pub const fn new(installed: Image, room: Room) -> Self {
        Self {
            installed,
            desired: Vec::new(),
            planner: Planner::new(room),
            refused: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            look: None,
            retry: None,
            outputs: VecDeque::new(),
        }
    }

    /// What the maps hold, as far as the kernel acknowledged it.
    #[must_use]
    pub const fn installed(&self) -> &Image {
        &self.installed
    }

    /// Wants flows to end so many seconds after their last packet, by `FLOW_*`; as in IPVS where nothing is said. Heeded by the
    /// next [`Self::handle_services`].
    pub fn set_timeouts(&mut self, timeouts: BTreeMap<u32, u32>) {
        self.planner.timeouts = timeouts;
    }

    /// What part the maps have, heeded by the next [`Self::handle_services`].
    pub const fn set_part(&mut self, part: Part) {
        self.planner.part = part;
    }

    /// What part the maps have.
    #[must_use]
    pub const fn part(&self) -> Part {
        self.planner.part
    }

    /// How long a ring must stay as it is before the ring before it is forgotten: the longest timeout of a flow of
    /// IP protocol `protocol`. A flow that said nothing for so long has ended, and every other one that the ring would move has
    /// its flow entry.
    fn settle_after(&self, protocol: u8) -> Duration {
        let state = if protocol == Protocol::Udp.number() {
            FLOW_DATAGRAM
        } else {
            FLOW_ESTABLISHED
        };
        let told = self.planner.timeouts.get(&u32::from(state)).copied();
        let seconds = told.unwrap_or_else(|| timeout_seconds(state));
        Duration::from_secs(seconds.into())
    }

    /// Wants these services and no others. Where XDP is leaving it is those among them that it has, and they take no flows.
    pub fn handle_services(&mut self, mut desired: Vec<Service>, now: Instant) {
        if self.planner.part == Part::Leaving {
            let installed = &self.installed.services;
            desired.retain(|service| installed.contains_key(&service_key(service.front)));
            desired.iter_mut().for_each(quiesce);
            self.look.get_or_insert(now + LOOK_AGAIN);
        } else {
            self.look = None;
        }
        self.desired = desired;
        self.update(&BTreeMap::new(), now);
    }

    /// The answer to [`Output::CountConnections`]: connections by service id, `None` when nobody could count them. A service that is
    /// leaving goes with its last one.
    pub fn handle_connections(&mut self, connections: Option<&BTreeMap<u32, u64>>, now: Instant) {
        if self.planner.part != Part::Leaving {
            return;
        }
        self.look = Some(now + LOOK_AGAIN);
        if let Some(connections) = connections {
            let installed = &self.installed.services;
            self.desired.retain(|service| {
                let value = installed.get(&service_key(service.front));
                let left = value.and_then(|value| connections.get(&value.id));
                left.is_some_and(|left| *left > 0)
            });
        }
        self.update(&BTreeMap::new(), now);
    }

    /// The answer to [`Output::Write`]. After a failure the rest of the difference is worked out again, a
    /// little later.
    pub fn handle_written<E>(&mut self, op: &MapOp, result: &Result<(), E>, now: Instant) {
        if result.is_ok() {
            self.installed.apply(op);
            return;
        }
        self.outputs
            .retain(|output| !matches!(output, Output::Write(_)));
        self.retry = Some(now + RETRY);
    }

    /// The answer to [`Output::CountDisplaced`]: flows by service id, `None` when nobody could count them. The ring
    /// before one that is old enough is forgotten; without displaced flows the ring is stable.
    pub fn handle_displaced(&mut self, flows: Option<&BTreeMap<u32, u64>>, now: Instant) {
        let mut ages = BTreeMap::new();
        for (key, due) in &mut self.unsettled {
            if *due > now {
                continue;
            }
            let id = self.installed.services.get(key).map(|value| value.id);
            let held = |flows: &BTreeMap<u32, u64>| id.is_some_and(|id| flows.contains_key(&id));
            if flows.is_none_or(held) {
                *due = now + COUNT_AGAIN;
                ages.insert(*key, Age::Held);
            } else {
                ages.insert(*key, Age::Settled);
            }
        }
        self.update(&ages, now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.retry.is_some_and(|due| due <= now) {
            self.update(&BTreeMap::new(), now);
        }
        if self.look.is_some_and(|due| due <= now)
            && !self.outputs.contains(&Output::CountConnections)
        {
            self.outputs.push_back(Output::CountConnections);
        }
        let settling = self.unsettled.values().any(|due| *due <= now);
        if settling && !self.outputs.contains(&Output::CountDisplaced) {
            self.outputs.push_back(Output::CountDisplaced);
        }
    }

    /// When [`Self::handle_timeout`] is due next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let retry = self.retry.map(|due| (due, "retry"));
        let settle = self.unsettled.values().min().map(|due| (*due, "settle"));
        let look = self.look.map(|due| (due, "leave"));
        retry.into_iter().chain(settle).chain(look).min()
    }

    /// The next effect; drain to `None` after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        outputs::next(&mut self.outputs)
    }

    fn update(&mut self, ages: &BTreeMap<ServiceKey, Age>, now: Instant) {
        self.retry = None;
        self.look = self.look.filter(|_| !self.desired.is_empty());
        self.installed.forget_unused_chunks();
        let plan = self.planner.plan(&self.installed, &self.desired, ages);
        self.watch_rings(&plan.image, now);
        self.report(plan.refused);
        // What an earlier plan still wanted is part of this one's difference.
        self.outputs
            .retain(|output| !matches!(output, Output::Write(_)));
        self.outputs.extend(
            diff::diff(&self.installed, &plan.image)
                .into_iter()
                .map(Output::Write),
        );
    }

    fn watch_rings(&mut self, wanted: &Image, now: Instant) {
        self.unsettled
            .retain(|key, _| wanted.services.contains_key(key));
        for (key, value) in &wanted.services {
            if value.scheduler != SCHEDULER_MH || value.ring == value.previous {
                self.unsettled.remove(key);
                continue;
            }
            let installed = self.installed.services.get(key);
            let moved = installed.is_none_or(|installed| installed.ring != value.ring);
            if moved || !self.unsettled.contains_key(key) {
                let due = now + self.settle_after(key.protocol);
                self.unsettled.insert(*key, due);
            }
        }
    }

    fn report(&mut self, refused: BTreeMap<Front, Refusal>) {
        for (front, why) in &refused {
            if self.refused.get(front) != Some(why) {
                self.outputs.push_back(Output::Refused {
                    front: *front,
                    why: why.clone(),
                });
            }
        }
        self.refused = refused;
    }
}

/// Lets a service keep its flows and take no more.
fn quiesce(service: &mut Service) {
    for dest in &mut service.dests {
        dest.draining = true;
        // What goes by it has no entry that would tell when it ends.
        dest.quic_server_id = None;
    }
}

#[cfg(test)]
mod tests;
