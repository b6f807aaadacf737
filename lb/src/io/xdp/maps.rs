//! Typed handles on the pinned maps, by owner.

use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray};
use lb_common::{
    bfd::SessionValue,
    connection::{DestConnections, DestLimits},
    counter::{Counter, Traffic},
    dest::{DestValue, FrontValue, NatSourceKey, NatSourceValue},
    flow::{FlowBucket4, FlowBucket6},
    fragment::{FragmentKey, FragmentValue},
    gate::{GateValue, OwnedKey, OwnedValue},
    local_port::LocalPortBucket,
    maps::{self, MapSpec},
    quic::QuicKey,
    ring::RingChunk,
    router::{PeerKey, PeerValue, RouterKey, RouterValue, SenderKey, SenderValue},
    service::{ServiceKey, ServiceSlot, ServiceTableHeader, ServiceValue},
    virtual_mac::{RouterMacValue, VirtualMacKey, VirtualMacValue},
};

use super::{Pins, XdpError};
use crate::mirror::room::Room;

mod flows;

pub use flows::FlowCounts;
use flows::FlowTables;

/// The maps the checker child writes; but for `connections` it is their only writer.
pub struct CheckerMaps {
    /// `services`.
    pub services: HashMap<MapData, ServiceKey, ServiceValue>,
    /// `service_table`.
    pub service_table: Array<MapData, ServiceSlot>,
    /// `service_header`, index 0.
    pub service_header: Array<MapData, ServiceTableHeader>,
    /// `rings`.
    pub rings: Array<MapData, RingChunk>,
    /// `dests`.
    pub dests: Array<MapData, DestValue>,
    /// `nat_sources`.
    pub nat_sources: HashMap<MapData, NatSourceKey, NatSourceValue>,
    /// `quic_servers`.
    pub quic_servers: HashMap<MapData, QuicKey, u32>,
    /// `nat_filter`.
    pub nat_filter: Array<MapData, u64>,
    /// `fronts`.
    pub fronts: Array<MapData, FrontValue>,
    /// `dest_limits`.
    pub limits: Array<MapData, DestLimits>,
    /// `timeouts`.
    pub timeouts: Array<MapData, u32>,
    /// `dest_connections`, cleared before a dest is used.
    pub connections: Array<MapData, DestConnections>,
    /// `local_ports`, which the programs write: here for its size.
    pub local_ports: Array<MapData, LocalPortBucket>,
}

impl CheckerMaps {
    /// Opens the maps below `pins`.
    ///
    /// # Errors
    /// When a map is not pinned there or has another shape.
    pub fn open(pins: &Pins) -> Result<Self, XdpError> {
        Ok(Self {
            services: open(pins, &maps::SERVICES)?,
            service_table: open(pins, &maps::SERVICE_TABLE)?,
            service_header: open(pins, &maps::SERVICE_HEADER)?,
            rings: open(pins, &maps::RINGS)?,
            dests: open(pins, &maps::DESTS)?,
            nat_sources: open(pins, &maps::NAT_SOURCES)?,
            quic_servers: open(pins, &maps::QUIC_SERVERS)?,
            nat_filter: open(pins, &maps::NAT_FILTER)?,
            fronts: open(pins, &maps::FRONTS)?,
            limits: open(pins, &maps::DEST_LIMITS)?,
            timeouts: open(pins, &maps::TIMEOUTS)?,
            connections: open(pins, &maps::DEST_CONNECTIONS)?,
            local_ports: open(pins, &maps::LOCAL_PORTS)?,
        })
    }

    /// How much they hold.
    #[must_use]
    pub fn room(&self) -> Room {
        Room {
            services: self.fronts.len(),
            chunks: self.rings.len(),
            local_ports: self.local_ports.len(),
        }
    }
}

