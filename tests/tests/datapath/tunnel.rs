//! Tunnels: every kind, over and of both families. What comes out is taken apart by another library than made the packets.

mod too_big;

use std::net::{IpAddr, SocketAddr};

use etherparse::{Ipv4Header, Ipv6Header, UdpHeader};
use lb_common::{
    counter::Counter,
    dest::{
        DEST_TUNNEL_CHECKSUM, DestValue, FORWARD_DIRECT_ROUTE, FORWARD_GRE, FORWARD_GUE,
        FORWARD_IPIP,
    },
};
use tests::{
    packet::{ACK, Packet, SYN, Transport, address, checksum, icmp_error},
    prog::{DROP, PASS, Plane, TX, dest},
};

use crate::{
    headers::shapes,
    scene::{DESTS, SERVICE, Scene, all, dest_of, next_hop},
};

/// A kind of tunnel.
#[derive(Clone, Copy, Debug)]
struct Kind {
    method: u8,
    has_checksum: bool,
    /// Of the outer header.
    family: u8,
}

/// UDP port of the real server's end.
const PORT: u16 = 6080;
/// Room for everything.
const WIDE: u16 = 9000;

/// Every kind.
fn kinds() -> impl Iterator<Item = Kind> + Clone {
    let methods = [
        (FORWARD_IPIP, false),
        (FORWARD_GUE, false),
        (FORWARD_GUE, true),
        (FORWARD_GRE, false),
        (FORWARD_GRE, true),
    ];
    methods.into_iter().flat_map(|(method, has_checksum)| {
        [4, 6].into_iter().map(move |family| Kind {
            method,
            has_checksum,
            family,
        })
    })
}

/// Every scene; the dests of the kinds take the place of theirs.
fn scenes() -> impl Iterator<Item = Scene> {
    all().filter(|scene| scene.method == FORWARD_DIRECT_ROUTE)
}

/// What comes out of a tunnel, and what of the outer header may differ from packet to packet.
struct Opened {
    id: u16,
    service: u8,
    ttl: u8,
    /// IPv4.
    is_whole: bool,
    /// GUE.
    source_port: u16,
    packet: Vec<u8>,
}

impl Kind {
    /// The address of this family that ends in `id`.
    fn address(self, id: u16) -> IpAddr {
        let text = if self.family == 4 {
            format!("192.168.1.{id}")
        } else {
            format!("fd00::{id}")
        };
        text.parse().unwrap()
    }

    fn local(self) -> IpAddr {
        self.address(1)
    }

    /// Bytes of everything before the packet.
    fn overhead(self) -> usize {
        let between = match (self.method, self.has_checksum) {
            (FORWARD_GUE, _) => 12,
            (FORWARD_GRE, true) => 8,
            (FORWARD_GRE, false) => 4,
            _ => 0,
        };
        let outer = if self.family == 4 { 20 } else { 40 };
        outer + between
    }

    fn dest(self, id: u16, mtu: u16) -> DestValue {
        let real = SocketAddr::new(self.address(id), 80).to_string();
        let plain = dest(&real, self.method, SERVICE, next_hop(id));
        let checksum = if self.has_checksum {
            DEST_TUNNEL_CHECKSUM
        } else {
            0
        };
        DestValue {
            flags: plain.flags | checksum,
            local: address(self.local()),
            mtu,
            tunnel_port: PORT.to_be_bytes(),
            ..plain
        }
    }

    /// A plane whose dests are behind such tunnels, with `mtu` on the way.
    fn plane(self, scene: Scene, mtu: u16) -> Plane {
        let mut plane = scene.plane();
        for id in DESTS {
            plane.set_dest(id, &self.dest(id, mtu), scene.protocol);
        }
        plane
    }

    /// Takes a frame with `tags` apart, and looks at every header up to the packet of family `inside`.
    fn open(self, frame: &[u8], tags: usize, inside: u8) -> Opened {
        let at = 14 + 4 * tags;
        assert_eq!(frame[at - 2..at], ether(self.family), "{self:?}");
        let mut opened = self.open_ip(&frame[at..], dest_of_real(frame));
        let number = if inside == 4 { 4 } else { 41 };
        let payload = std::mem::take(&mut opened.packet);
        opened.packet = match self.method {
            FORWARD_GRE => {
                let first = u8::from(self.has_checksum) << 7;
                assert_eq!(payload[..2], [first, 0], "{self:?}");
                assert_eq!(payload[2..4], ether(inside), "{self:?}");
                if self.has_checksum {
                    assert_eq!(checksum(&payload), [0, 0], "{self:?}");
                    assert_eq!(payload[6..8], [0, 0], "{self:?}");
                    payload[8..].to_vec()
                } else {
                    payload[4..].to_vec()
                }
            }
            FORWARD_GUE => {
                let (udp, rest) = UdpHeader::from_slice(&payload).unwrap();
                assert_eq!(usize::from(udp.length), payload.len());
                assert_eq!(udp.destination_port, PORT);
                let right = match (self.has_checksum, self.local(), self.address(opened.id)) {
                    (true, IpAddr::V4(from), IpAddr::V4(to)) => {
                        udp.calc_checksum_ipv4_raw(from.octets(), to.octets(), rest)
                    }
                    (true, IpAddr::V6(from), IpAddr::V6(to)) => {
                        udp.calc_checksum_ipv6_raw(from.octets(), to.octets(), rest)
                    }
                    _ => Ok(0),
                };
                assert_eq!(udp.checksum, right.unwrap(), "{self:?}");
                assert_eq!(rest[..4], [0, number, 0, 0], "{self:?}");
                opened.source_port = udp.source_port;
                rest[4..].to_vec()
            }
            _ => payload,
        };
        opened
    }

