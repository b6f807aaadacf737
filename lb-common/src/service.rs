//! Services: what a virtual address and port mean to the data plane.

use bytemuck::{Pod, Zeroable};

use crate::{Address, shape};

/// A virtual server's front: address, port and transport protocol. 20 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
pub struct ServiceKey {
    /// Virtual address, IPv4-mapped for IPv4.
    pub address: Address,
    /// Destination port, network byte order; 0 is every port that no other service of the address has.
    pub port: [u8; 2],
    /// IP protocol number: 6 TCP, 17 UDP, 132 SCTP.
    pub protocol: u8,
    /// Zero.
    pub pad: u8,
}

/// Where a ring lies in the `rings` map: `len` entries from the start of chunk `chunk`. 8 bytes.
///
/// `len == 0` is the empty ring: no real server takes new flows.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
pub struct RingRef {
    /// Index of the first chunk.
    pub chunk: u32,
    /// Number of entries.
    pub len: u32,
}

/// What to do with packets of a service. 32 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct ServiceValue {
    /// Index into the per-service counters and the round-robin cursors.
    pub id: u32,
    /// Index into `gates`; [`crate::gate::ALWAYS_OPEN`] when no virtual router owns the address.
    pub gate: u32,
    /// One of the `SCHEDULER_*` constants.
    pub scheduler: u8,
    /// `SERVICE_*` bits.
    pub flags: u8,
    /// [`FrontValue::granularity`](crate::dest::FrontValue::granularity).
    pub granularity: u8,
    /// Bytes of a server id in a QUIC connection ID; 0 where nobody looks at those.
    pub quic_length: u8,
    /// The ring new flows are scheduled by.
    pub ring: RingRef,
    /// The ring before the last change; equal to `ring` while the ring is stable. Empty, where `ring` is not, when
    /// every flow that `ring` would move has a flow entry.
    pub previous: RingRef,
    /// [`FrontValue::persistence`](crate::dest::FrontValue::persistence).
    pub persistence: u32,
}

/// Maglev hashing (`mh`): the ring alone decides while it is stable.
pub const SCHEDULER_MH: u8 = 1;
/// In turn (`rr`, `wrr`, `fo`, `dh`): the ring holds live real servers in the order of their turns, a per-CPU cursor walks it,
/// and every flow has a flow entry.
pub const SCHEDULER_RR: u8 = 2;

/// Source hashing (`sh`): the ring has [`crate::hash::BUCKETS`] entries, of which a hash of the client says which; flow
/// entries as with [`SCHEDULER_RR`].
pub const SCHEDULER_SH: u8 = 3;

/// Maglev hashing where flows have to be counted or clients kept together: the ring says where a flow begins, and flow entries
/// as with [`SCHEDULER_RR`].
pub const SCHEDULER_MH_COUNTED: u8 = 4;
/// Least connections (`lc`): the ring has every real server that takes flows, once; so it has for those that follow. The fewest
/// of active connections, and of inactive ones, which count 1/256.
pub const SCHEDULER_LC: u8 = 5;
/// The same, divided by weights (`wlc`).
pub const SCHEDULER_WLC: u8 = 6;
/// Shortest expected delay (`sed`): active connections and the one to come, divided by weights.
pub const SCHEDULER_SED: u8 = 7;
/// Never queue (`nq`): one without active connections, else as `sed`.
pub const SCHEDULER_NQ: u8 = 8;
/// Overflow (`ovf`): the heaviest that has no more active connections than weight.
pub const SCHEDULER_OVF: u8 = 9;

/// `sh-port`, `mh-port`: the hash is of the client's port too.
pub const SERVICE_HASH_PORT: u8 = 1;
/// `sh-fallback`, `mh-fallback`: where the real server of a client takes no flows another does.
pub const SERVICE_FALLBACK: u8 = 2;
/// `ops`: every datagram is scheduled anew.
pub const SERVICE_ONE_PACKET: u8 = 4;
/// Real servers of the service are behind NAT, so that its flows have entries with every scheduler.
pub const SERVICE_NAT: u8 = 8;
/// The service has every port ([`ServiceKey::port`] is 0): which one a packet has does not count for where it goes.
pub const SERVICE_ALL_PORTS: u8 = 16;
/// Datagrams may name their real server, see [`ServiceValue::quic_length`].
pub const SERVICE_QUIC: u8 = 32;

/// A slot of the fast service table: the same key and value in one cache line. 64 bytes.
///
/// A slot is in use when `occupied != 0`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct ServiceSlot {
    /// The service's key.
    pub key: ServiceKey,
    /// Non-zero when the slot holds a service.
    pub occupied: u32,
    /// The service's value.
    pub value: ServiceValue,
    /// Zero.
    pub pad: [u8; 8],
}

/// Tells the programs which half of `service_table` is live and how it is hashed, and what else there is. 24 bytes.
///
/// The table has two halves of `mask + 1` slots. Userspace writes the idle half, then this header.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct ServiceTableHeader {
    /// Index of the live half's first slot.
    pub base: u32,
    /// Slots per half minus one; a power of two minus one.
    pub mask: u32,
    /// Seed of the two slot hashes of this half.
    pub seed: u32,
    /// Number of services in the live half; zero lets the programs skip the look-up.
    pub services: u32,
    /// Number of entries of `nat_sources`; zero says that no packet is a reply.
    pub nat_sources: u32,
    /// `TABLE_*` bits: what there is that most tables have not.
    pub flags: u32,
}

/// Some service has every port.
pub const TABLE_WILDCARD_SERVICE: u32 = 1;
/// Some real server answers from every port.
pub const TABLE_WILDCARD_NAT_SOURCE: u32 = 2;
/// Some real server behind NAT is this host itself.
pub const TABLE_LOCAL_NAT_SOURCE: u32 = 4;

shape!(
    ServiceKey = 20,
    RingRef = 8,
    ServiceValue = 32,
    ServiceSlot = 64,
    ServiceTableHeader = 24
);
