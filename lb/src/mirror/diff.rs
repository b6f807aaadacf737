//! The difference between two images as writes, in an order in which packets never see a dangling reference.
//!
//! Dests that gain come first, with their limits, then what points at them: NAT sources, fronts, rings; then the services and the
//! table, which the header makes visible at once; but what the header's flags announce, they announce first and last. Dests that lose
//! come after that, when no ring new flows use points at them, and removals last. So a service that is usable before and after is never empty in between.

use std::{collections::BTreeMap, sync::Arc};

use bytemuck::Zeroable;
use lb_common::{
    dest::{DEST_LOCAL, DEST_RESOLVED, DEST_USABLE, DestValue, NatSourceValue},
    service::ServiceTableHeader,
};

use super::image::{Image, MapOp, is_live};

/// The writes that turn `installed` into `wanted`.
#[must_use]
pub fn diff(installed: &Image, wanted: &Image) -> Vec<MapOp> {
    let mut ops = Vec::new();
    let (gaining, losing): (Vec<_>, Vec<_>) =
        changes(&installed.dests, &wanted.dests).partition(|(id, value)| {
            installed
                .dests
                .get(id)
                .is_none_or(|before| gains(before, value))
        });
    let (fronts_set, fronts_cleared): (Vec<_>, Vec<_>) = changes(&installed.fronts, &wanted.fronts)
        .partition(|(id, _)| wanted.fronts.contains_key(id));
    let (sources_grown, sources_shrunk): (Vec<_>, Vec<_>) =
        differing(&installed.nat_sources, &wanted.nat_sources)
            .map(|(key, value)| (*key, *value))
            .partition(|(key, value)| {
                installed
                    .nat_sources
                    .get(key)
                    .is_none_or(|before| adds(before, value))
            });

    let set_dest = |(id, value)| MapOp::SetDest(id, value);
    let set_source = |(key, value)| MapOp::SetNatSource(key, value);
    let set_front = |(id, value)| MapOp::SetFront(id, value);
    ops.extend(
        changes(&installed.timeouts, &wanted.timeouts)
            .map(|(state, seconds)| MapOp::SetTimeout(state, seconds)),
    );
    ops.extend(cleared_connections(installed, &gaining));
    let [announcing, turning, last] = headers(installed, wanted);
    ops.extend(announcing);
    let (limits_set, limits_cleared) = limits(installed, wanted);
    ops.extend(limits_set);
    ops.extend(gaining.into_iter().map(set_dest));
    let (filter_grown, filter_shrunk) = filter(installed, wanted);
    ops.extend(filter_grown);
    ops.extend(sources_grown.into_iter().map(set_source));
    ops.extend(fronts_set.into_iter().map(set_front));
    ops.extend(
        differing(&installed.quic_servers, &wanted.quic_servers)
            .map(|(key, dest)| MapOp::SetQuicServer(*key, *dest)),
    );
    ops.extend(
        differing(&installed.rings, &wanted.rings)
            .map(|(at, chunk)| MapOp::SetChunk(*at, Arc::clone(chunk))),
    );
    ops.extend(
        differing(&installed.services, &wanted.services)
            .map(|(key, value)| MapOp::SetService(*key, *value)),
    );
    ops.extend(changes(&installed.slots, &wanted.slots).map(|(at, slot)| MapOp::SetSlot(at, slot)));
    ops.extend(turning);

    ops.extend(losing.into_iter().map(set_dest));
    ops.extend(sources_shrunk.into_iter().map(set_source));
    ops.extend(
        missing(&installed.services, &wanted.services).map(|key| MapOp::RemoveService(*key)),
    );
    ops.extend(
        missing(&installed.nat_sources, &wanted.nat_sources)
            .map(|key| MapOp::RemoveNatSource(*key)),
    );
    ops.extend(
        missing(&installed.quic_servers, &wanted.quic_servers)
            .map(|key| MapOp::RemoveQuicServer(*key)),
    );
    ops.extend(filter_shrunk);
    ops.extend(fronts_cleared.into_iter().map(set_front));
    ops.extend(limits_cleared);
    ops.extend(last);
    ops
}

