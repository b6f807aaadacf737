//! The real programs on packets of our making, through `BPF_PROG_TEST_RUN`.

mod guards;
mod plane;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use aya::{
    Ebpf,
    maps::MapError,
    programs::{SchedClassifier, TestRun, TestRunOptions, Xdp},
};
use bytemuck::Zeroable;
use lb::io::xdp::{
    self, CheckerMaps, DataPlane, Events, Options, Pins, ReadMaps, SessionMap, SessionTimers,
    Swept, Timers, VrrpMaps,
};
use lb_common::{
    Mac,
    bfd::Silence,
    connection::{DestConnections, DestLimits, SWEEP_BUCKETS, SWEPT_LEFT, SweepRequest},
    counter::{Counter, Traffic},
    dest::{
        DEST_KEEPS_PORT, DEST_LIMITED, DEST_LOCAL, DEST_RESOLVED, DEST_USABLE, DestValue,
        FrontValue, NatSourceKey, is_nat,
    },
    flow::{FLOW_STATES, FlowBucket4, FlowBucket6},
    gate::GateValue,
    hash,
    local_port::LocalPortBucket,
    programs,
    ring::{CHUNK_LEN, RingChunk},
    router::VRIDS,
    service::{
        RingRef, ServiceKey, ServiceSlot, ServiceTableHeader, ServiceValue, TABLE_LOCAL_NAT_SOURCE,
        TABLE_WILDCARD_NAT_SOURCE, TABLE_WILDCARD_SERVICE,
    },
};
use nix::time::{ClockId, clock_getres};

pub use self::plane::Plane;
use crate::packet::{DIRECTOR_MAC, address};

/// The interface every test run comes from: the loopback device.
pub const INGRESS: u32 = 1;

/// Buckets of either flow table.
const FLOW_BUCKETS: u32 = 1 << 10;
/// Buckets of local ports in a pooled plane.
const LOCAL_PORT_BUCKETS: u32 = 1 << 8;
/// Tests use smaller ids of gates, services and dests than this.
const SMALL: u32 = 64;

/// Bytes of `__sk_buff` up to its `ingress_ifindex`.
const SK_BUFF: usize = 40;

/// XDP verdict.
pub const DROP: u32 = 1;
/// XDP verdict.
pub const PASS: u32 = 2;
/// XDP verdict.
pub const TX: u32 = 3;
/// XDP verdict.
pub const REDIRECT: u32 = 4;
/// tc verdict.
pub const TC_OK: u32 = 0;
/// tc verdict.
pub const TC_SHOT: u32 = 2;
/// tc verdict.
pub const TC_REDIRECT: u32 = 7;

/// Programs and maps, held by their descriptors alone: the pins are gone as soon as all are open.
pub struct Loaded {
    /// What the checker child writes.
    pub checker: CheckerMaps,
    /// What the VRRP child writes.
    pub vrrp: VrrpMaps,
    /// What the programs write.
    pub read: ReadMaps,
    /// Timers, where the kernel has them.
    pub timers: Option<Timers>,
    /// The events.
    pub events: Events,
    /// What the BFD child writes.
    pub sessions: SessionMap,
    /// Timers of sessions, where the kernel has them.
    pub session_timers: Option<SessionTimers>,
    /// The events of sessions.
    pub silences: Events<Silence>,
    /// The programs.
    pub data_plane: DataPlane,
}

/// What a program made of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its return value.
    pub verdict: u32,
    /// The packet after it.
    pub packet: Vec<u8>,
}

