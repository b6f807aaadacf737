//! Real servers that an operator empties: they take no new flows, and from a time on they carry none.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

/// The real servers of an address, or of one port of it, in every virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// Real address.
    pub address: IpAddr,
    /// Real port; all of them without one.
    pub port: Option<u16>,
}

/// How far a real server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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
    targets: BTreeMap<Target, Drain>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drain {
    /// Flows end then, or when they end.
    Until(Option<Instant>),
    /// The time has come.
    Over,
}

impl Target {
    /// Whether it is one of them.
    #[must_use]
    pub fn has(&self, address: IpAddr, port: u16) -> bool {
        self.address == address && self.port.is_none_or(|own| own == port)
    }

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
        self.targets.insert(target, Drain::Until(end));
    }

    /// Lets `target` take flows again, an address with all its ports. False when it was not drained.
    pub fn handle_release(&mut self, target: Target) -> bool {
        let before = self.targets.len();
        self.targets.retain(|one, _| !target.covers(*one));
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
        let mut any = false;
        for drain in self.targets.values_mut() {
            if matches!(drain, Drain::Until(Some(end)) if *end <= now) {
                *drain = Drain::Over;
                any = true;
            }
        }
        any
    }

    /// When [`Self::handle_timeout`] is due next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let ends = self.targets.values().filter_map(|drain| match drain {
            Drain::Until(end) => *end,
            Drain::Over => None,
        });
        Some((ends.min()?, "drain"))
    }

    /// How far a real server is.
    #[must_use]
    pub fn of(&self, address: IpAddr, port: u16) -> Draining {
        let all = self.targets.iter();
        let named = all.filter(|(target, _)| target.has(address, port));
        let drains = named.map(|(_, drain)| match drain {
            Drain::Until(_) => Draining::Quiescent,
            Drain::Over => Draining::Ended,
        });
        drains.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
