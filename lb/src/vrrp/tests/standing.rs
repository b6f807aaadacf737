//! What tracking makes of an instance: its priority, and FAULT.

use std::collections::BTreeSet;

use super::bench::{Bench, backup, line, ms, owner, priority};
use crate::{
    config::model::{VrrpInstance, vrrp::StateNotify},
    vrrp::output::{Standing, State},
};

const BETTER: &str = "10.0.0.9";

fn adjusted(adjustment: i32) -> Standing {
    Standing {
        adjustment,
        faults: BTreeSet::new(),
    }
}

fn faulty(why: &str) -> Standing {
    Standing {
        adjustment: 0,
        faults: [why.to_owned()].into(),
    }
}

impl Bench {
    fn stands(&mut self, standing: &Standing) {
        self.router.handle_standing("VI_1", standing, self.now);
    }
}

#[test]
fn the_priority_is_the_sum_limited_to_1_and_254_and_the_owners_never_moves() {
    let cases = [
        (100, 0, 100),
        (100, 20, 120),
        (100, -20, 80),
        (100, 200, 254),
        (100, i32::MAX, 254),
        (100, -100, 1),
        (100, i32::MIN, 1),
        (254, 1, 254),
        (255, -100, 255),
        (255, 100, 255),
    ];
    for (base, adjustment, expected) in cases {
        let mut bench = Bench::fresh();
        bench.config(&[priority(backup(), base)]);
        bench.stands(&adjusted(adjustment));
        bench.up();
        let snapshot = bench.snapshot();
        assert_eq!(
            (i64::from(snapshot.base_priority), snapshot.priority),
            (base, expected),
            "{base} {adjustment:+}"
        );
    }
}

#[test]
fn a_master_takes_its_new_priority_up_with_its_next_advert_and_the_lease_follows() {
    let mut bench = Bench::started(&[backup()]);
    bench.run(ms(4000));
    let due = bench.next();
    bench.stands(&adjusted(-40));
    assert_eq!((bench.lines(), bench.next()), (vec![], due));
    assert_eq!(bench.snapshot().priority, 100);
    assert_eq!(
        bench.run(ms(1000)),
        ["advert 60", "lease 10.0.0.5 prio 60 3s, yields"]
    );
    assert_eq!(bench.run(ms(1000)), ["advert 60"]);
}

#[test]
fn a_lease_of_another_priority_is_not_renewed_by_an_advert_that_does_not_leave() {
    let mut bench = Bench::started(&[backup()]);
    bench.run(ms(4000));
    bench.adverts_leave = false;
    for adjustment in 1..5 {
        bench.stands(&adjusted(adjustment));
        assert_eq!(
            bench.run(ms(1000)),
            [format!("advert {}", 100 + adjustment)]
        );
    }
}

#[test]
fn a_backup_that_has_become_better_preempts_and_one_that_has_become_worse_does_not() {
    let cases = [
        (60, State::Master),
        (50, State::Backup),
        (-60, State::Backup),
    ];
    for (adjustment, expected) in cases {
        let mut bench = Bench::started(&[backup()]);
        bench.guards = Some(false);
        for _ in 0..6 {
            bench.hear(BETTER, &priority(backup(), 150));
            bench.run(ms(1000));
            bench.stands(&adjusted(adjustment));
        }
        assert_eq!(bench.state(), expected, "{adjustment}");
    }
}

#[test]
fn a_priority_that_comes_and_goes_gives_a_silent_master_no_more_time() {
    for carried in [false, true] {
        let mut bench = Bench::started(&[backup()]);
        bench.guards = Some(carried);
        bench.hear(BETTER, &priority(backup(), 150));
        bench.lines();
        for round in 0..36 {
            bench.stands(&adjusted(if round % 2 == 0 { -50 } else { 0 }));
            bench.run(ms(100));
        }
        bench.stands(&adjusted(0));
        if carried {
            assert_eq!(bench.lines(), [] as [&str; 0], "the watch goes on");
            let id = bench.id();
            bench.router.handle_master_down(id, bench.epoch, bench.now);
        }
        bench.run(ms(10));
        assert_eq!(
            bench.state(),
            State::Master,
            "carried by the kernel: {carried}"
        );
    }
}

#[test]
fn a_watch_set_with_more_priority_is_waited_for_by_the_patience_of_now() {
    let mut bench = Bench::started(&[backup()]);
    bench.hear(BETTER, &priority(backup(), 150));
    bench.lines();
    bench.stands(&adjusted(-50));
    bench.pass(ms(3610));
    let id = bench.id();
    bench.router.handle_master_down(id, bench.epoch, bench.now);
    assert_eq!(bench.lines(), ["guard off"]);
    let skew = (ms(1000) * 206 / 256) - (ms(1000) * 156 / 256);
    assert_eq!(bench.next(), Some((skew, "master_down")));
}

