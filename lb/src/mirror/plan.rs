//! From the desired services to the wanted image: who gets which id, which generation and which chunks.

mod dest;
mod part;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytemuck::Zeroable;
use lb_common::{
    Address,
    connection::DestLimits,
    dest::{DestValue, FrontValue, NAT_SERVICES, NatSourceKey, NatSourceValue},
    hash, maps,
    quic::QuicKey,
    ring::{CHUNK_LEN, RingChunk},
    service::{
        RingRef, SCHEDULER_MH, SERVICE_ALL_PORTS, SERVICE_FALLBACK, SERVICE_HASH_PORT, SERVICE_NAT,
        SERVICE_ONE_PACKET, SERVICE_QUIC, ServiceKey, ServiceValue,
    },
};

use self::dest::{dest_value, may_be_here};
use super::{
    Age, Part,
    image::{Image, chunks, is_live},
    maglev,
    room::{MOST_SERVICES, Room},
    table,
    turns::{self, Entry},
};
use crate::{
    config::model::{ForwardMethod, Protocol, Scheduler},
    pool::{
        DestId, Front, NextHop,
        desired::{Dest, Service},
        mapped, unmapped,
    },
};

/// Why the maps cannot carry a service as configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `services` is full.
    #[error(
        "no room for more virtual servers; a restart makes room, as `data_plane_services` says"
    )]
    Services,
    /// `dests` is full.
    #[error("more than {} real servers", maps::DESTS.max_entries - 1)]
    Dests,
    /// `rings` has no run of free chunks; the ring stays as it was.
    #[error(
        "no room for its ring, which a restart makes; until then real servers that come and go are not followed"
    )]
    Rings,
    /// Too many NAT services send to one real server address and port.
    #[error("real server {0} is shared by more than {NAT_SERVICES} NAT virtual servers")]
    NatSource(DestId),
    /// `local_ports` has nothing to give.
    #[error("full NAT has no ports; a restart makes room for them")]
    LocalPorts,
    /// The checksum of what leaves this host may be the device's to make, so that nobody here can tell what it becomes.
    #[error("real server {0} is this host, where SCTP cannot be given another port")]
    SctpHere(DestId),
    /// IPVS has the service too, and would take what is too much here.
    #[error("IPVS alone has it, because its thresholds are about all connections")]
    Thresholds,
    /// IPVS has the service too, and may know a way where frames have none.
    #[error("IPVS alone has it until the next hop of every real server is known")]
    NextHops,
    /// Nobody here reads what packets carry.
    #[error("`persistence_engine` takes IPVS")]
    Engine,
    /// The programs have no such way to spread flows.
    #[error(
        "its scheduler takes IPVS: it is not one of rr, wrr, lc, wlc, sed, nq, fo, ovf, sh, dh and mh"
    )]
    Scheduler,
}

impl Refusal {
    /// Whether IPVS, where there is one, carries the service as configured.
    #[must_use]
    pub const fn is_for_ipvs(&self) -> bool {
        matches!(
            self,
            Self::Thresholds | Self::NextHops | Self::Scheduler | Self::Engine
        )
    }
}

/// A wanted image and what had to be left out of it.
#[derive(Debug)]
pub struct Plan {
    /// What the maps should hold.
    pub image: Image,
    /// Services that are missing or not as configured.
    pub refused: BTreeMap<Front, Refusal>,
}

/// Makes plans; remembers only what makes the next one cheaper or safer, nothing it depends on.
#[derive(Debug)]
pub struct Planner {
    room: Room,
    /// Ids and chunks are handed out in turn, so that one given back rests for as long as possible: packets on
    /// their way and counters may still refer to it.
    next_service: u32,
    next_dest: u16,
    next_chunk: u32,
    /// What `lvs_timeouts` says, in seconds by `FLOW_*`.
    pub(super) timeouts: BTreeMap<u32, u32>,
    /// XDP's part beside IPVS.
    pub(super) part: Part,
    /// Rings computed, and what they were computed from.
    rings: BTreeMap<ServiceKey, ComputedRing>,
}

#[derive(Debug, Default)]
struct ComputedRing {
    members: Vec<(DestId, u32)>,
    len: u32,
    indexes: Vec<u16>,
}

