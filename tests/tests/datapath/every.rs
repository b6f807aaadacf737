//! A service of each family, protocol and method, and packets of every shape to them with what is to become of each.

use bytemuck::Zeroable as _;
use lb_common::{
    dest::{
        DEST_TUNNEL_CHECKSUM, DestValue, FORWARD_DIRECT_ROUTE, FORWARD_GRE, FORWARD_GUE,
        FORWARD_IPIP, FORWARD_NAT, is_tunnel,
    },
    service::{SCHEDULER_MH, SCHEDULER_RR, SERVICE_NAT, ServiceKey, ServiceValue},
};
use tests::{
    oracle::World,
    packet::{ACK, Packet, SYN, Transport, address, icmp_error},
    prog::{Plane, dest, service_key},
};

use crate::{headers::ROUTER_ALERT, scene::next_hop};

const METHODS: [u8; 5] = [
    FORWARD_DIRECT_ROUTE,
    FORWARD_NAT,
    FORWARD_IPIP,
    FORWARD_GUE,
    FORWARD_GRE,
];
const PROTOCOLS: [u8; 3] = [6, 17, 132];
/// What goes through a tunnel at most: some packets do not fit.
const MTU: u16 = 1300;

const fn front(family: u8) -> &'static str {
    if family == 4 {
        "10.0.0.100"
    } else {
        "[2001:db8::100]"
    }
}

fn address_of(family: u8, id: u16) -> String {
    if family == 4 {
        format!("192.168.1.{id}")
    } else {
        format!("[fd00::{id:x}]")
    }
}

/// A plane with a service of each family, protocol and method; the ports are 80 and the methods' place.
pub fn plane() -> Plane {
    let mut plane = Plane::new();
    let mut services: Vec<(ServiceKey, ServiceValue)> = Vec::new();
    for family in [4, 6] {
        for protocol in PROTOCOLS {
            for (port, method) in (80..).zip(METHODS) {
                let number = services.len() as u16;
                let scheduler = if (number + u16::from(family)).is_multiple_of(2) {
                    SCHEDULER_MH
                } else {
                    SCHEDULER_RR
                };
                let ids = [number * 2 + 1, number * 2 + 2];
                for id in ids {
                    plane.set_dest(id, &real(family, method, number, id), protocol);
                }
                // Replies are to come from the real server that the request went to.
                let takers = if method == FORWARD_NAT {
                    &ids[..1]
                } else {
                    &ids
                };
                let ring = plane.set_ring(number.into(), takers, scheduler == SCHEDULER_RR);
                let key = service_key(&format!("{}:{port}", front(family)), protocol);
                let flags = if method == FORWARD_NAT {
                    SERVICE_NAT
                } else {
                    0
                };
                let value = ServiceValue {
                    id: number.into(),
                    gate: lb_common::gate::ALWAYS_OPEN,
                    scheduler,
                    flags,
                    ring,
                    previous: ring,
                    ..ServiceValue::zeroed()
                };
                services.push((key, value));
            }
        }
    }
    plane.set_services(&services);
    plane
}

/// A real server; the tunnels of odd services lead over the other family, and have checksums.
fn real(family: u8, method: u8, service: u16, id: u16) -> DestValue {
    let is_odd = service % 2 == 1;
    let outer = if is_tunnel(method) && is_odd {
        10 - family
    } else {
        family
    };
    let port = if method == FORWARD_NAT { 8080 } else { 80 };
    let plain = dest(
        &format!("{}:{port}", address_of(outer, id)),
        method,
        service.into(),
        next_hop(id),
    );
    if !is_tunnel(method) {
        return plain;
    }
    let checksum = if is_odd { DEST_TUNNEL_CHECKSUM } else { 0 };
    let local = format!("{}:0", address_of(outer, 200));
    DestValue {
        flags: plain.flags | checksum,
        local: address(local.parse::<std::net::SocketAddr>().unwrap().ip()),
        mtu: MTU,
        tunnel_port: 6080u16.to_be_bytes(),
        ..plain
    }
}

