//! Time the XDP program takes for a packet, by `BPF_PROG_TEST_RUN`.
//!
//! Every figure is the mean of a test run of many rounds, less the best of the wrapper alone, so it is the program
//! without the loop around it. Beside it stands one look-up in a hash map, measured the same way: what a design with BPF's
//! own maps pays several times per packet.

mod veth;

use std::time::Duration;

use anyhow::Context;
use aya::programs::{TestRun, TestRunOptions, Xdp};
use bytemuck::Zeroable;
use lb::{io::xdp::Options, mirror::room::Room};
use lb_common::{
    bench::{FIRST_PORT, Script, WORDS, YARDSTICK},
    connection::DestLimits,
    dest::{
        FORWARD_DIRECT_ROUTE, FORWARD_FULLNAT, FORWARD_GRE, FORWARD_GUE, FORWARD_IPIP, FORWARD_NAT,
        has_local, is_nat,
    },
    gate::ALWAYS_OPEN,
    mapped, maps, programs,
    router::{ROUTER_WATCH, RouterKey, RouterValue},
    service::{
        SCHEDULER_LC, SCHEDULER_MH, SCHEDULER_RR, SERVICE_HASH_PORT, SERVICE_NAT, ServiceKey,
        ServiceValue,
    },
};
use tests::{
    packet::{ACK, Packet, SYN, Transport, address, advert},
    prog::{self, DROP, INGRESS, Loaded, PASS, TX},
};

use crate::{
    figure::{Figure, Report, Values},
    selection::Selection,
};

const LOOKUP_NAME: &str = "yardstick/hash_lookup";
const LRU_NAME: &str = "yardstick/lru_lookup";
/// Flows that the cases have.
const FLOWS: [u32; 4] = [1, 1024, 65_536, 1_048_576];
/// Room for twice the flows of the largest case.
const FLOWS_OF_TABLES: u32 = 1 << 21;
/// As many as other load balancers have by default.
const LRU_ENTRIES: u32 = 1 << 22;

/// A service under load.
#[derive(Clone, Copy)]
struct Load {
    scheduler: u8,
    method: u8,
    v6: bool,
    udp: bool,
    /// Every packet opens a flow.
    opens: bool,
    flows: u32,
    services: u16,
    dests: u16,
}

const BASE: Load = Load {
    scheduler: SCHEDULER_MH,
    method: FORWARD_DIRECT_ROUTE,
    v6: false,
    udp: false,
    opens: false,
    flows: 1,
    services: 1,
    dests: 3,
};

/// Measures every case and prints it.
///
/// # Errors
/// When the kernel cannot, or the program does something else than what is to be measured.
pub(crate) fn run(report: &mut Report, selection: &Selection) -> anyhow::Result<()> {
    let mut bench = Bench::new(if selection.quick { 3 } else { 9 })?;
    let mut packet = scripted(&request(&BASE, ACK), 1);
    let lookup = bench.measure(programs::BENCH_LOOKUP, &mut packet, PASS)?;
    let swap = bench.measure(programs::BENCH_SWAP, &mut packet, TX)?;
    let yardstick = (LOOKUP_NAME, lookup.median);
    let mut print = |case: String, values: Values, against| {
        let figure = Figure {
            bench: "dataplane",
            case,
            metric: "program_ns",
            values,
            against,
        };
        report.add(&figure)
    };
    print("yardstick/parse_swap".to_owned(), swap, Some(yardstick))?;
    print(LOOKUP_NAME.to_owned(), lookup, None)?;
    for flows in FLOWS {
        let lookup = bench.lru(flows)?;
        print(format!("{LRU_NAME}/flows={flows}"), lookup, Some(yardstick))?;
    }
    for (case, load) in cases() {
        if !selection.has(&case) {
            continue;
        }
        let values = bench.load(&load).with_context(|| case.clone())?;
        print(case, values, Some(yardstick))?;
    }
    if selection.has("pass/v4") {
        print("pass/v4".to_owned(), bench.pass()?, Some(yardstick))?;
    }
    if selection.has("vrrp-absorb") {
        print("vrrp-absorb".to_owned(), bench.absorb()?, Some(yardstick))?;
    }
    drop(bench);
    veth::run(report, selection)
}

fn cases() -> Vec<(String, Load)> {
    let mut cases = Vec::new();
    for (scheduler, scheduler_name) in [(SCHEDULER_MH, "mh"), (SCHEDULER_RR, "rr")] {
        for (method, method_name) in [(FORWARD_DIRECT_ROUTE, "dr"), (FORWARD_NAT, "nat")] {
            for (v6, family) in [(false, "v4"), (true, "v6")] {
                for flows in FLOWS {
                    let load = Load {
                        scheduler,
                        method,
                        v6,
                        flows,
                        ..BASE
                    };
                    cases.push((
                        format!("{scheduler_name}/{method_name}/{family}/flows={flows}"),
                        load,
                    ));
                }
            }
        }
    }
    cases.extend(variants());
    for services in [1, 100, 10_000] {
        let load = Load { services, ..BASE };
        cases.push((format!("services={services}"), load));
    }
    for dests in [4, 100, 4096] {
        let load = Load {
            dests,
            flows: 65_536,
            ..BASE
        };
        cases.push((format!("dests={dests}"), load));
    }
    cases
}