/// The key of a service.
#[must_use]
pub const fn service_key(front: Front) -> ServiceKey {
    ServiceKey {
        address: mapped(front.address),
        port: front.port.to_be_bytes(),
        protocol: front.protocol.number(),
        pad: 0,
    }
}

/// The front of a service; `None` for a protocol that nobody here writes.
#[must_use]
pub fn front(key: &ServiceKey) -> Option<Front> {
    Some(Front {
        address: unmapped(key.address),
        port: u16::from_be_bytes(key.port),
        protocol: Protocol::of_number(key.protocol)?,
    })
}

/// Dest ids by service id, address and port.
pub type DestIndex = BTreeMap<(u32, Address, [u8; 2]), u16>;

/// The dests in use.
#[must_use]
pub fn dest_index(image: &Image) -> DestIndex {
    image
        .dests
        .iter()
        .filter(|(_, dest)| is_live(dest))
        .map(|(id, dest)| ((dest.service, dest.address, dest.port), *id))
        .collect()
}

impl Planner {
    /// A planner for maps that have `room`.
    pub(super) const fn new(room: Room) -> Self {
        Self {
            room,
            next_service: 0,
            next_dest: 0,
            next_chunk: 0,
            timeouts: BTreeMap::new(),
            part: Part::Alone,
            rings: BTreeMap::new(),
        }
    }

    /// The image for `services`, as close to `installed` as can be. The rings in `ages` did not change for so long
    /// that the one before is of no use.
    pub fn plan(
        &mut self,
        installed: &Image,
        services: &[Service],
        ages: &BTreeMap<ServiceKey, Age>,
    ) -> Plan {
        let mut draft = Draft {
            installed,
            before: installed
                .live()
                .map(|(key, value)| (*key, *value))
                .collect(),
            known: dest_index(installed),
            chunks: installed.chunks_in_use(),
            image: Image {
                slots: installed.slots.clone(),
                timeouts: self.timeouts.clone(),
                header: installed.header,
                dests: free_dests(installed),
                ..Image::default()
            },
            resting: None,
            is_full: false,
            ids: installed.services.values().map(|value| value.id).collect(),
            planner: self,
        };
        // A change cut short may have left a service in one of the two tables; the one packets see wins.
        for (key, value) in &installed.services {
            draft.before.entry(*key).or_insert(*value);
        }
        draft
            .ids
            .extend(draft.before.values().map(|value| value.id));
        let mut refused = BTreeMap::new();
        for service in services {
            if let Err(why) = draft.add(service, ages) {
                refused.insert(service.front, why);
            }
        }
        let mut image = draft.image;
        while !table::place(&mut image, self.room.slots()) {
            drop_last_service(&mut image, services, &mut refused);
        }
        self.rings.retain(|key, _| image.services.contains_key(key));
        Plan { image, refused }
    }
}

fn drop_last_service(
    image: &mut Image,
    services: &[Service],
    refused: &mut BTreeMap<Front, Refusal>,
) {
    let last = services
        .iter()
        .rev()
        .find(|service| image.services.remove(&service_key(service.front)).is_some());
    if let Some(service) = last {
        refused.insert(service.front, Refusal::Services);
    }
}

/// What remains of every dest when it is given up.
fn free_dests(installed: &Image) -> BTreeMap<u16, DestValue> {
    let freed = |generation| DestValue {
        generation,
        ..DestValue::zeroed()
    };
    installed
        .dests
        .iter()
        .map(|(id, dest)| (*id, freed(dest.generation)))
        .filter(|(_, dest)| *dest != DestValue::zeroed())
        .collect()
}

struct Draft<'a> {
    installed: &'a Image,
    before: BTreeMap<ServiceKey, ServiceValue>,
    known: DestIndex,
    chunks: BTreeSet<u32>,
    ids: BTreeSet<u32>,
    /// Dest ids some ring names, worked out when the first is needed: packets may still go by the ring before.
    resting: Option<BTreeSet<u16>>,
    /// No id is left for another dest, and none comes back while this is drawn up.
    is_full: bool,
    image: Image,
    planner: &'a mut Planner,
}

