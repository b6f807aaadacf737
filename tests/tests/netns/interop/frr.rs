//! FRR's vrrpd as the other router.

use std::{thread, time::Duration};

use xtask::lab::{Daemon, Node, Options, probe::Capture};

use super::RELEVANT;
use crate::arena::{Arena, lb};

const VIP: &str = "192.0.2.100";

/// FRR wants a macvlan with the virtual MAC and the address, which it brings up as master.
fn prepare(arena: &Arena, director: usize) {
    arena
        .director(director)
        .namespace()
        .ip(&format!(
            "link add vrrp4 link eth0 address 00:00:5e:00:01:33 type macvlan mode bridge\n\
             address add {VIP}/24 dev vrrp4\n\
             link set vrrp4 up\n"
        ))
        .unwrap();
}

fn frr(version: u8, priority: u8) -> String {
    let interval = if version == 2 { 1000 } else { 100 };
    format!(
        "log stdout\ninterface eth0\n vrrp 51 version {version}\n vrrp 51 priority {priority}\n \
         vrrp 51 advertisement-interval {interval}\n vrrp 51 ip {VIP}\n"
    )
}

fn ours(version: u8, priority: u8) -> String {
    let interval = if version == 2 { 1.0 } else { 0.1 };
    format!(
        "vrrp_instance r51 {{\nstate BACKUP\ninterface eth0\nvirtual_router_id 51\npriority {priority}\n\
         version {version}\nadvert_int {interval}\nvirtual_ipaddress {{\n{VIP}\n}}\n}}\n"
    )
}

/// Director 1 is master by priority, loses power, comes back and takes over again.
fn change_hands(version: u8, lb_first: bool) {
    let arena = Arena::beside_others(Options { servers: false });
    let capture = Capture::start(&arena, RELEVANT).unwrap();
    let number = if lb_first { 2 } else { 1 };
    prepare(&arena, number);
    let start = |director: usize, priority| {
        let place = arena.director(director);
        let config = if director == number {
            frr(version, priority)
        } else {
            ours(version, priority)
        };
        let daemon = if director == number {
            Daemon::Frr
        } else {
            lb()
        };
        place.start(&daemon, config).unwrap();
    };
    start(1, 150);
    arena.wait_for_master(1);
    start(2, 100);
    thread::sleep(Duration::from_secs(2));
    arena.wait_for_master(1);
    arena.director(1).power_off().unwrap();
    arena.wait_for_master(2);
    arena.director(1).reset().unwrap();
    start(1, 150);
    arena.wait_for_master(1);
    let heard = arena.adverts.all();
    let sources = [1, 2].map(|number| Node::Director(number).front_v4());
    for source in sources {
        assert!(
            heard
                .iter()
                .any(|advert| advert.source == source && advert.version == version),
            "both were master"
        );
    }
    let report = capture.finish().unwrap();
    assert_eq!(report.bad, Vec::<String>::new(), "{}", arena.logs());
}

#[test]
fn lb_is_master_over_frr_in_version_3() {
    change_hands(3, true);
}

#[test]
fn lb_is_backup_of_frr_in_version_3() {
    change_hands(3, false);
}

#[test]
fn lb_is_master_over_frr_in_version_2() {
    change_hands(2, true);
}

#[test]
fn lb_is_backup_of_frr_in_version_2() {
    change_hands(2, false);
}
