//! The difference between two images as writes, in an order in which packets never see a dangling reference.
//!
//! Dests that gain come first, with their limits, then what points at them: NAT sources, fronts, rings; then the services and the
//! table, which the header makes visible at once. Dests that lose come after that, when no ring new flows use
//! points at them, and removals last. So a service that is usable before and after is never empty in between.

use std::{collections::BTreeMap, sync::Arc};

use bytemuck::Zeroable;
use lb_common::dest::{DestValue, NatSourceValue};

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
    let (sources_grown, sources_shrunk): (Vec<_>, Vec<_>) = wanted
        .nat_sources
        .iter()
        .filter(|(key, value)| installed.nat_sources.get(key) != Some(value))
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
    let set_limits = |(id, value)| MapOp::SetLimits(id, value);
    let timeouts = changes(&installed.timeouts, &wanted.timeouts);
    ops.extend(timeouts.map(|(state, seconds)| MapOp::SetTimeout(state, seconds)));
    let is_new = |(id, value): &&(u16, DestValue)| {
        let before = installed.dests.get(id);
        before.is_none_or(|before| before.generation != value.generation)
    };
    let new = gaining.iter().filter(is_new);
    ops.extend(new.map(|(id, _)| MapOp::ClearConnections(*id)));
    let (limits_set, limits_cleared): (Vec<_>, Vec<_>) = changes(&installed.limits, &wanted.limits)
        .partition(|(id, _)| wanted.limits.contains_key(id));
    ops.extend(limits_set.into_iter().map(set_limits));
    ops.extend(gaining.into_iter().map(set_dest));
    // Bits are set before there is something to find, and cleared when there is nothing any more.
    let both = |at: &u32, word: u64| word | installed.nat_filter.get(at).copied().unwrap_or(0);
    let grown: BTreeMap<u32, u64> = wanted
        .nat_filter
        .iter()
        .map(|(at, word)| (*at, both(at, *word)))
        .filter(|(at, word)| installed.nat_filter.get(at) != Some(word))
        .collect();
    let set_filter = |(at, word)| MapOp::SetFilter(at, word);
    ops.extend(grown.iter().map(|(at, word)| MapOp::SetFilter(*at, *word)));
    ops.extend(sources_grown.into_iter().map(set_source));
    ops.extend(fronts_set.into_iter().map(set_front));
    ops.extend(
        wanted
            .rings
            .iter()
            .filter(|(at, chunk)| installed.rings.get(at) != Some(chunk))
            .map(|(at, chunk)| MapOp::SetChunk(*at, Arc::clone(chunk))),
    );
    ops.extend(
        wanted
            .services
            .iter()
            .filter(|(key, value)| installed.services.get(key) != Some(value))
            .map(|(key, value)| MapOp::SetService(*key, *value)),
    );
    ops.extend(changes(&installed.slots, &wanted.slots).map(|(at, slot)| MapOp::SetSlot(at, slot)));
    if installed.header != wanted.header {
        ops.push(MapOp::SetHeader(wanted.header));
    }

    ops.extend(losing.into_iter().map(set_dest));
    ops.extend(sources_shrunk.into_iter().map(set_source));
    ops.extend(
        missing(&installed.services, &wanted.services).map(|key| MapOp::RemoveService(*key)),
    );
    ops.extend(
        missing(&installed.nat_sources, &wanted.nat_sources)
            .map(|key| MapOp::RemoveNatSource(*key)),
    );
    let mut filter = installed.nat_filter.clone();
    filter.extend(grown);
    ops.extend(changes(&filter, &wanted.nat_filter).map(set_filter));
    ops.extend(fronts_cleared.into_iter().map(set_front));
    ops.extend(limits_cleared.into_iter().map(set_limits));
    ops
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

fn gains(before: &DestValue, after: &DestValue) -> bool {
    !is_live(before) || before.flags & !after.flags == 0 && is_live(after)
}

fn adds(before: &NatSourceValue, after: &NatSourceValue) -> bool {
    after.dests.iter().any(|dest| !before.dests.contains(dest))
}
