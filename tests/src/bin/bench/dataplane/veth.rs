//! Real sockets through a director between veths, beside the kernel's own forwarding on the same way.
//!
//! By direct routing the director sees the requests alone, behind NAT the replies too; the peer is the same client and the same
//! server, with a route through the same director in place of a virtual address. All of it shares the processors, so the figures are
//! of the whole way and not of the director. Nothing is offloaded, on either side: XDP sees what a wire would carry.
//!
//! A veth copies what a socket sent before XDP may see it, as no NIC does. What that costs is measured too: the cases that end in
//! `/pass` are the kernel's forwarding behind an XDP program that passes everything. Where the kernel has IPVS, those that end in `/ipvs` are
//! the same virtual servers by IPVS alone (`--guest` runs all of it on a kernel that has).

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use xtask::lab::{
    Attached, Daemon, Lab, Node, Options, Template, Verdict,
    plan::{DR_V4, NAT_V4},
    probe::AdvertWatch,
    traffic::Request,
};

use crate::{
    figure::{Figure, Report, Values},
    peer,
    selection::Selection,
};

/// Where the web server listens, for the load balancer and for its peer: a connection that one has ended would have the other wait,
/// because the server remembers another clock of the same client.
const WEB: u16 = 8080;
const WEB_OF_PEER: u16 = 80;
/// Where [`Sink`] listens.
const SINK: u16 = 90;
/// Bytes of an upload.
const UPLOAD: usize = 64 << 20;
/// Datagrams sent in a row, and the bytes in each.
const DATAGRAMS: u64 = 100_000;
const DATAGRAM: usize = 64;
const WORKERS: usize = 2;
const PATIENCE: Duration = Duration::from_secs(60);
const DIRECTOR: &str = "192.0.2.11";
const PEER: &str = "kernel forwarding";

/// How packets get to server 1.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    method: &'static str,
    front: IpAddr,
    real: Ipv4Addr,
}

const WAYS: [Way; 2] = [
    Way {
        name: "dr",
        method: "DR",
        front: DR_V4,
        real: Ipv4Addr::new(192, 0, 2, 21),
    },
    Way {
        name: "nat",
        method: "NAT",
        front: NAT_V4,
        real: Ipv4Addr::new(198, 51, 100, 21),
    },
];

/// What director 1 may be: numbers of samples.
const LB: usize = 0;
const FORWARDING: usize = 1;
const PASSING: usize = 2;
const IPVS: usize = 3;
const STATES: usize = 4;

/// A kind of traffic: its name in a case, its metric, and how to measure it towards an address.
type Kind = (
    &'static str,
    &'static str,
    fn(&Segment, IpAddr) -> anyhow::Result<f64>,
);

const KINDS: [Kind; 3] = [
    ("requests", "request_us", Segment::requests),
    ("upload", "megabyte_us", Segment::upload),
    ("datagrams", "datagram_ns", Segment::datagrams),
];

/// Measures every case and prints it.
///
/// # Errors
/// When the lab cannot be built, or something gets lost that may not.
pub(super) fn run(report: &mut Report, selection: &Selection) -> anyhow::Result<()> {
    let cases: Vec<(String, Way, Kind)> = WAYS
        .iter()
        .flat_map(|way| KINDS.iter().map(move |kind| (way, kind)))
        .map(|(way, kind)| (format!("veth/{}/{}", kind.0, way.name), *way, *kind))
        .filter(|(case, ..)| selection.has(case))
        .collect();
    if cases.is_empty() {
        return Ok(());
    }
    let segment = Segment::start(if selection.quick { 500 } else { 5000 })?;
    let has_ipvs = segment.has_ipvs();
    let mut samples = vec![<[Vec<f64>; STATES]>::default(); cases.len()];
    for _ in 0..if selection.quick { 3 } else { 9 } {
        segment.balance()?;
        segment.measure(&cases, &mut samples, LB)?;
        if has_ipvs {
            segment.ipvs()?;
            segment.measure(&cases, &mut samples, IPVS)?;
        }
        segment.forward()?;
        segment.measure(&cases, &mut samples, FORWARDING)?;
        let director = segment.lab.director(1).namespace();
        let _passing = director.run(|| Attached::new("eth0", Verdict::Pass))?;
        segment.measure(&cases, &mut samples, PASSING)?;
    }
    for ((case, _, kind), samples) in cases.into_iter().zip(&samples) {
        let peer = Some((PEER, Values::new(&samples[FORWARDING]).median));
        let rows = [(LB, ""), (PASSING, "/pass"), (IPVS, "/ipvs")];
        let rows = rows
            .into_iter()
            .filter(|(state, _)| !samples[*state].is_empty());
        for (state, name) in rows {
            let (case, values) = (format!("{case}{name}"), &samples[state]);
            report.add(&Figure {
                bench: "dataplane",
                case,
                metric: kind.1,
                values: Values::new(values),
                against: peer,
            })?;
        }
    }
    Ok(())
}

