//! Full NAT: real servers see an address and a port of the director's own.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use lb_common::{
    counter::Counter,
    dest::{DestValue, FORWARD_FULLNAT, FORWARD_NAT},
    local_port::{FIRST_PORT, PORTS},
    service::{SCHEDULER_MH, SCHEDULER_RR},
};
use tests::{
    packet::{ACK, DIRECTOR_MAC, FIN, Packet, RST, SYN, Transport, address, icmp_error},
    prog::{DROP, PASS, Plane, TX, service_key},
};

use crate::scene::{DESTS, SERVICE, Scene, dest_of, next_hop};

fn scenes() -> impl Iterator<Item = Scene> {
    [4, 6].into_iter().flat_map(|family| {
        [SCHEDULER_MH, SCHEDULER_RR]
            .into_iter()
            .flat_map(move |scheduler| {
                [6, 17].into_iter().map(move |protocol| Scene {
                    family,
                    method: FORWARD_FULLNAT,
                    scheduler,
                    protocol,
                })
            })
    })
}

/// The director's own address.
fn own(scene: Scene) -> IpAddr {
    let own = if scene.family == 4 {
        "192.168.1.1"
    } else {
        "fd00::1"
    };
    own.parse().unwrap()
}

fn full(scene: Scene, dest: DestValue) -> DestValue {
    DestValue {
        local: address(own(scene)),
        ..dest
    }
}

fn plane(scene: Scene) -> Plane {
    let mut plane = scene.plane();
    for id in DESTS {
        plane.set_dest(id, &full(scene, scene.dest(id)), scene.protocol);
    }
    plane
}

/// What must have left for the real server of `id`, from `port`.
fn sent(scene: Scene, packet: &Packet, id: u16, port: u16) -> Packet {
    let real: SocketAddr = scene.real(id).parse().unwrap();
    Packet {
        to_mac: next_hop(id),
        from_mac: DIRECTOR_MAC,
        source: own(scene),
        source_port: port,
        destination: real.ip(),
        destination_port: real.port(),
        ttl: packet.ttl - 1,
        ..packet.clone()
    }
}

