//! Services of every port.

use std::net::{IpAddr, SocketAddr};

use lb_common::{
    dest::{DEST_KEEPS_PORT, DestValue, FORWARD_NAT},
    service::{
        SCHEDULER_MH_COUNTED, SCHEDULER_RR, SERVICE_ALL_PORTS, SERVICE_NAT, ServiceKey,
        ServiceValue,
    },
};
use tests::{
    packet::{ACK, DIRECTOR_MAC, FIN, Packet, SYN, icmp_error},
    prog::{PASS, Plane, TX, dest, service_key},
};

use crate::scene::{DESTS, SERVICE, Scene, all, dest_of, next_hop};

/// Id of the service.
const EVERY: u32 = 4;
/// Ids of its dests.
const OTHERS: [u16; 2] = [21, 22];
/// Ports nobody else has.
const PORTS: [u16; 3] = [21, 443, 65_535];

fn scenes() -> impl Iterator<Item = Scene> {
    all().filter(|scene| scene.scheduler == SCHEDULER_RR)
}

fn real(scene: Scene, id: u16) -> DestValue {
    let mut value = dest(&scene.real(id), scene.method, EVERY, next_hop(id));
    value.flags |= DEST_KEEPS_PORT;
    value
}

fn address(scene: Scene, id: u16) -> IpAddr {
    let real: SocketAddr = scene.real(id).parse().unwrap();
    real.ip()
}

/// A plane with the scene's service of port 80, and one of every port of the same address.
fn plane(scene: Scene, scheduler: u8) -> Plane {
    let mut plane = scene.plane();
    let ring = scene.ring(&mut plane, 0, &DESTS);
    for id in OTHERS {
        plane.set_dest(id, &real(scene, id), scene.protocol);
    }
    let every_ring = plane.set_ring(5, &OTHERS, true);
    let own = service_key(scene.front(), scene.protocol);
    let every = ServiceKey {
        port: [0; 2],
        ..own
    };
    let nat = if scene.method == FORWARD_NAT {
        SERVICE_NAT
    } else {
        0
    };
    let value = ServiceValue {
        id: EVERY,
        scheduler,
        flags: SERVICE_ALL_PORTS | nat,
        persistence: 360,
        granularity: if scene.family == 4 { 32 } else { 128 },
        ..scene.service(every_ring, every_ring)
    };
    plane.set_services(&[(own, scene.service(ring, ring)), (every, value)]);
    plane
}

/// A packet of client `number` to `port`.
fn request(scene: Scene, number: u16, port: u16, flags: u8) -> Packet {
    Packet {
        destination_port: port,
        ..scene.packet(number, flags)
    }
}

/// What of `request` must leave towards the real server of `id`.
fn forwarded(scene: Scene, request: &Packet, id: u16) -> Packet {
    let mut packet = Packet {
        to_mac: next_hop(id),
        from_mac: DIRECTOR_MAC,
        ..request.clone()
    };
    if scene.method == FORWARD_NAT {
        packet.destination = address(scene, id);
        packet.ttl -= 1;
    }
    packet
}

/// The reply to `request` as it leaves the real server of `id`.
fn reply(scene: Scene, request: &Packet, id: u16) -> Packet {
    Packet {
        source: address(scene, id),
        source_port: request.destination_port,
        destination: request.source,
        destination_port: request.source_port,
        ..scene.reply(0, id, ACK)
    }
}

/// Sends the flow's first packet; tells its real server.
fn begin(plane: &mut Plane, scene: Scene, number: u16, port: u16) -> u16 {
    let packet = request(scene, number, port, SYN);
    let answer = plane.xdp(&packet.bytes());
    assert_eq!(answer.verdict, TX, "{scene:?} port {port}");
    let id = dest_of(&answer.packet);
    assert!(OTHERS.contains(&id), "{scene:?} port {port}");
    let expected = forwarded(scene, &packet, id).bytes();
    assert_eq!(answer.packet, expected, "{scene:?} port {port}");
    id
}

#[test]
fn a_service_of_a_port_goes_before_that_of_every_port() {
    for scene in scenes() {
        let mut plane = plane(scene, SCHEDULER_RR);
        for number in 0..20 {
            let answer = plane.xdp(&scene.packet(number, SYN).bytes());
            assert!(DESTS.contains(&dest_of(&answer.packet)), "{scene:?}");
            for port in PORTS {
                let id = begin(&mut plane, scene, number, port);
                let next = request(scene, number, port, ACK);
                let answer = plane.xdp(&next.bytes());
                let expected = forwarded(scene, &next, id).bytes();
                assert_eq!(answer.packet, expected, "{scene:?} {port}");
            }
        }
        let elsewhere = Packet {
            destination: address(scene, 99),
            ..request(scene, 1, 443, SYN)
        };
        assert_eq!(plane.xdp(&elsewhere.bytes()).verdict, PASS, "{scene:?}");
    }
}

