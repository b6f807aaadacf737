//! Every map: its name, capacity and single writer. The only place a map's name is spelled.

use core::mem::size_of;

use crate::{
    bfd::SessionValue,
    connection::{DestConnections, DestLimits},
    counter::Traffic,
    dest::{DestValue, FILTER_WORDS, FrontValue, NatSourceKey, NatSourceValue},
    flow::{FLOW_STATES, FlowBucket4, FlowBucket6},
    fragment::{FragmentKey, FragmentValue},
    gate::{GATES, GateValue, OwnedKey, OwnedValue},
    local_port::LocalPortBucket,
    quic::QuicKey,
    ring::RingChunk,
    router::{PeerKey, PeerValue, RouterKey, RouterValue, SenderKey, SenderValue, VRIDS},
    service::{ServiceKey, ServiceSlot, ServiceTableHeader, ServiceValue},
    tcp_keepalive::{RULES, RuleCounters, RuleValue},
    virtual_mac::{RouterMacValue, VirtualMacKey, VirtualMacValue},
};

/// Who writes a map from userspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The checker child.
    Checker,
    /// The VRRP child.
    Vrrp,
    /// The BFD child.
    Bfd,
    /// The command that attaches the programs, before it does.
    Command,
    /// Only the programs.
    Programs,
}

/// A map as both sides know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapSpec {
    /// Name in the object, in `bpftool` and below the pin directory.
    pub name: &'static str,
    /// Size of a key in bytes; 0 for a ring buffer.
    pub key_size: u32,
    /// Size of a value in bytes; 0 for a ring buffer.
    pub value_size: u32,
    /// Default capacity in entries; bytes for a ring buffer. Maps that grow with the configuration have at least as many.
    pub max_entries: u32,
    /// The single userspace writer.
    pub writer: Writer,
}

