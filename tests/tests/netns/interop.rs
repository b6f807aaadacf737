//! `lb`, Debian's keepalived and FRR in one virtual router.

mod cases;
mod frr;
mod wire;

use std::{
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{Daemon, Options, probe::Capture};

use self::cases::{CASES, Case};
use crate::arena::{Arena, PATIENCE, lb};

/// What the segment carries of virtual routers, to be judged by tshark.
const RELEVANT: &str = "vrrp or ah or arp or icmp or icmp6";

/// Waits until one director has an address and the other has not.
fn wait_for_owner(arena: &Arena, address: &str, owner: usize) {
    let start = Instant::now();
    let mut held = [false; 2];
    while start.elapsed() < PATIENCE {
        held = [1, 2].map(|number| holds(arena, number, address));
        if held[owner - 1] && !held[2 - owner] {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!(
        "d{owner} alone should hold {address}; held by d1, d2: {held:?}\n{}",
        arena.logs()
    );
}

fn holds(arena: &Arena, director: usize, address: &str) -> bool {
    let addresses = arena.director(director).addresses().unwrap();
    addresses.iter().any(|held| held == address)
}

/// Both roles change hands twice: director 1 is master, loses power, comes back, and is stopped.
fn change_hands(case: &Case, first: &Daemon, second: &Daemon) {
    let arena = Arena::beside_others(Options { servers: false });
    let capture = Capture::start(&arena, RELEVANT).unwrap();
    let [one, two] = [1, 2].map(|number| arena.director(number));
    one.start(first, (case.file)(1)).unwrap();
    wait_for_owner(&arena, case.address, 1);
    two.start(second, (case.file)(2)).unwrap();
    thread::sleep(Duration::from_millis(1500));
    wait_for_owner(&arena, case.address, 1);
    one.power_off().unwrap();
    wait_for_owner_alone(&arena, case.address, 2);
    one.reset().unwrap();
    one.start(first, (case.file)(1)).unwrap();
    if case.preempts {
        wait_for_owner(&arena, case.address, 1);
        one.stop().unwrap();
        wait_for_owner(&arena, case.address, 2);
    } else {
        thread::sleep(Duration::from_secs(2));
        wait_for_owner(&arena, case.address, 2);
        two.stop().unwrap();
        wait_for_owner(&arena, case.address, 1);
    }
    let mut report = capture.finish().unwrap();
    report
        .bad
        .retain(|line| !case.excused.is_some_and(|excused| line.contains(excused)));
    println!("{}: {} packets", case.name, report.packets);
    assert!(report.packets > 10, "{} packets", report.packets);
    assert_eq!(report.bad, Vec::<String>::new(), "{}", arena.logs());
}

/// A director without power still has the address, on a machine that is off.
fn wait_for_owner_alone(arena: &Arena, address: &str, owner: usize) {
    let start = Instant::now();
    while !holds(arena, owner, address) {
        assert!(
            start.elapsed() < PATIENCE,
            "d{owner} does not take {address}\n{}",
            arena.logs()
        );
        thread::sleep(Duration::from_millis(20));
    }
}

/// Every case of the table in one pair of roles; `LB_INTEROP` picks those whose name has it.
fn every_case(first: &Daemon, second: &Daemon) {
    let wanted = std::env::var("LB_INTEROP").unwrap_or_default();
    for case in CASES.iter().filter(|case| case.name.contains(&wanted)) {
        println!("{}", case.name);
        change_hands(case, first, second);
    }
}

#[test]
fn lb_is_master_over_keepalived_in_every_case() {
    every_case(&lb(), &Daemon::Keepalived);
}

#[test]
fn lb_is_backup_of_keepalived_in_every_case() {
    every_case(&Daemon::Keepalived, &lb());
}
