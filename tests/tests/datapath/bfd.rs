//! Packets of BFD sessions: absorbed, passed; timers in real time.

use std::{net::IpAddr, time::Duration};

use bytemuck::Zeroable;
use lb_common::{
    bfd::{MULTIHOP_PORT, SINGLE_HOP_PORT, SessionValue, YOUR_DISCRIMINATOR},
    counter::Counter,
};
use tests::{
    packet::{Packet, Transport, address},
    prog::{DROP, PASS, Plane},
};

use crate::scene::next_event;

const EPOCH: u32 = 77;
const DISCRIMINATOR: [u8; 4] = [0xd1, 2, 3, 4];
const LONG: Duration = Duration::from_secs(600);

/// Packets of either family and port, bare, with a password, and with a SHA1 proof.
fn packets() -> Vec<Packet> {
    let mut packets = Vec::new();
    for (source, destination) in [
        ("10.0.0.1:49152", "10.0.0.2"),
        ("[fe80::1]:65535", "[fe80::2]"),
    ] {
        for port in [SINGLE_HOP_PORT, MULTIHOP_PORT] {
            for len in [24, 33, 52] {
                let mut packet =
                    Packet::new(Transport::Udp, source, &format!("{destination}:{port}"));
                packet.ttl = 255;
                packet.payload = (0..len).map(|at| at as u8 ^ 0x5a).collect();
                packet.payload[YOUR_DISCRIMINATOR..][..4].copy_from_slice(&DISCRIMINATOR);
                packets.push(packet);
            }
        }
    }
    packets
}

/// The entry of the session that a packet is of.
fn watch(packet: &Packet, interval: Duration) -> SessionValue {
    let mut value = SessionValue {
        interval: interval.as_nanos() as u64,
        epoch: EPOCH,
        len: packet.payload.len() as u32,
        source: address(packet.source),
        destination: address(packet.destination),
        port: packet.destination_port.to_be_bytes(),
        min_ttl: 255,
        family: if packet.source.is_ipv4() { 4 } else { 6 },
        ..SessionValue::zeroed()
    };
    value.packet[..packet.payload.len()].copy_from_slice(&packet.payload);
    value
}

fn set(plane: &mut Plane, packet: &Packet, interval: Duration) {
    plane.set_session(u32::from_ne_bytes(DISCRIMINATOR), &watch(packet, interval));
}

fn session(plane: &Plane) -> SessionValue {
    let key = u32::from_ne_bytes(DISCRIMINATOR);
    plane.sessions.get(&key, 0).unwrap()
}

#[test]
fn a_packet_equal_to_the_watched_one_is_absorbed() {
    for packet in packets() {
        let mut plane = Plane::new();
        set(&mut plane, &packet, LONG);
        for (beat, vlans) in [vec![], vec![7], vec![7, 8]].into_iter().enumerate() {
            let tagged = Packet {
                vlans,
                ..packet.clone()
            };
            assert_eq!(plane.xdp(&tagged.bytes()).verdict, DROP, "{tagged:?}");
            assert_eq!(session(&plane).heartbeats, beat as u64 + 1);
            assert!(session(&plane).last_seen > 0);
        }
        assert_eq!(plane.counter(Counter::BfdAbsorbed), 3);
        assert!(plane.silences.next_event().is_none());
    }
}

#[test]
fn a_packet_that_differs_in_anything_passes() {
    for packet in packets() {
        let mut plane = Plane::new();
        set(&mut plane, &packet, LONG);
        let with = |name: &str, change: &dyn Fn(&mut Packet)| {
            let mut other = packet.clone();
            change(&mut other);
            (name.to_owned(), other)
        };
        let bytes = 0..packet.payload.len();
        let mut others: Vec<(String, Packet)> = bytes
            .map(|at| with(&format!("byte {at}"), &|it| it.payload[at] ^= 1))
            .collect();
        let elsewhere = if packet.source.is_ipv4() {
            "10.0.0.3"
        } else {
            "fe80::3"
        };
        let elsewhere = elsewhere.parse().unwrap();
        let port = packet.destination_port;
        let other_port = SINGLE_HOP_PORT ^ MULTIHOP_PORT ^ port;
        others.extend([
            with("TTL", &|it| it.ttl = 254),
            with("source", &|it| it.source = elsewhere),
            with("destination", &|it| it.destination = elsewhere),
            with("the other port", &|it| it.destination_port = other_port),
            with("no port of BFD", &|it| it.destination_port = port + 1),
            with("a byte more", &|it| it.payload.push(0)),
            with("a byte less", &|it| {
                it.payload.pop();
            }),
            with("nothing", &|it| it.payload.clear()),
            with("TCP", &|it| it.transport = Transport::Tcp(0x10)),
        ]);
        if packet.source.is_ipv4() {
            others.push(with("options", &|it| it.options = vec![1; 4]));
        } else {
            let header = vec![0; 7];
            others.push(with("an extension", &|it| {
                it.extensions = vec![(0, header.clone())];
            }));
        }
        for (name, other) in others {
            let answer = plane.xdp(&other.bytes());
            assert_eq!(answer.verdict, PASS, "{name}: {other:?}");
            assert_eq!(answer.packet, other.bytes(), "{name}");
        }
        for fragment in packet.fragments(16) {
            assert_eq!(plane.xdp(&fragment).verdict, PASS, "a fragment");
        }
        let whole = packet.bytes();
        // The kernel wants an Ethernet header.
        for len in 14..whole.len() {
            let answer = plane.xdp(&whole[..len]);
            assert_eq!(answer.verdict, PASS, "cut to {len} bytes");
        }
        // A length of UDP that is not the packet's.
        let mut short = whole.clone();
        let length = whole.len() - packet.payload.len() - 4;
        short[length + 1] -= 1;
        assert_eq!(plane.xdp(&short).verdict, PASS, "length of UDP");
        assert_eq!(session(&plane).heartbeats, 0);
        assert_eq!(plane.counter(Counter::BfdAbsorbed), 0);
    }
}

