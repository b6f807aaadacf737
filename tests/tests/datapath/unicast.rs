//! Unicast, passwords, authentication headers: what differs from adverts to the group.

use std::time::Duration;

use bytemuck::Zeroable;
use lb_common::{
    counter::Counter,
    gate::{GATE_FENCED, GATE_OPEN},
    router::{
        PeerKey, PeerValue, ROUTER_FLAG_PEERS, ROUTER_FLAG_YIELD, ROUTER_LEASE, ROUTER_WATCH,
        RouterKey, RouterValue,
    },
};
use tests::{
    packet::{Packet, Transport, address, advert, checksum},
    prog::{DROP, INGRESS, PASS, Plane, TC_OK},
};

const GATE: u32 = 9;
const VRID: u8 = 51;
const LONG: Duration = Duration::from_secs(600);

/// The two ends, by family.
const ENDS: [(&str, &str, &str); 2] = [
    ("10.0.0.5", "192.0.2.1", "10.0.0.100"),
    ("2001:db8::5", "2001:db8:1::1", "2001:db8::100"),
];

fn key(packet: &Packet) -> RouterKey {
    RouterKey {
        ifindex: INGRESS,
        vlan: 0,
        vrid: VRID,
        family: if packet.source.is_ipv4() { 4 } else { 6 },
    }
}

/// An advert to `destination`, arriving with this TTL.
fn unicast(version: u8, priority: u8, source: &str, destination: &str, ttl: u8) -> Packet {
    let vip = if source.contains(':') {
        "2001:db8::100"
    } else {
        "10.0.0.100"
    };
    let mut packet = advert(version, VRID, priority, source, &[vip]);
    packet.destination = destination.parse().unwrap();
    packet.ttl = ttl;
    summed(packet, version)
}

/// The packet with its checksum made anew.
fn summed(mut packet: Packet, version: u8) -> Packet {
    packet.payload[6..8].copy_from_slice(&[0, 0]);
    let pseudo = packet.pseudo_header(packet.payload.len());
    let covered = if version == 2 && packet.source.is_ipv4() {
        packet.payload.clone()
    } else {
        [pseudo, packet.payload.clone()].concat()
    };
    packet.payload[6..8].copy_from_slice(&checksum(&covered));
    packet
}

fn entry(role: u8, own: &str) -> RouterValue {
    let own = address(own.parse().unwrap());
    RouterValue {
        interval: LONG.as_nanos() as u64,
        gate: GATE,
        role,
        version: 3,
        seconds: 1,
        max_ttl: 255,
        own,
        destination: own,
        ..RouterValue::zeroed()
    }
}

fn watch(packet: &Packet, own: &str) -> RouterValue {
    let mut value = RouterValue {
        advert_len: packet.payload.len() as u32,
        source: address(packet.source),
        ..entry(ROUTER_WATCH, own)
    };
    value.advert[..packet.payload.len()].copy_from_slice(&packet.payload);
    value
}

fn lease(version: u8, own: &str, flags: u8) -> RouterValue {
    RouterValue {
        version,
        priority: 100,
        flags: ROUTER_FLAG_YIELD | flags,
        ..entry(ROUTER_LEASE, own)
    }
}

fn is_fenced(plane: &Plane) -> bool {
    plane.vrrp.gates.get(&GATE, 0).unwrap().state == GATE_FENCED
}

#[test]
fn a_unicast_advert_is_absorbed_whatever_way_it_came() {
    for (own, peer, _) in ENDS {
        let packet = unicast(3, 150, peer, own, 61);
        let mut plane = Plane::new();
        plane.set_router(key(&packet), &watch(&packet, own));
        assert_eq!(plane.xdp(&packet.bytes()).verdict, DROP);
        // To the group, to another host, and with a TTL that the peer never has.
        let multicast = advert(3, VRID, 150, peer, &[]);
        let mut elsewhere = packet.clone();
        elsewhere.destination = ENDS[0].0.parse().unwrap();
        if elsewhere.source.is_ipv6() {
            elsewhere.destination = "2001:db8::6".parse().unwrap();
        } else {
            elsewhere.destination = "10.0.0.6".parse().unwrap();
        }
        for other in [multicast, elsewhere] {
            assert_eq!(plane.xdp(&other.bytes()).verdict, PASS);
        }
        let near = RouterValue {
            min_ttl: 62,
            ..watch(&packet, own)
        };
        plane.set_router(key(&packet), &near);
        assert_eq!(plane.xdp(&packet.bytes()).verdict, PASS);
    }
}