/// The writes of the header: flags before what they announce, the turn to the other half, flags of what is gone.
fn headers(installed: &Image, wanted: &Image) -> [Option<MapOp>; 3] {
    let flags = installed.header.flags | wanted.header.flags;
    let [before, after] =
        [installed.header, wanted.header].map(|header| ServiceTableHeader { flags, ..header });
    [
        (before != installed.header).then_some(MapOp::SetHeader(before)),
        (after != before).then_some(MapOp::SetHeader(after)),
        (after != wanted.header).then_some(MapOp::SetHeader(wanted.header)),
    ]
}

/// The entries of `wanted` that `installed` has not, or otherwise.
fn differing<'a, K: Ord, V: PartialEq>(
    installed: &'a BTreeMap<K, V>,
    wanted: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, &'a V)> {
    wanted
        .iter()
        .filter(|(key, value)| installed.get(key) != Some(value))
}

/// A dest that is new has no connections.
fn cleared_connections(installed: &Image, gaining: &[(u16, DestValue)]) -> Vec<MapOp> {
    let is_new = |(id, value): &&(u16, DestValue)| {
        let before = installed.dests.get(id);
        before.is_none_or(|before| before.generation != value.generation)
    };
    let new = gaining.iter().filter(is_new);
    new.map(|(id, _)| MapOp::ClearConnections(*id)).collect()
}

/// Limits that are set, and those that are cleared.
fn limits(installed: &Image, wanted: &Image) -> (Vec<MapOp>, Vec<MapOp>) {
    changes(&installed.limits, &wanted.limits)
        .map(|(id, value)| MapOp::SetLimits(id, value))
        .partition(|op| matches!(op, MapOp::SetLimits(id, _) if wanted.limits.contains_key(id)))
}

/// Words of the filter: bits are set before there is something to find, and cleared when there is nothing any more.
fn filter(installed: &Image, wanted: &Image) -> (Vec<MapOp>, Vec<MapOp>) {
    let mut between = installed.nat_filter.clone();
    for (at, word) in &wanted.nat_filter {
        *between.entry(*at).or_default() |= word;
    }
    let write = |(at, word)| MapOp::SetFilter(at, word);
    let grown = changes(&installed.nat_filter, &between).map(write);
    let shrunk = changes(&between, &wanted.nat_filter).map(write);
    (grown.collect(), shrunk.collect())
}

/// Entries of an array that change; zero where `to` has none.
fn changes<'a, K: Ord + Copy, V: PartialEq + Copy + Zeroable>(
    from: &'a BTreeMap<K, V>,
    to: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (K, V)> + 'a {
    let set = to
        .iter()
        .filter(|(key, value)| from.get(key) != Some(value))
        .map(|(key, value)| (*key, *value));
    let cleared = missing(from, to).map(|key| (*key, V::zeroed()));
    set.chain(cleared)
}

fn missing<'a, K: Ord, V>(
    from: &'a BTreeMap<K, V>,
    to: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = &'a K> {
    from.keys().filter(|key| !to.contains_key(key))
}

/// Whether packets get as far with the new value as with the old one.
fn gains(before: &DestValue, after: &DestValue) -> bool {
    let is_usable = |dest: &DestValue| dest.flags & DEST_USABLE != 0;
    let has_way = |dest: &DestValue| dest.flags & (DEST_RESOLVED | DEST_LOCAL) != 0;
    let loses = |has: &dyn Fn(&DestValue) -> bool| has(before) && !has(after);
    !is_live(before) || is_live(after) && !loses(&is_usable) && !loses(&has_way)
}

fn adds(before: &NatSourceValue, after: &NatSourceValue) -> bool {
    after.dests.iter().any(|dest| !before.dests.contains(dest))
}
