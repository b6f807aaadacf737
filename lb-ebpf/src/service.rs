//! Which service a packet is for, and whether this node may serve it.

use lb_common::{
    gate::{ALWAYS_OPEN, GATE_FENCED, GATE_OPEN},
    hash,
    service::{ServiceKey, ServiceTableHeader, ServiceValue},
};

use crate::{ip::Ip, maps, outcome::Outcome};

/// The service `key`, from the live half of the fast table.
#[inline(always)]
pub fn find(key: &ServiceKey) -> Option<&'static ServiceValue> {
    let header = maps::service_header()?;
    if header.services == 0 {
        return None;
    }
    if let Some(value) = find_in(&header, key) {
        return Some(value);
    }
    // The daemon may have swapped the halves while we looked, or the header was copied half old, half new.
    let again = maps::service_header()?;
    if again == header {
        return None;
    }
    find_in(&again, key)
}

/// The service `key`, from the half of the fast table that `header` tells of.
#[inline(always)]
pub fn find_in(header: &ServiceTableHeader, key: &ServiceKey) -> Option<&'static ServiceValue> {
    for index in hash::service_slots(key, header.seed, header.mask) {
        let slot = maps::service_slot(header.base + index)?;
        if slot.occupied != 0 && same(&slot.key, key) {
            return Some(&slot.value);
        }
    }
    None
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