macro_rules! maps {
    ($(#[$all:meta])* $list:ident; $($(#[$doc:meta])* $name:ident: $text:literal, $key:ty => $value:ty, $max:expr, $writer:ident;)+) => {
        $($(#[$doc])* pub const $name: MapSpec = MapSpec {
            name: $text,
            key_size: size_of::<$key>() as u32,
            value_size: size_of::<$value>() as u32,
            max_entries: $max,
            writer: Writer::$writer,
        };)+
        $(#[$all])*
        pub const $list: &[MapSpec] = &[$($name,)+];
    };
}

/// Slots of the fast service table for each service that `services` has room for: two halves, each half empty at least.
pub const SLOTS_PER_SERVICE: u32 = 4;

maps! {
    /// Every map of the data plane.
    ALL;
    /// BTF hash `ServiceKey → ServiceValue`, for people and tools.
    SERVICES: "services", ServiceKey => ServiceValue, 4096, Checker;
    /// Array of `ServiceSlot`, two halves, each a power of two: the fast twin of `services`.
    SERVICE_TABLE: "service_table", u32 => ServiceSlot, 4096 * SLOTS_PER_SERVICE, Checker;
    /// One `ServiceTableHeader`.
    SERVICE_HEADER: "service_header", u32 => ServiceTableHeader, 1, Checker;
    /// Array of `RingChunk`.
    RINGS: "rings", u32 => RingChunk, 32768, Checker;
    /// Array `dest id → DestValue`.
    DESTS: "dests", u32 => DestValue, 65536, Checker;
    /// Hash `NatSourceKey → NatSourceValue`.
    NAT_SOURCES: "nat_sources", NatSourceKey => NatSourceValue, 65536, Checker;
    /// Array of words of 64 bits: those set may be in `nat_sources`, so that others skip the look-up.
    NAT_FILTER: "nat_filter", u32 => u64, FILTER_WORDS, Checker;
    /// Hash `QuicKey → dest id`.
    QUIC_SERVERS: "quic_servers", QuicKey => u32, 65536, Checker;
    /// Array `service id → FrontValue`.
    FRONTS: "fronts", u32 => FrontValue, 4096, Checker;
    /// Array `dest id → DestLimits`.
    DEST_LIMITS: "dest_limits", u32 => DestLimits, 65536, Checker;
    /// Array `FLOW_* → seconds`, 0 for IPVS's default.
    TIMEOUTS: "timeouts", u32 => u32, FLOW_STATES, Checker;
    /// Array `gate → GateValue`.
    GATES_MAP: "gates", u32 => GateValue, GATES, Vrrp;
    /// Hash `OwnedKey → OwnedValue`.
    OWNED: "owned", OwnedKey => OwnedValue, 16384, Vrrp;
    /// One `u32` of `HINT_*` bits, so that packets skip look-ups that have nothing to say.
    HINTS: "hints", u32 => u32, 1, Vrrp;
    /// Hash `VirtualMacKey → VirtualMacValue`.
    VIRTUAL_MACS: "virtual_macs", VirtualMacKey => VirtualMacValue, 4096, Vrrp;
    /// Hash `RouterKey → RouterMacValue`, of virtual routers whose MAC no link has.
    ROUTER_MACS: "router_macs", RouterKey => RouterMacValue, 4096, Vrrp;
    /// Hash `RouterKey → RouterValue`.
    ROUTERS: "routers", RouterKey => RouterValue, 4096, Vrrp;
    /// Hash `PeerKey → PeerValue`, of virtual routers that take adverts from their peers alone.
    PEERS: "peers", PeerKey => PeerValue, 16384, Vrrp;
    /// Array `vrid_index → u32`: non-zero for the VRIDs configured anywhere on this node.
    KNOWN_VRIDS: "known_vrids", u32 => u32, VRIDS, Vrrp;
    /// LRU hash `SenderKey → SenderValue`.
    SENDERS: "senders", SenderKey => SenderValue, 4096, Programs;
    /// Array of `FlowBucket4`; a power of two.
    FLOWS4: "flows4", u32 => FlowBucket4, 1 << 18, Programs;
    /// Array of `FlowBucket6`; a power of two.
    FLOWS6: "flows6", u32 => FlowBucket6, 1 << 18, Programs;
    /// Array of `LocalPortBucket`; a power of two. One where nothing has full NAT.
    LOCAL_PORTS: "local_ports", u32 => LocalPortBucket, 1, Programs;
    /// LRU hash `FragmentKey → FragmentValue`.
    FRAGMENTS: "fragments", FragmentKey => FragmentValue, 16384, Programs;
    /// Array `dest id → DestConnections`.
    DEST_CONNECTIONS: "dest_connections", u32 => DestConnections, 65536, Programs;
    /// Per-CPU array `service id → u32`, round-robin cursors.
    CURSORS: "cursors", u32 => u32, 4096, Programs;
    /// Per-CPU array `Counter → u64`.
    COUNTERS: "counters", u32 => u64, 64, Programs;
    /// Per-CPU array `service id → Traffic`.
    SERVICE_TRAFFIC: "service_traffic", u32 => Traffic, 4096, Programs;
    /// Per-CPU array `dest id → Traffic`.
    DEST_TRAFFIC: "dest_traffic", u32 => Traffic, 65536, Programs;
    /// Ring buffer of `Event`, size in bytes.
    EVENTS: "events", () => (), 262_144, Programs;
    /// Hash `discriminator → SessionValue`.
    BFD_SESSIONS: "bfd_sessions", u32 => SessionValue, 4096, Bfd;
    /// Ring buffer of `Silence`, size in bytes.
    BFD_EVENTS: "bfd_events", () => (), 131_072, Programs;
}

maps! {
    /// Every map of the programs that give sockets keepalive; a set for each control group.
    TCP_KEEPALIVE;
    /// Array of `RuleValue`, the first that fits decides.
    KEEPALIVE_RULES: "keepalive_rules", u32 => RuleValue, RULES, Command;
    /// Per-CPU array `rule → RuleCounters`.
    KEEPALIVE_COUNTERS: "rule_counters", u32 => RuleCounters, RULES, Programs;
}
