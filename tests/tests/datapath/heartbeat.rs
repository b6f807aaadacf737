//! Adverts: absorbed, passed, yielded to; leases; timers in real time.

use std::time::Duration;

use bytemuck::Zeroable;
use lb_common::{
    counter::Counter,
    event::{EVENT_LEASE_LOST, EVENT_MASTER_DOWN, EVENT_YIELDED},
    gate::{GATE_FENCED, GATE_OPEN},
    hint::HINT_RESTRICTED,
    router::{
        CHALLENGE, ROUTER_FLAG_ANSWERS, ROUTER_FLAG_YIELD, ROUTER_LEASE, ROUTER_WATCH, RouterKey,
        RouterValue,
    },
};
use tests::{
    packet::{Packet, address, advert},
    prog::{DROP, INGRESS, PASS, Plane, TC_OK},
};

use crate::scene::next_event;

const GATE: u32 = 9;
const VRID: u8 = 51;
const EPOCH: u32 = 77;

/// The master's advert and its key, by version and family.
fn masters() -> Vec<(u8, Packet)> {
    vec![
        (2, advert(2, VRID, 150, "10.0.0.1", &["10.0.0.100"])),
        (
            3,
            advert(3, VRID, 150, "10.0.0.1", &["10.0.0.100", "10.0.0.101"]),
        ),
        (3, advert(3, VRID, 150, "fe80::1", &["fe80::100"])),
        (3, advert(3, VRID, 150, "fe80::1", &vec!["2001:db8::5"; 60])),
    ]
}

fn key(packet: &Packet) -> RouterKey {
    RouterKey {
        ifindex: INGRESS,
        vlan: 0,
        vrid: VRID,
        family: if packet.source.is_ipv4() { 4 } else { 6 },
    }
}

fn watch(packet: &Packet, interval: Duration) -> RouterValue {
    let mut value = RouterValue {
        interval: interval.as_nanos() as u64,
        gate: GATE,
        epoch: EPOCH,
        role: ROUTER_WATCH,
        advert_len: packet.payload.len() as u32,
        min_ttl: 255,
        max_ttl: 255,
        source: address(packet.source),
        destination: address(packet.destination),
        ..RouterValue::zeroed()
    };
    value.advert[..packet.payload.len()].copy_from_slice(&packet.payload);
    value
}

fn lease(version: u8, priority: u8, source: &str, interval: Duration) -> RouterValue {
    RouterValue {
        interval: interval.as_nanos() as u64,
        gate: GATE,
        epoch: EPOCH,
        role: ROUTER_LEASE,
        priority,
        version,
        seconds: 1,
        flags: ROUTER_FLAG_YIELD,
        min_ttl: 255,
        max_ttl: 255,
        own: address(source.parse().unwrap()),
        destination: group(source),
        ..RouterValue::zeroed()
    }
}

/// Where routers with the address `source` send their adverts.
fn group(source: &str) -> lb_common::Address {
    address(advert(3, VRID, 100, source, &[]).destination)
}

const LONG: Duration = Duration::from_secs(600);

#[test]
fn an_advert_equal_to_the_watched_one_is_absorbed() {
    for (version, packet) in masters() {
        let mut plane = Plane::new();
        plane.set_router(key(&packet), &watch(&packet, LONG));
        for beat in 1..=3 {
            assert_eq!(
                plane.xdp(&packet.bytes()).verdict,
                DROP,
                "{version} {packet:?}"
            );
            let router = plane.router(&key(&packet));
            assert_eq!(router.heartbeats, beat);
            assert!(router.last_seen > 0);
        }
        assert_eq!(plane.counter(Counter::AdvertAbsorbed), 3);
        assert!(plane.events.next_event().is_none());
    }
}

