//! `lb` and Debian's keepalived in one virtual router.

use xtask::lab::{Daemon, Options, Template, probe::Capture};

use crate::arena::{Arena, lb};

/// Both roles change hands twice: `first` is master, leaves, and comes back.
fn take_over_both_ways(first: &Daemon, second: &Daemon, version: u8, advert_interval: f64) {
    let template = |director| Template {
        version,
        advert_interval,
        ..Template::director(director)
    };
    let arena = Arena::new(Options { servers: false });
    let capture = Capture::start(&arena, "vrrp or arp or icmp or icmp6").unwrap();
    arena.start([first, second], template);
    arena.wait_for_master(1);
    arena.director(1).power_off().unwrap();
    arena.wait_for_master(2);
    arena.director(1).reset().unwrap();
    arena.director(1).start(first, template(1).text()).unwrap();
    arena.wait_for_master(1);
    arena.director(1).stop().unwrap();
    arena.wait_for_master(2);

    let heard = arena.adverts.all();
    assert!(
        heard.iter().all(|advert| advert.version == version),
        "only version {version}"
    );
    let report = capture.finish().unwrap();
    println!("{} packets", report.packets);
    assert!(report.packets > 20, "{} packets", report.packets);
    assert_eq!(report.bad, Vec::<String>::new(), "{}", arena.logs());
}

#[test]
fn two_keepalived_pass_this_test_in_version_3() {
    take_over_both_ways(&Daemon::Keepalived, &Daemon::Keepalived, 3, 0.1);
}

#[test]
fn lb_is_master_over_keepalived_in_version_2() {
    take_over_both_ways(&lb(), &Daemon::Keepalived, 2, 1.0);
}

#[test]
fn lb_is_backup_of_keepalived_in_version_2() {
    take_over_both_ways(&Daemon::Keepalived, &lb(), 2, 1.0);
}

#[test]
fn lb_is_master_over_keepalived_in_version_3() {
    take_over_both_ways(&lb(), &Daemon::Keepalived, 3, 0.1);
}

#[test]
fn lb_is_backup_of_keepalived_in_version_3() {
    take_over_both_ways(&Daemon::Keepalived, &lb(), 3, 0.1);
}
