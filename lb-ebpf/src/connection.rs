//! Connections of dests, counted as their flow entries come, change and go.
//!
//! An entry is counted by who wins its word: who makes it, who changes its state, who takes it or sweeps it away. So each is
//! counted in once and out once, whatever races.

use lb_common::{
    connection::{DestConnections, DestLimits},
    dest::DEST_LIMITED,
    flow::{FLOW_TEMPLATE, is_active},
};

use crate::{atomic::Word32, flow::Value, maps};

/// [`DestConnections`] as the programs write it.
#[repr(C)]
pub struct Connections {
    active: Word32,
    inactive: Word32,
    overloaded: Word32,
    pad: Word32,
}

const _: () = assert!(size_of::<Connections>() == size_of::<DestConnections>());

/// Takes one off.
const LESS: u32 = u32::MAX;

impl Connections {
    /// Half open and established ones.
    #[inline(always)]
    pub fn active(&self) -> u32 {
        self.active.load()
    }

    /// Closing ones.
    #[inline(always)]
    pub fn inactive(&self) -> u32 {
        self.inactive.load()
    }

    /// True between reaching the upper threshold and falling below the lower.
    #[inline(always)]
    pub fn is_overloaded(&self) -> bool {
        self.overloaded.load() != 0
    }

    #[inline(always)]
    fn of(&self, state: u8) -> &Word32 {
        if is_active(state) {
            &self.active
        } else {
            &self.inactive
        }
    }

    #[inline(always)]
    fn total(&self) -> u32 {
        self.active().saturating_add(self.inactive())
    }

    /// `ip_vs_bind_dest`.
    #[inline(always)]
    fn load(&self, limits: &DestLimits) {
        if limits.upper != 0 && self.total() >= limits.upper {
            self.overloaded.store(1);
        }
    }

    /// `ip_vs_unbind_dest`.
    #[inline(always)]
    fn unload(&self, limits: &DestLimits) {
        let total = u64::from(self.total());
        let is_below = if limits.lower != 0 {
            total < u64::from(limits.lower)
        } else {
            limits.upper == 0 || total * 4 < u64::from(limits.upper) * 3
        };
        if is_below {
            self.overloaded.store(0);
        }
    }
}

/// The connections of the dest that `value` is of; none when that id has another owner by now, or it is no connection.
#[inline(always)]
fn find(value: Value) -> Option<&'static Connections> {
    let dest = maps::dest(value.dest)?;
    let counts = dest.generation == value.generation && value.state != FLOW_TEMPLATE;
    counts.then(|| maps::connections(value.dest))?
}

/// Counts a new entry.
#[inline(always)]
pub fn begin(value: Value) {
    let Some(connections) = find(value) else {
        return;
    };
    connections.of(value.state).add(1);
    if let Some(limits) = maps::limits(value.dest) {
        connections.load(limits);
    }
}

/// Counts an entry that is in another state now.
#[inline(always)]
pub fn change(value: Value, state: u8) {
    if is_active(value.state) == is_active(state) {
        return;
    }
    if let Some(connections) = find(value) {
        connections.of(value.state).add(LESS);
        connections.of(state).add(1);
    }
}

/// Counts an entry that is gone.
#[inline(always)]
pub fn end(value: Value) {
    let Some(connections) = find(value) else {
        return;
    };
    connections.of(value.state).add(LESS);
    if connections.is_overloaded()
        && let Some(limits) = maps::limits(value.dest)
    {
        connections.unload(limits);
    }
}

/// True when dest `id` with these `DEST_*` flags takes no new connection.
#[inline(always)]
pub fn is_overloaded(id: u16, flags: u32) -> bool {
    flags & DEST_LIMITED != 0 && maps::connections(id).is_some_and(Connections::is_overloaded)
}