impl Loaded {
    /// Loads a data plane.
    ///
    /// # Panics
    /// When the kernel cannot.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let pins = Pins::of_daemon(&format!("dp-{}-{number}", std::process::id()));
        let (data_plane, capabilities) =
            DataPlane::load(&pins, options).expect("load the data plane");
        let loaded = Self {
            checker: CheckerMaps::open(&pins).expect("checker maps"),
            vrrp: VrrpMaps::open(&pins).expect("VRRP maps"),
            read: ReadMaps::open(&pins).expect("maps to read"),
            timers: capabilities
                .timers
                .then(|| Timers::open(&pins).expect("timers")),
            events: Events::open(&pins).expect("events"),
            sessions: xdp::sessions(&pins).expect("sessions"),
            session_timers: capabilities
                .timers
                .then(|| SessionTimers::open(&pins).expect("timers of sessions")),
            silences: Events::of_sessions(&pins).expect("events of sessions"),
            data_plane,
        };
        DataPlane::remove(&pins).expect("unpin");
        loaded
    }

    /// Makes everything a test can have written as it was.
    fn clear(&mut self) -> Result<(), MapError> {
        let no_service = ServiceTableHeader::zeroed();
        self.checker.service_header.set(0, no_service, 0)?;
        let keys: Vec<_> = self.checker.services.keys().collect::<Result<_, _>>()?;
        for key in keys {
            for slot in hash::service_slots(&key, 0, self.service_mask()) {
                self.checker
                    .service_table
                    .set(slot, ServiceSlot::zeroed(), 0)?;
            }
            self.checker.services.remove(&key)?;
        }
        let keys: Vec<_> = self.checker.nat_sources.keys().collect::<Result<_, _>>()?;
        for key in keys {
            let (word, _) = hash::filter_bit(&key);
            self.checker.nat_filter.set(word, 0, 0)?;
            self.checker.nat_sources.remove(&key)?;
        }
        for bucket in 0..self.checker.local_ports.len() {
            self.checker
                .local_ports
                .set(bucket, LocalPortBucket::zeroed(), 0)?;
        }
        let keys: Vec<_> = self.checker.quic_servers.keys().collect::<Result<_, _>>()?;
        for key in keys {
            self.checker.quic_servers.remove(&key)?;
        }
        let keys: Vec<_> = self.vrrp.routers.keys().collect::<Result<_, _>>()?;
        for key in keys {
            self.vrrp.routers.remove(&key)?;
        }
        let keys: Vec<_> = self.vrrp.owned.keys().collect::<Result<_, _>>()?;
        for key in keys {
            self.vrrp.owned.remove(&key)?;
        }
        let keys: Vec<_> = self.vrrp.virtual_macs.keys().collect::<Result<_, _>>()?;
        for key in keys {
            self.vrrp.virtual_macs.remove(&key)?;
        }
        let keys: Vec<_> = self.vrrp.router_macs.keys().collect::<Result<_, _>>()?;
        for key in keys {
            self.vrrp.router_macs.remove(&key)?;
        }
        let keys: Vec<_> = self.vrrp.peers.keys().collect::<Result<_, _>>()?;
        for key in keys {
            self.vrrp.peers.remove(&key)?;
        }
        let keys: Vec<_> = self.read.senders.keys().collect::<Result<_, _>>()?;
        for key in keys {
            self.read.senders.remove(&key)?;
        }
        let keys: Vec<_> = self.read.fragments.keys().collect::<Result<_, _>>()?;
        for key in keys {
            self.read.fragments.remove(&key)?;
        }
        for index in 0..VRIDS {
            self.vrrp.known_vrids.set(index, 0, 0)?;
        }
        self.vrrp.hints.set(0, 0, 0)?;
        for state in 0..FLOW_STATES {
            self.checker.timeouts.set(state, 0, 0)?;
        }
        let cpus = aya::util::nr_cpus().expect("number of CPUs");
        for counter in 0..Counter::ALL.len() as u32 {
            self.read
                .counters
                .set(counter, vec![0; cpus].try_into()?, 0)?;
        }
        for index in 0..SMALL {
            let zero = || vec![Traffic::zeroed(); cpus].try_into();
            self.vrrp.gates.set(index, GateValue::zeroed(), 0)?;
            self.checker.dests.set(index, DestValue::zeroed(), 0)?;
            self.checker.limits.set(index, DestLimits::zeroed(), 0)?;
            self.checker
                .connections
                .set(index, DestConnections::zeroed(), 0)?;
            self.read.service_traffic.set(index, zero()?, 0)?;
            self.read.dest_traffic.set(index, zero()?, 0)?;
            self.read.cursors.set(index, vec![0; cpus].try_into()?, 0)?;
        }
        for index in 0..FLOW_BUCKETS {
            self.read.flows4.set(index, FlowBucket4::zeroed(), 0)?;
            self.read.flows6.set(index, FlowBucket6::zeroed(), 0)?;
        }
        while self.events.next_event().is_some() {}
        let sessions: Vec<u32> = self.sessions.keys().collect::<Result<_, _>>()?;
        for discriminator in sessions {
            self.sessions.remove(&discriminator)?;
        }
        while self.silences.next_event().is_some() {}
        Ok(())
    }

    /// Runs the packet through the XDP program.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[must_use]
    pub fn xdp(&mut self, packet: &[u8]) -> Answer {
        let name = if self.timers.is_some() {
            programs::XDP
        } else {
            programs::XDP_PLAIN
        };
        let program: &Xdp = program(self.data_plane.object(), name);
        run(program, packet, None)
    }

    /// Runs the packet through the tc program.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[must_use]
    pub fn tc(&mut self, packet: &[u8]) -> Answer {
        self.tc_from(0, packet)
    }

    /// Runs a packet that came by an interface through the tc program; 0 for one made here.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[must_use]
    pub fn tc_from(&mut self, ingress: u32, packet: &[u8]) -> Answer {
        let name = if self.timers.is_some() {
            programs::TC
        } else {
            programs::TC_PLAIN
        };
        let program: &SchedClassifier = program(self.data_plane.object(), name);
        let mut context = [0; SK_BUFF];
        context[SK_BUFF - size_of::<u32>()..].copy_from_slice(&ingress.to_ne_bytes());
        run(program, packet, Some(&context))
    }

    /// Runs a packet of this host, for this host, through the program of `lo`.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[must_use]
    pub fn local(&mut self, packet: &[u8]) -> Answer {
        let program: &SchedClassifier = program(self.data_plane.object(), programs::LOCAL);
        run(program, packet, Some(&[0; SK_BUFF]))
    }

    /// Value of a counter.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[must_use]
    pub fn counter(&self, counter: Counter) -> u64 {
        self.read.counter(counter).expect("read a counter")
    }

    /// Writes `services` as the whole table, in the way the checker child does.
    ///
    /// # Panics
    /// When two services do not fit or the kernel refuses.
    pub fn set_services(&mut self, services: &[(ServiceKey, ServiceValue)]) {
        let mask = self.service_mask();
        for (slot, (key, value)) in placed(services, mask) {
            let entry = ServiceSlot {
                key,
                occupied: 1,
                value,
                pad: [0; 8],
            };
            self.checker
                .service_table
                .set(slot, entry, 0)
                .expect("write a service");
            let front = FrontValue {
                address: key.address,
                port: key.port,
                flags: value.flags,
                granularity: value.granularity,
                gate: value.gate,
                persistence: value.persistence,
            };
            self.checker
                .fronts
                .set(value.id, front, 0)
                .expect("write a front");
            self.checker
                .services
                .insert(key, value, 0)
                .expect("write a service");
        }
        let is_wildcard = services.iter().any(|(key, _)| key.port == [0; 2]);
        self.set_header(|header| {
            header.mask = mask;
            header.services = services.len() as u32;
            header.flags |= if is_wildcard {
                TABLE_WILDCARD_SERVICE
            } else {
                0
            };
        });
    }

    /// Slots in a half of the fast service table minus one.
    fn service_mask(&self) -> u32 {
        self.checker.service_table.len() / 2 - 1
    }

    fn set_header(&mut self, change: impl FnOnce(&mut ServiceTableHeader)) {
        let table = &mut self.checker.service_header;
        let mut header = table.get(&0, 0).expect("read the header");
        change(&mut header);
        table.set(0, header, 0).expect("write the header");
    }

    /// Writes a dest, with its reverse entry where it is NAT.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set_dest(&mut self, id: u16, dest: &DestValue, protocol: u8) {
        self.checker
            .dests
            .set(u32::from(id), dest, 0)
            .expect("write a dest");
        if is_nat(dest.method) {
            let keeps_port = dest.flags & DEST_KEEPS_PORT != 0;
            let key = NatSourceKey {
                address: dest.address,
                port: if keeps_port { [0; 2] } else { dest.port },
                protocol,
                pad: 0,
            };
            let mut value = self.checker.nat_sources.get(&key, 0).unwrap_or_default();
            let free = value.dests.iter_mut().find(|d| **d == 0 || **d == id);
            *free.expect("room for a dest") = id;
            self.checker
                .nat_sources
                .insert(key, value, 0)
                .expect("write a source");
            let (word, bit) = hash::filter_bit(&key);
            let filter = &mut self.checker.nat_filter;
            let bits = filter.get(&word, 0).expect("read the filter") | bit;
            filter.set(word, bits, 0).expect("write the filter");
            let sources = self.checker.nat_sources.keys().count();
            self.set_header(|header| {
                header.nat_sources = sources as u32;
                header.flags |= if dest.flags & DEST_LOCAL != 0 {
                    TABLE_LOCAL_NAT_SOURCE
                } else {
                    0
                };
                header.flags |= if keeps_port {
                    TABLE_WILDCARD_NAT_SOURCE
                } else {
                    0
                };
            });
        }
    }

    /// Writes what a dest is weighed and limited by.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set_limits(&mut self, id: u16, limits: DestLimits) {
        let limit = self.checker.limits.set(u32::from(id), limits, 0);
        limit.expect("write limits");
        let at = u32::from(id);
        let mut dest = self.checker.dests.get(&at, 0).expect("read a dest");
        dest.flags |= if limits.upper > 0 { DEST_LIMITED } else { 0 };
        self.checker.dests.set(at, dest, 0).expect("write a dest");
    }

    /// Connections of a dest.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[must_use]
    pub fn connections(&self, id: u16) -> DestConnections {
        self.read.connections(id).expect("read connections")
    }

    /// Makes every flow entry older by so many seconds.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn age_flows(&mut self, seconds: u32) {
        let ticks = ticks(seconds);
        for index in 0..FLOW_BUCKETS {
            let mut bucket = self.read.flows4.get(&index, 0).expect("read a bucket");
            for entry in &mut bucket.entries {
                entry.seen = entry.seen.wrapping_sub(ticks);
            }
            self.read.flows4.set(index, bucket, 0).expect("write it");
            let mut bucket = self.read.flows6.get(&index, 0).expect("read a bucket");
            for entry in &mut bucket.entries {
                entry.seen = entry.seen.wrapping_sub(ticks);
            }
            self.read.flows6.set(index, bucket, 0).expect("write it");
        }
    }

    /// Makes what is known of fragments older by so many seconds.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn age_fragments(&mut self, seconds: u32) {
        let fragments = &mut self.read.fragments;
        let known: Vec<_> = fragments.iter().collect::<Result<_, _>>().expect("read");
        for (key, mut value) in known {
            value.seen = value.seen.wrapping_sub(ticks(seconds));
            fragments.insert(key, value, 0).expect("write it");
        }
    }

    /// Sweeps both flow tables.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn sweep(&mut self) -> Swept {
        let program: &SchedClassifier = program(self.data_plane.object(), programs::SWEEP);
        let mut swept = Swept::default();
        for family in [4, 6] {
            for from in (0..FLOW_BUCKETS).step_by(SWEEP_BUCKETS as usize) {
                let request = SweepRequest {
                    family,
                    from,
                    count: SWEEP_BUCKETS,
                    pad: 0,
                };
                let answer = run(program, bytemuck::bytes_of(&request), None).verdict;
                swept.freed += answer % SWEPT_LEFT;
                swept.left += answer / SWEPT_LEFT;
            }
        }
        swept
    }

    /// Writes a ring from `chunk` on: `dests` over and over in one chunk at least, or just them for `exact`.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set_ring(&mut self, chunk: u32, dests: &[u16], exact: bool) -> RingRef {
        let len = if exact {
            dests.len()
        } else {
            dests.len().next_multiple_of(CHUNK_LEN)
        };
        let entries: Vec<u16> = dests.iter().copied().cycle().take(len).collect();
        for (at, part) in (chunk..).zip(entries.chunks(CHUNK_LEN)) {
            let mut ring = RingChunk::zeroed();
            ring.dests[..part.len()].copy_from_slice(part);
            let rings = &mut self.checker.rings;
            rings.set(at, ring, 0).expect("write a ring");
        }
        RingRef {
            chunk,
            len: entries.len() as u32,
        }
    }
}

