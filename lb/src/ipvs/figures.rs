//! What the kernel counts of services and dests.

use std::collections::BTreeMap;

use super::{DestKey, ServiceKey, attribute};

// `IPVS_STATS_ATTR_*`.
const CONNECTIONS: u16 = 1;
const PACKETS: u16 = 2;
const BYTES: u16 = 4;

/// Figures of a service or a dest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Connections scheduled.
    pub connections: u64,
    /// Packets from clients.
    pub packets: u64,
    /// Bytes from clients.
    pub bytes: u64,
    /// Connections that are established, of a dest.
    pub active: u32,
    /// All its others.
    pub inactive: u32,
}

/// Those of a table.
pub type AllFigures = BTreeMap<ServiceKey, (Figures, BTreeMap<DestKey, Figures>)>;

impl Figures {
    /// Takes counters in, of 64 bits in native byte order.
    pub(super) fn read_counters(&mut self, attributes: &[u8]) {
        for (kind, value) in attribute::read(attributes) {
            let value = value
                .first_chunk()
                .map_or(0, |bytes| u64::from_ne_bytes(*bytes));
            match kind {
                CONNECTIONS => self.connections = value,
                PACKETS => self.packets = value,
                BYTES => self.bytes = value,
                _ => {}
            }
        }
    }
}
