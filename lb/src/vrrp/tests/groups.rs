//! Groups: one state for all members.

use std::collections::BTreeSet;

use super::bench::{Bench, OURS, backup, ip, line, ms, owner, priority};
use crate::{
    config::model::{Family, SyncGroup, VrrpInstance},
    vrrp::{
        RxMeta,
        advert::Advertisement,
        output::{Standing, State},
    },
};

const BETTER: &str = "10.0.0.9";

fn second(config: VrrpInstance) -> VrrpInstance {
    VrrpInstance {
        name: "VI_2".to_owned(),
        vrid: 52.try_into().unwrap(),
        addresses: vec![line("10.0.0.2/24")],
        ..config
    }
}

fn group() -> SyncGroup {
    SyncGroup {
        members: vec!["VI_1".to_owned(), "VI_2".to_owned()],
        ..SyncGroup::new("G")
    }
}

/// A node whose two instances are one group.
struct Pair {
    bench: Bench,
}

impl Pair {
    fn new(first: VrrpInstance, other: VrrpInstance) -> Self {
        let mut pair = Self {
            bench: Bench::fresh(),
        };
        pair.bench.guards = Some(false);
        pair.config(&[first, second(other)], &[group()]);
        pair.bench.up();
        pair
    }

    fn masters() -> Self {
        let mut pair = Self::new(backup(), backup());
        pair.bench.run(ms(4000));
        assert_eq!(pair.states(), [State::Master, State::Master]);
        pair.bench.told();
        pair
    }

    fn config(&mut self, instances: &[VrrpInstance], groups: &[SyncGroup]) {
        let now = self.bench.now;
        self.bench.router.handle_config(instances, groups, now);
    }

    fn states(&self) -> Vec<State> {
        let snapshot = self.bench.router.snapshot(self.bench.now);
        snapshot.iter().map(|instance| instance.state).collect()
    }

    fn state(&self) -> State {
        self.bench.router.group_snapshot()[0].state
    }

    /// An advert for one of the two.
    fn hear(&mut self, vrid: i64, prio: i64) {
        let config = VrrpInstance {
            vrid: vrid.try_into().unwrap(),
            ..priority(
                VrrpInstance::new("", super::bench::eth0(), 51.try_into().unwrap(), Family::V4),
                prio.max(1),
            )
        };
        let config = VrrpInstance {
            version: backup().version,
            ..config
        };
        let advert = Advertisement::of(&config, u8::try_from(prio).unwrap());
        let rx = RxMeta {
            interface: super::bench::eth0(),
            source: ip(BETTER),
            ttl: 255,
        };
        self.bench
            .router
            .handle_advert(&rx, &advert, self.bench.now);
    }

    fn silent(&mut self, name: &str, peer: &str) {
        let now = self.bench.now;
        let id = self.bench.router.instance_id(name).unwrap();
        self.bench.router.handle_peer_silent(id, ip(peer), now);
    }

    fn fail(&mut self, name: &str, fails: bool) {
        let faults: BTreeSet<String> = fails
            .then(|| "script down".to_owned())
            .into_iter()
            .collect();
        let standing = Standing {
            adjustment: 0,
            faults,
        };
        self.bench
            .router
            .handle_standing(name, &standing, self.bench.now);
    }
}

#[test]
fn a_group_succeeds_a_silent_master_when_all_have_heard_of_it() {
    let mut pair = Pair::new(backup(), backup());
    pair.bench.run(ms(100));
    pair.hear(51, 200);
    for name in ["VI_1", "VI_2"] {
        pair.silent(name, OURS);
        assert_eq!(pair.states(), [State::Backup; 2]);
    }
    // Only the first of them knows the address.
    pair.silent("VI_1", BETTER);
    assert_eq!(pair.states(), [State::Backup; 2]);
    pair.silent("VI_2", BETTER);
    assert_eq!(pair.states(), [State::Master; 2]);
    pair.silent("VI_1", BETTER);
    assert_eq!(pair.states(), [State::Master; 2]);
}

#[test]
fn all_become_master_when_the_last_would_and_are_told_of_before_their_group() {
    let mut pair = Pair::new(backup(), priority(backup(), 50));
    assert_eq!(
        pair.bench.told(),
        [
            "INSTANCE VI_1 BACKUP 100",
            "INSTANCE VI_2 BACKUP 50",
            "GROUP G BACKUP 0"
        ]
    );
    pair.bench.run(ms(3700));
    assert_eq!(pair.states(), [State::Backup, State::Backup]);
    pair.bench.run(ms(110));
    assert_eq!(pair.states(), [State::Master, State::Master]);
    assert_eq!(
        pair.bench.told(),
        [
            "INSTANCE VI_1 MASTER 100",
            "INSTANCE VI_2 MASTER 50",
            "GROUP G MASTER 0"
        ]
    );
}

#[test]
fn one_that_hears_a_master_keeps_all_in_backup() {
    let mut pair = Pair::new(backup(), backup());
    for _ in 0..8 {
        pair.hear(52, 150);
        pair.bench.run(ms(1000));
    }
    assert_eq!(pair.states(), [State::Backup, State::Backup]);
    pair.bench.run(ms(3000));
    assert_eq!(pair.states(), [State::Master, State::Master]);
}

