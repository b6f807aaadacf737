//! The mirror's border: reads its maps back into an image and carries its writes out.

use std::{collections::BTreeMap, sync::Arc};

use aya::{
    Pod,
    maps::{Array, MapData, MapError},
};
use bytemuck::Zeroable;
use lb_common::{
    connection::DestConnections,
    maps::{self, MapSpec},
};

use crate::{
    io::xdp::{CheckerMaps, XdpError, gone},
    mirror::{Image, MapOp},
};

/// Reads back what the maps hold, so that a new checker child goes on where its predecessor ended.
///
/// # Errors
/// When the kernel refuses a read.
pub fn load(maps: &CheckerMaps) -> Result<Image, XdpError> {
    let mut image = Image {
        services: maps
            .services
            .iter()
            .collect::<Result<_, _>>()
            .map_err(of(&maps::SERVICES))?,
        nat_sources: maps
            .nat_sources
            .iter()
            .collect::<Result<_, _>>()
            .map_err(of(&maps::NAT_SOURCES))?,
        quic_servers: maps
            .quic_servers
            .iter()
            .collect::<Result<_, _>>()
            .map_err(of(&maps::QUIC_SERVERS))?,
        nat_filter: used(&maps.nat_filter).map_err(of(&maps::NAT_FILTER))?,
        slots: used(&maps.service_table).map_err(of(&maps::SERVICE_TABLE))?,
        header: maps
            .service_header
            .get(&0, 0)
            .map_err(of(&maps::SERVICE_HEADER))?,
        dests: used(&maps.dests).map_err(of(&maps::DESTS))?,
        limits: used(&maps.limits).map_err(of(&maps::DEST_LIMITS))?,
        timeouts: used(&maps.timeouts).map_err(of(&maps::TIMEOUTS))?,
        fronts: used(&maps.fronts).map_err(of(&maps::FRONTS))?,
        rings: BTreeMap::new(),
    };
    for at in image.chunks_in_use() {
        let chunk = maps.rings.get(&at, 0).map_err(of(&maps::RINGS))?;
        image.rings.insert(at, Arc::new(chunk));
    }
    Ok(image)
}

/// Carries out one write.
///
/// # Errors
/// When the kernel refuses it; the map is as it was.
pub fn apply(maps: &mut CheckerMaps, op: &MapOp) -> Result<(), XdpError> {
    let done = match op {
        MapOp::SetDest(id, value) => maps.dests.set(u32::from(*id), value, 0),
        MapOp::SetChunk(at, chunk) => maps.rings.set(*at, chunk.as_ref(), 0),
        MapOp::SetLimits(id, value) => maps.limits.set(u32::from(*id), value, 0),
        MapOp::ClearConnections(id) => {
            let none = DestConnections::zeroed();
            maps.connections.set(u32::from(*id), none, 0)
        }
        MapOp::SetTimeout(state, seconds) => maps.timeouts.set(*state, seconds, 0),
        MapOp::SetFront(id, value) => maps.fronts.set(*id, value, 0),
        MapOp::SetNatSource(key, value) => maps.nat_sources.insert(key, value, 0),
        MapOp::SetFilter(at, word) => maps.nat_filter.set(*at, word, 0),
        MapOp::SetQuicServer(key, dest) => maps.quic_servers.insert(key, dest, 0),
        MapOp::RemoveQuicServer(key) => gone(maps.quic_servers.remove(key)),
        MapOp::SetService(key, value) => maps.services.insert(key, value, 0),
        MapOp::SetSlot(at, slot) => maps.service_table.set(*at, slot, 0),
        MapOp::SetHeader(header) => maps.service_header.set(0, header, 0),
        MapOp::RemoveService(key) => gone(maps.services.remove(key)),
        MapOp::RemoveNatSource(key) => gone(maps.nat_sources.remove(key)),
    };
    done.map_err(|source| XdpError::Map {
        map: op.map(),
        source,
    })
}

/// The entries of an array that are not all zero.
fn used<I, V>(array: &Array<MapData, V>) -> Result<BTreeMap<I, V>, MapError>
where
    I: Ord + TryFrom<u32>,
    V: Pod + PartialEq + Zeroable,
{
    let mut entries = BTreeMap::new();
    for at in 0..array.len() {
        let value = array.get(&at, 0)?;
        if value != V::zeroed()
            && let Ok(index) = I::try_from(at)
        {
            entries.insert(index, value);
        }
    }
    Ok(entries)
}

fn of(map: &MapSpec) -> impl FnOnce(MapError) -> XdpError {
    let map = map.name;
    move |source| XdpError::Map { map, source }
}