#[test]
fn an_audit_sets_a_watch_of_too_much_patience_anew() {
    let mut bench = Bench::started(&[backup()]);
    bench.hear(BETTER, &priority(backup(), 200));
    bench.lines();
    bench.stands(&adjusted(50));
    let (id, epoch) = (bench.id(), bench.epoch);
    bench.pass(ms(2500));
    let set = bench.now - ms(2500);
    bench.router.handle_heartbeat(id, epoch, set, bench.now);
    assert!(
        bench.lines().is_empty(),
        "no advert since the watch was set"
    );
    let heard = bench.now - ms(500);
    bench.router.handle_heartbeat(id, epoch, heard, bench.now);
    assert_eq!(
        bench.lines(),
        ["watch 10.0.0.9 prio 200 down 3.4140625s in 2.9140625s"]
    );
}

#[test]
fn any_fault_is_told_and_leaving_the_last_is_waiting_as_backup() {
    let mut bench = Bench::started(&[priority(owner(), 200)]);
    bench.run(ms(2000));
    bench.told();
    bench.stands(&faulty("script check_a failed"));
    assert_eq!(
        bench.lines(),
        [
            "gate fenced",
            "advert 0",
            "remove 10.0.0.1/24",
            "Master → Fault: script check_a failed",
            "guard off",
            "gate pass",
        ]
    );
    assert_eq!(bench.next(), None);
    bench.stands(&faulty("script check_b failed"));
    bench.link(None);
    let snapshot = bench.snapshot();
    assert_eq!(
        snapshot.faults,
        ["no such interface", "script check_b failed"]
    );
    bench.up();
    assert_eq!(
        (bench.lines(), bench.snapshot().why.as_str()),
        (vec![], "script check_b failed")
    );
    bench.stands(&adjusted(0));
    assert_eq!(
        bench.lines(),
        ["Fault → Backup: what it tracks is well again"]
    );
    assert_eq!(
        bench.told(),
        ["INSTANCE VI_1 FAULT 200", "INSTANCE VI_1 BACKUP 200"]
    );
    assert_eq!(
        bench.next(),
        Some((ms(3000) + ms(1000) * 56 / 256, "master_down"))
    );
}

#[test]
fn the_owner_is_master_again_as_soon_as_it_has_no_fault() {
    let mut bench = Bench::started(&[owner()]);
    bench.stands(&faulty("file gone"));
    assert_eq!(bench.state(), State::Fault);
    bench.stands(&adjusted(0));
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn a_fault_known_before_the_link_is_honoured_from_the_start() {
    let mut bench = Bench::fresh();
    bench.config(&[owner()]);
    bench.stands(&faulty("script check failed"));
    assert!(bench.lines().is_empty());
    bench.up();
    assert_eq!(bench.state(), State::Fault);
    assert!(!bench.lines().iter().any(|line| line.starts_with("advert")));
}

#[test]
fn new_priorities_are_told_where_that_is_wished() {
    let wished = VrrpInstance {
        notify: StateNotify {
            priority_changes: true,
            ..StateNotify::default()
        },
        ..backup()
    };
    let mut bench = Bench::started(&[
        wished,
        VrrpInstance {
            name: "VI_2".to_owned(),
            vrid: 52.try_into().unwrap(),
            addresses: vec![line("10.0.0.2/24")],
            ..backup()
        },
    ]);
    bench.told();
    for name in ["VI_1", "VI_2"] {
        bench
            .router
            .handle_standing(name, &adjusted(-10), bench.now);
    }
    assert_eq!(bench.told(), ["INSTANCE VI_1 BACKUP_PRIORITY 90"]);
    bench.run(ms(4000));
    bench.told();
    bench.stands(&adjusted(0));
    assert!(bench.told().is_empty());
    bench.run(ms(1000));
    assert_eq!(bench.told(), ["INSTANCE VI_1 MASTER_PRIORITY 100"]);
}

#[test]
fn a_master_whose_priority_fell_makes_way_before_it_says_so() {
    let mut bench = Bench::started(&[priority(backup(), 200)]);
    bench.run(ms(5000));
    bench.stands(&adjusted(-150));
    bench.hear(BETTER, &priority(backup(), 100));
    assert_eq!(bench.state(), State::Backup);
}

#[test]
fn a_master_we_were_about_to_preempt_counts_from_its_last_advert_when_we_are_not_any_more() {
    let mut bench = Bench::started(&[backup()]);
    bench.hear(BETTER, &priority(backup(), 200));
    bench.stands(&adjusted(150));
    bench.pass(ms(1000));
    bench.hear(BETTER, &priority(backup(), 200));
    bench.pass(ms(500));
    bench.stands(&adjusted(0));
    let down = ms(3000) + ms(1000) * 156 / 256;
    assert_eq!(bench.next(), Some((down - ms(500), "master_down")));
}