#[test]
fn an_advert_that_differs_in_anything_passes() {
    for (_, packet) in masters() {
        let mut plane = Plane::new();
        plane.set_router(key(&packet), &watch(&packet, LONG));
        let mut others: Vec<(String, Packet)> = Vec::new();
        for at in 2..packet.payload.len() {
            let mut other = packet.clone();
            other.payload[at] ^= 1;
            others.push((format!("byte {at}"), other));
        }
        let mut other = packet.clone();
        other.ttl = 254;
        others.push(("TTL".into(), other));
        let mut other = packet.clone();
        other.source = if packet.source.is_ipv4() {
            "10.0.0.3".parse().unwrap()
        } else {
            "fe80::3".parse().unwrap()
        };
        others.push(("source".into(), other));
        let mut other = packet.clone();
        other.payload.extend([0; 4]);
        others.push(("longer".into(), other));
        let mut other = packet.clone();
        other.payload.truncate(packet.payload.len() - 4);
        others.push(("shorter".into(), other));
        let mut other = packet.clone();
        other.vlans = vec![4];
        others.push(("VLAN".into(), other));
        let mut other = packet.clone();
        other.payload[1] = VRID + 1;
        others.push(("virtual router".into(), other));
        for (what, other) in others {
            let answer = plane.xdp(&other.bytes());
            assert_eq!(answer.verdict, PASS, "{what}");
            assert_eq!(answer.packet, other.bytes(), "{what}");
        }
        assert_eq!(plane.router(&key(&packet)).heartbeats, 0);
    }
}

#[test]
fn a_watch_on_a_vlan_sees_that_vlan() {
    let mut packet = advert(3, VRID, 150, "10.0.0.1", &["10.0.0.100"]);
    packet.vlans = vec![4];
    let mut plane = Plane::new();
    let key = RouterKey {
        vlan: 4,
        ..key(&packet)
    };
    plane.set_router(key, &watch(&packet, LONG));
    assert_eq!(plane.xdp(&packet.bytes()).verdict, DROP);
}

#[test]
fn before_its_timer_is_armed_a_watch_absorbs_nothing() {
    let packet = advert(3, VRID, 150, "10.0.0.1", &["10.0.0.100"]);
    let mut plane = Plane::new();
    plane
        .vrrp
        .routers
        .insert(key(&packet), watch(&packet, LONG), 0)
        .unwrap();
    assert_eq!(plane.xdp(&packet.bytes()).verdict, PASS);
}

#[test]
fn a_silent_master_is_reported_once_and_in_time() {
    for (_, packet) in masters() {
        let mut plane = Plane::new();
        plane.set_router(key(&packet), &watch(&packet, Duration::from_millis(80)));
        // Heartbeats hold it off.
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(30));
            assert_eq!(plane.xdp(&packet.bytes()).verdict, DROP);
            assert!(plane.events.next_event().is_none(), "held off");
        }
        let (event, after) =
            next_event(&mut plane.events, Duration::from_secs(2)).expect("an event");
        assert_eq!(
            (event.kind, event.epoch, event.key),
            (EVENT_MASTER_DOWN, EPOCH, key(&packet))
        );
        assert!(event.at >= plane.router(&key(&packet)).last_seen + 80_000_000);
        assert!(after < Duration::from_millis(180), "{after:?}");
        assert_eq!(plane.counter(Counter::MasterDown), 1);
        assert!(
            next_event(&mut plane.events, Duration::from_millis(120)).is_none(),
            "once"
        );
        assert_eq!(plane.xdp(&packet.bytes()).verdict, PASS, "nobody watches");
    }
}

#[test]
fn the_first_advert_counts_though_the_timer_was_to_run_longer() {
    let packet = advert(3, VRID, 150, "10.0.0.1", &["10.0.0.100"]);
    let mut plane = Plane::new();
    plane.set_router(key(&packet), &watch(&packet, Duration::from_millis(80)));
    let timers = plane.timers.as_ref().unwrap();
    timers.start(&key(&packet), LONG).unwrap();
    assert_eq!(plane.xdp(&packet.bytes()).verdict, DROP);
    let (event, after) = next_event(&mut plane.events, Duration::from_secs(2)).expect("an event");
    assert_eq!(event.kind, EVENT_MASTER_DOWN);
    assert!(after < Duration::from_millis(180), "{after:?}");
}

#[test]
fn a_cancelled_timer_and_a_removed_router_stay_silent() {
    let packet = advert(3, VRID, 150, "10.0.0.1", &["10.0.0.100"]);
    let mut plane = Plane::new();
    plane.set_router(key(&packet), &watch(&packet, Duration::from_millis(50)));
    plane
        .timers
        .as_ref()
        .unwrap()
        .cancel(&key(&packet))
        .unwrap();
    assert!(next_event(&mut plane.events, Duration::from_millis(120)).is_none());
    plane.set_router(key(&packet), &watch(&packet, Duration::from_millis(50)));
    plane.vrrp.routers.remove(&key(&packet)).unwrap();
    assert!(next_event(&mut plane.events, Duration::from_millis(120)).is_none());
    assert!(
        plane
            .timers
            .as_ref()
            .unwrap()
            .cancel(&key(&packet))
            .is_err()
    );
}

