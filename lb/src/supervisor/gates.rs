//! Which gate belongs to which `vrrp_instance`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use lb_common::gate::{ALWAYS_OPEN, GATES};

use crate::config::model::Config;

/// Gates by instance name. A name keeps its gate for as long as it is configured; a freed gate is taken again last, so
/// that the children never disagree about a gate that changes hands.
#[derive(Clone, Debug, Default)]
pub(super) struct Gates {
    by_name: BTreeMap<String, u32>,
    last: u32,
}

impl Gates {
    /// Keeps the gates that an earlier parent gave out, as far as `in_use` tells by their addresses: running leases and
    /// services name them.
    pub(super) fn take_over(&mut self, config: &Config, in_use: &BTreeMap<IpAddr, u32>) {
        for instance in &config.vrrp_instances {
            let gate = instance
                .addresses
                .iter()
                .find_map(|address| in_use.get(&address.address));
            if let Some(gate) = gate
                && !self.by_name.values().any(|taken| taken == gate)
            {
                self.by_name.insert(instance.name.clone(), *gate);
                self.last = self.last.max(*gate);
            }
        }
    }

    /// Gives every name a gate and takes back those of other names.
    pub(super) fn assign<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let mut before = std::mem::take(&mut self.by_name);
        let mut fresh = BTreeSet::new();
        for name in names {
            match before.remove(name) {
                Some(gate) => drop(self.by_name.insert(name.to_owned(), gate)),
                None => drop(fresh.insert(name)),
            }
        }
        // Gates of names that are just leaving are not handed on in the same step.
        let mut taken: BTreeSet<u32> = self.by_name.values().copied().collect();
        taken.extend(before.values());
        for name in fresh {
            if let Some(gate) = self.next(&taken) {
                taken.insert(gate);
                self.by_name.insert(name.to_owned(), gate);
            }
        }
    }

    fn next(&mut self, taken: &BTreeSet<u32>) -> Option<u32> {
        let gate = (1..GATES)
            .map(|step| (self.last + step) % GATES)
            .find(|gate| *gate != ALWAYS_OPEN && !taken.contains(gate))?;
        self.last = gate;
        Some(gate)
    }

    /// The gates in force.
    pub(super) const fn by_name(&self) -> &BTreeMap<String, u32> {
        &self.by_name
    }
}

#[cfg(test)]
mod tests;