/// What else there is, beside one scheduler and method each.
fn variants() -> Vec<(String, Load)> {
    let tunnels = [
        ("ipip", FORWARD_IPIP),
        ("gue", FORWARD_GUE),
        ("gre", FORWARD_GRE),
    ];
    let tunnels = tunnels.map(|(name, method)| {
        let load = Load { method, ..BASE };
        (format!("mh/{name}/v4"), load)
    });
    let scheduler = SCHEDULER_LC;
    let lc = ("lc/dr/v4".to_owned(), Load { scheduler, ..BASE });
    let udp = [SCHEDULER_MH, SCHEDULER_RR].map(|scheduler| {
        let name = if scheduler == SCHEDULER_MH {
            "mh"
        } else {
            "rr"
        };
        let udp = true;
        let load = Load {
            scheduler,
            udp,
            ..BASE
        };
        (format!("{name}/dr/v4/udp"), load)
    });
    let others = tunnels.into_iter().chain([lc]).chain(udp);
    let mut variants: Vec<_> = others
        .flat_map(|(name, load)| {
            [FLOWS[0], FLOWS[3]]
                .map(|flows| (format!("{name}/flows={flows}"), Load { flows, ..load }))
        })
        .collect();
    let new = Load {
        scheduler: SCHEDULER_RR,
        opens: true,
        flows: FLOWS[3],
        ..BASE
    };
    variants.push((format!("new/rr/dr/v4/flows={}", new.flows), new));
    // A real server has 31,744 ports.
    variants.extend([FLOWS[0], FLOWS[2]].map(|flows| {
        let load = Load {
            scheduler: SCHEDULER_RR,
            method: FORWARD_FULLNAT,
            flows,
            ..BASE
        };
        (format!("rr/fullnat/v4/flows={flows}"), load)
    }));
    variants
}

struct Bench {
    plane: Loaded,
    runs: usize,
    /// The best of the wrapper alone so far.
    wrapper: f64,
    /// Every case has a service of its own, so that it finds no flow of another.
    service: u32,
}

impl Bench {
    fn new(runs: usize) -> anyhow::Result<Self> {
        let room = Room {
            services: 1 << 15,
            local_ports: 1 << 15,
            ..Room::default()
        };
        let mut plane = Loaded::new(&Options {
            max_entries: [
                Options::with_room(&room, FLOWS_OF_TABLES).max_entries,
                vec![(maps::SENDERS, LRU_ENTRIES)],
            ]
            .concat(),
            plain: false,
            ..Options::default()
        });
        anyhow::ensure!(plane.timers.is_some(), "this kernel has no BPF timers");
        for name in [
            programs::BENCH,
            programs::BENCH_NOTHING,
            programs::BENCH_LOOKUP,
            programs::BENCH_SWAP,
            programs::BENCH_LRU,
        ] {
            let program = plane.data_plane.object_mut().program_mut(name);
            let program: &mut Xdp = program.context(name)?.try_into()?;
            program.load().context(name)?;
        }
        plane
            .checker
            .services
            .insert(YARDSTICK, ServiceValue::zeroed(), 0)?;
        Ok(Self {
            plane,
            runs,
            wrapper: f64::INFINITY,
            service: 0,
        })
    }

    fn load(&mut self, load: &Load) -> anyhow::Result<Values> {
        self.set_up(load)?;
        // The flows begin, so that what is measured is their middle.
        let mut opening = scripted(&request(load, SYN), load.flows);
        self.run(programs::BENCH, &mut opening, load.flows, TX)?;
        let mut packet = if load.opens {
            // So many that none comes twice.
            scripted(&request(load, SYN), 1 << 24)
        } else {
            scripted(&request(load, ACK), load.flows)
        };
        self.measure(programs::BENCH, &mut packet, TX)
    }

    /// The look-up that other designs make for every packet of a known flow.
    fn lru(&mut self, flows: u32) -> anyhow::Result<Values> {
        let mut packet = scripted(&request(&BASE, ACK), flows);
        self.run(programs::BENCH_LRU, &mut packet, flows, PASS)?;
        self.measure(programs::BENCH_LRU, &mut packet, PASS)
    }

    fn pass(&mut self) -> anyhow::Result<Values> {
        self.set_up(&BASE)?;
        let mut packet = request(&BASE, ACK);
        packet.destination_port = 22;
        self.measure(programs::BENCH, &mut scripted(&packet, 1), PASS)
    }

    fn absorb(&mut self) -> anyhow::Result<Values> {
        // The wrapper writes the flow where the source address ends and the payload begins: as they are.
        let mut packet = advert(3, 0, 150, "10.0.0.0", &["10.0.0.100"]);
        packet.payload[0..2].copy_from_slice(&FIRST_PORT.to_be_bytes());
        let mut value = RouterValue {
            interval: Duration::from_secs(60).as_nanos() as u64,
            role: ROUTER_WATCH,
            advert_len: packet.payload.len() as u32,
            min_ttl: 255,
            max_ttl: 255,
            source: address(packet.source),
            destination: address(packet.destination),
            ..RouterValue::zeroed()
        };
        value.advert[..packet.payload.len()].copy_from_slice(&packet.payload);
        let key = RouterKey {
            ifindex: INGRESS,
            vlan: 0,
            vrid: 0,
            family: 4,
        };
        self.plane.set_router(key, &value);
        self.measure(programs::BENCH, &mut scripted(&packet, 1), DROP)
    }