impl Draft<'_> {
    fn add(&mut self, service: &Service, ages: &BTreeMap<ServiceKey, Age>) -> Result<(), Refusal> {
        let is_full_nat = |dest: &Dest| dest.method == ForwardMethod::FullNat;
        let has_full_nat = service.dests.iter().any(is_full_nat);
        let part = part::of(self.planner.part, has_full_nat);
        if !self.planner.room.has_local_ports() && has_full_nat {
            return Err(Refusal::LocalPorts);
        }
        let flags = service_flags(service);
        let (persistence, granularity) = persistence(service);
        let key = service_key(service.front);
        let before = self.before.get(&key).copied();
        let Some(scheduler) = part::scheduler(part, service, before.as_ref())? else {
            return Ok(());
        };
        let id = match before {
            Some(before) => before.id,
            None => self.new_service_id()?,
        };
        let dests = self.add_dests(id, service)?;
        let refused = self.add_nat_sources(service, &dests).or_else(|| {
            let mut dests = service.dests.iter();
            let refused = dests.find(|dest| {
                dest.next_hop == Some(NextHop::Host) && !may_be_here(service.front, dest)
            });
            refused.map(|dest| Refusal::SctpHere(dest.id))
        });
        let entries = match part {
            Part::Leaving => Vec::new(),
            _ => self.ring_entries(key, service, &dests),
        };
        let (ring, full) = match (self.place_ring(&entries, before), before) {
            (Some(ring), _) => (ring, None),
            (None, Some(before)) => (self.keep(before.ring), Some(Refusal::Rings)),
            (None, None) => (RingRef::default(), Some(Refusal::Rings)),
        };
        let previous = match before {
            // Entries say where the flows are that began before.
            Some(before) if scheduler == SCHEDULER_MH && before.scheduler != SCHEDULER_MH => {
                RingRef::default()
            }
            Some(before) if scheduler == SCHEDULER_MH => {
                self.previous(before, ring, ages.get(&key).copied())
            }
            _ => ring,
        };
        self.ids.insert(id);
        self.image.fronts.insert(
            id,
            FrontValue {
                address: key.address,
                port: key.port,
                flags,
                granularity,
                gate: service.gate,
                persistence,
            },
        );
        let value = ServiceValue {
            id,
            gate: service.gate,
            scheduler,
            flags,
            granularity,
            ring,
            previous,
            persistence,
            quic_length: self.add_quic_servers(id, service, &dests),
        };
        self.image.services.insert(key, value);
        refused.or(full).map_or(Ok(()), Err)
    }

    fn new_service_id(&mut self) -> Result<u32, Refusal> {
        // Flow entries have no room for one more.
        let capacity = self.planner.room.services.min(MOST_SERVICES);
        let from = self.planner.next_service;
        let id = (0..capacity)
            .map(|n| (from + n) % capacity)
            .find(|id| !self.ids.contains(id))
            .ok_or(Refusal::Services)?;
        self.planner.next_service = (id + 1) % capacity;
        Ok(id)
    }

    fn add_dests(&mut self, service: u32, wanted: &Service) -> Result<Vec<u16>, Refusal> {
        let of = (service, wanted.front);
        wanted
            .dests
            .iter()
            .map(|dest| {
                let key = (service, mapped(dest.id.address), dest.id.port.to_be_bytes());
                let (id, value) = match self.known.get(&key) {
                    Some(id) => (*id, dest_value(of, dest, self.installed.dests.get(id))),
                    None => self.new_dest(of, dest)?,
                };
                self.image.dests.insert(id, value);
                let limits = limits(dest);
                if limits != DestLimits::zeroed() {
                    self.image.limits.insert(id, limits);
                }
                Ok(id)
            })
            .collect()
    }

    fn new_dest(&mut self, of: (u32, Front), dest: &Dest) -> Result<(u16, DestValue), Refusal> {
        if self.is_full {
            return Err(Refusal::Dests);
        }
        let from = self.planner.next_dest;
        let named = || {
            let rings = self
                .before
                .values()
                .flat_map(|value| [value.ring, value.previous]);
            rings.flat_map(|ring| self.installed.ring(ring)).collect()
        };
        let resting = self.resting.get_or_insert_with(named);
        let free = |id: &u16| {
            let live = |image: &Image| image.dests.get(id).is_some_and(is_live);
            *id != 0 && !live(self.installed) && !live(&self.image) && !resting.contains(id)
        };
        let found = (0..=u16::MAX).map(|n| from.wrapping_add(n)).find(free);
        self.is_full = found.is_none();
        let id = found.ok_or(Refusal::Dests)?;
        self.planner.next_dest = id.wrapping_add(1);
        let last = self
            .installed
            .dests
            .get(&id)
            .map_or(0, |dest| dest.generation);
        let value = DestValue {
            generation: last.wrapping_add(1),
            ..dest_value(of, dest, None)
        };
        Ok((id, value))
    }

    fn add_nat_sources(&mut self, service: &Service, dests: &[u16]) -> Option<Refusal> {
        let mut refused = None;
        for (dest, id) in service.dests.iter().zip(dests) {
            if !dest.method.is_nat() {
                continue;
            }
            let keeps_port = service.front.port == 0;
            let port = if keeps_port { 0 } else { dest.id.port };
            let key = NatSourceKey {
                address: mapped(dest.id.address),
                port: port.to_be_bytes(),
                protocol: service.front.protocol.number(),
                pad: 0,
            };
            let (word, bit) = hash::filter_bit(&key);
            *self.image.nat_filter.entry(word).or_default() |= bit;
            let sharing = self.image.nat_sources.entry(key).or_default();
            match sharing.dests.iter_mut().find(|entry| **entry == 0) {
                Some(entry) => *entry = *id,
                None => refused = Some(Refusal::NatSource(dest.id)),
            }
            sort_used(sharing);
        }
        refused
    }

    /// Says how long server ids are, 0 without any.
    fn add_quic_servers(&mut self, service: u32, wanted: &Service, dests: &[u16]) -> u8 {
        let mut length = 0;
        for (dest, id) in wanted.dests.iter().zip(dests) {
            let Some(server) = dest.quic_server_id else {
                continue;
            };
            length = server.len();
            let key = QuicKey {
                server: server.value(),
                service,
                pad: 0,
            };
            self.image.quic_servers.insert(key, u32::from(*id));
        }
        length
    }

    /// The entries of the ring as dest ids.
    fn ring_entries(&mut self, key: ServiceKey, service: &Service, dests: &[u16]) -> Vec<u16> {
        let list: Vec<Entry> = service
            .dests
            .iter()
            .zip(dests)
            .filter(|(dest, _)| dest.usable)
            .map(|(dest, id)| Entry {
                id: *id,
                weight: dest.share(),
            })
            .rev()
            .collect();
        let fallback = service.flags.first;
        if let Some(ring) = turns::ring(service.scheduler, &list, &key.address, fallback) {
            self.planner.rings.remove(&key);
            return ring;
        }
        let (members, ids): (Vec<_>, Vec<_>) = service
            .dests
            .iter()
            .zip(dests)
            .filter(|(dest, _)| dest.takes_new_flows())
            .map(|(dest, id)| ((dest.id, dest.weight), *id))
            .unzip();
        let len = maglev::length(service.dests.iter().map(|dest| dest.configured_weight));
        let computed = self.planner.rings.entry(key).or_default();
        if computed.members != members || computed.len != len {
            computed.indexes = maglev::ring(&members, len);
            computed.members = members;
            computed.len = len;
        }
        let indexes = computed.indexes.iter();
        indexes.map(|index| ids[usize::from(*index)]).collect()
    }

    /// Where the ring lies: where it is already, or in chunks nobody uses. `None` when there are none.
    fn place_ring(&mut self, entries: &[u16], before: Option<ServiceValue>) -> Option<RingRef> {
        if entries.is_empty() {
            return Some(RingRef::default());
        }
        if let Some(before) = before
            && before.ring.len as usize == entries.len()
            && self.installed.ring(before.ring).eq(entries.iter().copied())
        {
            return Some(self.keep(before.ring));
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "no ring is longer than LARGE"
        )]
        let len = entries.len() as u32;
        let ring = self.free_run(len)?;
        self.planner.next_chunk = chunks(ring).end;
        self.chunks.extend(chunks(ring));
        for (at, part) in chunks(ring).zip(entries.chunks(CHUNK_LEN)) {
            let mut chunk = RingChunk::zeroed();
            chunk.dests[..part.len()].copy_from_slice(part);
            self.image.rings.insert(at, Arc::new(chunk));
        }
        Some(ring)
    }

    fn free_run(&self, len: u32) -> Option<RingRef> {
        let planner = &self.planner;
        free_run(&self.chunks, planner.room.chunks, planner.next_chunk, len)
    }

    fn keep(&mut self, ring: RingRef) -> RingRef {
        for at in chunks(ring) {
            if let Some(chunk) = self.installed.rings.get(&at) {
                self.image.rings.insert(at, Arc::clone(chunk));
            }
        }
        ring
    }

    /// The ring that placed the flows without an entry. It stays the one before the first of several quick
    /// changes: a flow begun meanwhile has an entry wherever the rings differ, and where they do not, it is the
    /// same. Only flow entries that were pushed out of a full bucket lose their way.
    fn previous(&mut self, before: ServiceValue, ring: RingRef, age: Option<Age>) -> RingRef {
        let held = before.previous.len == 0 && before.ring.len != 0;
        if before.ring == ring {
            match age {
                Some(Age::Settled) => return ring,
                Some(Age::Held) => return RingRef::default(),
                None if held => return RingRef::default(),
                None => {}
            }
        }
        let decides = held || before.ring == before.previous;
        let previous = if decides {
            before.ring
        } else {
            before.previous
        };
        if previous.len == 0 {
            return ring;
        }
        self.keep(previous)
    }
}