#[test]
fn an_instance_without_an_interface_is_found_on_all_of_them() {
    for (own, peer, _) in ENDS {
        let packet = unicast(3, 150, peer, own, 61);
        let everywhere = RouterKey {
            ifindex: 0,
            ..key(&packet)
        };
        let mut plane = Plane::new();
        plane.set_router(everywhere, &watch(&packet, own));
        assert_eq!(plane.xdp(&packet.bytes()).verdict, DROP);
        let leaving = unicast(3, 100, own, peer, 255);
        plane.set_gate(GATE, GATE_OPEN);
        plane.set_router(everywhere, &lease(3, own, 0));
        assert_eq!(plane.tc(&leaving.bytes()).verdict, TC_OK);
        assert_eq!(plane.counter(Counter::LeaseRenewed), 1);
    }
}

#[test]
fn with_check_unicast_src_only_peers_beat_us_and_only_with_their_ttls() {
    for (own, peer, stranger) in ENDS {
        let packet = unicast(3, 150, peer, own, 61);
        let admitted = PeerKey {
            router: key(&packet),
            address: address(packet.source),
        };
        // Smallest and largest TTL, sender, and whether it counts.
        let cases = [
            (0, 255, peer, true),
            (61, 61, peer, true),
            (62, 255, peer, false),
            (0, 60, peer, false),
            (0, 255, stranger, false),
        ];
        for (min_ttl, max_ttl, source, counts) in cases {
            let mut plane = Plane::new();
            plane.set_gate(GATE, GATE_OPEN);
            plane.set_router(key(&packet), &lease(3, own, ROUTER_FLAG_PEERS));
            let value = PeerValue {
                min_ttl,
                max_ttl,
                pad: [0; 2],
            };
            plane.vrrp.peers.insert(admitted, value, 0).unwrap();
            let packet = unicast(3, 150, source, own, 61);
            assert_eq!(plane.xdp(&packet.bytes()).verdict, PASS);
            assert_eq!(is_fenced(&plane), counts, "{min_ttl} {max_ttl} {source}");
        }
    }
}

#[test]
fn adverts_to_every_peer_renew_the_lease_also_behind_an_authentication_header() {
    for (own, peer, _) in ENDS {
        for version in [2, 3] {
            let packet = unicast(version, 100, own, peer, 255);
            let mut plane = Plane::new();
            plane.set_gate(GATE, GATE_OPEN);
            plane.set_router(key(&packet), &lease(version, own, 0));
            assert_eq!(plane.tc(&packet.bytes()).verdict, TC_OK);
            // A trailer (auth_hmac) changes nothing.
            let mut signed = packet.clone();
            signed.payload.extend([7; 28]);
            assert_eq!(plane.tc(&signed.bytes()).verdict, TC_OK);
            assert_eq!(plane.counter(Counter::LeaseRenewed), 2);
            // Behind an authentication header, which there is over IPv4 alone.
            let mut header = vec![112, 4, 0, 0, 10, 0, 0, 5, 0, 0, 0, 1];
            header.extend([9; 12]);
            let behind = Packet {
                transport: Transport::Raw(51),
                payload: [header, packet.payload.clone()].concat(),
                ..packet.clone()
            };
            assert_eq!(plane.tc(&behind.bytes()).verdict, TC_OK);
            let expected = if packet.source.is_ipv4() { 3 } else { 2 };
            assert_eq!(plane.counter(Counter::LeaseRenewed), expected);
            // What it holds is another protocol, or it is another header.
            for at in [0, 1] {
                let mut other = behind.clone();
                other.payload[at] ^= 1;
                assert_eq!(plane.tc(&other.bytes()).verdict, TC_OK);
            }
            assert_eq!(plane.counter(Counter::LeaseRenewed), expected);
        }
    }
}

#[test]
fn only_who_knows_the_password_fences_us() {
    let mut right = advert(2, VRID, 150, "10.0.0.9", &["10.0.0.100"]);
    right.payload[4] = 1;
    let end = right.payload.len();
    right.payload[end - 8..].copy_from_slice(b"secret\0\0");
    let right = summed(right, 2);
    let mut wrong = right.clone();
    wrong.payload[end - 1] = b'x';
    let mut none = right.clone();
    none.payload[4] = 0;
    let group = address("224.0.0.18".parse().unwrap());
    let value = RouterValue {
        min_ttl: 255,
        authentication: 1,
        password: *b"secret\0\0",
        destination: group,
        ..lease(2, "10.0.0.5", 0)
    };
    for (packet, counts) in [
        (right.clone(), true),
        (summed(wrong, 2), false),
        (summed(none, 2), false),
    ] {
        let mut plane = Plane::new();
        plane.set_gate(GATE, GATE_OPEN);
        plane.set_router(key(&packet), &value);
        assert_eq!(plane.xdp(&packet.bytes()).verdict, PASS);
        assert_eq!(is_fenced(&plane), counts);
    }
    let mut plane = Plane::new();
    plane.set_gate(GATE, GATE_OPEN);
    let open = RouterValue {
        authentication: 0,
        password: [0; 8],
        ..value
    };
    plane.set_router(key(&right), &open);
    assert_eq!(plane.xdp(&right.bytes()).verdict, PASS);
    assert!(!is_fenced(&plane));
}