/// The lab, with a sink on server 1.
struct Segment {
    lab: Lab,
    adverts: AdvertWatch,
    daemon: Daemon,
    sink: Sink,
    requests: usize,
}

impl Segment {
    fn start(requests: usize) -> anyhow::Result<Self> {
        let lab = Lab::start(Options::default())?;
        let adverts = AdvertWatch::start(lab.switch())?;
        let sink = lab.server(1).namespace().run(Sink::start)?;
        let binary = peer::lb_binary()?;
        Ok(Self {
            lab,
            adverts,
            daemon: Daemon::Lb { binary },
            sink,
            requests,
        })
    }

    /// Every case in the state that the director is in.
    fn measure(
        &self,
        cases: &[(String, Way, Kind)],
        samples: &mut [[Vec<f64>; STATES]],
        state: usize,
    ) -> anyhow::Result<()> {
        for ((case, way, kind), samples) in cases.iter().zip(samples) {
            let to = if [LB, IPVS].contains(&state) {
                way.front
            } else {
                way.real.into()
            };
            let value = kind.2(self, to).with_context(|| format!("{case}, state {state}"))?;
            samples[state].push(value);
        }
        Ok(())
    }

    /// Makes director 1 a load balancer, with server 1 behind it.
    fn balance(&self) -> anyhow::Result<()> {
        let director = self.lab.director(1);
        director.reset()?;
        let services = WAYS.iter().flat_map(|way| {
            [("TCP", WEB), ("TCP", SINK), ("UDP", SINK)]
                .map(|(protocol, port)| way.service(protocol, port))
        });
        let config = Template {
            more: services.collect(),
            ..Template::director(1)
        };
        director.start(&self.daemon, config.text())?;
        let master = Node::Director(1).front_v4();
        self.adverts.wait_for_master(master, PATIENCE)?;
        for way in WAYS {
            self.wait_for(SocketAddr::new(way.front, WEB))?;
            self.wait_for(SocketAddr::new(way.front, SINK))?;
        }
        Ok(())
    }

    /// Whether the kernel has IPVS.
    fn has_ipvs(&self) -> bool {
        let director = self.lab.director(1).namespace();
        director.command("ipvsadm", &["-Ln"]).is_ok()
    }

    /// Makes director 1 a director by IPVS, with server 1 behind it.
    fn ipvs(&self) -> anyhow::Result<()> {
        let director = self.lab.director(1);
        director.reset()?;
        let namespace = director.namespace();
        namespace.ip("address add 198.51.100.1/32 dev eth0\n")?;
        namespace.command("ipvsadm", &["-C"])?;
        for way in WAYS {
            namespace.ip(&format!("address add {}/32 dev eth0\n", way.front))?;
            for (protocol, port) in [("-t", WEB), ("-t", SINK), ("-u", SINK)] {
                let front = SocketAddr::new(way.front, port).to_string();
                let real = SocketAddr::new(way.real.into(), port).to_string();
                let method = if way.method == "DR" { "-g" } else { "-m" };
                namespace.command("ipvsadm", &["-A", protocol, &front, "-s", "mh"])?;
                namespace.command("ipvsadm", &["-a", protocol, &front, "-r", &real, method])?;
            }
        }
        for way in WAYS {
            self.wait_for(SocketAddr::new(way.front, WEB))?;
            self.wait_for(SocketAddr::new(way.front, SINK))?;
        }
        Ok(())
    }

    /// Makes director 1 a router.
    fn forward(&self) -> anyhow::Result<()> {
        let director = self.lab.director(1);
        director.reset()?;
        if self.has_ipvs() {
            director.namespace().command("ipvsadm", &["-C"])?;
        }
        director
            .namespace()
            .ip("address add 198.51.100.1/32 dev eth0\n")?;
        for way in WAYS {
            let route = format!("route replace {}/32 via {DIRECTOR}\n", way.real);
            self.lab.client().ip(&route)?;
        }
        for way in WAYS {
            self.wait_for(SocketAddr::new(way.real.into(), WEB_OF_PEER))?;
        }
        Ok(())
    }