    fn set_up(&mut self, load: &Load) -> anyhow::Result<()> {
        self.service += u32::from(load.services);
        for dest in 1..=load.dests {
            let [high, low] = dest.to_be_bytes();
            let real = if load.v6 {
                format!("[fd00::{dest:x}]:8080")
            } else {
                format!("192.168.{high}.{low}:8080")
            };
            let mut value = prog::dest(&real, load.method, self.service, [2, 0, 0, 1, high, low]);
            if has_local(load.method) {
                value.local = mapped([192, 168, 0, 1]);
                value.mtu = 1500;
            }
            self.plane.checker.dests.set(u32::from(dest), value, 0)?;
            let limits = DestLimits {
                weight: 1,
                ..DestLimits::zeroed()
            };
            self.plane.checker.limits.set(u32::from(dest), limits, 0)?;
        }
        let all: Vec<u16> = (1..=load.dests).collect();
        let exact = load.scheduler != SCHEDULER_MH;
        let ring = self.plane.set_ring(0, &all, exact);
        let services: Vec<(ServiceKey, ServiceValue)> = (0..load.services)
            .map(|number| {
                let protocol = if load.udp { 17 } else { 6 };
                let mut key = prog::service_key(front(load), protocol);
                // The first is the one that is used.
                key.port = (80 + number).to_be_bytes();
                let value = ServiceValue {
                    id: self.service + u32::from(number),
                    gate: ALWAYS_OPEN,
                    scheduler: load.scheduler,
                    flags: SERVICE_HASH_PORT | if is_nat(load.method) { SERVICE_NAT } else { 0 },
                    ring,
                    previous: ring,
                    ..ServiceValue::zeroed()
                };
                (key, value)
            })
            .collect();
        self.plane.set_services(&services);
        Ok(())
    }

    /// Runs the program, and the wrapper alone in between.
    fn measure(
        &mut self,
        name: &'static str,
        packet: &mut [u8],
        verdict: u32,
    ) -> anyhow::Result<Values> {
        const ROUNDS: u32 = 1 << 20;
        let mut figures = Vec::with_capacity(self.runs);
        for _ in 0..self.runs {
            figures.push(self.run(name, packet, ROUNDS, verdict)?);
            let wrapper = self.run(programs::BENCH_NOTHING, packet, ROUNDS, PASS)?;
            self.wrapper = self.wrapper.min(wrapper);
        }
        for figure in &mut figures {
            *figure -= self.wrapper;
        }
        Ok(Values::new(&figures))
    }

    /// Nanoseconds per round; the kernel tells whole ones.
    fn run(
        &self,
        name: &'static str,
        packet: &mut [u8],
        rounds: u32,
        verdict: u32,
    ) -> anyhow::Result<f64> {
        let program = self.plane.data_plane.object().program(name).context(name)?;
        let program: &Xdp = program.try_into()?;
        let mut out = vec![0; packet.len()];
        let result = program.test_run(TestRunOptions {
            data_in: Some(packet),
            data_out: Some(&mut out),
            repeat: rounds,
            ..TestRunOptions::new()
        })?;
        anyhow::ensure!(
            result.return_value == verdict,
            "{name} answers {}",
            result.return_value
        );
        Ok(result.duration.as_nanos() as f64)
    }
}

const fn front(load: &Load) -> &'static str {
    if load.v6 {
        "[2001:db8::100]:80"
    } else {
        "10.0.0.100:80"
    }
}

fn request(load: &Load, flags: u8) -> Packet {
    let client = if load.v6 {
        "[2001:db8:1::]:32768"
    } else {
        "172.16.0.0:32768"
    };
    let transport = if load.udp {
        Transport::Udp
    } else {
        Transport::Tcp(flags)
    };
    let mut packet = Packet::new(transport, client, front(load));
    // Room for the script.
    packet.payload = vec![0; Script::OFFSET + size_of::<Script>()];
    packet
}

/// The frame with its script.
fn scripted(packet: &Packet, flows: u32) -> Vec<u8> {
    let mut frame = packet.bytes();
    let end = Script::OFFSET + size_of::<Script>();
    frame.resize(frame.len().max(end), 0);
    let headers: [[u8; 8]; WORDS] =
        std::array::from_fn(|word| std::array::from_fn(|byte| frame[word * 8 + byte]));
    let script = Script {
        // The first round finds flow 0.
        round: 1,
        flow_mask: flows - 1,
        is_v4: u32::from(packet.source.is_ipv4()),
        pad: 0,
        headers: bytemuck::cast(headers),
    };
    frame[Script::OFFSET..end].copy_from_slice(bytemuck::bytes_of(&script));
    frame
}