/// The maps the VRRP child writes; it is their only writer.
pub struct VrrpMaps {
    /// `gates`.
    pub gates: Array<MapData, GateValue>,
    /// `owned`.
    pub owned: HashMap<MapData, OwnedKey, OwnedValue>,
    /// `hints`, index 0.
    pub hints: Array<MapData, u32>,
    /// `virtual_macs`.
    pub virtual_macs: HashMap<MapData, VirtualMacKey, VirtualMacValue>,
    /// `router_macs`.
    pub router_macs: HashMap<MapData, RouterKey, RouterMacValue>,
    /// `routers`. Writing an entry that is there already cancels its timer: [`Timers::start`](super::Timers::start)
    /// comes after every insert.
    pub routers: HashMap<MapData, RouterKey, RouterValue>,
    /// `peers`.
    pub peers: HashMap<MapData, PeerKey, PeerValue>,
    /// `known_vrids`.
    pub known_vrids: Array<MapData, u32>,
}

impl VrrpMaps {
    /// Opens the maps below `pins`.
    ///
    /// # Errors
    /// When a map is not pinned there or has another shape.
    pub fn open(pins: &Pins) -> Result<Self, XdpError> {
        Ok(Self {
            gates: open(pins, &maps::GATES_MAP)?,
            owned: open(pins, &maps::OWNED)?,
            hints: open(pins, &maps::HINTS)?,
            virtual_macs: open(pins, &maps::VIRTUAL_MACS)?,
            router_macs: open(pins, &maps::ROUTER_MACS)?,
            routers: open(pins, &maps::ROUTERS)?,
            peers: open(pins, &maps::PEERS)?,
            known_vrids: open(pins, &maps::KNOWN_VRIDS)?,
        })
    }
}

/// The map the BFD child writes. Writing an entry that is there already cancels its timer, as in [`VrrpMaps::routers`].
pub type SessionMap = HashMap<MapData, u32, SessionValue>;

/// Opens `bfd_sessions` below `pins`.
///
/// # Errors
/// When it is not pinned there or has another shape.
pub fn sessions(pins: &Pins) -> Result<SessionMap, XdpError> {
    open(pins, &maps::BFD_SESSIONS)
}

/// The maps the programs write, and `services`, for reading.
pub struct ReadMaps {
    /// `counters`, per CPU; [`Self::counter`] adds them up.
    pub counters: PerCpuArray<MapData, u64>,
    /// `service_traffic`, per CPU; [`Self::service_traffic`] adds them up.
    pub service_traffic: PerCpuArray<MapData, Traffic>,
    /// `dest_traffic`, per CPU; [`Self::dest_traffic`] adds them up.
    pub dest_traffic: PerCpuArray<MapData, Traffic>,
    /// `cursors`, per CPU.
    pub cursors: PerCpuArray<MapData, u32>,
    /// `dest_connections`.
    pub connections: Array<MapData, DestConnections>,
    /// `flows4`; [`Self::flow_counts`] reads it without a system call per bucket.
    pub flows4: Array<MapData, FlowBucket4>,
    /// `flows6`, likewise.
    pub flows6: Array<MapData, FlowBucket6>,
    /// `services`.
    pub services: HashMap<MapData, ServiceKey, ServiceValue>,
    /// `gates`.
    pub gates: Array<MapData, GateValue>,
    /// `routers`.
    pub routers: HashMap<MapData, RouterKey, RouterValue>,
    /// `senders`.
    pub senders: HashMap<MapData, SenderKey, SenderValue>,
    /// `fragments`.
    pub fragments: HashMap<MapData, FragmentKey, FragmentValue>,
    flows: FlowTables,
}

impl ReadMaps {
    /// Opens the maps below `pins`.
    ///
    /// # Errors
    /// When a map is not pinned there or has another shape, or the flow tables cannot be mapped.
    pub fn open(pins: &Pins) -> Result<Self, XdpError> {
        Ok(Self {
            counters: open(pins, &maps::COUNTERS)?,
            service_traffic: open(pins, &maps::SERVICE_TRAFFIC)?,
            dest_traffic: open(pins, &maps::DEST_TRAFFIC)?,
            cursors: open(pins, &maps::CURSORS)?,
            connections: open(pins, &maps::DEST_CONNECTIONS)?,
            flows4: open(pins, &maps::FLOWS4)?,
            flows6: open(pins, &maps::FLOWS6)?,
            services: open(pins, &maps::SERVICES)?,
            gates: open(pins, &maps::GATES_MAP)?,
            routers: open(pins, &maps::ROUTERS)?,
            senders: open(pins, &maps::SENDERS)?,
            fragments: open(pins, &maps::FRAGMENTS)?,
            flows: FlowTables::open(pins)?,
        })
    }