#[test]
fn a_better_advert_fences_at_once_and_passes() {
    // Ours: priority 100 from .5; what arrives: version, priority, source, whether it beats us.
    let cases = [
        (2, 101, "10.0.0.1", true),
        (3, 101, "10.0.0.1", true),
        (3, 100, "10.0.0.6", true),
        (3, 100, "10.0.0.4", false),
        (3, 99, "10.0.0.6", false),
        (3, 0, "10.0.0.6", false),
        (3, 255, "10.0.0.1", true),
        (3, 101, "fe80::1", true),
        (3, 100, "fe80::6", true),
        (3, 100, "fe80::4", false),
    ];
    for (version, priority, source, beats) in cases {
        let address = if source.contains(':') {
            "fe80::100"
        } else {
            "10.0.0.100"
        };
        let packet = advert(version, VRID, priority, source, &[address]);
        let ours = if source.contains(':') {
            "fe80::5"
        } else {
            "10.0.0.5"
        };
        let check = |packet: &Packet, value: &RouterValue, beats: bool, what: &str| {
            let mut plane = Plane::new();
            plane.set_gate(GATE, GATE_OPEN);
            plane.set_router(key(packet), value);
            assert_eq!(plane.xdp(&packet.bytes()).verdict, PASS, "{what}");
            let fenced = plane.vrrp.gates.get(&GATE, 0).unwrap().state == GATE_FENCED;
            let hint = plane.vrrp.hints.get(&0, 0).unwrap() != 0;
            let event = plane
                .events
                .next_event()
                .map(|event| (event.kind, event.epoch));
            assert_eq!((fenced, hint), (beats, beats), "{what}");
            assert_eq!(event, beats.then_some((EVENT_YIELDED, EPOCH)), "{what}");
            assert_eq!(plane.counter(Counter::Yielded), u64::from(beats), "{what}");
        };
        let what = format!("v{version} {priority} {source}");
        let value = lease(version, 100, ours, LONG);
        check(&packet, &value, beats, &what);

        let mut damaged = packet.clone();
        damaged.payload[5] ^= 1;
        check(&damaged, &value, false, &format!("{what}, checksum wrong"));
        let mut far = packet.clone();
        far.ttl = 254;
        check(&far, &value, false, &format!("{what}, TTL 254"));
        let stubborn = RouterValue { flags: 0, ..value };
        check(&packet, &stubborn, false, &format!("{what}, may not yield"));
        let other = RouterValue {
            version: 5 - version,
            ..value
        };
        check(&packet, &other, false, &format!("{what}, other version"));
    }
}

#[test]
fn version_3_over_ipv4_may_leave_the_pseudo_header_out() {
    let mut packet = advert(3, VRID, 200, "10.0.0.1", &["10.0.0.100"]);
    packet.payload[6..8].copy_from_slice(&[0, 0]);
    let sum = tests::packet::checksum(&packet.payload);
    packet.payload[6..8].copy_from_slice(&sum);
    let mut plane = Plane::new();
    plane.set_gate(GATE, GATE_OPEN);
    plane.set_router(key(&packet), &lease(3, 100, "10.0.0.5", LONG));
    assert_eq!(plane.xdp(&packet.bytes()).verdict, PASS);
    assert_eq!(plane.counter(Counter::Yielded), 1);
}

#[test]
fn adverts_leaving_renew_the_lease_and_its_end_fences() {
    for (version, source, address) in [
        (2, "10.0.0.5", "10.0.0.100"),
        (3, "10.0.0.5", "10.0.0.100"),
        (3, "fe80::5", "fe80::100"),
    ] {
        let packet = advert(version, VRID, 100, source, &[address]);
        let mut plane = Plane::new();
        plane.set_gate(GATE, GATE_OPEN);
        plane.set_router(
            key(&packet),
            &lease(version, 100, source, Duration::from_millis(80)),
        );
        for beat in 1..=5 {
            std::thread::sleep(Duration::from_millis(30));
            assert_eq!(plane.tc(&packet.bytes()).verdict, TC_OK);
            assert_eq!(plane.router(&key(&packet)).heartbeats, beat);
        }
        assert_eq!(plane.counter(Counter::LeaseRenewed), 5);
        assert_eq!(plane.vrrp.gates.get(&GATE, 0).unwrap().state, GATE_OPEN);
        let (event, after) =
            next_event(&mut plane.events, Duration::from_secs(2)).expect("an event");
        assert_eq!((event.kind, event.epoch), (EVENT_LEASE_LOST, EPOCH));
        assert!(after < Duration::from_millis(180), "{after:?}");
        assert_eq!(plane.vrrp.gates.get(&GATE, 0).unwrap().state, GATE_FENCED);
        assert_eq!(plane.vrrp.hints.get(&0, 0).unwrap(), HINT_RESTRICTED);
        // Too late: only the daemon opens the gate again.
        assert_eq!(plane.tc(&packet.bytes()).verdict, TC_OK);
        assert_eq!(plane.counter(Counter::LeaseRenewed), 5);
    }
}