    fn open_ip(self, bytes: &[u8], id: u16) -> Opened {
        let (source, destination, service, ttl, is_whole, payload) = if self.family == 4 {
            let (ip, payload) = Ipv4Header::from_slice(bytes).unwrap();
            assert_eq!(ip.header_checksum, ip.calc_header_checksum(), "{self:?}");
            assert_eq!(usize::from(ip.total_len), bytes.len(), "{self:?}");
            assert!(!ip.more_fragments);
            let service = ip.dscp.value() << 2 | ip.ecn.value();
            (
                IpAddr::from(ip.source),
                IpAddr::from(ip.destination),
                service,
                ip.time_to_live,
                ip.dont_fragment,
                payload,
            )
        } else {
            let (ip, payload) = Ipv6Header::from_slice(bytes).unwrap();
            assert_eq!(usize::from(ip.payload_length), payload.len(), "{self:?}");
            (
                IpAddr::from(ip.source),
                IpAddr::from(ip.destination),
                ip.traffic_class,
                ip.hop_limit,
                false,
                payload,
            )
        };
        assert_eq!(source, self.local(), "{self:?}");
        assert_eq!(destination, self.address(id), "{self:?}");
        Opened {
            id,
            service,
            ttl,
            is_whole,
            source_port: 0,
            packet: payload.to_vec(),
        }
    }
}

const fn ether(family: u8) -> [u8; 2] {
    if family == 4 { [8, 0] } else { [0x86, 0xdd] }
}

/// The dest by the Ethernet destination, or by the last byte of the outer destination where that is still the director.
fn dest_of_real(frame: &[u8]) -> u16 {
    if frame[..6] == tests::packet::DIRECTOR_MAC {
        DESTS[0]
    } else {
        dest_of(frame)
    }
}

/// What must come out: the packet, one hop older.
fn older(packet: &Packet) -> Vec<u8> {
    let older = Packet {
        ttl: packet.ttl - 1,
        ..packet.clone()
    };
    older.bytes()[14 + 4 * packet.vlans.len()..].to_vec()
}

#[test]
fn every_tunnel_carries_every_packet() {
    for scene in scenes() {
        for (name, shape) in shapes(scene) {
            for kind in kinds() {
                for vlans in [vec![], vec![5], vec![6, 7]] {
                    let mut plane = kind.plane(scene, WIDE);
                    let packet = Packet {
                        vlans: vlans.clone(),
                        ..shape.clone()
                    };
                    let answer = plane.xdp(&packet.bytes());
                    assert_eq!(answer.verdict, TX, "{scene:?} {kind:?} {name}");
                    let tags = vlans.len();
                    assert_eq!(
                        answer.packet[12..12 + 4 * tags],
                        packet.bytes()[12..12 + 4 * tags]
                    );
                    let opened = kind.open(&answer.packet, tags, scene.family);
                    assert_eq!(opened.packet, older(&packet), "{scene:?} {kind:?} {name}");
                    assert_eq!(opened.ttl, packet.ttl - 1);
                    assert_eq!(plane.counter(Counter::Forwarded), 1);
                }
            }
        }
    }
}

#[test]
fn the_outer_header_takes_over_service_and_dont_fragment() {
    for scene in scenes() {
        for kind in kinds() {
            for (service, is_whole) in [(0xb9, true), (0x02, false)] {
                let mut frame = scene.packet(1, SYN).bytes();
                set_service(&mut frame, service, is_whole);
                let opened =
                    kind.open(&kind.plane(scene, WIDE).xdp(&frame).packet, 0, scene.family);
                assert_eq!(opened.service, service, "{scene:?} {kind:?}");
                let is_v4 = scene.family == 4 && kind.family == 4;
                assert_eq!(opened.is_whole, is_whole && is_v4, "{scene:?} {kind:?}");
            }
        }
    }
}

/// Writes type of service or traffic class into a frame without tags, and, for IPv4, "don't fragment".
fn set_service(frame: &mut [u8], service: u8, is_whole: bool) {
    if frame[12..14] == ether(4) {
        frame[15] = service;
        frame[20] = u8::from(is_whole) << 6;
        frame[24..26].fill(0);
        let sum = checksum(&frame[14..34]);
        frame[24..26].copy_from_slice(&sum);
    } else {
        frame[14] = 0x60 | service >> 4;
        frame[15] = service << 4;
    }
}

