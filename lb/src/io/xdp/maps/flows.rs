//! Counting live flows without a system call per entry: the flow tables are mapped read-only.

use std::{collections::BTreeMap, marker::PhantomData, os::fd::AsFd};

use aya::maps::{Array, Map, MapData};
use lb_common::{
    flow::{FLOW_TEMPLATE, FlowBucket4, FlowBucket6, FlowEntry6, age, timeout_seconds},
    maps::{self, MapSpec},
};
use memmap2::{MmapOptions, MmapRaw};

use crate::{
    io::xdp::{Pins, XdpError, timers::Clock},
    mirror::displaced::Flow,
};

/// Live flow entries by service and by dest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowCounts {
    /// Service id → entries.
    pub services: BTreeMap<u32, u64>,
    /// Dest id → entries.
    pub dests: BTreeMap<u16, u64>,
}

/// Both flow tables and the clock their ages are measured with.
pub(super) struct FlowTables {
    v4: Buckets<FlowBucket4>,
    v6: Buckets<FlowBucket6>,
    timeouts: Array<MapData, u32>,
    clock: Clock,
}

impl FlowTables {
    pub(super) fn open(pins: &Pins) -> Result<Self, XdpError> {
        Ok(Self {
            v4: Buckets::open(pins, &maps::FLOWS4)?,
            v6: Buckets::open(pins, &maps::FLOWS6)?,
            timeouts: super::open(pins, &maps::TIMEOUTS)?,
            clock: Clock::open(pins)?,
        })
    }

    pub(super) fn count(&self) -> Result<FlowCounts, XdpError> {
        let mut counts = FlowCounts::default();
        self.each(|flow| {
            *counts.services.entry(flow.service).or_default() += 1;
            *counts.dests.entry(flow.dest).or_default() += 1;
        })?;
        Ok(counts)
    }

    /// Seconds by state; a template is no flow.
    fn timeouts(&self) -> Result<[u32; FLOW_TEMPLATE as usize], XdpError> {
        let mut timeouts = [0; FLOW_TEMPLATE as usize];
        for (state, timeout) in (0..FLOW_TEMPLATE).zip(&mut timeouts) {
            let told = self.timeouts.get(&u32::from(state), 0);
            *timeout = match told.map_err(XdpError::map(&maps::TIMEOUTS))? {
                0 => timeout_seconds(state),
                told => told,
            };
        }
        Ok(timeouts)
    }

    /// Shows every live flow to `see`.
    pub(super) fn each(&self, mut see: impl FnMut(Flow)) -> Result<(), XdpError> {
        let now = self.clock.jiffies()?;
        let per_second = self.clock.per_second();
        let timeouts = self.timeouts()?;
        let (v4, v6) = (self.v4.view()?, self.v6.view()?);
        let v4 = v4.iter().flat_map(|bucket| bucket.entries);
        let v6 = v6.iter().flat_map(|bucket| bucket.entries);
        for e in v4.map(FlowEntry6::from).chain(v6) {
            let idle = age(now, e.seen) / per_second;
            let timeout = timeouts.get(usize::from(e.state)).copied();
            if e.service == 0 || e.state == 0 || timeout.is_none_or(|timeout| idle >= timeout) {
                continue;
            }
            see(Flow {
                client: e.client,
                port: e.port,
                service: u32::from(e.service - 1),
                dest: e.dest,
                generation: e.generation,
                state: e.state,
                idle,
            });
        }
        Ok(())
    }
}

/// An array map made with `BPF_F_MMAPABLE`. It is mapped while it is read: mapped for good, all of it would count as
/// memory of this process.
#[derive(Debug)]
struct Buckets<B> {
    map: Map,
    name: &'static str,
    len: usize,
    bucket: PhantomData<B>,
}

impl<B: aya::Pod> Buckets<B> {
    fn open(pins: &Pins, spec: &MapSpec) -> Result<Self, XdpError> {
        let array: Array<MapData, B> = super::open(pins, spec)?;
        let len = array.len() as usize;
        let data = MapData::from_pin(pins.map(spec)).map_err(XdpError::map(spec))?;
        let map = Map::from_map_data(data).map_err(XdpError::map(spec))?;
        Ok(Self {
            map,
            name: spec.name,
            len,
            bucket: PhantomData,
        })
    }

    fn view(&self) -> Result<View<B>, XdpError> {
        let Map::Array(data) = &self.map else {
            unreachable!("`open` has checked the type");
        };
        let memory = MmapOptions::new()
            .len(self.len * size_of::<B>())
            .map_raw_read_only(&data.fd().as_fd())
            .map_err(|source| XdpError::Mmap {
                map: self.name,
                source,
            })?;
        Ok(View {
            memory,
            len: self.len,
            bucket: PhantomData,
        })
    }
}

/// The values of such a map, mapped.
struct View<B> {
    memory: MmapRaw,
    len: usize,
    bucket: PhantomData<B>,
}

impl<B: aya::Pod> View<B> {
    fn iter(&self) -> impl Iterator<Item = B> + '_ {
        (0..self.len).map(|index| self.read(index))
    }

    /// Copies one bucket. The programs write it at the same time, so an entry may be torn between its two
    /// words; it is only counted, and every bit pattern is a legal value.
    fn read(&self, index: usize) -> B {
        assert!(index < self.len);
        // SAFETY: the mapping is `len` values of `B` long and lives as long as `self`, `index` is in range, the
        // mapping is page-aligned and the size of `B` is a multiple of its alignment; `B` is plain old data, and
        // a volatile copy makes no reference to memory the kernel writes.
        unsafe { self.memory.as_ptr().cast::<B>().add(index).read_volatile() }
    }
}
