//! Floods of adverts: what nobody needs is held back, what decides who is MASTER never is.

use std::time::Duration;

use bytemuck::Zeroable;
use lb_common::{
    counter::Counter,
    gate::{GATE_FENCED, GATE_OPEN},
    router::{
        ROUTER_FLAG_PASS, ROUTER_FLAG_YIELD, ROUTER_LEASE, ROUTER_WATCH, RouterKey, RouterValue,
        SENDER_BURST, SENDERS_AT_ONCE, STRANGER_BURST, VRIDS_KNOWN, vrid_index,
    },
};
use tests::{
    packet::{Packet, address, advert},
    prog::{DROP, INGRESS, PASS, Plane},
};

const GATE: u32 = 9;
const VRID: u8 = 51;
/// So long that nothing of a budget comes back while a test runs.
const SPACING: Duration = Duration::from_secs(600);

fn key() -> RouterKey {
    RouterKey {
        ifindex: INGRESS,
        vlan: 0,
        vrid: VRID,
        family: 4,
    }
}

fn entry(role: u8) -> RouterValue {
    RouterValue {
        interval: SPACING.as_nanos() as u64,
        spacing: SPACING.as_nanos() as u64,
        gate: GATE,
        role,
        version: 3,
        min_ttl: 255,
        max_ttl: 255,
        own: address("10.0.0.5".parse().unwrap()),
        destination: address("224.0.0.18".parse().unwrap()),
        ..RouterValue::zeroed()
    }
}

fn from(source: &str, priority: u8) -> Packet {
    advert(3, VRID, priority, source, &["10.0.0.100"])
}

/// A plane that watches 10.0.0.1 with priority 150.
fn backup() -> Plane {
    let master = from("10.0.0.1", 150);
    let mut value = RouterValue {
        advert_len: master.payload.len() as u32,
        source: address(master.source),
        ..entry(ROUTER_WATCH)
    };
    value.advert[..master.payload.len()].copy_from_slice(&master.payload);
    let mut plane = Plane::new();
    plane.set_router(key(), &value);
    plane
}

/// A plane that is MASTER with priority 100.
fn master() -> Plane {
    let mut plane = Plane::new();
    plane.set_gate(GATE, GATE_OPEN);
    plane.set_router(
        key(),
        &RouterValue {
            priority: 100,
            flags: ROUTER_FLAG_YIELD,
            ..entry(ROUTER_LEASE)
        },
    );
    plane
}

/// How many of `count` packets pass.
fn passed(plane: &mut Plane, packet: &Packet, count: u64) -> u64 {
    let bytes = packet.bytes();
    let pass = |_: &u64| plane.xdp(&bytes).verdict == PASS;
    (0..count).filter(pass).count() as u64
}

#[test]
fn a_sender_of_adverts_without_consequence_has_a_budget() {
    let lower = from("10.0.0.9", 50);
    let mut damaged = from("10.0.0.9", 250);
    damaged.payload[5] ^= 1;
    for (mut plane, role) in [(backup(), "backup"), (master(), "master")] {
        assert_eq!(passed(&mut plane, &lower, 100), SENDER_BURST, "{role}");
        assert_eq!(passed(&mut plane, &damaged, 100), 0, "{role}");
        assert_eq!(
            plane.counter(Counter::AdvertExcess),
            100 - SENDER_BURST,
            "{role}"
        );
        assert_eq!(plane.counter(Counter::AdvertChecksum), 100, "{role}");
        assert_eq!(plane.router(&key()).dropped, 200 - SENDER_BURST, "{role}");
        // Others have their own.
        assert_eq!(passed(&mut plane, &from("10.0.0.8", 50), 1), 1, "{role}");
    }
}

#[test]
fn many_senders_have_one_budget_together_made_up_or_known() {
    for mut plane in [backup(), master()] {
        let mut all = 0;
        for host in (10..=250).chain(10..=40) {
            all += passed(&mut plane, &from(&format!("10.0.0.{host}"), 50), 1);
        }
        assert_eq!(all, SENDER_BURST * SENDERS_AT_ONCE);
    }
}

#[test]
fn strangers_have_one_budget_together() {
    let mut plane = backup();
    plane.vrrp.known_vrids.set(VRIDS_KNOWN, 1, 0).unwrap();
    let mut all = 0;
    for host in (10..=250).cycle().take(2000) {
        let stranger = advert(3, 99, 100, &format!("10.0.0.{host}"), &["10.0.0.7"]);
        all += passed(&mut plane, &stranger, 1);
    }
    // A thousand a second come back.
    assert!((STRANGER_BURST..1500).contains(&all), "{all}");
}

