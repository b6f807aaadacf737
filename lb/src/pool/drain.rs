//! Real servers that an operator empties: they take no new flows, and from a time on they carry none.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::RealServerId;

/// The real servers of an address, or of one port of it, in every virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// Real address.
    pub address: IpAddr,
    /// Real port; all of them without one.
    pub port: Option<u16>,
}

/// How far a real server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Draining {
    /// It takes flows.
    #[default]
    No,
    /// It keeps those it has.
    Quiescent,
    /// It carries none any more.
    Ended,
}

/// Who is drained. Forgotten with the process.
#[derive(Clone, Debug, Default)]
pub struct Drains {
    /// With the time at which flows end, where there is one.
    targets: BTreeMap<Target, Option<Instant>>,
    /// Those whose time has come.
    ended: BTreeSet<Target>,
}

impl Target {
    /// Whether it is one of them.
    #[must_use]
    pub fn has(&self, id: &RealServerId) -> bool {
        self.address == id.address && self.port.is_none_or(|port| port == id.port)
    }
}

impl Target {
    /// Whether all of `other` are among them.
    fn covers(self, other: Self) -> bool {
        self.address == other.address && (self.port.is_none() || self.port == other.port)
    }
}

impl Drains {
    /// Drains `target`; its flows end after `deadline`, or when they end without one. Replaces what was asked before.
    pub fn handle_drain(&mut self, target: Target, deadline: Option<Duration>, now: Instant) {
        // One that is too far is none.
        let end = deadline.and_then(|deadline| now.checked_add(deadline));
        self.ended.remove(&target);
        self.targets.insert(target, end);
    }

    /// Lets `target` take flows again, an address with all its ports. False when it was not drained.
    pub fn handle_release(&mut self, target: Target) -> bool {
        let before = self.targets.len();
        self.targets.retain(|one, _| !target.covers(*one));
        self.ended.retain(|one| !target.covers(*one));
        self.targets.len() != before
    }

    /// The address that `target`, a port of it, is still drained with.
    #[must_use]
    pub fn wider(&self, target: Target) -> Option<Target> {
        let wider = Target {
            port: None,
            ..target
        };
        let is_drained = wider != target && self.targets.contains_key(&wider);
        is_drained.then_some(wider)
    }

    /// Ends the flows whose time has come. True when there were any.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        let before = self.ended.len();
        for (target, end) in &self.targets {
            if end.is_some_and(|end| end <= now) {
                self.ended.insert(*target);
            }
        }
        self.ended.len() != before
    }

    /// When [`Self::handle_timeout`] is due next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let waiting = self.targets.iter();
        let waiting = waiting.filter(|(target, _)| !self.ended.contains(target));
        let next = waiting.filter_map(|(_, end)| *end).min()?;
        Some((next, "drain"))
    }

    /// How far the real server `id` is.
    #[must_use]
    pub fn of(&self, id: &RealServerId) -> Draining {
        let named = self.targets.keys().filter(|target| target.has(id));
        named.fold(Draining::No, |draining, target| {
            if draining == Draining::Ended || self.ended.contains(target) {
                Draining::Ended
            } else {
                Draining::Quiescent
            }
        })
    }
}

#[cfg(test)]
mod tests;
