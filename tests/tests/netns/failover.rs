//! The master goes: how long the address is silent, who claims it, and what becomes of a download.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{
    BIG_BYTES, Template,
    plan::DR_V4,
    probe::{ArpProbe, Gap, PingProbe},
    traffic::Download,
};

use crate::arena::{Arena, PATIENCE, VIRTUAL, lb, repeat};

/// 3 × advert_int + skew of priority 100.
const MASTER_DOWN: Duration = Duration::from_millis(361);
/// Skew of priority 100: (256 − 100) / 256 × advert_int.
const SKEW: Duration = Duration::from_millis(61);
/// For a busy machine.
const SLACK: Duration = Duration::from_millis(60);

/// What happens to director 1, and what client and switch see of it.
fn lose_the_master(arena: &Arena, event: impl FnOnce()) -> (Gap, Duration) {
    let pings = PingProbe::start(arena.client(), VIRTUAL).unwrap();
    let owners = ArpProbe::start(arena.switch(), VIRTUAL).unwrap();
    thread::sleep(Duration::from_millis(100));
    let at = Instant::now();
    event();
    arena.wait_for_master(2);
    thread::sleep(Duration::from_millis(500));
    let gap = pings.finish().unwrap().longest_gap(at).unwrap();
    (gap, owners.finish().unwrap().dual_owner(at))
}

/// Puts director 1 back in charge.
fn revive(arena: &Arena) {
    arena.director(1).reset().unwrap();
    let config = Template::director(1).text();
    arena.director(1).start(&lb(), &config).unwrap();
    arena.wait_for_master(1);
    thread::sleep(Duration::from_millis(300));
}

#[test]
fn power_loss_is_bridged_within_the_master_down_interval() {
    let arena = Arena::with_lb(Template::director);
    for run in 0..repeat() {
        if run > 0 {
            revive(&arena);
        }
        let (gap, dual) = lose_the_master(&arena, || arena.director(1).power_off().unwrap());
        println!("gap {:?}, two owners for {dual:?}", gap.length());
        assert!(
            gap.ended && gap.length() < MASTER_DOWN + SLACK,
            "{gap:?}\n{}",
            arena.logs()
        );
        assert_eq!(dual, Duration::ZERO, "{}", arena.logs());
    }
}

#[test]
fn a_killed_master_is_never_one_of_two_owners() {
    let arena = Arena::with_lb(Template::director);
    for run in 0..repeat() {
        if run > 0 {
            revive(&arena);
        }
        let (gap, dual) = lose_the_master(&arena, || arena.director(1).kill9_all());
        println!("gap {:?}, two owners for {dual:?}", gap.length());
        assert_eq!(dual, Duration::ZERO, "{}", arena.logs());
        assert!(
            gap.ended && gap.length() < SKEW + Duration::from_millis(10) + SLACK,
            "{gap:?}\n{}",
            arena.logs()
        );
    }
}

#[test]
fn a_stopped_master_hands_over_within_the_skew_time() {
    let arena = Arena::with_lb(Template::director);
    let (gap, dual) = lose_the_master(&arena, || arena.director(1).stop().unwrap());
    println!("gap {:?}, two owners for {dual:?}", gap.length());
    assert_eq!(dual, Duration::ZERO, "{}", arena.logs());
    assert!(
        gap.ended && gap.length() < SKEW + SLACK,
        "{gap:?}\n{}",
        arena.logs()
    );
    assert!(
        !arena
            .director(1)
            .addresses()
            .unwrap()
            .contains(&VIRTUAL.to_string()),
        "the address is removed"
    );
}

#[test]
fn a_cut_link_ends_the_mastership_and_its_return_brings_it_back() {
    let arena = Arena::with_lb(Template::director);
    let (gap, dual) = lose_the_master(&arena, || arena.director(1).port().cut().unwrap());
    println!("gap {:?}, two owners for {dual:?}", gap.length());
    assert!(
        gap.ended && gap.length() < MASTER_DOWN + SLACK,
        "{gap:?}\n{}",
        arena.logs()
    );
    assert_eq!(dual, Duration::ZERO, "{}", arena.logs());
    arena.director(1).port().restore().unwrap();
    arena.wait_for_master(1);
}

#[test]
fn a_download_survives_the_power_loss_of_the_master() {
    let arena = Arena::with_lb(Template::director);
    let to = SocketAddr::new(DR_V4, 80);
    let download = Download::start(arena.client(), to, PATIENCE).unwrap();
    while download.received() < BIG_BYTES / 4 {
        thread::sleep(Duration::from_millis(5));
    }
    arena.director(1).power_off().unwrap();
    let before = download.received();
    assert!(before < BIG_BYTES * 3 / 4, "the download is still running");
    match download.finish() {
        Ok(bytes) => assert_eq!(bytes, BIG_BYTES),
        Err(error) => panic!("failed over at {before} bytes: {error:#}\n{}", arena.logs()),
    }
    arena.wait_for_master(2);
}