/// The source port of a packet of the family of `scene`, without options.
fn port_of(scene: Scene, bytes: &[u8]) -> u16 {
    let at = if scene.family == 4 { 34 } else { 54 };
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Sends `packet`, which must leave whole; says to whom, and from which port.
fn send(scene: Scene, plane: &mut Plane, packet: &Packet) -> (u16, u16) {
    let answer = plane.xdp(&packet.bytes());
    assert_eq!(answer.verdict, TX, "{scene:?}");
    let (id, port) = (dest_of(&answer.packet), port_of(scene, &answer.packet));
    let expected = sent(scene, packet, id, port).bytes();
    assert_eq!(answer.packet, expected, "{scene:?}");
    assert!(
        port >= FIRST_PORT && u32::from(port - FIRST_PORT) < PORTS,
        "{scene:?}: {port}"
    );
    (id, port)
}

/// What the real server of `id` answers to `port`.
fn answer(scene: Scene, id: u16, port: u16, flags: u8) -> Packet {
    let transport = if scene.protocol == 6 {
        Transport::Tcp(flags)
    } else {
        Transport::Udp
    };
    let own = SocketAddr::new(own(scene), port).to_string();
    Packet::new(transport, &scene.real(id), &own)
}

/// What the client of `request` must see of a reply.
fn replied(reply: &Packet, request: &Packet) -> Packet {
    Packet {
        source: request.destination,
        source_port: request.destination_port,
        destination: request.source,
        destination_port: request.source_port,
        ..reply.clone()
    }
}

fn expect_reply(scene: Scene, plane: &mut Plane, reply: &Packet, request: &Packet) {
    let seen = plane.xdp(&reply.bytes());
    assert_eq!(seen.verdict, PASS, "{scene:?}");
    assert_eq!(seen.packet, replied(reply, request).bytes(), "{scene:?}");
}

#[test]
fn a_flow_has_one_port_and_both_ways_have_every_byte_right() {
    for scene in scenes() {
        let mut plane = plane(scene);
        for number in 0..100 {
            let first = scene.packet(number, SYN);
            let (id, port) = send(scene, &mut plane, &first);
            expect_reply(
                scene,
                &mut plane,
                &answer(scene, id, port, SYN | ACK),
                &first,
            );
            for (flags, length) in [(ACK, 0), (ACK, 33), (FIN | ACK, 1200), (ACK, 7)] {
                let payload = vec![number as u8; length];
                let request = Packet {
                    payload: payload.clone(),
                    ..scene.packet(number, flags)
                };
                assert_eq!(send(scene, &mut plane, &request), (id, port), "{scene:?}");
                let reply = Packet {
                    payload,
                    ..answer(scene, id, port, flags)
                };
                expect_reply(scene, &mut plane, &reply, &first);
            }
        }
        assert_eq!(plane.counter(Counter::Replied), 500, "{scene:?}");
    }
}

#[test]
fn flows_of_one_real_server_have_ports_of_their_own() {
    for scene in scenes().filter(|scene| scene.scheduler == SCHEDULER_RR) {
        let mut plane = plane(scene);
        let mut ports: BTreeMap<u16, BTreeSet<u16>> = BTreeMap::new();
        let mut flows = Vec::new();
        for number in 0..300 {
            let request = scene.packet(number, SYN);
            let (id, port) = send(scene, &mut plane, &request);
            assert!(ports.entry(id).or_default().insert(port), "{scene:?}");
            flows.push((request, id, port));
        }
        for (request, id, port) in flows {
            let reply = answer(scene, id, port, SYN | ACK);
            expect_reply(scene, &mut plane, &reply, &request);
        }
    }
}

#[test]
fn services_that_share_a_real_server_share_its_ports() {
    for scene in scenes().filter(|scene| scene.scheduler == SCHEDULER_RR) {
        let mut plane = plane(scene);
        let second = if scene.family == 4 {
            "10.0.0.101:80"
        } else {
            "[2001:db8::101]:80"
        };
        let other = DestValue {
            service: SERVICE + 1,
            ..full(scene, scene.dest(DESTS[0]))
        };
        plane.set_dest(20, &other, scene.protocol);
        let (ring, alone) = (
            scene.ring(&mut plane, 0, &DESTS[..1]),
            scene.ring(&mut plane, 4, &[20]),
        );
        let first = scene.service(ring, ring);
        let mut shared = scene.service(alone, alone);
        shared.id = SERVICE + 1;
        plane.set_services(&[
            (service_key(scene.front(), scene.protocol), first),
            (service_key(second, scene.protocol), shared),
        ]);
        let to_second = |number| {
            let to: SocketAddr = second.parse().unwrap();
            Packet {
                destination: to.ip(),
                destination_port: to.port(),
                ..scene.packet(number, SYN)
            }
        };
        let mut ports = BTreeSet::new();
        for number in 0..300 {
            // A client has its flows to one port of both in one bucket: others ask the second, so that no flow has to go.
            for request in [scene.packet(number, SYN), to_second(300 + number)] {
                let (id, port) = send(scene, &mut plane, &request);
                assert_eq!(plane.counter(Counter::FlowEvicted), 0, "{scene:?}");
                assert!(ports.insert(port), "{scene:?}: a port of two flows");
                let reply = answer(scene, id, port, SYN | ACK);
                expect_reply(scene, &mut plane, &reply, &request);
            }
        }
    }
}

#[test]
fn a_packet_to_the_own_address_without_a_flow_is_the_kernel_s() {
    for scene in scenes() {
        let mut plane = plane(scene);
        let (id, port) = send(scene, &mut plane, &scene.packet(1, SYN));
        let other = DESTS.into_iter().find(|other| *other != id).unwrap();
        let cases = [
            ("a free port", answer(scene, id, port ^ 1, ACK)),
            ("a port of nobody", answer(scene, id, 80, ACK)),
            ("a port of the kernel", answer(scene, id, 50_000, ACK)),
            ("another real server", answer(scene, other, port, ACK)),
        ];
        for (what, packet) in cases {
            let seen = plane.xdp(&packet.bytes());
            assert_eq!(seen.verdict, PASS, "{scene:?}: {what}");
            assert_eq!(seen.packet, packet.bytes(), "{scene:?}: {what}");
        }
        plane.age_flows(1000);
        let late = answer(scene, id, port, ACK);
        assert_eq!(
            plane.xdp(&late.bytes()).packet,
            late.bytes(),
            "{scene:?}: ended"
        );
    }
}

#[test]
fn a_port_is_free_again_when_its_flow_has_ended() {
    for scene in scenes().filter(|scene| scene.scheduler == SCHEDULER_RR) {
        let mut plane = plane(scene);
        let mut forwarded = 0;
        for round in 0..30 {
            for number in 0..250 {
                let packet = scene.packet(round * 250 + number, SYN);
                forwarded += u32::from(plane.xdp(&packet.bytes()).verdict == TX);
            }
            plane.age_flows(1000);
        }
        // 256 buckets of 8 for 250 flows at a time: nobody is refused.
        assert_eq!(forwarded, 30 * 250, "{scene:?}");
    }
}

#[test]
fn without_a_free_port_a_packet_is_dropped_and_counted() {
    let scene = scenes()
        .find(|scene| scene.scheduler == SCHEDULER_RR)
        .unwrap();
    let mut plane = plane(scene);
    let (mut dropped, mut live) = (0, Vec::new());
    for number in 0..4000 {
        let request = scene.packet(number, SYN);
        let answer = plane.xdp(&request.bytes());
        if answer.verdict == DROP {
            dropped += 1;
        } else {
            let (id, port) = (dest_of(&answer.packet), port_of(scene, &answer.packet));
            live.push((request, id, port));
        }
    }
    assert!(dropped > 0, "more flows than ports");
    assert_eq!(plane.counter(Counter::NoPort), dropped);
    // The flow table has pushed out half-open flows too; those that are left have their port still.
    let mut alive = BTreeSet::new();
    for (request, id, port) in live {
        let reply = answer(scene, id, port, SYN | ACK);
        let seen = plane.xdp(&reply.bytes()).packet;
        if seen == replied(&reply, &request).bytes() {
            assert!(alive.insert((id, port)), "a port of two flows");
        }
    }
    assert!(alive.len() > 1000, "{} flows are left", alive.len());
}

#[test]
fn a_port_that_is_a_virtual_server_s_is_not_given_out() {
    let scene = scenes()
        .find(|scene| scene.scheduler == SCHEDULER_RR)
        .unwrap();
    let mut free = plane(scene);
    let (_, port) = send(scene, &mut free, &scene.packet(1, SYN));
    drop(free);
    let mut plane = plane(scene);
    let ring = scene.ring(&mut plane, 0, &DESTS);
    let own = SocketAddr::new(own(scene), port).to_string();
    let mut other = scene.service(ring, ring);
    other.id = SERVICE + 1;
    plane.set_services(&[
        (
            service_key(scene.front(), scene.protocol),
            scene.service(ring, ring),
        ),
        (service_key(&own, scene.protocol), other),
    ]);
    let (_, given) = send(scene, &mut plane, &scene.packet(1, SYN));
    assert_ne!(given, port);
}

#[test]
fn fragments_go_both_ways() {
    for scene in scenes().filter(|scene| scene.protocol == 17) {
        let mut plane = plane(scene);
        let (id, port) = send(scene, &mut plane, &scene.packet(1, 0));
        let payload: Vec<u8> = (0..800_u16).map(|at| at as u8).collect();
        let request = Packet {
            payload: payload.clone(),
            ..scene.packet(1, 0)
        };
        let expected = sent(scene, &request, id, port).fragments(304);
        for (part, expected) in request.fragments(304).iter().zip(expected) {
            assert_eq!(plane.xdp(part).packet, expected, "{scene:?}");
        }
        let reply = Packet {
            payload,
            ..answer(scene, id, port, 0)
        };
        let expected = replied(&reply, &request).fragments(304);
        for (part, expected) in reply.fragments(304).iter().zip(expected) {
            let seen = plane.xdp(part);
            assert_eq!((seen.verdict, seen.packet), (PASS, expected), "{scene:?}");
        }
    }
}

#[test]
fn sctp_has_its_checksum_mended_for_two_ports() {
    for family in [4, 6] {
        let scene = Scene {
            family,
            method: FORWARD_FULLNAT,
            scheduler: SCHEDULER_RR,
            protocol: 132,
        };
        let mut plane = plane(scene);
        let request = Packet {
            payload: vec![3; 48],
            ..Packet::new(Transport::Sctp(1), &scene.client(1), scene.front())
        };
        let (id, port) = send(scene, &mut plane, &request);
        let own = SocketAddr::new(own(scene), port).to_string();
        let reply = Packet::new(Transport::Sctp(2), &scene.real(id), &own);
        expect_reply(scene, &mut plane, &reply, &request);
    }
}

/// The packet inside an error keeps the transport checksum that it had before it was changed.
fn quoted(before: &Packet, after: &Packet) -> Vec<u8> {
    let (from, mut to) = (before.bytes(), after.bytes());
    let end = to.len() - before.payload.len();
    let at = end - if before.protocol() == 6 { 4 } else { 2 };
    to[at..at + 2].copy_from_slice(&from[at..at + 2]);
    to[14..].to_vec()
}

#[test]
fn an_error_about_what_was_sent_goes_to_the_client() {
    for scene in scenes() {
        let mut plane = plane(scene);
        let request = scene.packet(1, SYN);
        let (id, port) = send(scene, &mut plane, &request);
        let about = sent(scene, &request, id, port);
        let router: IpAddr = scene.real(id).parse::<SocketAddr>().unwrap().ip();
        let kind = if scene.family == 4 { 3 } else { 2 };
        let error = icmp_error(kind, router, &about.bytes()[14..], 200, own(scene));
        let seen = plane.xdp(&error.bytes());
        let front: SocketAddr = scene.front().parse().unwrap();
        let inside = quoted(
            &about,
            &Packet {
                ttl: about.ttl,
                ..request.clone()
            },
        );
        let expected = icmp_error(kind, front.ip(), &inside, 200, request.source);
        assert_eq!(seen.verdict, PASS, "{scene:?}");
        assert_eq!(seen.packet, expected.bytes(), "{scene:?}");
        let stranger = Packet {
            source_port: port ^ 1,
            ..about
        };
        let error = icmp_error(kind, router, &stranger.bytes()[14..], 200, own(scene));
        assert_eq!(plane.xdp(&error.bytes()).packet, error.bytes(), "{scene:?}");
    }
}

#[test]
fn an_error_about_a_reply_goes_to_the_real_server_from_the_flow_s_port() {
    for scene in scenes() {
        let mut plane = plane(scene);
        let request = scene.packet(1, SYN);
        let (id, port) = send(scene, &mut plane, &request);
        let reply = answer(scene, id, port, SYN | ACK);
        let about = replied(&reply, &request);
        let router: IpAddr = if scene.family == 4 {
            "172.31.0.1".parse().unwrap()
        } else {
            "2001:db8:5::1".parse().unwrap()
        };
        let kind = if scene.family == 4 { 3 } else { 1 };
        let error = icmp_error(kind, router, &about.bytes()[14..], 200, about.source);
        let seen = plane.xdp(&error.bytes());
        let real: SocketAddr = scene.real(id).parse().unwrap();
        let inside = quoted(
            &about,
            &Packet {
                ttl: about.ttl,
                ..reply
            },
        );
        let expected = Packet {
            ttl: error.ttl - 1,
            to_mac: next_hop(id),
            from_mac: DIRECTOR_MAC,
            ..icmp_error(kind, own(scene), &inside, 200, real.ip())
        };
        assert_eq!(seen.verdict, TX, "{scene:?}");
        assert_eq!(seen.packet, expected.bytes(), "{scene:?}");
    }
}

#[test]
fn nat_and_full_nat_share_a_real_server() {
    for scene in scenes().filter(|scene| scene.scheduler == SCHEDULER_RR) {
        let mut plane = plane(scene);
        let plain = Scene {
            method: FORWARD_NAT,
            ..scene
        };
        let second = if scene.family == 4 {
            "10.0.0.101:80"
        } else {
            "[2001:db8::101]:80"
        };
        let other = DestValue {
            service: SERVICE + 1,
            ..plain.dest(DESTS[0])
        };
        plane.set_dest(20, &other, scene.protocol);
        let (ring, alone) = (
            scene.ring(&mut plane, 0, &DESTS[..1]),
            scene.ring(&mut plane, 4, &[20]),
        );
        let mut shared = scene.service(alone, alone);
        shared.id = SERVICE + 1;
        plane.set_services(&[
            (
                service_key(scene.front(), scene.protocol),
                scene.service(ring, ring),
            ),
            (service_key(second, scene.protocol), shared),
        ]);
        let to: SocketAddr = second.parse().unwrap();
        let by_nat = Packet {
            destination: to.ip(),
            destination_port: to.port(),
            ..scene.packet(2, SYN)
        };
        assert_eq!(plane.xdp(&by_nat.bytes()).verdict, TX, "{scene:?}");
        let masked = scene.packet(1, SYN);
        let (id, port) = send(scene, &mut plane, &masked);
        expect_reply(
            scene,
            &mut plane,
            &answer(scene, id, port, SYN | ACK),
            &masked,
        );
        expect_reply(scene, &mut plane, &plain.reply(2, id, SYN | ACK), &by_nat);
        if scene.protocol == 6 {
            expect_reply(scene, &mut plane, &answer(scene, id, port, RST), &masked);
        }
    }
}