#[test]
fn who_would_be_master_and_hears_one_would_not_any_more() {
    let mut pair = Pair::new(backup(), backup());
    pair.bench.run(ms(2000));
    pair.hear(52, 150);
    pair.bench.run(ms(2000));
    pair.hear(51, 150);
    pair.bench.run(ms(2000));
    assert_eq!(pair.states(), [State::Backup, State::Backup]);
}

#[test]
fn one_that_is_beaten_takes_the_others_along_and_they_say_that_they_stop() {
    let mut pair = Pair::masters();
    pair.hear(51, 150);
    let lines = pair.bench.lines();
    assert_eq!(
        lines.iter().filter(|line| *line == "advert 0").count(),
        1,
        "{lines:?}"
    );
    assert_eq!(pair.states(), [State::Backup, State::Backup]);
    assert_eq!(
        pair.bench.told(),
        [
            "INSTANCE VI_1 BACKUP 100",
            "INSTANCE VI_2 BACKUP 100",
            "GROUP G BACKUP 0"
        ]
    );
}

#[test]
fn a_fault_of_one_is_a_fault_of_all_and_ends_for_all() {
    let mut pair = Pair::masters();
    pair.fail("VI_1", true);
    assert_eq!(pair.states(), [State::Fault, State::Fault]);
    let why: Vec<String> = pair
        .bench
        .router
        .snapshot(pair.bench.now)
        .into_iter()
        .map(|i| i.why)
        .collect();
    assert_eq!(why, ["script down", "VI_1 of its group has a fault"]);
    assert_eq!(
        pair.bench.told(),
        [
            "INSTANCE VI_1 FAULT 100",
            "INSTANCE VI_2 FAULT 100",
            "GROUP G FAULT 0"
        ]
    );
    pair.fail("VI_2", true);
    pair.fail("VI_1", false);
    assert_eq!(pair.states(), [State::Fault, State::Fault]);
    assert!(pair.bench.told().is_empty());
    pair.fail("VI_2", false);
    assert_eq!(pair.states(), [State::Backup, State::Backup]);
    assert_eq!(
        pair.bench.told(),
        [
            "INSTANCE VI_2 BACKUP 100",
            "INSTANCE VI_1 BACKUP 100",
            "GROUP G BACKUP 0"
        ]
    );
}

#[test]
fn owners_start_together() {
    let pair = Pair::new(owner(), owner());
    assert_eq!(
        (pair.states(), pair.state()),
        (vec![State::Master, State::Master], State::Master)
    );
    let pair = Pair::new(owner(), backup());
    assert_eq!(
        (pair.states(), pair.state()),
        (vec![State::Backup, State::Backup], State::Backup)
    );
}

#[test]
fn a_lower_master_beside_one_makes_all_announce() {
    let mut pair = Pair::masters();
    pair.bench.run(ms(6000));
    pair.hear(51, 50);
    let lines = pair.bench.lines();
    assert!(
        lines.contains(&"announce 10.0.0.1 ×5".to_owned()),
        "{lines:?}"
    );
    assert!(
        lines.contains(&"announce 10.0.0.2 ×5".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn members_that_differ_after_a_reload_become_backup() {
    let mut pair = Pair::new(owner(), backup());
    pair.config(&[owner(), second(backup())], &[]);
    pair.fail("VI_1", true);
    pair.fail("VI_1", false);
    assert_eq!(pair.states(), [State::Master, State::Backup]);
    pair.bench.told();
    pair.config(&[owner(), second(backup())], &[group()]);
    assert_eq!(pair.states(), [State::Backup, State::Backup]);
    assert_eq!(
        pair.bench.told(),
        ["INSTANCE VI_1 BACKUP 255", "GROUP G BACKUP 0"]
    );
}

#[test]
fn an_unchanged_group_is_not_told_of_again() {
    let mut pair = Pair::masters();
    pair.config(&[backup(), second(backup())], &[group()]);
    assert!(pair.bench.told().is_empty());
    assert_eq!(pair.states(), [State::Master, State::Master]);
}

#[test]
fn who_leaves_a_group_with_a_fault_has_none_any_more() {
    let mut pair = Pair::masters();
    pair.fail("VI_1", true);
    pair.config(&[backup(), second(backup())], &[]);
    assert_eq!(pair.states(), [State::Fault, State::Backup]);
}

#[test]
fn a_group_yields_as_a_whole() {
    let mut pair = Pair::masters();
    pair.bench.router.handle_yield("VI_2", None, pair.bench.now);
    pair.bench.run(ms(300));
    pair.hear(51, 50);
    pair.bench.lines();
    assert_eq!(
        pair.states(),
        [State::Backup, State::Master],
        "each closes when its successor speaks"
    );
    pair.hear(52, 50);
    pair.bench.lines();
    assert_eq!(pair.states(), [State::Backup, State::Backup]);
    for _ in 0..6 {
        pair.bench.run(ms(1000));
        pair.hear(51, 50);
        pair.hear(52, 50);
    }
    assert_eq!(pair.states(), [State::Backup, State::Backup]);
}

#[test]
fn at_the_end_members_are_told_of_before_their_group() {
    let mut pair = Pair::masters();
    pair.bench.router.handle_stop(pair.bench.now);
    pair.bench.run(ms(3000));
    assert_eq!(
        pair.bench.told(),
        [
            "INSTANCE VI_1 STOP 100",
            "INSTANCE VI_2 STOP 100",
            "GROUP G STOP 0"
        ]
    );
    assert!(pair.bench.router.is_empty());
}