#[test]
fn the_mapped_form_of_an_address_is_another() {
    let packet = &packets()[0];
    let mut plane = Plane::new();
    plane.set_session(u32::from_ne_bytes(DISCRIMINATOR), &watch(packet, LONG));
    let mapped = |address: IpAddr| match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        IpAddr::V6(_) => address,
    };
    let forged = Packet {
        source: mapped(packet.source),
        destination: mapped(packet.destination),
        ..packet.clone()
    };
    assert!(packet.source.is_ipv4() && forged.source.is_ipv6());
    assert_eq!(plane.xdp(&packet.bytes()).verdict, DROP);
    assert_ne!(plane.xdp(&forged.bytes()).verdict, DROP);
    assert_eq!(plane.counter(Counter::BfdAbsorbed), 1);
}

#[test]
fn a_better_ttl_is_as_good() {
    let packet = &packets()[0];
    let mut plane = Plane::new();
    let value = SessionValue {
        min_ttl: 254,
        ..watch(packet, LONG)
    };
    plane.set_session(u32::from_ne_bytes(DISCRIMINATOR), &value);
    for (ttl, verdict) in [(255, DROP), (254, DROP), (253, PASS)] {
        let packet = Packet {
            ttl,
            ..packet.clone()
        };
        assert_eq!(plane.xdp(&packet.bytes()).verdict, verdict, "{ttl}");
    }
}

#[test]
fn before_its_timer_is_armed_a_session_absorbs_nothing() {
    let packet = &packets()[0];
    let mut plane = Plane::new();
    let key = u32::from_ne_bytes(DISCRIMINATOR);
    plane.sessions.insert(key, watch(packet, LONG), 0).unwrap();
    assert_eq!(plane.xdp(&packet.bytes()).verdict, PASS);
    assert_eq!(session(&plane).heartbeats, 0);
}

#[test]
fn silence_is_told_once_and_in_time() {
    let interval = Duration::from_millis(80);
    for packet in packets() {
        let mut plane = Plane::new();
        set(&mut plane, &packet, interval);
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(30));
            assert_eq!(plane.xdp(&packet.bytes()).verdict, DROP);
            assert!(plane.silences.next_event().is_none(), "held off");
        }
        let (silence, after) =
            next_event(&mut plane.silences, Duration::from_secs(2)).expect("silence");
        assert_eq!(silence.discriminator.to_ne_bytes(), DISCRIMINATOR);
        assert_eq!(silence.epoch, EPOCH);
        let heard = session(&plane).last_seen;
        assert!(silence.at >= heard + interval.as_nanos() as u64);
        assert!(after < Duration::from_millis(180), "{after:?}");
        assert_eq!(plane.counter(Counter::BfdSilent), 1);
        assert!(
            next_event(&mut plane.silences, Duration::from_millis(120)).is_none(),
            "once"
        );
        assert_eq!(plane.xdp(&packet.bytes()).verdict, PASS, "nobody watches");
    }
}

#[test]
fn a_session_that_is_gone_is_silent() {
    let packet = &packets()[0];
    let mut plane = Plane::new();
    let key = u32::from_ne_bytes(DISCRIMINATOR);
    set(&mut plane, packet, Duration::from_millis(40));
    plane.sessions.remove(&key).unwrap();
    assert!(next_event(&mut plane.silences, Duration::from_millis(120)).is_none());
    assert_eq!(plane.xdp(&packet.bytes()).verdict, PASS);
    let timers = plane.session_timers.as_ref().unwrap();
    let error = timers.start(key, 1).unwrap_err();
    assert!(
        error.to_string().contains("BFD session 0xd1020304"),
        "{error}"
    );
}
