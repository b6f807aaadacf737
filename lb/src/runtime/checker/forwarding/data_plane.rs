//! The maps and their mirror: every write is acknowledged before the next.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use lb_common::{
    connection::DestConnections,
    counter::{Counter, Traffic},
    dest::{DEST_DRAINING, DEST_USABLE},
    flow::{FLOW_CLOSING, FLOW_DATAGRAM, FLOW_ESTABLISHED},
};

use crate::{
    checker::sentence,
    config::model::{Config, global::Timeouts},
    io::{
        mirror as border,
        xdp::{CheckerMaps, FlowCounts, Pins, ReadMaps, Sweeper, XdpError},
    },
    mirror::{
        Image, Mirror, Output, Part,
        displaced::Displaced,
        image::is_live,
        plan::{dest_index, service_key},
    },
    pool::{
        RealServerId,
        desired::{Member, Service, Trace, remembered},
        mapped,
        marks::Marks,
    },
    runtime::failure::Failure,
};

/// How often a part of the flow tables is swept.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Parts of the flow tables: ended flows count as connections for up to so many times [`SWEEP_EVERY`].
const SWEEP_PARTS: u32 = 8;

pub(super) struct DataPlane {
    maps: CheckerMaps,
    read: ReadMaps,
    mirror: Mirror,
    sweeper: Sweeper,
    /// When the next part of the flow tables is swept.
    sweep: Instant,
    /// Parts that were empty in a row, as long as no flow has begun.
    empty: u32,
    /// Flows that had begun by then.
    begun: u64,
    failure: Failure,
    operations: u64,
}

/// What the maps say about services and dests.
pub(super) struct Figures<'a> {
    pub(super) image: &'a Image,
    pub(super) flows: FlowCounts,
    read: &'a ReadMaps,
}

impl DataPlane {
    pub(super) fn open(pins: &Path) -> anyhow::Result<Self> {
        let pins = Pins::new(pins);
        let maps = CheckerMaps::open(&pins).context("data plane")?;
        let read = ReadMaps::open(&pins).context("data plane")?;
        let installed = border::load(&maps).context("data plane")?;
        Ok(Self {
            mirror: Mirror::new(installed, maps.room()),
            maps,
            read,
            sweeper: Sweeper::open(&pins).context("data plane")?,
            sweep: Instant::now() + SWEEP_EVERY,
            empty: 0,
            begun: 0,
            failure: Failure::default(),
            operations: 0,
        })
    }

    /// The real servers the maps hold as failed.
    pub(super) fn failed(&self, config: &Config) -> BTreeSet<RealServerId> {
        let image = self.mirror.installed();
        let dests = dest_index(image);
        remembered(config, &Marks::new(), |member, address, port| {
            let Member::Address(front) = member else {
                return None;
            };
            let service = image.services.get(&service_key(front))?;
            let dest = dests.get(&(service.id, mapped(address), port.to_be_bytes()))?;
            let flags = image.dests.get(dest)?.flags;
            Some(match (flags & DEST_USABLE, flags & DEST_DRAINING) {
                (0, _) => Trace::Gone,
                (_, 0) => Trace::Serving,
                _ => Trace::Quiescent,
            })
        })
    }

    pub(super) fn set_services(&mut self, services: Vec<Service>) {
        self.mirror.handle_services(services, Instant::now());
        self.drain();
    }

    /// `lvs_timeouts`, heeded with the next services.
    pub(super) fn set_timeouts(&mut self, timeouts: Timeouts) {
        let states = [
            (FLOW_ESTABLISHED, timeouts.tcp),
            (FLOW_CLOSING, timeouts.tcpfin),
            (FLOW_DATAGRAM, timeouts.udp),
        ];
        let told = states
            .into_iter()
            .filter_map(|(state, told)| Some((u32::from(state), told?)))
            .filter(|(_, seconds)| *seconds != 0);
        self.mirror.set_timeouts(told.collect());
    }

    /// XDP's part beside IPVS, heeded with the next services.
    pub(super) const fn set_part(&mut self, part: Part) {
        self.mirror.set_part(part);
    }

    /// How many services the maps have.
    pub(super) fn services(&self) -> usize {
        self.mirror.installed().services.len()
    }

