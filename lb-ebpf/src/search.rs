//! The search among the real servers of a service, for schedulers that count connections, and where the one whose turn it is takes
//! no more.
//!
//! A block is a global function, which the verifier walks once.

use lb_common::service::{
    RingRef, SCHEDULER_LC, SCHEDULER_NQ, SCHEDULER_OVF, SCHEDULER_SED, SCHEDULER_WLC, ServiceValue,
};

use crate::{
    connection::{self, Connections},
    maps,
    select::{self, Choice},
};

/// Real servers in one block.
const BLOCK: usize = 64;
/// Blocks in the longest ring.
const BLOCKS: usize = 1024;

/// A search as it stands. 48 bytes without gaps, so that it can be handed to a global function.
#[repr(C)]
pub struct Search {
    /// [`lb_common::service::RingRef::chunk`].
    chunk: u32,
    /// [`lb_common::service::RingRef::len`].
    len: u32,
    /// Position to look at next.
    at: u32,
    /// Positions to look at yet.
    left: u32,
    /// One of the `SCHEDULER_*` constants.
    scheduler: u32,
    /// The best so far; 0 is nobody.
    id: u32,
    /// Its load.
    overhead: u64,
    /// What that is divided by.
    weight: u64,
    /// Zero.
    pad: u64,
}

/// The end of a block.
const DONE: u32 = 1;
/// There may be more.
const GO_ON: u32 = 0;

/// The best of the ring of `service`; for schedulers that count nothing the first that takes connections, from position `at` on.
#[inline(always)]
pub fn best(service: &ServiceValue, at: u32) -> Option<Choice> {
    let mut search = Search {
        chunk: service.ring.chunk,
        len: service.ring.len,
        at,
        left: service.ring.len,
        scheduler: u32::from(service.scheduler),
        id: 0,
        overhead: 0,
        weight: 0,
        pad: 0,
    };
    search_all(&raw mut search);
    select::usable(search.id as u16)
}

/// Looks at all blocks.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn search_all(search: *mut Search) -> u32 {
    for _ in 0..BLOCKS {
        if search_block(search) == DONE {
            break;
        }
    }
    DONE
}

/// Looks at the next block.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn search_block(search: *mut Search) -> u32 {
    // SAFETY: the verifier sees to it that a caller hands a whole one or none.
    let Some(search) = (unsafe { search.as_mut() }) else {
        return DONE;
    };
    for _ in 0..BLOCK {
        if search.left == 0 {
            return DONE;
        }
        let ring = RingRef {
            chunk: search.chunk,
            len: search.len,
        };
        let id = maps::ring_dest(ring, search.at).unwrap_or(0);
        search.left -= 1;
        search.at += 1;
        if search.at >= search.len {
            search.at = 0;
        }
        if search.consider(id) {
            return DONE;
        }
    }
    GO_ON
}

impl Search {
    /// Takes the dest `id` into account; true when nobody can be better.
    #[inline(always)]
    fn consider(&mut self, id: u16) -> bool {
        let Some(choice) = select::usable(id) else {
            return false;
        };
        if connection::is_overloaded(id, choice.dest.flags) {
            return false;
        }
        if self.scheduler < u32::from(SCHEDULER_LC) {
            self.id = u32::from(id);
            return true;
        }
        let (Some(limits), Some(connections)) = (maps::limits(id), maps::connections(id)) else {
            return false;
        };
        if limits.weight == 0 {
            return false;
        }
        self.weigh(id, u64::from(limits.weight), connections)
    }

    /// The formulas of `ip_vs_lc.c`, `ip_vs_wlc.c`, `ip_vs_sed.c`, `ip_vs_nq.c` and `ip_vs_ovf.c`: of equals the first.
    #[inline(always)]
    fn weigh(&mut self, id: u16, weight: u64, connections: &Connections) -> bool {
        let active = u64::from(connections.active());
        let scheduler = self.scheduler as u8;
        if scheduler == SCHEDULER_OVF {
            if active <= weight && weight > self.weight {
                self.take(id, 0, weight);
            }
            return false;
        }
        if scheduler == SCHEDULER_NQ && active == 0 {
            self.take(id, 0, 1);
            return true;
        }
        let (overhead, weight) = match scheduler {
            SCHEDULER_SED | SCHEDULER_NQ => (active + 1, weight),
            SCHEDULER_WLC => ((active << 8) + u64::from(connections.inactive()), weight),
            _ => ((active << 8) + u64::from(connections.inactive()), 1),
        };
        if self.id == 0 || self.overhead.wrapping_mul(weight) > overhead.wrapping_mul(self.weight) {
            self.take(id, overhead, weight);
        }
        false
    }

    #[inline(always)]
    fn take(&mut self, id: u16, overhead: u64, weight: u64) {
        self.id = u32::from(id);
        self.overhead = overhead;
        self.weight = weight;
    }
}