#[test]
fn a_budget_comes_back() {
    let mut plane = backup();
    let spacing = Duration::from_millis(20);
    let value = RouterValue {
        spacing: spacing.as_nanos() as u64,
        ..plane.router(&key())
    };
    plane.set_router(key(), &value);
    let lower = from("10.0.0.9", 50);
    assert!(passed(&mut plane, &lower, 100) >= SENDER_BURST);
    std::thread::sleep(spacing * 4);
    let again = passed(&mut plane, &lower, 100);
    assert!((4..100).contains(&again), "{again}");
}

#[test]
fn a_backup_hears_its_master_a_better_one_and_who_resigns_at_any_rate() {
    let spend = |plane: &mut Plane, source: &str| {
        let mut damaged = from(source, 50);
        damaged.payload[5] ^= 1;
        assert!(passed(plane, &damaged, 100) < 100);
    };
    let mut plane = backup();
    for source in ["10.0.0.1", "10.0.0.9"] {
        spend(&mut plane, source);
    }
    let cases = [
        ("the master itself", from("10.0.0.1", 150), DROP),
        ("its end", from("10.0.0.1", 0), PASS),
        ("another's end", from("10.0.0.9", 0), DROP),
        ("a better one", from("10.0.0.9", 151), PASS),
        ("a higher address", from("10.0.0.9", 150), PASS),
        ("its own lower priority", from("10.0.0.1", 149), DROP),
        ("one no better", from("10.0.0.9", 149), DROP),
    ];
    for (what, packet, verdict) in cases {
        for _ in 0..50 {
            assert_eq!(plane.xdp(&packet.bytes()).verdict, verdict, "{what}");
        }
    }
    assert_eq!(plane.counter(Counter::AdvertAbsorbed), 50);
}

#[test]
fn a_master_hears_who_beats_it_at_any_rate() {
    let mut plane = master();
    let better = from("10.0.0.9", 101);
    let mut damaged = better.clone();
    damaged.payload[5] ^= 1;
    assert!(passed(&mut plane, &damaged, 100) < 100);
    assert_eq!(plane.vrrp.gates.get(&GATE, 0).unwrap().state, GATE_OPEN);
    assert_eq!(passed(&mut plane, &better, 100), 100);
    assert_eq!(plane.vrrp.gates.get(&GATE, 0).unwrap().state, GATE_FENCED);
}

#[test]
fn adverts_that_only_the_daemon_can_verify_all_pass() {
    let mut plane = master();
    let signed = RouterValue {
        flags: ROUTER_FLAG_PASS,
        ..plane.router(&key())
    };
    plane.set_router(key(), &signed);
    for priority in [50, 101] {
        assert_eq!(passed(&mut plane, &from("10.0.0.9", priority), 100), 100);
    }
    assert_eq!(plane.vrrp.gates.get(&GATE, 0).unwrap().state, GATE_OPEN);
}

#[test]
fn strangers_have_a_budget_once_it_is_known_who_is_none() {
    let mut plane = Plane::new();
    let strange = from("10.0.0.9", 50);
    let flood = 8 * STRANGER_BURST;
    assert_eq!(passed(&mut plane, &strange, flood), flood);
    let known = vrid_index(VRID, 4);
    for index in [VRIDS_KNOWN, known] {
        plane.vrrp.known_vrids.set(index, 1, 0).unwrap();
    }
    // Configured, without an entry yet: the daemon's.
    assert_eq!(passed(&mut plane, &strange, flood), flood);
    plane.vrrp.known_vrids.set(known, 0, 0).unwrap();
    let passed = passed(&mut plane, &strange, flood);
    assert!((STRANGER_BURST..flood).contains(&passed), "{passed}");
    assert_eq!(plane.counter(Counter::AdvertStranger), flood - passed);
}

#[test]
fn what_is_too_short_to_be_of_a_virtual_router_has_a_budget_too() {
    for mut plane in [backup(), master()] {
        let mut short = from("10.0.0.9", 50);
        short.payload.truncate(7);
        let flood = 8 * STRANGER_BURST;
        let passed = passed(&mut plane, &short, flood);
        assert!((STRANGER_BURST..flood).contains(&passed), "{passed}");
        assert_eq!(plane.counter(Counter::AdvertLength), flood - passed);
    }
}