    /// Until a connection succeeds.
    fn wait_for(&self, to: SocketAddr) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let second = Duration::from_secs(1);
            let connected = self
                .lab
                .client()
                .run(|| Ok(TcpStream::connect_timeout(&to, second)))?;
            match connected {
                Ok(_) => return Ok(()),
                Err(error) if start.elapsed() > PATIENCE => {
                    return Err(error).with_context(|| format!("connect to {to}"));
                }
                Err(_) => thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Microseconds per request, each on a connection of its own.
    fn requests(&self, to: IpAddr) -> anyhow::Result<f64> {
        let is_front = WAYS.iter().any(|way| way.front == to);
        let port = if is_front { WEB } else { WEB_OF_PEER };
        let request = Request::new(SocketAddr::new(to, port));
        let start = Instant::now();
        let tally = self
            .lab
            .client()
            .run(|| Ok(request.many(self.requests, WORKERS)))?;
        let took = start.elapsed();
        ensure!(tally.failed.is_empty(), "failed: {:?}", tally.failed);
        Ok(took.as_secs_f64() * 1e6 / self.requests as f64)
    }

    /// Microseconds per 10^6 bytes on one connection.
    fn upload(&self, to: IpAddr) -> anyhow::Result<f64> {
        let to = SocketAddr::new(to, SINK);
        let mut stream = self
            .lab
            .client()
            .run(|| Ok(TcpStream::connect_timeout(&to, PATIENCE)?))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let chunk = vec![0x5a; 64 << 10];
        let start = Instant::now();
        for _ in 0..UPLOAD / chunk.len() {
            stream.write_all(&chunk)?;
        }
        stream.shutdown(Shutdown::Write)?;
        let mut seen = [0; 8];
        stream.read_exact(&mut seen)?;
        let took = start.elapsed();
        let seen = u64::from_be_bytes(seen);
        ensure!(seen == UPLOAD as u64, "{seen} of {UPLOAD} bytes came");
        Ok(took.as_secs_f64() * 1e12 / UPLOAD as f64)
    }

    /// Nanoseconds per datagram that arrives, while they are sent as fast as they leave.
    fn datagrams(&self, to: IpAddr) -> anyhow::Result<f64> {
        let socket = self.lab.client().run(|| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            socket.connect((to, SINK))?;
            Ok(socket)
        })?;
        let payload = [0x5a; DATAGRAM];
        let before = self.sink.datagrams();
        let start = Instant::now();
        for _ in 0..DATAGRAMS {
            // What a full queue has no room for is lost, as on a wire.
            socket.send(&payload).ok();
        }
        let took = start.elapsed();
        // The last ones are on their way.
        thread::sleep(Duration::from_millis(100));
        let arrived = self.sink.datagrams() - before;
        ensure!(arrived > 0, "no datagram came");
        Ok(took.as_secs_f64() * 1e9 / arrived as f64)
    }
}

impl Way {
    fn service(&self, protocol: &str, port: u16) -> String {
        let Self {
            front,
            method,
            real,
            ..
        } = self;
        format!(
            "virtual_server {front} {port} {{\ndelay_loop 1\nlb_algo mh\nlb_kind {method}\nprotocol {protocol}\n\
             real_server {real} {port} {{\nTCP_CHECK {{\nconnect_port {WEB}\n}}\n}}\n}}\n"
        )
    }
}

/// Takes everything, until dropped.
struct Sink {
    stop: Arc<AtomicBool>,
    datagrams: Arc<AtomicU64>,
}

impl Sink {
    /// In the namespace of the caller.
    fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, SINK))?;
        listener.set_nonblocking(true)?;
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, SINK))?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let sink = Self {
            stop: Arc::default(),
            datagrams: Arc::default(),
        };
        let stop = Arc::clone(&sink.stop);
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                match listener.accept() {
                    // One that breaks is the other side's to notice.
                    Ok((stream, _)) => drop(thread::spawn(|| swallow(stream).ok())),
                    Err(_) => thread::sleep(Duration::from_millis(2)),
                }
            }
        });
        let (stop, count) = (Arc::clone(&sink.stop), Arc::clone(&sink.datagrams));
        thread::spawn(move || {
            let mut bytes = [0; DATAGRAM];
            while !stop.load(Ordering::Relaxed) {
                if socket.recv(&mut bytes).is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Ok(sink)
    }

    fn datagrams(&self) -> u64 {
        self.datagrams.load(Ordering::Relaxed)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Reads to the end and answers how much that was.
fn swallow(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut bytes = vec![0; 64 << 10];
    let mut seen = 0_u64;
    loop {
        match stream.read(&mut bytes)? {
            0 => return stream.write_all(&seen.to_be_bytes()),
            length => seen += length as u64,
        }
    }
}