#[test]
fn a_client_has_one_real_server_for_every_port() {
    for scheduler in [SCHEDULER_RR, SCHEDULER_MH_COUNTED] {
        for scene in scenes() {
            let mut plane = plane(scene, scheduler);
            for number in 0..20 {
                let ids = PORTS.map(|port| begin(&mut plane, scene, number, port));
                assert_eq!(ids, [ids[0]; PORTS.len()], "{scene:?}");
            }
        }
    }
}

#[test]
fn the_hash_of_a_client_does_not_depend_on_which_port_comes_first() {
    for scene in scenes() {
        let (mut one, mut other) = (
            plane(scene, SCHEDULER_MH_COUNTED),
            plane(scene, SCHEDULER_MH_COUNTED),
        );
        for number in 0..20 {
            let [first, second, _] = PORTS;
            let id = begin(&mut one, scene, number, first);
            assert_eq!(
                begin(&mut other, scene, number, second),
                id,
                "{scene:?} {number}"
            );
        }
    }
}

#[test]
fn replies_keep_their_port() {
    for scene in scenes().filter(|scene| scene.method == FORWARD_NAT) {
        let mut plane = plane(scene, SCHEDULER_RR);
        // The same address and port is a real server of the other service too.
        let shared = DestValue {
            port: PORTS[1].to_be_bytes(),
            service: SERVICE,
            ..real(scene, OTHERS[0])
        };
        let shared = DestValue {
            flags: shared.flags & !DEST_KEEPS_PORT,
            ..shared
        };
        plane.set_dest(31, &shared, scene.protocol);
        for (number, port) in (0..).zip(PORTS.into_iter().cycle().take(30)) {
            let id = begin(&mut plane, scene, number, port);
            let sent = request(scene, number, port, SYN);
            let reply = reply(scene, &sent, id);
            let answer = plane.xdp(&reply.bytes());
            assert_eq!(
                answer.verdict, PASS,
                "{scene:?} {port}: the kernel's to route"
            );
            let expected = Packet {
                source: sent.destination,
                ..reply
            };
            assert_eq!(answer.packet, expected.bytes(), "{scene:?} {port}");
        }
        let nobodys = reply(scene, &request(scene, 99, 443, SYN), OTHERS[0]).bytes();
        let answer = plane.xdp(&nobodys);
        assert_eq!(answer.verdict, PASS, "{scene:?}");
        assert_eq!(answer.packet, nobodys, "{scene:?}");
    }
}

#[test]
fn errors_find_their_flow_and_keep_its_port() {
    for scene in scenes().filter(|scene| scene.method == FORWARD_NAT) {
        let mut plane = plane(scene, SCHEDULER_RR);
        let (kind, len) = if scene.family == 4 { (3, 28) } else { (1, 48) };
        for port in PORTS {
            let id = begin(&mut plane, scene, 1, port);
            let sent = request(scene, 1, port, SYN);
            let inside = |packet: &Packet| packet.bytes()[14..14 + len - 2].to_vec();
            let there = forwarded(scene, &sent, id);
            let error = icmp_error(kind, there.destination, &inside(&there), len, sent.source);
            let answer = plane.xdp(&error.bytes());
            let back = Packet {
                destination: sent.destination,
                ..there.clone()
            };
            let mut expected = icmp_error(kind, sent.destination, &inside(&back), len, sent.source);
            expected.to_mac = error.to_mac;
            assert_eq!(
                answer.packet,
                expected.bytes(),
                "{scene:?} {port}: to the client"
            );
            let reply = reply(scene, &sent, id);
            let seen = Packet {
                source: sent.destination,
                ..reply.clone()
            };
            let router = address(scene, 77);
            let error = icmp_error(kind, router, &inside(&seen), len, seen.source);
            let answer = plane.xdp(&error.bytes());
            let expected = Packet {
                to_mac: next_hop(id),
                from_mac: DIRECTOR_MAC,
                ttl: error.ttl - 1,
                ..icmp_error(kind, router, &inside(&reply), len, reply.source)
            };
            assert_eq!(
                answer.packet,
                expected.bytes(),
                "{scene:?} {port}: to the real server"
            );
        }
    }
}

/// A packet from port 0 to this one has the key of the client's template.
fn port_of_template() -> u16 {
    u16::from_be_bytes((EVERY as u16 + 1).to_ne_bytes())
}

#[test]
fn nobody_reaches_a_template_from_port_0() {
    for scene in scenes() {
        let mut plane = plane(scene, SCHEDULER_RR);
        let id = begin(&mut plane, scene, 1, 443);
        for flags in [SYN, ACK, FIN | ACK] {
            let packet = Packet {
                source_port: 0,
                ..request(scene, 1, port_of_template(), flags)
            };
            let answer = plane.xdp(&packet.bytes());
            let is_first = scene.protocol == 17 || flags == SYN;
            assert_eq!(answer.verdict == TX, is_first, "{scene:?}");
        }
        let connections = plane.connections(id);
        let of_one = (
            connections.active + connections.inactive,
            connections.overloaded,
        );
        assert_eq!(of_one, (1, 0), "{scene:?}");
        let again = begin(&mut plane, scene, 1, 21);
        assert_eq!(again, id, "{scene:?}: the template is as it was");
    }
}
