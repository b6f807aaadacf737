//! What the kernel carries of the heartbeat.

use super::bench::{Bench, backup, ip, ms, owner, priority};
use crate::{
    config::model::VrrpInstance,
    vrrp::output::{Gate, State},
};

const BETTER: &str = "10.0.0.9";

/// A backup whose kernel watches a master of priority 200.
fn watching() -> Bench {
    let mut bench = Bench::started(&[backup()]);
    bench.hear(BETTER, &priority(backup(), 200));
    assert_eq!(
        bench.lines(),
        ["watch 10.0.0.9 prio 200 down 3.609375s in 3.609375s"]
    );
    bench
}

#[test]
fn while_the_kernel_watches_nothing_wakes_us() {
    let bench = watching();
    assert_eq!(bench.next(), None);
    assert!(bench.snapshot().kernel_heartbeat);
}

#[test]
fn where_the_kernel_cannot_watch_userspace_does() {
    let mut bench = Bench::started(&[backup()]);
    bench.guards = Some(false);
    bench.hear(BETTER, &priority(backup(), 200));
    bench.lines();
    assert_eq!(
        bench.next(),
        Some((ms(3000) + ms(1000) * 156 / 256, "master_down"))
    );
    assert!(!bench.snapshot().kernel_heartbeat);
}

#[test]
fn a_watch_the_kernel_had_no_memory_for_is_set_when_it_has() {
    let mut bench = Bench::started(&[backup()]);
    bench.guards = Some(false);
    bench.hear(BETTER, &priority(backup(), 200));
    bench.lines();
    bench.guards = Some(true);
    bench.pass(ms(1000));
    let id = bench.id();
    bench.router.handle_guard_possible(id, bench.now);
    assert_eq!(
        bench.lines(),
        ["watch 10.0.0.9 prio 200 down 3.609375s in 2.609375s"]
    );
    assert_eq!(bench.next(), None);
    bench.router.handle_guard_possible(id, bench.now);
    assert_eq!(bench.lines(), Vec::<String>::new());
}

#[test]
fn adverts_lost_here_are_not_the_masters_silence_but_only_once() {
    let mut bench = Bench::started(&[backup()]);
    bench.guards = Some(false);
    bench.hear(BETTER, &priority(backup(), 200));
    bench.lines();
    let down = ms(3000) + ms(1000) * 156 / 256;
    let id = bench.id();
    bench.pass(ms(3000));
    bench.router.handle_overflow(id, bench.now);
    assert_eq!(bench.next(), Some((down, "master_down")));
    bench.pass(ms(3000));
    bench.router.handle_overflow(id, bench.now);
    assert_eq!(bench.next(), Some((down - ms(3000), "master_down")));
    bench.hear(BETTER, &priority(backup(), 200));
    bench.router.handle_overflow(id, bench.now);
    assert_eq!(bench.next(), Some((down, "master_down")));
}

#[test]
fn a_watch_the_kernel_keeps_lasts_whatever_the_daemon_has_lost() {
    let mut bench = watching();
    bench.router.handle_overflow(bench.id(), bench.now);
    assert_eq!(bench.next(), None);
}

#[test]
fn a_watch_the_kernel_loses_is_userspaces_again() {
    let mut bench = watching();
    bench
        .router
        .handle_guard(bench.id(), bench.epoch, false, bench.now);
    assert_eq!(bench.next().map(|(_, why)| why), Some("master_down"));
}

