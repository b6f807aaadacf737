//! The contents of the maps the checker child writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytemuck::Zeroable;
use lb_common::{
    Address,
    connection::DestLimits,
    dest::{DestValue, FrontValue, NatSourceKey, NatSourceValue},
    quic::QuicKey,
    ring::{CHUNK_LEN, RingChunk},
    service::{RingRef, ServiceKey, ServiceSlot, ServiceTableHeader, ServiceValue},
};

/// Exact contents; entries of arrays that are all zero are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// `services`.
    pub services: BTreeMap<ServiceKey, ServiceValue>,
    /// `service_table`, both halves.
    pub slots: BTreeMap<u32, ServiceSlot>,
    /// `service_header`.
    pub header: ServiceTableHeader,
    /// `rings`: at least the chunks that `services` or the live half refer to.
    pub rings: BTreeMap<u32, Arc<RingChunk>>,
    /// `dests`. One without an address is free, but remembers the last generation.
    pub dests: BTreeMap<u16, DestValue>,
    /// `dest_limits`.
    pub limits: BTreeMap<u16, DestLimits>,
    /// `timeouts`.
    pub timeouts: BTreeMap<u32, u32>,
    /// `fronts`.
    pub fronts: BTreeMap<u32, FrontValue>,
    /// `nat_sources`.
    pub nat_sources: BTreeMap<NatSourceKey, NatSourceValue>,
    /// `nat_filter`.
    pub nat_filter: BTreeMap<u32, u64>,
    /// `quic_servers`.
    pub quic_servers: BTreeMap<QuicKey, u32>,
}

impl Default for Image {
    fn default() -> Self {
        Self {
            services: BTreeMap::new(),
            slots: BTreeMap::new(),
            header: ServiceTableHeader::zeroed(),
            rings: BTreeMap::new(),
            dests: BTreeMap::new(),
            limits: BTreeMap::new(),
            timeouts: BTreeMap::new(),
            fronts: BTreeMap::new(),
            nat_sources: BTreeMap::new(),
            nat_filter: BTreeMap::new(),
            quic_servers: BTreeMap::new(),
        }
    }
}

/// One write to one map. A zero value clears the entry of an array.
#[derive(Clone, Debug, PartialEq)]
pub enum MapOp {
    /// `dests`.
    SetDest(u16, DestValue),
    /// `dest_limits`.
    SetLimits(u16, DestLimits),
    /// `dest_connections`: a dest that is new has none.
    ClearConnections(u16),
    /// `timeouts`.
    SetTimeout(u32, u32),
    /// `rings`.
    SetChunk(u32, Arc<RingChunk>),
    /// `fronts`.
    SetFront(u32, FrontValue),
    /// `nat_sources`.
    SetNatSource(NatSourceKey, NatSourceValue),
    /// `nat_filter`.
    SetFilter(u32, u64),
    /// `quic_servers`.
    SetQuicServer(QuicKey, u32),
    /// `services`.
    SetService(ServiceKey, ServiceValue),
    /// `service_table`.
    SetSlot(u32, ServiceSlot),
    /// `service_header`.
    SetHeader(ServiceTableHeader),
    /// `services`.
    RemoveService(ServiceKey),
    /// `nat_sources`.
    RemoveNatSource(NatSourceKey),
    /// `quic_servers`.
    RemoveQuicServer(QuicKey),
}

impl MapOp {
    /// Name of the map written.
    #[must_use]
    pub const fn map(&self) -> &'static str {
        use lb_common::maps;
        match self {
            Self::SetDest(..) => maps::DESTS.name,
            Self::SetLimits(..) => maps::DEST_LIMITS.name,
            Self::ClearConnections(_) => maps::DEST_CONNECTIONS.name,
            Self::SetTimeout(..) => maps::TIMEOUTS.name,
            Self::SetChunk(..) => maps::RINGS.name,
            Self::SetFront(..) => maps::FRONTS.name,
            Self::SetNatSource(..) | Self::RemoveNatSource(_) => maps::NAT_SOURCES.name,
            Self::SetFilter(..) => maps::NAT_FILTER.name,
            Self::SetQuicServer(..) | Self::RemoveQuicServer(_) => maps::QUIC_SERVERS.name,
            Self::SetService(..) | Self::RemoveService(_) => maps::SERVICES.name,
            Self::SetSlot(..) => maps::SERVICE_TABLE.name,
            Self::SetHeader(_) => maps::SERVICE_HEADER.name,
        }
    }
}