/// Chunks in a row for a ring of `len` entries, of `room` of which some are `taken`: the first from `next` on, or else from the start.
pub(super) fn free_run(taken: &BTreeSet<u32>, room: u32, next: u32, len: u32) -> Option<RingRef> {
    [next, 0].into_iter().find_map(|from| {
        let mut ring = RingRef { chunk: from, len };
        // Goes on behind the last chunk in the way, so that a full map is walked once.
        while let Some(last) = taken.range(chunks(ring)).next_back() {
            ring.chunk = last + 1;
        }
        (chunks(ring).end <= room).then_some(ring)
    })
}

/// The `SERVICE_*` bits of a service.
fn service_flags(service: &Service) -> u8 {
    let is_hashed = matches!(
        service.scheduler,
        Scheduler::SourceHash | Scheduler::MaglevHash
    );
    let is_nat = |dest: &Dest| dest.method.is_nat();
    let mut flags = 0;
    if service.dests.iter().any(is_nat) {
        flags |= SERVICE_NAT;
    }
    if is_hashed && service.flags.first {
        flags |= SERVICE_FALLBACK;
    }
    if is_hashed && service.flags.second {
        flags |= SERVICE_HASH_PORT;
    }
    // Replies from every port are told by their flow entries alone; and where a datagram goes is persistence's to say then.
    let needs_flows = service.front.port == 0 && flags & SERVICE_NAT != 0;
    if service.one_packet && !needs_flows {
        flags |= SERVICE_ONE_PACKET;
    }
    if service.front.port == 0 {
        flags |= SERVICE_ALL_PORTS;
    }
    if service
        .dests
        .iter()
        .any(|dest| dest.quic_server_id.is_some())
    {
        flags |= SERVICE_QUIC;
    }
    flags
}

/// Seconds, and the bits of a client's address that count.
fn persistence(service: &Service) -> (u32, u8) {
    service.persistence.map_or((0, 0), |given| {
        let seconds = u32::try_from(given.timeout.as_secs()).unwrap_or(u32::MAX);
        (seconds, given.granularity.get())
    })
}

const fn limits(dest: &Dest) -> DestLimits {
    DestLimits {
        weight: dest.share(),
        upper: dest.thresholds.upper,
        lower: dest.thresholds.lower,
        pad: 0,
    }
}

fn sort_used(value: &mut NatSourceValue) {
    // Free entries are zero and end the list, so they sort as the highest.
    value
        .dests
        .sort_unstable_by_key(|dest| dest.wrapping_sub(1));
}