#[test]
fn the_master_down_event_of_the_kernel_makes_us_master() {
    let mut bench = watching();
    bench.pass(ms(10_000));
    let id = bench.id();
    bench.router.handle_master_down(id, bench.epoch, bench.now);
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn events_of_an_older_guard_are_ignored() {
    let mut bench = watching();
    bench.pass(ms(10_000));
    let (id, now) = (bench.id(), bench.now);
    let old = bench.epoch - 1;
    bench.router.handle_master_down(id, old, now);
    bench.router.handle_guard(id, old, false, now);
    bench.router.handle_heartbeat(id, old, now - ms(9000), now);
    assert_eq!((bench.state(), bench.next()), (State::Backup, None));

    bench.router.handle_master_down(id, bench.epoch, now);
    bench.lines();
    let old = bench.epoch - 1;
    let due = bench.next();
    bench.router.handle_lease_lost(id, old, now);
    bench.router.handle_yielded(id, old, now);
    assert_eq!((bench.lines(), bench.next()), (vec![], due));
}

#[test]
fn another_advert_of_the_master_is_watched_anew() {
    let mut bench = watching();
    bench.pass(ms(700));
    bench.hear(BETTER, &priority(backup(), 150));
    assert_eq!(
        bench.lines(),
        ["watch 10.0.0.9 prio 150 down 3.609375s in 3.609375s"]
    );
}

#[test]
fn priority_0_shortens_the_watch_to_the_skew() {
    let mut bench = watching();
    bench.hear_resignation(BETTER);
    assert_eq!(
        bench.lines(),
        ["watch 10.0.0.9 prio 200 down 3.609375s in 609.375ms"]
    );
}

#[test]
fn three_adverts_the_kernel_should_have_absorbed_end_our_trust() {
    let mut bench = watching();
    for expected in [vec![], vec![], vec!["guard off".to_owned()]] {
        bench.pass(ms(1000));
        bench.hear(BETTER, &priority(backup(), 200));
        assert_eq!(bench.lines(), expected);
    }
    assert_eq!(
        bench.next(),
        Some((ms(3000) + ms(1000) * 156 / 256, "master_down"))
    );
    assert!(!bench.snapshot().kernel_heartbeat);
    // Until the state changes no watch is set.
    bench.hear(BETTER, &priority(backup(), 201));
    assert!(bench.lines().is_empty());
    bench.run(ms(4000));
    bench.hear(BETTER, &priority(backup(), 202));
    assert!(bench.snapshot().kernel_heartbeat || bench.lines().len() > 3);
}

#[test]
fn adverts_that_waited_together_in_the_queue_are_no_reason_to_distrust() {
    let mut bench = watching();
    bench.pass(ms(5));
    for _ in 0..20 {
        bench.hear(BETTER, &priority(backup(), 200));
    }
    assert!(bench.lines().is_empty());
    assert!(bench.snapshot().kernel_heartbeat);
}

#[test]
fn a_kernel_timer_that_missed_adverts_we_heard_does_not_make_us_master() {
    // The second comes so soon that it is no reason to distrust.
    for heard in [1000, 400] {
        let mut bench = watching();
        bench.pass(ms(heard));
        bench.hear(BETTER, &priority(backup(), 200));
        bench.pass(ms(3610 - heard));
        let id = bench.id();
        bench.router.handle_master_down(id, bench.epoch, bench.now);
        assert_eq!(bench.lines(), ["guard off"]);
        assert_eq!(bench.run(ms(heard - 1)), [] as [&str; 0]);
        bench.run(ms(1));
        assert_eq!(bench.state(), State::Master);
    }
}

#[test]
fn the_audit_finds_a_silent_master_the_kernel_did_not_report() {
    let mut bench = watching();
    let (id, heard) = (bench.id(), bench.now + ms(7000));
    bench.pass(ms(10_000));
    bench
        .router
        .handle_heartbeat(id, bench.epoch, heard, bench.now);
    assert_eq!(bench.state(), State::Backup);
    bench.pass(ms(610));
    bench
        .router
        .handle_heartbeat(id, bench.epoch, heard, bench.now);
    assert_eq!(bench.state(), State::Master);
}

#[test]
fn a_lost_lease_is_renewed_while_nobody_better_is_heard() {
    let mut bench = Bench::started(&[owner()]);
    bench.pass(ms(10_000));
    let id = bench.id();
    bench.router.handle_lease_lost(id, bench.epoch, bench.now);
    assert_eq!(
        bench.lines(),
        [
            "lease 10.0.0.5 prio 255 3s",
            "advert 255",
            "gate open",
            "announce 10.0.0.1 ×5",
        ]
    );
}

#[test]
fn a_master_that_cannot_say_so_stays_fenced_until_it_can() {
    let mut bench = Bench::started(&[owner()]);
    bench.run(ms(10_000));
    let id = bench.id();
    bench.adverts_leave = false;
    bench.router.handle_lease_lost(id, bench.epoch, bench.now);
    assert_eq!(bench.lines(), ["lease 10.0.0.5 prio 255 3s", "advert 255"]);
    assert_eq!(bench.snapshot().gate, Gate::Fenced);
    assert_eq!(bench.run(ms(1000)), ["advert 255"]);
    bench.adverts_leave = true;
    assert_eq!(
        bench.run(ms(1000)),
        ["advert 255", "gate open", "announce 10.0.0.1 ×5"]
    );
}

#[test]
fn a_lost_lease_stays_lost_once_a_better_master_is_heard() {
    let mut bench = Bench::started(&[backup()]);
    bench.run(ms(4000));
    let (id, lease) = (bench.id(), bench.epoch);
    bench.hear(BETTER, &priority(backup(), 200));
    bench.lines();
    bench.router.handle_lease_lost(id, lease, bench.now);
    bench.router.handle_yielded(id, lease, bench.now);
    assert_eq!((bench.lines(), bench.state()), (vec![], State::Backup));
}

#[test]
fn a_kernel_that_yields_to_nobody_is_overruled_and_yields_no_more() {
    let mut bench = Bench::started(&[backup()]);
    bench.run(ms(3610));
    let id = bench.id();
    bench.router.handle_yielded(id, bench.epoch, bench.now);
    assert_eq!(bench.next(), Some((ms(20), "yielded")));
    assert_eq!(
        bench.run(ms(20)),
        [
            "lease 10.0.0.5 prio 100 3s",
            "advert 100",
            "gate open",
            "announce 10.0.0.1 ×5",
        ]
    );
}

#[test]
fn a_kernel_that_yields_is_right_when_the_better_advert_comes_up() {
    let mut bench = Bench::started(&[backup()]);
    bench.run(ms(4000));
    let id = bench.id();
    bench.router.handle_yielded(id, bench.epoch, bench.now);
    bench.hear(BETTER, &priority(backup(), 200));
    bench.lines();
    assert_eq!((bench.state(), bench.next()), (State::Backup, None));
}

#[test]
fn an_adopted_lease_makes_us_master_before_anything_is_removed() {
    let addresses = ["10.0.0.1/24", "10.0.0.2/24"];
    let config = VrrpInstance {
        addresses: addresses.map(super::bench::line).to_vec(),
        ..backup()
    };
    let mut bench = Bench::fresh();
    bench.config(&[config]);
    let id = bench.id();
    bench.router.handle_adopted(id, bench.now);
    bench
        .router
        .handle_address(&super::bench::eth0(), ip("10.0.0.1"), 24, true, bench.now);
    assert!(bench.lines().is_empty());
    bench.up();
    assert_eq!(
        bench.lines(),
        [
            "lease 10.0.0.5 prio 100 3s, yields",
            "advert 100",
            "gate open",
            "add 10.0.0.2/24",
            "announce 10.0.0.1 ×5",
            "Init → Master: lease adopted",
            "announce 10.0.0.2 ×5",
        ]
    );
    assert_eq!(bench.snapshot().gate, Gate::Open);
}

#[test]
fn a_reload_between_losing_a_lease_and_hearing_of_it_does_not_leave_the_gate_fenced() {
    let mut bench = Bench::started(&[backup()]);
    bench.run(ms(3610));
    let (id, lost) = (bench.id(), bench.epoch);
    bench.pass(ms(10_000));
    bench.config(&[priority(backup(), 101)]);
    assert_eq!(bench.lines().len(), 2);
    bench.router.handle_lease_lost(id, lost, bench.now);
    assert!(bench.lines().contains(&"gate open".to_owned()));
}