fn set<K: Ord + Copy, V: Copy + PartialEq + Zeroable>(map: &mut BTreeMap<K, V>, at: K, value: V) {
    if value == V::zeroed() {
        map.remove(&at);
    } else {
        map.insert(at, value);
    }
}

/// Whether a dest id is in use.
#[must_use]
pub fn is_live(dest: &DestValue) -> bool {
    dest.address != Address::default()
}

impl Image {
    /// The contents after a write.
    pub fn apply(&mut self, op: &MapOp) {
        match op {
            MapOp::SetDest(id, value) => set(&mut self.dests, *id, *value),
            MapOp::SetLimits(id, value) => set(&mut self.limits, *id, *value),
            MapOp::ClearConnections(_) => {}
            MapOp::SetTimeout(state, seconds) => set(&mut self.timeouts, *state, *seconds),
            MapOp::SetFront(id, value) => set(&mut self.fronts, *id, *value),
            MapOp::SetSlot(at, slot) => set(&mut self.slots, *at, *slot),
            MapOp::SetHeader(header) => self.header = *header,
            MapOp::SetChunk(at, chunk) => {
                self.rings.insert(*at, Arc::clone(chunk));
            }
            MapOp::SetNatSource(key, value) => {
                self.nat_sources.insert(*key, *value);
            }
            MapOp::SetFilter(at, word) => set(&mut self.nat_filter, *at, *word),
            MapOp::SetQuicServer(key, dest) => {
                self.quic_servers.insert(*key, *dest);
            }
            MapOp::RemoveQuicServer(key) => {
                self.quic_servers.remove(key);
            }
            MapOp::SetService(key, value) => {
                self.services.insert(*key, *value);
            }
            MapOp::RemoveService(key) => {
                self.services.remove(key);
            }
            MapOp::RemoveNatSource(key) => {
                self.nat_sources.remove(key);
            }
        }
    }

    /// The services packets find now: the live half of the fast table.
    pub fn live(&self) -> impl Iterator<Item = (&ServiceKey, &ServiceValue)> {
        let from = self.header.base;
        let to = from.saturating_add(self.header.mask);
        self.slots
            .range(from..=to)
            .map(|(_, slot)| (&slot.key, &slot.value))
            .filter(|_| self.header.services > 0)
    }

    /// The entries of a ring: dest ids.
    pub fn ring(&self, ring: RingRef) -> impl Iterator<Item = u16> {
        let len = ring.len as usize;
        chunks(ring)
            .flat_map(|at| match self.rings.get(&at) {
                Some(chunk) => &chunk.dests[..],
                None => &[0; CHUNK_LEN][..],
            })
            .copied()
            .take(len)
    }

    /// The chunks that hold a ring packets or people can find.
    #[must_use]
    pub fn chunks_in_use(&self) -> BTreeSet<u32> {
        self.services
            .values()
            .chain(self.live().map(|(_, value)| value))
            .flat_map(|value| chunks(value.ring).chain(chunks(value.previous)))
            .collect()
    }

    /// Forgets chunks that no ring uses any more.
    pub fn forget_unused_chunks(&mut self) {
        let used = self.chunks_in_use();
        self.rings.retain(|at, _| used.contains(at));
    }
}

/// The chunks a ring lies in.
#[must_use]
pub fn chunks(ring: RingRef) -> std::ops::Range<u32> {
    #[expect(clippy::cast_possible_truncation, reason = "a small constant")]
    let count = ring.len.div_ceil(CHUNK_LEN as u32);
    ring.chunk..ring.chunk.saturating_add(count)
}
