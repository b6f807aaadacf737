//! Start, reload and stop are one diff.

use super::bench::{Bench, backup, line, ms, owner, priority};
use crate::{
    config::model::{AdvertInterval, Version, VrrpInstance},
    vrrp::{
        object::Operation,
        output::{Output, State},
    },
};

#[test]
fn stopping_is_resignation_and_after_the_wait_for_a_successor_fence_and_removal() {
    let mut bench = Bench::started(&[owner()]);
    bench.config(&[]);
    assert_eq!(
        bench.lines(),
        ["lease 10.0.0.5 prio 0 1.9921875s, yields", "advert 0"]
    );
    assert_eq!(
        bench.run(ms(2000)),
        [
            "gate fenced",
            "remove 10.0.0.1/24",
            "Master → Init: stopped",
            "guard off",
            "gate pass",
            "removed",
        ]
    );
    assert!(bench.router.is_empty());
    assert_eq!(
        (bench.next(), bench.router.instance_id("VI_1")),
        (None, None)
    );
}

#[test]
fn a_stopping_instance_waits_for_the_kernel() {
    let mut bench = Bench::started(&[owner()]);
    let id = bench.id();
    bench.addresses = None;
    bench.config(&[]);
    assert_eq!(bench.lines().len(), 2);
    bench.up();
    bench.hear("10.0.0.2", &backup());
    assert_eq!(bench.lines().len(), 3);
    bench.hear("10.0.0.2", &backup());
    assert!(bench.lines().is_empty());
    bench.applied(id, "10.0.0.1/24", Operation::Remove);
    assert_eq!(bench.lines(), ["guard off", "gate pass", "removed"]);
}

#[test]
fn a_backup_stops_without_a_word_to_the_others() {
    let mut bench = Bench::started(&[backup()]);
    bench.hear("10.0.0.9", &owner());
    bench.lines();
    bench.config(&[]);
    assert_eq!(
        bench.lines(),
        ["Backup → Init: stopped", "guard off", "removed"]
    );
}

#[test]
fn an_unchanged_configuration_changes_nothing() {
    let mut bench = Bench::started(&[owner()]);
    let due = bench.next();
    bench.config(&[owner()]);
    assert_eq!((bench.lines(), bench.next()), (vec![], due));
}

#[test]
fn a_reload_keeps_the_master_and_tells_the_others_at_once() {
    let mut bench = Bench::started(&[owner()]);
    let id = bench.id();
    bench.config(&[VrrpInstance {
        addresses: vec![line("10.0.0.2/24"), line("10.0.0.3/24")],
        advert_interval: AdvertInterval::from_centiseconds(10).unwrap(),
        ..priority(owner(), 254)
    }]);
    let mut lines = bench.lines();
    let announced = lines.split_off(5);
    assert_eq!(
        lines,
        [
            "lease 10.0.0.5 prio 254 300ms, yields",
            "advert 254",
            "remove 10.0.0.1/24",
            "add 10.0.0.2/24",
            "add 10.0.0.3/24",
        ]
    );
    let round = ["announce 10.0.0.2", "announce 10.0.0.3"];
    assert_eq!(announced, round.repeat(5));
    assert_eq!((bench.state(), bench.id()), (State::Master, id));
    assert_eq!(bench.next(), Some((ms(100), "advert")));
}

#[test]
fn a_reload_that_lets_a_backup_preempt_ends_its_watch() {
    let mut bench = Bench::started(&[backup()]);
    bench.hear("10.0.0.9", &priority(backup(), 150));
    bench.lines();
    bench.config(&[priority(backup(), 149)]);
    assert_eq!(bench.lines().len(), 1);
    assert!(bench.snapshot().kernel_heartbeat);
    bench.config(&[priority(backup(), 151)]);
    assert_eq!(bench.lines(), ["guard off"]);
    bench.run(ms(3500));
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn another_vrid_or_version_is_another_virtual_router() {
    let other_vrid = VrrpInstance {
        vrid: 52.try_into().unwrap(),
        ..owner()
    };
    let other_version = VrrpInstance {
        version: Version::V2,
        ..owner()
    };
    for other in [other_vrid, other_version] {
        let mut bench = Bench::started(&[owner()]);
        let old = bench.id();
        bench.config(&[other]);
        let lines = bench.lines();
        let position = |wanted: &str| lines.iter().position(|line| line == wanted);
        assert!(position("advert 0") < position("advert 255"), "{lines:?}");
        assert!(position("remove 10.0.0.1/24") < position("add 10.0.0.1/24"));
        assert_eq!(bench.snapshot().installed, ["10.0.0.1/24"]);
        assert_ne!(bench.id(), old);
        assert!(bench.router.instance(old).is_none());
    }
}

#[test]
fn an_instance_added_by_a_reload_begins_with_what_is_known_of_its_link() {
    let mut bench = Bench::started(&[backup()]);
    let second = VrrpInstance {
        name: "VI_2".to_owned(),
        vrid: 52.try_into().unwrap(),
        addresses: vec![line("10.0.0.2/24")],
        ..owner()
    };
    bench.config(&[backup(), second]);
    assert!(
        bench
            .lines()
            .contains(&"Init → Master: address owner".to_owned())
    );
    assert_eq!(bench.router.snapshot(bench.now).len(), 2);
}

#[test]
fn an_instance_waits_for_the_one_whose_place_it_takes() {
    let renamed = VrrpInstance {
        name: "VI_2".to_owned(),
        ..owner()
    };
    let moved = VrrpInstance {
        vrid: 52.try_into().unwrap(),
        ..renamed.clone()
    };
    let again = owner();
    for successor in [renamed, moved, again] {
        let mut bench = Bench::started(&[owner()]);
        let old = bench.id();
        bench.addresses = None;
        bench.config(&[]);
        bench.config(std::slice::from_ref(&successor));
        bench.up();
        assert_eq!(
            bench.lines().len(),
            5,
            "only the old one has something to do"
        );
        bench.applied(old, "10.0.0.1/24", Operation::Remove);
        assert_eq!(
            bench.lines(),
            [
                "guard off",
                "gate pass",
                "removed",
                "lease 10.0.0.5 prio 255 3s",
                "advert 255",
                "gate open",
                "add 10.0.0.1/24",
                "Init → Master: address owner",
            ]
        );
    }
}

#[test]
fn an_instance_that_still_waits_is_dropped_without_a_trace() {
    let mut bench = Bench::started(&[owner()]);
    bench.addresses = None;
    bench.config(&[]);
    bench.config(&[owner()]);
    bench.lines();
    bench.config(&[]);
    assert_eq!(bench.lines(), ["removed"]);
    assert!(!bench.router.is_empty());
}

#[test]
fn an_instance_can_be_asked_about_until_its_removal_is_polled() {
    let mut bench = Bench::started(&[backup()]);
    let id = bench.id();
    bench.config(&[]);
    while let Some(output) = bench.router.poll_output() {
        let removed = matches!(output, Output::Removed { .. });
        assert_eq!(bench.router.instance(id).is_none(), removed, "{output:?}");
        assert_eq!(bench.router.is_empty(), removed);
    }
}