/// So many seconds in jiffies.
fn ticks(seconds: u32) -> u32 {
    let tick = clock_getres(ClockId::CLOCK_MONOTONIC_COARSE).expect("the tick");
    (f64::from(seconds) / Duration::from(tick).as_secs_f64()).round() as u32
}

/// Gives every service one of its two slots, moving others out of the way.
fn placed(
    services: &[(ServiceKey, ServiceValue)],
    mask: u32,
) -> BTreeMap<u32, (ServiceKey, ServiceValue)> {
    let mut table = BTreeMap::new();
    for &service in services {
        let mut homeless = service;
        let mut slot = hash::service_slots(&homeless.0, 0, mask)[0];
        let mut moves = 0;
        while let Some(evicted) = table.insert(slot, homeless) {
            homeless = evicted;
            let [first, second] = hash::service_slots(&homeless.0, 0, mask);
            slot = if slot == first { second } else { first };
            moves += 1;
            assert!(moves < 500, "a free slot");
        }
    }
    table
}

/// Key of the service at `front` (`address:port`).
///
/// # Panics
/// When `front` is none.
#[must_use]
pub fn service_key(front: &str, protocol: u8) -> ServiceKey {
    let front: SocketAddr = front.parse().expect("a test's literal");
    ServiceKey {
        address: address(front.ip()),
        port: front.port().to_be_bytes(),
        protocol,
        pad: 0,
    }
}

