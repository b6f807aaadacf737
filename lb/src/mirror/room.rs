//! How much the maps hold.

use lb_common::{flow::FLOWS_PER_BUCKET4, local_port::PORTS_PER_BUCKET, maps, ring::CHUNK_LEN};

use super::{maglev, turns};
use crate::config::model::{Config, ForwardMethod, Micros, Scheduler, VirtualServer, Weight};

/// Flows of each family where nothing is said.
const FLOWS: u32 = maps::FLOWS4.max_entries * FLOWS_PER_BUCKET4;

/// The most virtual servers there can be: flow entries have 16 bits for one, of which 0 is nobody.
pub const MOST_SERVICES: u32 = u16::MAX as u32;

/// Room in the maps that grow with the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Virtual servers; a power of two where maps are made.
    pub services: u32,
    /// Chunks of rings.
    pub chunks: u32,
    /// Buckets of ports that full NAT gives to flows; 1 where it has none to give, else a power of two.
    pub local_ports: u32,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            services: maps::SERVICES.max_entries,
            chunks: maps::RINGS.max_entries,
            local_ports: maps::LOCAL_PORTS.max_entries,
        }
    }
}

impl Room {
    /// What `config` cannot do without.
    #[must_use]
    pub fn needed(config: &Config) -> Self {
        let count = u32::try_from(config.virtual_servers.len()).unwrap_or(u32::MAX);
        let rings = config.virtual_servers.iter().map(ring_chunks);
        Self {
            services: count.min(MOST_SERVICES),
            chunks: rings.fold(0, u32::saturating_add),
            local_ports: if has_full_nat(config) { 2 } else { 1 },
        }
    }

    /// What to make for `config`: at least the default, for what reloads add, and three times its rings, because a changed one is
    /// written beside the one it replaces, which may have one before it still.
    #[must_use]
    pub fn made(config: &Config) -> Self {
        let (least, needed) = (Self::default(), Self::needed(config));
        let asked = config.global.data_plane_room.services.unwrap_or(0);
        Self {
            services: needed
                .services
                .max(asked.min(MOST_SERVICES))
                .next_power_of_two()
                .max(least.services),
            chunks: least.chunks.saturating_add(needed.chunks.saturating_mul(3)),
            local_ports: if has_full_nat(config) {
                flows(config) / PORTS_PER_BUCKET
            } else {
                1
            },
        }
    }

    /// Whether full NAT has ports to give.
    #[must_use]
    pub const fn has_local_ports(&self) -> bool {
        self.local_ports > 1
    }

    /// Slots of the fast service table.
    #[must_use]
    pub const fn slots(&self) -> u32 {
        self.services * maps::SLOTS_PER_SERVICE
    }
}

/// Flows of each family that there is to be room for; a power of two.
#[must_use]
pub fn flows(config: &Config) -> u32 {
    let asked = config.global.data_plane_room.flows;
    asked.map_or(FLOWS, u32::next_power_of_two)
}

fn has_full_nat(config: &Config) -> bool {
    let mut servers = config.virtual_servers.iter();
    servers.any(|server| {
        let mut reals = server.real_servers.iter();
        reals.any(|real| real.method == ForwardMethod::FullNat)
    })
}

/// Chunks of the longest ring that the virtual server can have.
fn ring_chunks(server: &VirtualServer) -> u32 {
    let reals = || server.real_servers.iter();
    // On the way up a weight has no divisor in common with the others.
    let starts = reals().any(|real| real.slow_start > Micros::ZERO && real.weight > Weight::ONE);
    let weights = reals().map(|real| real.weight.get());
    let weights = weights.chain(starts.then_some(1));
    let entries = match server.scheduler {
        Scheduler::MaglevHash => u64::from(maglev::length(weights)),
        Scheduler::WeightedRoundRobin => weights.map(u64::from).sum::<u64>().min(turns::LONGEST),
        Scheduler::SourceHash => u64::from(lb_common::hash::BUCKETS),
        _ => server.real_servers.len() as u64,
    };
    u32::try_from(entries.div_ceil(CHUNK_LEN as u64)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