#[test]
fn checksums_are_right_whatever_is_inside() {
    let transports = [Transport::UdpUnsummed, Transport::Udp, Transport::Tcp(ACK)];
    for scene in scenes() {
        for kind in kinds().filter(|kind| kind.has_checksum) {
            for transport in &transports {
                for len in [0, 1, 2, 3, 31, 32, 33, 1000, 1301] {
                    let mut packet = scene.packet(1, SYN);
                    if transport == &Transport::Tcp(ACK) && scene.protocol != 6
                        || transport != &Transport::Tcp(ACK) && scene.protocol == 6
                    {
                        continue;
                    }
                    let mut plane = kind.plane(scene, WIDE);
                    if scene.protocol == 6 {
                        let _ = plane.xdp(&packet.bytes());
                    }
                    packet.transport = transport.clone();
                    packet.payload = (0..len).map(|n| (n * 37 % 251) as u8).collect();
                    let answer = plane.xdp(&packet.bytes());
                    assert_eq!(answer.verdict, TX, "{scene:?} {kind:?} {len}");
                    let opened = kind.open(&answer.packet, 0, scene.family);
                    assert_eq!(opened.packet, older(&packet), "{scene:?} {kind:?} {len}");
                }
            }
        }
    }
}

#[test]
fn the_packets_of_a_flow_have_one_source_port_and_flows_have_several() {
    for scene in scenes() {
        for kind in kinds().filter(|kind| kind.method == FORWARD_GUE) {
            let mut plane = kind.plane(scene, WIDE);
            let mut ports = Vec::new();
            for client in 0..50 {
                let mut of_flow = Vec::new();
                for flags in [SYN, ACK, ACK] {
                    let answer = plane.xdp(&scene.packet(client, flags).bytes());
                    of_flow.push(kind.open(&answer.packet, 0, scene.family).source_port);
                }
                of_flow.dedup();
                assert_eq!(of_flow.len(), 1, "{scene:?} {kind:?}");
                assert!(of_flow[0] >= 0xc000);
                ports.extend(of_flow);
            }
            ports.sort_unstable();
            ports.dedup();
            assert!(ports.len() > 40, "{} ports", ports.len());
        }
    }
}

#[test]
fn the_last_hop_is_not_taken_into_a_tunnel() {
    for scene in scenes() {
        for kind in kinds() {
            let mut plane = kind.plane(scene, WIDE);
            let packet = Packet {
                ttl: 1,
                ..scene.packet(1, SYN)
            };
            assert_eq!(
                plane.xdp(&packet.bytes()).verdict,
                DROP,
                "{scene:?} {kind:?}"
            );
            assert_eq!(plane.counter(Counter::TtlExpired), 1);
        }
    }
}

#[test]
fn packets_cut_anywhere_never_enter_a_tunnel() {
    for scene in scenes() {
        for kind in kinds() {
            let mut plane = kind.plane(scene, WIDE);
            let whole = scene.packet(1, SYN).bytes();
            for len in 14..whole.len() {
                let answer = plane.xdp(&whole[..len]);
                let stays = answer.verdict == PASS || answer.verdict == DROP;
                assert!(stays, "{scene:?} {kind:?} {len}");
                assert_eq!(answer.packet, whole[..len], "{scene:?} {kind:?} {len}");
            }
        }
    }
}

#[test]
fn fragments_go_the_same_way() {
    for scene in scenes() {
        for kind in kinds() {
            let mut plane = kind.plane(scene, WIDE);
            let packet = Packet {
                payload: (0..90).collect(),
                ..scene.packet(1, SYN)
            };
            let one_hop_older = Packet {
                ttl: packet.ttl - 1,
                ..packet.clone()
            };
            let expected = one_hop_older.fragments(24);
            for (fragment, expected) in packet.fragments(24).iter().zip(expected) {
                let answer = plane.xdp(fragment);
                assert_eq!(answer.verdict, TX, "{scene:?} {kind:?}");
                let opened = kind.open(&answer.packet, 0, scene.family);
                assert_eq!(opened.packet, expected[14..], "{scene:?} {kind:?}");
                assert!(!opened.is_whole);
            }
        }
    }
}

#[test]
fn errors_about_replies_go_through_the_tunnel_of_their_flow() {
    for scene in scenes() {
        for kind in kinds() {
            let mut plane = kind.plane(scene, WIDE);
            let request = scene.packet(1, SYN);
            let id = dest_of(&plane.xdp(&request.bytes()).packet);
            let reply = Packet {
                source: request.destination,
                destination: request.source,
                source_port: request.destination_port,
                destination_port: request.source_port,
                ..request.clone()
            };
            let code = if scene.family == 4 { 3 } else { 1 };
            let about = &reply.bytes()[14..];
            let error = icmp_error(code, request.source, about, 48, request.destination);
            let answer = plane.xdp(&error.bytes());
            assert_eq!(answer.verdict, TX, "{scene:?} {kind:?}");
            let opened = kind.open(&answer.packet, 0, scene.family);
            assert_eq!((opened.id, opened.packet), (id, older(&error)));
        }
    }
}