/// A dest that is usable and resolved, behind the interface the packets come from.
///
/// # Panics
/// When `real` (`address:port`) is none.
#[must_use]
pub fn dest(real: &str, method: u8, service: u32, next_hop: Mac) -> DestValue {
    let real: SocketAddr = real.parse().expect("a test's literal");
    DestValue {
        address: address(real.ip()),
        port: real.port().to_be_bytes(),
        generation: 1,
        method,
        flags: DEST_USABLE | DEST_RESOLVED,
        service,
        ifindex: INGRESS,
        next_hop,
        source: DIRECTOR_MAC,
        ..DestValue::zeroed()
    }
}

fn program<'a, P>(object: &'a Ebpf, name: &str) -> &'a P
where
    &'a P: TryFrom<&'a aya::programs::Program>,
{
    let program = object.program(name).expect("the program");
    program.try_into().ok().expect("a program of that type")
}

fn run<P>(program: &P, packet: &[u8], context: Option<&[u8]>) -> Answer
where
    P: for<'a> TestRun<Opts<'a> = TestRunOptions<'a>, Result = aya::programs::TestRunResult>,
{
    let mut out = vec![0; 2048];
    let result = program
        .test_run(TestRunOptions {
            data_in: Some(packet),
            data_out: Some(&mut out),
            ctx_in: context,
            ..TestRunOptions::new()
        })
        .expect("run the program");
    out.truncate(result.data_size_out as usize);
    Answer {
        verdict: result.return_value,
        packet: out,
    }
}
