//! ICMP errors about packets of flows.

use std::net::{IpAddr, SocketAddr};

use lb_common::dest::FORWARD_NAT;
use tests::{
    packet::{ACK, DIRECTOR_MAC, Packet, SYN, icmp_error},
    prog::{PASS, Plane, TX},
};

use crate::scene::{DESTS, Scene, all, dest_of, next_hop};

/// "Fragmentation needed", "packet too big", and what else is an error.
fn kinds(scene: Scene) -> &'static [u8] {
    if scene.family == 4 {
        &[3, 11, 12]
    } else {
        &[1, 2, 3, 4]
    }
}

fn router(scene: Scene) -> IpAddr {
    let router = if scene.family == 4 {
        "172.31.0.1"
    } else {
        "2001:db8:5::1"
    };
    router.parse().unwrap()
}

/// Bytes that an error has at least of a packet: the IP header and eight more.
const fn least(scene: Scene) -> usize {
    if scene.family == 4 { 28 } else { 48 }
}

/// The IP packet in the frame, with one end replaced; the transport checksum is that of the packet as it was.
fn inside(packet: &Packet, changed: &Packet) -> Vec<u8> {
    let (before, mut after) = (packet.bytes(), changed.bytes());
    let transport = after.len() - packet.payload.len();
    let checksum = match packet.protocol() {
        6 => transport - 4,
        _ => transport - 2,
    };
    after[checksum..checksum + 2].copy_from_slice(&before[checksum..checksum + 2]);
    after[14..].to_vec()
}

/// A reply as it left the real server for the client: DR's has the front as its source from the beginning.
fn reply(scene: Scene) -> Packet {
    scene.replied(&scene.reply(1, DESTS[0], ACK))
}

/// Sends the flow's first packet; tells its real server.
fn begin(scene: Scene, plane: &mut Plane) -> u16 {
    dest_of(&plane.xdp(&scene.packet(1, SYN).bytes()).packet)
}

#[test]
fn an_error_about_a_reply_goes_to_the_real_server_of_its_flow() {
    for scene in all() {
        let mut plane = scene.plane();
        let id = begin(scene, &mut plane);
        let real: SocketAddr = scene.real(id).parse().unwrap();
        let about = reply(scene);
        for (kind, len) in kinds(scene)
            .iter()
            .flat_map(|kind| [(*kind, least(scene)), (*kind, 200)])
        {
            let error = icmp_error(
                kind.to_owned(),
                router(scene),
                &about.bytes()[14..],
                len,
                about.source,
            );
            let answer = plane.xdp(&error.bytes());
            assert_eq!(answer.verdict, TX, "{scene:?} {kind} {len}");
            assert_eq!(dest_of(&answer.packet), id, "{scene:?}");
            let mut expected = error.clone();
            if scene.method == FORWARD_NAT {
                let changed = Packet {
                    source: real.ip(),
                    source_port: real.port(),
                    ..about.clone()
                };
                expected = Packet {
                    ttl: error.ttl - 1,
                    ..icmp_error(
                        kind,
                        router(scene),
                        &inside(&about, &changed),
                        len,
                        real.ip(),
                    )
                };
            }
            expected.to_mac = next_hop(id);
            expected.from_mac = DIRECTOR_MAC;
            assert_eq!(answer.packet, expected.bytes(), "{scene:?} {kind} {len}");
        }
    }
}

#[test]
fn an_error_about_a_request_that_nat_sent_on_goes_to_the_client() {
    for scene in all().filter(|scene| scene.method == FORWARD_NAT) {
        let mut plane = scene.plane();
        let request = scene.packet(1, SYN);
        let id = begin(scene, &mut plane);
        let sent = scene.forwarded(&request, id);
        let front: SocketAddr = scene.front().parse().unwrap();
        for kind in kinds(scene) {
            // From the real server, or a router on the way to it.
            for source in [sent.destination, router(scene)] {
                let len = least(scene);
                let error = icmp_error(*kind, source, &sent.bytes()[14..], len, request.source);
                let answer = plane.xdp(&error.bytes());
                assert_eq!(answer.verdict, PASS, "{scene:?} {kind}");
                let restored = Packet {
                    destination: front.ip(),
                    destination_port: front.port(),
                    ..sent.clone()
                };
                let about = inside(&sent, &restored);
                let expected = icmp_error(*kind, front.ip(), &about, len, request.source);
                assert_eq!(answer.packet, expected.bytes(), "{scene:?} {kind}");
            }
        }
    }
}

#[test]
fn other_icmp_passes() {
    for scene in all() {
        let mut plane = scene.plane();
        let _ = begin(scene, &mut plane);
        let about = reply(scene);
        let bytes = about.bytes();
        let (front, len) = (about.source, least(scene));
        let error =
            |kind, about: &[u8], len, to| icmp_error(kind, router(scene), about, len, to).bytes();
        let unreachable = kinds(scene)[0];
        let echo = if scene.family == 4 { 8 } else { 128 };
        let mut other_service = about.clone();
        other_service.source_port = 81;
        let mut other_source = about.clone();
        other_source.source = about.destination;
        let cases = [
            ("an echo request", error(echo, &bytes[14..], len, front)),
            (
                "too little of the packet",
                error(unreachable, &bytes[14..], len - 5, front),
            ),
            ("no packet at all", error(unreachable, &[], 0, front)),
            (
                "about another service",
                error(unreachable, &other_service.bytes()[14..], len, front),
            ),
            (
                "about what another host sent",
                error(unreachable, &other_source.bytes()[14..], len, front),
            ),
        ];
        for (name, packet) in cases {
            let answer = plane.xdp(&packet);
            assert_eq!(answer.verdict, PASS, "{scene:?} {name}");
            assert_eq!(answer.packet, packet, "{scene:?} {name}");
        }
    }
}

#[test]
fn an_error_makes_no_flow() {
    for scene in all() {
        let mut plane = scene.plane();
        let about = reply(scene);
        let error = icmp_error(
            kinds(scene)[0],
            router(scene),
            &about.bytes()[14..],
            least(scene),
            about.source,
        );
        let _ = plane.xdp(&error.bytes());
        let created = plane.counter(lb_common::counter::Counter::FlowCreated);
        assert_eq!(created, 0, "{scene:?}");
    }
}
