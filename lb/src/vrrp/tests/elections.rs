//! Who becomes MASTER, when, and what it says.

use super::bench::{Bench, OURS, backup, ip, line, link, ms, owner, priority};
use crate::{
    config::model::{AdvertInterval, Family, InitialState, Version, VrrpInstance},
    vrrp::{LinkState, RxMeta, advert::Advertisement, output::State},
};

const BETTER: &str = "10.0.0.9";
const WORSE: &str = "10.0.0.2";

#[test]
fn taking_over_is_guard_advert_gate_addresses_announcements_in_this_order() {
    let mut bench = Bench::started(&[backup()]);
    assert_eq!(
        bench.next(),
        Some((ms(3000) + ms(1000) * 156 / 256, "master_down"))
    );
    assert_eq!(
        bench.run(ms(3610)),
        [
            "lease 10.0.0.5 prio 100 3s, yields",
            "advert 100",
            "gate open",
            "add 10.0.0.1/24",
            "Backup → Master: master down",
            "announce 10.0.0.1 ×5",
        ]
    );
    // The second set comes five seconds later, between the adverts.
    let later = bench.run(ms(20_000));
    let announced = later.iter().position(|line| line == "announce 10.0.0.1 ×5");
    assert_eq!(
        later.iter().filter(|line| *line == "advert 100").count(),
        20
    );
    assert_eq!(announced, Some(5), "{later:?}");
    assert_eq!(later.len(), 21, "{later:?}");
}

#[test]
fn the_skew_is_exact_in_both_versions() {
    let slow = AdvertInterval::from_centiseconds(1000).unwrap();
    let cases = [
        (Version::V2, 100, 30_000, 609_375_000),
        (Version::V3, 100, 30_000, 6_093_750_000),
        (Version::V2, 254, 30_000, 7_812_500),
        (Version::V3, 254, 30_000, 78_125_000),
        (Version::V3, 1, 30_000, 9_960_937_500),
    ];
    for (version, prio, whole, skew) in cases {
        let bench = Bench::started(&[VrrpInstance {
            version,
            advert_interval: slow,
            ..priority(backup(), prio)
        }]);
        let due = ms(whole) + std::time::Duration::from_nanos(skew);
        assert_eq!(
            bench.next(),
            Some((due, "master_down")),
            "{version:?} {prio}"
        );
    }
}

#[test]
fn masters_of_one_node_come_to_speak_in_the_same_tick() {
    let other = VrrpInstance {
        name: "VI_2".to_owned(),
        vrid: 52.try_into().unwrap(),
        addresses: vec![line("10.0.0.2/24")],
        ..backup()
    };
    let mut bench = Bench::started(&[backup(), priority(other, 101)]);
    let mut adverts = || {
        let lines = bench.run(bench.next().unwrap().0);
        let adverts = lines.iter().filter(|line| line.contains("advert"));
        (bench.elapsed(), adverts.count())
    };
    assert_eq!(adverts(), (ms(3000) + ms(1000) * 155 / 256, 1));
    assert_eq!(adverts(), (ms(3000) + ms(1000) * 156 / 256, 1));
    for second in 4..8 {
        assert_eq!(adverts(), (ms(second * 1000 + 600), 2));
    }
}

#[test]
fn the_owner_starts_as_master_at_once_and_never_yields_in_the_kernel() {
    let mut bench = Bench::fresh();
    bench.config(&[owner()]);
    bench.up();
    assert_eq!(
        bench.lines(),
        [
            "lease 10.0.0.5 prio 255 3s",
            "advert 255",
            "gate open",
            "add 10.0.0.1/24",
            "Init → Master: address owner",
            "announce 10.0.0.1 ×5",
        ]
    );
}

#[test]
fn state_master_below_255_waits_one_interval_and_the_skew() {
    let bench = Bench::started(&[priority(owner(), 128)]);
    assert_eq!(bench.state(), State::Backup);
    assert_eq!(bench.next(), Some((ms(1500), "master_down")));
}

