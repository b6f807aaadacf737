//! Which service a packet is for, and whether this node may serve it.

use lb_common::{
    gate::{ALWAYS_OPEN, GATE_FENCED, GATE_OPEN},
    hash,
    service::{ServiceKey, ServiceTableHeader, ServiceValue},
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

/// The service `key`, from the live half of the fast table.
#[inline(always)]
pub fn find(key: &ServiceKey) -> Option<&'static ServiceValue> {
    let table = Table::read()?;
    if let Some(found) = table.find(key) {
        return Some(found.value);
    }
    // The daemon may have swapped the halves while we looked, or the header was copied half old, half new.
    let again = Table::read()?;
    if again == table {
        return None;
    }
    again.find(key).map(|found| found.value)
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