    /// Whether the programs have any service; they may have where the kernel does not tell.
    #[must_use]
    pub fn has_services(&self) -> bool {
        self.services.keys().next().is_some()
    }

    /// Value of `counter` over all CPUs.
    ///
    /// # Errors
    /// When the kernel refuses the read.
    pub fn counter(&self, counter: Counter) -> Result<u64, XdpError> {
        let values = self
            .counters
            .get(&(counter as u32), 0)
            .map_err(XdpError::map(&maps::COUNTERS))?;
        Ok(values.iter().sum())
    }

    /// Every counter with its value over all CPUs, in index order.
    ///
    /// # Errors
    /// When the kernel refuses the read.
    pub fn all_counters(&self) -> Result<Vec<(Counter, u64)>, XdpError> {
        Counter::ALL
            .iter()
            .map(|&counter| Ok((counter, self.counter(counter)?)))
            .collect()
    }

    /// Traffic of the service `id` over all CPUs.
    ///
    /// # Errors
    /// When `id` is out of range or the kernel refuses the read.
    pub fn service_traffic(&self, id: u32) -> Result<Traffic, XdpError> {
        total(&self.service_traffic, id).map_err(XdpError::map(&maps::SERVICE_TRAFFIC))
    }

    /// Traffic of the dest `id` over all CPUs.
    ///
    /// # Errors
    /// When `id` is out of range or the kernel refuses the read.
    pub fn dest_traffic(&self, id: u16) -> Result<Traffic, XdpError> {
        total(&self.dest_traffic, u32::from(id)).map_err(XdpError::map(&maps::DEST_TRAFFIC))
    }

    /// Connections of the dest `id`.
    ///
    /// # Errors
    /// When `id` is out of range or the kernel refuses the read.
    pub fn connections(&self, id: u16) -> Result<DestConnections, XdpError> {
        let found = self.connections.get(&u32::from(id), 0);
        found.map_err(XdpError::map(&maps::DEST_CONNECTIONS))
    }

    /// Counts the live flow entries by one scan over both flow tables (20 MiB at the default sizes).
    ///
    /// # Errors
    /// When the kernel does not tell its tick count.
    pub fn flow_counts(&self) -> Result<FlowCounts, XdpError> {
        self.flows.count()
    }

    /// Shows every live flow to `see`, by one scan like [`Self::flow_counts`].
    ///
    /// # Errors
    /// When the kernel does not tell its tick count.
    pub fn each_flow(
        &self,
        see: impl FnMut(crate::mirror::displaced::Flow),
    ) -> Result<(), XdpError> {
        self.flows.each(see)
    }
}

fn total(map: &PerCpuArray<MapData, Traffic>, id: u32) -> Result<Traffic, MapError> {
    let mut total = Traffic::default();
    for cpu in map.get(&id, 0)?.iter() {
        total += *cpu;
    }
    Ok(total)
}

/// Opens the pinned map `spec` as `M`, which checks type and sizes.
pub(super) fn open<M: TryFrom<Map, Error = MapError>>(
    pins: &Pins,
    spec: &MapSpec,
) -> Result<M, XdpError> {
    MapData::from_pin(pins.map(spec))
        .and_then(Map::from_map_data)
        .and_then(M::try_from)
        .map_err(XdpError::map(spec))
}

/// What became of the removal of an entry: one somebody removed before us is as gone as one we remove.
///
/// # Errors
/// When the kernel refused.
pub fn gone(removed: Result<(), MapError>) -> Result<(), MapError> {
    match removed {
        Err(MapError::SyscallError(error))
            if error.io_error.kind() == std::io::ErrorKind::NotFound =>
        {
            Ok(())
        }
        Err(MapError::KeyNotFound) => Ok(()),
        other => other,
    }
}