pub fn world() -> World {
    let both = |id: u16| [4, 6].map(|family| address_of(family, id));
    let ip = |text: String| text.trim_matches(['[', ']']).parse().unwrap();
    World {
        fronts: [4, 6].map(|family| ip(front(family).to_owned())).to_vec(),
        reals: (1..=60).flat_map(both).map(ip).collect(),
        next_hops: [2, 0, 0, 0, 1],
        locals: both(200).map(ip).to_vec(),
        methods: [4, 6]
            .into_iter()
            .flat_map(|family| PROTOCOLS.map(|protocol| (family, protocol)))
            .flat_map(|(family, protocol)| {
                let front = ip(front(family).to_owned());
                let ports = (80..).zip(METHODS);
                ports.map(move |(port, method)| ((front, protocol, port), method))
            })
            .collect(),
    }
}

/// What is to become of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It leaves for a real server.
    Sent,
    /// It is the kernel's, as it came.
    Passed,
    /// It is the kernel's, on its way to the client: nobody is a neighbour here.
    Replied,
    /// It is dropped.
    Dropped,
}

/// A packet and what is to become of it.
pub struct Case {
    /// What it is.
    pub name: String,
    /// The frame.
    pub frame: Vec<u8>,
    /// Its fate.
    pub fate: Fate,
}

/// Packets to every service, what replies to them, and errors about both; and what is nobody's.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for family in [4, 6] {
        for (place, protocol) in (0..).zip(PROTOCOLS) {
            for port in 80..86u16 {
                let number = (u16::from(family) / 6 * 3 + place) * 5 + port - 80;
                let method = METHODS.get(usize::from(port - 80)).copied();
                let ways = Ways {
                    family,
                    protocol,
                    method,
                };
                let (there, back) = pair(family, protocol, port, number * 2 + 1);
                cases.extend(ways.requests(&there));
                cases.extend(ways.errors(&there));
                cases.extend(ways.replies(&back));
            }
        }
    }
    cases
}

/// A request and the reply to it.
fn pair(family: u8, protocol: u8, port: u16, id: u16) -> (Packet, Packet) {
    let transport = match protocol {
        6 => Transport::Tcp(ACK),
        17 => Transport::Udp,
        _ => Transport::Sctp(0),
    };
    let client = if family == 4 {
        "172.16.0.9:4000"
    } else {
        "[2001:db8:1::9]:4000"
    };
    let front = format!("{}:{port}", front(family));
    let real = format!("{}:8080", address_of(family, id));
    (
        Packet::new(transport.clone(), client, &front),
        Packet::new(transport, &real, client),
    )
}

/// The packets of one service; without a method there is none.
struct Ways {
    family: u8,
    protocol: u8,
    method: Option<u8>,
}

impl Ways {
    fn case(&self, name: &str, packet: &Packet, fate: Fate) -> Case {
        let Self {
            family,
            protocol,
            method,
        } = self;
        Case {
            name: format!("IPv{family} protocol {protocol} method {method:?}: {name}"),
            frame: packet.bytes(),
            fate: if self.method.is_some() {
                fate
            } else {
                Fate::Passed
            },
        }
    }

    /// What opens a connection, and what goes on.
    fn opening(&self) -> [Transport; 2] {
        match self.protocol {
            6 => [Transport::Tcp(SYN), Transport::Tcp(ACK)],
            17 => [Transport::Udp, Transport::UdpUnsummed],
            _ => [Transport::Sctp(1), Transport::Sctp(0)],
        }
    }