#[test]
fn a_claim_that_is_not_answered_ends_the_lease_soon() {
    for (version, own, other, address) in [
        (2, "10.0.0.5", "10.0.0.9", "10.0.0.100"),
        (3, "10.0.0.5", "10.0.0.9", "10.0.0.100"),
        (3, "fe80::5", "fe80::9", "fe80::100"),
    ] {
        let ours = advert(version, VRID, 100, own, &[address]);
        let claim = advert(version, VRID, 50, other, &[address]);
        let resignation = advert(version, VRID, 0, other, &[address]);
        let mut plane = Plane::new();
        plane.set_gate(GATE, GATE_OPEN);
        let lease = RouterValue {
            flags: ROUTER_FLAG_YIELD | ROUTER_FLAG_ANSWERS,
            ..lease(version, 100, own, LONG)
        };
        plane.set_router(key(&ours), &lease);
        let quiet = Duration::from_nanos(CHALLENGE) + Duration::from_millis(30);
        assert_eq!(plane.tc(&ours.bytes()).verdict, TC_OK);
        // One that is answered, and one that claims nothing.
        for received in [&claim, &resignation] {
            assert_eq!(plane.xdp(&received.bytes()).verdict, PASS);
            if received.payload == claim.payload {
                assert_eq!(plane.tc(&ours.bytes()).verdict, TC_OK);
            }
            assert_eq!(next_event(&mut plane.events, quiet), None);
        }
        assert_eq!(plane.vrrp.gates.get(&GATE, 0).unwrap().state, GATE_OPEN);
        // Many that are not answered count as one.
        for _ in 0..3 {
            std::thread::sleep(Duration::from_nanos(CHALLENGE / 5));
            assert_eq!(plane.xdp(&claim.bytes()).verdict, PASS);
        }
        let (event, after) =
            next_event(&mut plane.events, Duration::from_secs(2)).expect("an event");
        assert_eq!((event.kind, event.epoch), (EVENT_LEASE_LOST, EPOCH));
        assert!(after < quiet, "{after:?}");
        assert_eq!(plane.vrrp.gates.get(&GATE, 0).unwrap().state, GATE_FENCED);
    }
}

#[test]
fn a_claim_changes_nothing_where_none_is_answered() {
    let ours = advert(3, VRID, 100, "10.0.0.5", &["10.0.0.100"]);
    let claim = advert(3, VRID, 50, "10.0.0.9", &["10.0.0.100"]);
    let mut plane = Plane::new();
    plane.set_gate(GATE, GATE_OPEN);
    plane.set_router(key(&ours), &lease(3, 100, "10.0.0.5", LONG));
    assert_eq!(plane.tc(&ours.bytes()).verdict, TC_OK);
    assert_eq!(plane.xdp(&claim.bytes()).verdict, PASS);
    let quiet = Duration::from_nanos(CHALLENGE) + Duration::from_millis(30);
    assert_eq!(next_event(&mut plane.events, quiet), None);
}

#[test]
fn a_last_advert_and_anothers_renew_nothing() {
    let mut plane = Plane::new();
    plane.set_gate(GATE, GATE_OPEN);
    let goodbye = advert(3, VRID, 0, "10.0.0.5", &["10.0.0.100"]);
    let others = advert(3, VRID, 100, "10.0.0.6", &["10.0.0.100"]);
    plane.set_router(key(&goodbye), &lease(3, 100, "10.0.0.5", LONG));
    for packet in [goodbye, others] {
        assert_eq!(plane.tc(&packet.bytes()).verdict, TC_OK);
        assert_eq!(plane.router(&key(&packet)).heartbeats, 0);
    }
}
