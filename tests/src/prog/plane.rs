//! A data plane for each test, used again and again.

use std::{
    ops::{Deref, DerefMut},
    sync::Mutex,
};

use lb::{io::xdp::Options, mirror::room::Room};
use lb_common::maps;
use nix::{
    sched::{CpuSet, sched_getcpu, sched_setaffinity},
    unistd::Pid,
};

use super::{FLOW_BUCKETS, LOCAL_PORT_BUCKETS, Loaded};

/// A data plane of one test's own, empty. Loading takes the verifier most of a second, so a plane that a test is
/// done with is emptied and used again.
pub struct Plane {
    loaded: Option<Loaded>,
    /// Others have use of it.
    is_pooled: bool,
}

static IDLE: Mutex<Vec<Loaded>> = Mutex::new(Vec::new());

impl Plane {
    /// An empty data plane with small flow tables: one test fills them.
    ///
    /// # Panics
    /// When the kernel cannot load it: this tier needs CAP_BPF.
    #[must_use]
    pub fn new() -> Self {
        Self::of(false)
    }

    /// One of the programs without timers.
    ///
    /// # Panics
    /// When the kernel cannot load it.
    #[must_use]
    pub fn plain() -> Self {
        Self::of(true)
    }

    fn of(plain: bool) -> Self {
        stay_on_this_processor();
        let idle = {
            let mut idle = IDLE.lock().expect("no test panics here");
            let found = idle.iter().position(|one| one.timers.is_none() == plain);
            found.map(|at| idle.swap_remove(at))
        };
        let small = Options {
            max_entries: vec![
                (maps::FLOWS4, FLOW_BUCKETS),
                (maps::FLOWS6, FLOW_BUCKETS),
                (maps::LOCAL_PORTS, LOCAL_PORT_BUCKETS),
            ],
            plain,
            ..Options::default()
        };
        Self {
            loaded: Some(idle.unwrap_or_else(|| Loaded::new(&small))),
            is_pooled: true,
        }
    }

    /// One with room for so many flows of each family.
    ///
    /// # Panics
    /// When the kernel cannot load it.
    #[must_use]
    pub fn with_flows(flows: u32) -> Self {
        stay_on_this_processor();
        let loaded = Loaded::new(&Options::with_room(&Room::default(), flows));
        Self {
            loaded: Some(loaded),
            is_pooled: false,
        }
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        if let Some(mut loaded) = self.loaded.take()
            && self.is_pooled
            && !std::thread::panicking()
        {
            loaded.clear().expect("empty the maps");
            IDLE.lock().expect("no test panics here").push(loaded);
        }
    }
}

impl Deref for Plane {
    type Target = Loaded;

    fn deref(&self) -> &Loaded {
        self.loaded.as_ref().expect("there until dropped")
    }
}

impl DerefMut for Plane {
    fn deref_mut(&mut self) -> &mut Loaded {
        self.loaded.as_mut().expect("there until dropped")
    }
}

/// Each processor has cursors of its own, so the thread of a test must not wander.
fn stay_on_this_processor() {
    let mut here = CpuSet::new();
    let pinned = sched_getcpu()
        .and_then(|cpu| here.set(cpu))
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &here));
    pinned.expect("a thread may choose among its processors");
}

impl Default for Plane {
    fn default() -> Self {
        Self::new()
    }
}