    /// The packet opening, plain, with tags, options and extension headers, at its last hop, too long for a tunnel, in fragments.
    fn requests(&self, packet: &Packet) -> Vec<Case> {
        let goes_through_nat = self.method == Some(FORWARD_NAT);
        let goes_into_tunnel = self.method.is_some_and(is_tunnel);
        let [open, middle] = self.opening();
        let with = |change: &dyn Fn(&mut Packet)| {
            let mut changed = Packet {
                transport: middle.clone(),
                ..packet.clone()
            };
            change(&mut changed);
            changed
        };
        let last_hop = if goes_through_nat || goes_into_tunnel {
            Fate::Dropped
        } else {
            Fate::Sent
        };
        let options = |packet: &mut Packet| {
            if packet.source.is_ipv4() {
                packet.options = ROUTER_ALERT.to_vec();
            } else {
                packet.extensions = vec![(0, vec![0; 7]), (60, vec![0; 7])];
            }
        };
        let mut cases = vec![
            self.case(
                "opening",
                &with(&|p| p.transport = open.clone()),
                Fate::Sent,
            ),
            self.case("plain", &with(&|_| {}), Fate::Sent),
            self.case("a tag", &with(&|p| p.vlans = vec![7]), Fate::Sent),
            self.case("two tags", &with(&|p| p.vlans = vec![7, 8]), Fate::Sent),
            self.case("options", &with(&options), Fate::Sent),
            self.case("the last hop", &with(&|p| p.ttl = 1), last_hop),
            // What is too long for a tunnel is answered, which leaves too.
            self.case("long", &with(&|p| p.payload = vec![0x55; 1380]), Fate::Sent),
            self.case("broadcast", &with(&|p| p.to_mac = [0xff; 6]), Fate::Passed),
            self.case(
                "another MAC",
                &with(&|p| p.to_mac = [2, 0, 0, 0, 9, 9]),
                Fate::Sent,
            ),
        ];
        // A fragment does not know the checksum of the whole packet, which the port is part of.
        let is_cut_off = goes_through_nat && self.protocol == 132;
        let fate = if is_cut_off { Fate::Passed } else { Fate::Sent };
        let long = with(&|p| p.payload = vec![0xaa; 64]);
        // All packets have one identification: those for nobody would be taken for pieces of the ones before.
        if self.method.is_none() {
            return cases;
        }
        for (number, frame) in long.fragments(24).into_iter().enumerate() {
            let plain = self.case(&format!("fragment {number}"), &long, fate);
            cases.push(Case { frame, ..plain });
        }
        cases
    }

    /// Errors from the client about what it was sent.
    fn errors(&self, packet: &Packet) -> Vec<Case> {
        let kind = if packet.source.is_ipv4() { 3 } else { 2 };
        let sent = opposite(packet).bytes();
        let error = |len| icmp_error(kind, packet.source, &sent[14..], len, packet.destination);
        let headers = if self.family == 4 { 20 } else { 40 };
        [8, 20, 40]
            .map(|len| {
                let name = format!("an error with {len} bytes of what it is about");
                self.case(&name, &error(headers + len), Fate::Sent)
            })
            .into()
    }

    /// What the first real server answers.
    fn replies(&self, packet: &Packet) -> Vec<Case> {
        let [_, middle] = self.opening();
        let middle = Packet {
            transport: middle,
            ..packet.clone()
        };
        let tagged = Packet {
            vlans: vec![7],
            ..middle.clone()
        };
        let fate = if self.method == Some(FORWARD_NAT) {
            Fate::Replied
        } else {
            Fate::Passed
        };
        vec![
            self.case("a reply", &middle, fate),
            self.case("a reply with a tag", &tagged, Fate::Passed),
        ]
    }
}

fn opposite(packet: &Packet) -> Packet {
    Packet {
        source: packet.destination,
        destination: packet.source,
        source_port: packet.destination_port,
        destination_port: packet.source_port,
        ..packet.clone()
    }
}

/// A packet and what became of it, to be looked at.
pub fn show(frame: &[u8], answer: &tests::prog::Answer) -> String {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    format!(
        "verdict {}\n{}\n{}",
        answer.verdict,
        hex(frame),
        hex(&answer.packet)
    )
}
