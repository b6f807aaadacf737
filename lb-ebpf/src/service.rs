//! Which service a packet is for, and whether this node may serve it.

use lb_common::{
    gate::{ALWAYS_OPEN, GATE_FENCED, GATE_OPEN},
    hash,
    service::{
        ServiceKey, ServiceTableHeader, ServiceValue, TABLE_WILDCARD_NAT_SOURCE,
        TABLE_WILDCARD_SERVICE,
    },
};

use crate::{ip::Ip, maps, outcome::Outcome, parse::Packet};

/// The fast table as it was when this was read.
#[derive(Clone, Copy)]
pub struct Table([u64; maps::HEADER_WORDS]);

/// Word by word: arrays are compared by a function.
impl PartialEq for Table {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        let [a, b, c] = self.0;
        let [d, e, f] = other.0;
        a == d && b == e && c == f
    }
}

impl Table {
    /// The table as it is now.
    #[inline(always)]
    pub fn read() -> Option<Self> {
        maps::service_header().map(Self)
    }

    #[inline(always)]
    fn header(self) -> ServiceTableHeader {
        bytemuck::cast(self.0)
    }

    /// The service `key`.
    #[inline(always)]
    pub fn find(self, key: &ServiceKey) -> Option<Found> {
        let header = self.header();
        for index in hash::service_slots(key, header.seed, header.mask) {
            let slot = header.base + index;
            if let Some(value) = at(slot, key) {
                return Some(Found { slot, value });
            }
        }
        None
    }

    /// The service `key`, or else that of every port.
    #[inline(always)]
    pub fn find_any(self, key: &ServiceKey) -> Option<Found> {
        let found = self.find(key);
        if found.is_some() || self.header().flags & TABLE_WILDCARD_SERVICE == 0 {
            return found;
        }
        self.find(&every_port(*key))
    }

    /// True when something has every port, and what is found by its own port only may be missed.
    #[inline(always)]
    pub fn has_wildcards(self) -> bool {
        self.header().flags & (TABLE_WILDCARD_SERVICE | TABLE_WILDCARD_NAT_SOURCE) != 0
    }

    /// True when packets may be replies of real servers.
    #[inline(always)]
    pub fn has_nat_sources(self) -> bool {
        self.header().nat_sources != 0
    }
}

/// A service and where it is.
pub struct Found {
    /// Index of its slot in the fast table.
    pub slot: u32,
    /// What to do with its packets.
    pub value: &'static ServiceValue,
}

/// The service `key`, if it is in `slot` of the fast table.
#[inline(always)]
pub fn at(slot: u32, key: &ServiceKey) -> Option<&'static ServiceValue> {
    let slot = maps::service_slot(slot)?;
    (slot.occupied != 0 && same(&slot.key, key)).then_some(&slot.value)
}

/// The key of the service that a packet with ports is for.
#[inline(always)]
pub const fn key(packet: &Packet) -> ServiceKey {
    ServiceKey {
        address: packet.destination.address(),
        port: packet.ports.destination,
        protocol: packet.protocol,
        pad: 0,
    }
}

/// Whether the table has what one of the `TABLE_*` bits says.
#[inline(always)]
pub fn table_has(flag: u32) -> bool {
    Table::read().is_some_and(|table| table.header().flags & flag != 0)
}

/// The slot of the service that a packet with ports is for, in the live half of the fast table, or [`NOWHERE`]. The verifier is to walk
/// it once.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn slot_of(packet: *const Packet) -> u32 {
    let (Some(packet), Some(table)) = (Packet::handed(packet), Table::read()) else {
        return NOWHERE;
    };
    let key = key(&packet);
    if let Some(found) = table.find_any(&key) {
        return found.slot;
    }
    // The daemon may have swapped the halves while we looked, or the header was copied half old, half new.
    match Table::read() {
        Some(again) if again != table => again.find_any(&key).map_or(NOWHERE, |found| found.slot),
        _ => NOWHERE,
    }
}

/// The service of `packet`, if `slot` is still that which [`slot_of`] has said.
#[inline(always)]
pub fn of(packet: &Packet, slot: u32) -> Option<&'static ServiceValue> {
    let key = key(packet);
    at(slot, &key).or_else(|| at(slot, &every_port(key)))
}

/// The slot of no service.
pub const NOWHERE: u32 = u32::MAX;

#[inline(always)]
const fn every_port(key: ServiceKey) -> ServiceKey {
    ServiceKey {
        port: [0; 2],
        ..key
    }
}

#[inline(always)]
fn same(a: &ServiceKey, b: &ServiceKey) -> bool {
    Ip::new(&a.address) == Ip::new(&b.address) && a.port == b.port && a.protocol == b.protocol
}

/// Whether gate `index` lets packets through.
///
/// # Errors
/// What becomes of the packet where it does not.
#[inline(always)]
pub fn enter(index: u32) -> Result<(), Outcome> {
    if index == ALWAYS_OPEN {
        return Ok(());
    }
    match maps::gate(index).map(|gate| gate.load()) {
        Some(GATE_OPEN) => Ok(()),
        Some(GATE_FENCED) => Err(Outcome::Fenced),
        _ => Err(Outcome::GateClosed),
    }
}