    pub(super) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let sweep = (self.services() > 0).then_some((self.sweep, "sweep"));
        self.mirror.poll_timeout().into_iter().chain(sweep).min()
    }

    pub(super) fn handle_timeout(&mut self) {
        let now = Instant::now();
        self.mirror.handle_timeout(now);
        self.drain();
        if self.sweep <= now {
            self.sweep = now + SWEEP_EVERY;
            if let Err(error) = self.sweep() {
                self.note(Some(error));
            }
        }
    }

    /// Sweeps the next part of the flow tables; nothing once they are known to be empty.
    fn sweep(&mut self) -> Result<(), XdpError> {
        let begun = self.read.counter(Counter::FlowCreated)?;
        if std::mem::replace(&mut self.begun, begun) != begun {
            self.empty = 0;
        }
        if self.empty < SWEEP_PARTS {
            let swept = self.sweeper.sweep(SWEEP_PARTS)?;
            self.empty = if swept.left == 0 { self.empty + 1 } else { 0 };
        }
        Ok(())
    }

    /// How often the maps were written to since that was last forgotten.
    pub(super) const fn operations(&self) -> u64 {
        self.operations
    }

    pub(super) const fn forget_operations(&mut self) {
        self.operations = 0;
    }

    fn drain(&mut self) {
        while let Some(output) = self.mirror.poll_output() {
            match output {
                Output::Write(op) => {
                    let written = border::apply(&mut self.maps, &op);
                    self.operations += 1;
                    self.mirror.handle_written(&op, &written, Instant::now());
                    self.note(written.err());
                }
                Output::CountDisplaced => {
                    let flows = self.displaced();
                    self.mirror.handle_displaced(flows.as_ref(), Instant::now());
                }
                Output::CountConnections => {
                    let connections = self.connections();
                    self.mirror
                        .handle_connections(connections.as_ref(), Instant::now());
                }
                Output::Refused { front, why }
                    if self.mirror.part() == Part::Shared && why.is_for_ipvs() =>
                {
                    tracing::debug!("{}", sentence::left_to_other(front, why));
                }
                Output::Refused { front, why } => {
                    tracing::warn!("{}", sentence::refused(front, why));
                }
            }
        }
    }

    fn displaced(&self) -> Option<BTreeMap<u32, u64>> {
        let mut displaced = Displaced::new(self.mirror.installed());
        match self.read.each_flow(|flow| displaced.see(&flow)) {
            Ok(()) => Some(displaced.into_counts()),
            Err(error) => {
                tracing::warn!("{}", sentence::flows_not_counted(error));
                None
            }
        }
    }

    /// Connections by service id.
    fn connections(&self) -> Option<BTreeMap<u32, u64>> {
        let mut connections = BTreeMap::new();
        let image = self.mirror.installed();
        for (id, dest) in image.dests.iter().filter(|(_, dest)| is_live(dest)) {
            match self.read.connections(*id) {
                Ok(counted) => {
                    let all = u64::from(counted.active) + u64::from(counted.inactive);
                    *connections.entry(dest.service).or_default() += all;
                }
                Err(error) => {
                    tracing::warn!("{}", sentence::flows_not_counted(error));
                    return None;
                }
            }
        }
        Some(connections)
    }

    fn note(&mut self, error: Option<XdpError>) {
        let failure = error.map(|error| error.to_string());
        self.failure
            .note(failure, |why| sentence::map_write_failed(why));
    }

    pub(super) fn figures(&self) -> Figures<'_> {
        Figures {
            image: self.mirror.installed(),
            flows: self.read.flow_counts().unwrap_or_else(|error| {
                tracing::warn!("{}", sentence::flows_not_counted(error));
                FlowCounts::default()
            }),
            read: &self.read,
        }
    }
}

impl Figures<'_> {
    /// Traffic of a service; zero where the kernel does not tell.
    pub(super) fn service(&self, id: u32) -> Traffic {
        self.read.service_traffic(id).unwrap_or_default()
    }

    /// Connections of a dest; none where the kernel does not tell.
    pub(super) fn connections(&self, id: u16) -> DestConnections {
        self.read.connections(id).unwrap_or_default()
    }

    /// Traffic of a dest; zero where the kernel does not tell.
    pub(super) fn dest(&self, id: u16) -> Traffic {
        self.read.dest_traffic(id).unwrap_or_default()
    }
}