#[test]
fn a_backup_follows_a_better_master_and_takes_over_when_it_falls_silent() {
    let mut bench = Bench::started(&[backup()]);
    bench.guards = Some(false);
    for _ in 0..20 {
        bench.hear(BETTER, &priority(backup(), 200));
        let lines = bench.run(ms(1000));
        assert!(
            lines.iter().all(|line| line.starts_with("watch")),
            "{lines:?}"
        );
    }
    assert_eq!(bench.state(), State::Backup);
    assert!(bench.run(ms(2609)).is_empty());
    assert_eq!(bench.run(ms(1)).len(), 6);
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn a_v3_backup_adopts_the_interval_of_the_master() {
    let mut bench = Bench::started(&[backup()]);
    bench.guards = Some(false);
    let fast = AdvertInterval::from_centiseconds(10).unwrap();
    let master = priority(backup(), 200);
    bench.hear(
        BETTER,
        &VrrpInstance {
            advert_interval: fast,
            ..master
        },
    );
    assert_eq!(
        bench.next(),
        Some((ms(300) + ms(100) * 156 / 256, "master_down"))
    );
    assert_eq!(bench.refused("advert_interval_err"), 0);
}

#[test]
fn a_v2_advert_with_another_interval_is_dropped_and_counted() {
    let ours = VrrpInstance {
        version: Version::V2,
        ..backup()
    };
    let mut bench = Bench::started(std::slice::from_ref(&ours));
    let slow = AdvertInterval::from_centiseconds(200).unwrap();
    let due = bench.next();
    bench.hear(
        BETTER,
        &VrrpInstance {
            advert_interval: slow,
            ..priority(ours, 200)
        },
    );
    assert_eq!(
        (bench.next(), bench.refused("advert_interval_err")),
        (due, 1)
    );
    assert_eq!(bench.snapshot().counts.adverts_received, 0);
}

#[test]
fn priority_0_leaves_a_backup_only_the_skew_to_wait() {
    let mut bench = Bench::started(&[backup()]);
    bench.guards = Some(false);
    bench.hear(BETTER, &priority(backup(), 200));
    bench.pass(ms(500));
    bench.hear_resignation(BETTER);
    assert_eq!(bench.next(), Some((ms(1000) * 156 / 256, "master_down")));
}

#[test]
fn a_master_that_bfd_finds_silent_is_succeeded_at_once() {
    for guards in [false, true] {
        let mut bench = Bench::started(&[backup()]);
        bench.guards = Some(guards);
        bench.hear(BETTER, &priority(backup(), 200));
        bench.run(ms(500));
        let id = bench.id();
        bench.router.handle_peer_silent(id, ip(WORSE), bench.now);
        assert_eq!((bench.state(), bench.lines()), (State::Backup, vec![]));
        bench.router.handle_peer_silent(id, ip(BETTER), bench.now);
        let lines = bench.lines();
        assert_eq!(bench.state(), State::Master, "{guards}");
        assert!(
            lines.contains(&"Backup → Master: master silent by BFD".to_owned()),
            "{lines:?}"
        );
        // Should it live after all, its answer to our advert is better.
        bench.hear(BETTER, &priority(backup(), 200));
        assert_eq!(bench.state(), State::Backup, "{guards}");
    }
}

#[test]
fn a_master_about_to_be_preempted_is_succeeded_at_once_too() {
    let mut bench = Bench::started(&[backup()]);
    bench.hear(WORSE, &priority(backup(), 50));
    bench
        .router
        .handle_peer_silent(bench.id(), ip(WORSE), bench.now);
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn a_silent_peer_means_nothing_to_a_master_or_without_a_master() {
    let mut bench = Bench::started(&[backup()]);
    let silent = |bench: &mut Bench| {
        let id = bench.id();
        bench.router.handle_peer_silent(id, ip(WORSE), bench.now);
        (bench.state(), bench.lines())
    };
    assert_eq!(silent(&mut bench), (State::Backup, vec![]));
    bench.run(ms(3610));
    assert_eq!(silent(&mut bench), (State::Master, vec![]));
}

#[test]
fn priority_0_of_another_than_the_master_changes_nothing() {
    let mut bench = Bench::started(&[backup()]);
    bench.guards = Some(false);
    bench.hear(BETTER, &priority(backup(), 200));
    bench.lines();
    let due = bench.next();
    bench.hear_resignation(WORSE);
    assert_eq!((bench.next(), bench.lines()), (due, vec![]));
}

#[test]
fn priority_0_makes_a_master_speak_up() {
    let mut bench = Bench::started(&[owner()]);
    bench.pass(ms(300));
    bench.hear_resignation(WORSE);
    assert_eq!(bench.lines(), ["advert 255"]);
    assert_eq!(bench.next(), Some((ms(1000), "advert")));
}

#[test]
fn a_better_master_ends_our_being_master_and_is_watched() {
    let mut bench = Bench::started(&[backup()]);
    bench.run(ms(4000));
    bench.hear(BETTER, &priority(backup(), 101));
    assert_eq!(
        bench.lines(),
        [
            "gate fenced",
            "remove 10.0.0.1/24",
            "Master → Backup: a better master is heard",
            "watch 10.0.0.9 prio 101 down 3.609375s in 3.609375s",
            "gate pass",
        ]
    );
    assert_eq!(bench.snapshot().master, Some(ip(BETTER)));
}

#[test]
fn between_equals_the_higher_address_is_master() {
    for (source, expected) in [(BETTER, State::Backup), (WORSE, State::Master)] {
        let mut bench = Bench::started(&[backup()]);
        bench.run(ms(4000));
        bench.hear(source, &backup());
        assert_eq!(bench.state(), expected, "{source}");
    }
}

#[test]
fn a_backup_accepts_an_equal_master_whatever_its_address() {
    let mut bench = Bench::started(&[backup()]);
    bench.hear(WORSE, &backup());
    assert_eq!(
        bench.lines(),
        ["watch 10.0.0.2 prio 100 down 3.609375s in 3.609375s"]
    );
}

#[test]
fn a_lower_priority_makes_a_master_speak_up_and_announce() {
    let mut bench = Bench::started(&[backup()]);
    bench.run(ms(4000));
    bench.hear(BETTER, &priority(backup(), 99));
    assert_eq!(bench.lines(), ["advert 100", "announce 10.0.0.1 ×5"]);
    // Of a flood one in half an interval is announced against.
    for (pass, announced) in [(0, false), (499, false), (1, true), (0, false)] {
        bench.pass(ms(pass));
        bench.hear(WORSE, &priority(backup(), 98));
        let told = bench.lines().iter().any(|l| l.starts_with("announce"));
        assert_eq!(told, announced, "{pass} ms later");
    }
}

#[test]
fn a_lower_master_is_preempted() {
    let mut bench = Bench::started(&[backup()]);
    bench.pass(ms(1000));
    bench.hear(WORSE, &priority(backup(), 50));
    assert!(bench.lines().is_empty());
    assert_eq!(bench.snapshot().master_priority, 50);
    bench.run(ms(2610));
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn with_nopreempt_a_lower_master_is_followed() {
    let mut bench = Bench::started(&[VrrpInstance {
        preempt: false,
        ..backup()
    }]);
    bench.pass(ms(3000));
    bench.hear(WORSE, &priority(backup(), 50));
    bench.run(ms(3000));
    assert_eq!(bench.state(), State::Backup);
    assert!(bench.snapshot().kernel_heartbeat);
}

#[test]
fn what_must_not_count_is_counted_as_refused() {
    let mut bench = Bench::started(&[backup()]);
    let due = bench.next();
    let config = priority(backup(), 200);
    let advert = Advertisement::of(&config, 200);
    let hear = |bench: &mut Bench, source: &str, ttl| {
        let rx = RxMeta {
            interface: super::bench::eth0(),
            source: ip(source),
            ttl,
        };
        bench.router.handle_advert(&rx, &advert, bench.now);
    };
    hear(&mut bench, BETTER, 254);
    hear(&mut bench, OURS, 255);
    bench.hear(
        BETTER,
        &VrrpInstance {
            version: Version::V2,
            ..config.clone()
        },
    );
    bench.hear(
        BETTER,
        &VrrpInstance {
            vrid: 52.try_into().unwrap(),
            ..config.clone()
        },
    );
    bench.hear("fe80::9", &config);
    let refused: Vec<_> = bench.snapshot().counts.refused.into_iter().collect();
    assert_eq!(
        refused,
        [("ip_ttl_err".to_owned(), 1), ("vers_err".to_owned(), 1)]
    );
    assert_eq!((bench.next(), bench.lines()), (due, vec![]));
}

#[test]
fn packets_that_do_not_count_are_counted_with_the_instance_they_were_meant_for() {
    let mut bench = Bench::started(&[backup()]);
    let id = bench.id();
    for _ in 0..2 {
        bench.router.handle_refusal(id, "auth_failure", bench.now);
    }
    assert_eq!(bench.refused("auth_failure"), 2);
    assert_eq!(bench.snapshot().counts.adverts_received, 0);
}

#[test]
fn a_master_with_other_addresses_is_followed_and_counted() {
    let mut bench = Bench::started(&[backup()]);
    bench.hear(
        BETTER,
        &VrrpInstance {
            addresses: vec![],
            ..priority(backup(), 200)
        },
    );
    assert_eq!(
        (bench.refused("addr_list_err"), bench.lines().len()),
        (1, 1)
    );
}

#[test]
fn without_a_usable_link_an_instance_is_in_fault_and_comes_back_as_backup() {
    let down = LinkState {
        up: false,
        ..link(Some(OURS))
    };
    let cases = [
        (None, "no such interface"),
        (Some(down), "interface down"),
        (Some(link(None)), "no source address"),
    ];
    for (state, why) in cases {
        let mut bench = Bench::started(&[priority(owner(), 200)]);
        bench.run(ms(2000));
        assert_eq!(bench.state(), State::Master);
        bench.link(state);
        assert_eq!(
            bench.lines(),
            [
                "gate fenced",
                "remove 10.0.0.1/24",
                &format!("Master → Fault: {why}"),
                "guard off",
                "gate pass",
            ]
        );
        assert_eq!(bench.next(), None);
        bench.up();
        assert_eq!(bench.lines(), ["Fault → Backup: interface usable"]);
        assert_eq!(
            bench.next(),
            Some((ms(3000) + ms(1000) * 56 / 256, "master_down"))
        );
    }
}

#[test]
fn the_source_of_an_ipv6_instance_is_the_link_local_address() {
    let address = super::bench::line("fe80::1/64");
    let config = VrrpInstance {
        family: Family::V6,
        addresses: vec![address],
        ..owner()
    };
    let mut bench = Bench::started(&[config]);
    assert_eq!(bench.state(), State::Fault);
    let v6 = "fe80::5".parse().ok();
    bench.link(Some(LinkState { v6, ..link(None) }));
    assert_eq!(
        bench.router.instance(bench.id()).unwrap().source(),
        v6.map(Into::into)
    );
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn a_new_source_address_renews_lease_and_advert() {
    let mut bench = Bench::started(&[owner()]);
    bench.link(Some(link(Some("10.0.0.6"))));
    assert_eq!(bench.lines(), ["lease 10.0.0.6 prio 255 3s", "advert 255"]);
}

#[test]
fn adverts_stay_on_the_beat_when_a_wake_up_is_late() {
    let mut bench = Bench::started(&[owner()]);
    bench.pass(ms(1200));
    bench.router.handle_timeout(bench.now);
    assert_eq!(
        (bench.lines(), bench.next()),
        (vec!["advert 255".to_owned()], Some((ms(800), "advert")))
    );
    bench.pass(ms(5000));
    bench.router.handle_timeout(bench.now);
    assert_eq!(bench.lines()[0], "advert 255");
    assert_eq!(bench.next(), Some((ms(1000), "advert")));
    assert_eq!(bench.elapsed(), ms(6200));
}

#[test]
fn the_initial_wish_of_an_instance_says_nothing_after_a_fault() {
    let mut bench = Bench::started(&[VrrpInstance {
        state: InitialState::Master,
        ..backup()
    }]);
    bench.link(None);
    bench.up();
    assert_eq!(
        bench.next(),
        Some((ms(3000) + ms(1000) * 156 / 256, "master_down"))
    );
}
