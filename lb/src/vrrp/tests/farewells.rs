//! Make before break: a MASTER that resigns answers until its successor speaks. And what is told of endings.

use super::bench::{Bench, backup, line, ms, owner, priority};
use crate::{
    config::model::{
        AdvertInterval, Version, VrrpInstance,
        vrrp::{Election, OnDelete, StateNotify},
    },
    vrrp::output::State,
};

const BETTER: &str = "10.0.0.9";
const WORSE: &str = "10.0.0.2";

/// A master since a while, the effects so far dropped.
fn master(config: &VrrpInstance) -> Bench {
    let mut bench = Bench::started(std::slice::from_ref(config));
    bench.run(ms(4000));
    assert_eq!(bench.state(), State::Master);
    bench.told();
    bench
}

#[test]
fn a_master_that_stops_answers_until_its_successor_speaks() {
    let mut bench = master(&backup());
    bench.router.handle_stop(bench.now);
    let begun = bench.lines();
    assert!(
        begun[0].starts_with("lease 10.0.0.5 prio 0 1.99"),
        "{begun:?}"
    );
    assert_eq!(begun[1..], ["advert 0"]);
    assert!(bench.run(ms(800)).is_empty());
    bench.hear(WORSE, &priority(backup(), 50));
    assert_eq!(
        bench.lines(),
        [
            "gate fenced",
            "remove 10.0.0.1/24",
            "Master → Init: stopped",
            "guard off",
            "gate pass",
            "removed",
        ]
    );
    assert_eq!(bench.told(), ["INSTANCE VI_1 STOP 100"]);
    assert!(bench.router.is_empty());
}

#[test]
fn another_resignation_is_no_successor() {
    let mut bench = master(&backup());
    bench.router.handle_stop(bench.now);
    bench.hear_resignation(WORSE);
    bench.lines();
    assert!(!bench.router.is_empty());
}

#[test]
fn a_farewell_is_bounded_by_the_skew_by_three_seconds_and_by_the_last_advert() {
    let interval = |centiseconds| AdvertInterval::from_centiseconds(centiseconds).unwrap();
    let election = |adverts| Election {
        down_timer_adverts: adverts,
        ..Election::default()
    };
    let second = ms(1000) * 255 / 256 * 2;
    let cases = [
        (Version::V3, 100, 3, ms(0), Some(second)),
        (Version::V3, 1, 3, ms(0), Some(ms(10) * 255 / 256 * 2)),
        (Version::V3, 1000, 3, ms(0), Some(ms(3000))),
        (Version::V2, 100, 3, ms(0), Some(second)),
        (Version::V3, 100, 2, ms(500), Some(ms(1500))),
        (
            Version::V3,
            100,
            1,
            ms(500),
            Some(std::time::Duration::from_nanos(503_906_250)),
        ),
    ];
    for (version, centiseconds, adverts, since, expected) in cases {
        let config = VrrpInstance {
            version,
            advert_interval: interval(centiseconds),
            election: election(adverts),
            ..owner()
        };
        let mut bench = Bench::started(&[config]);
        bench.run(since);
        bench.router.handle_stop(bench.now);
        bench.lines();
        let next = bench.next();
        assert_eq!(
            next,
            expected.map(|time| (time, "farewell")),
            "{version:?} {centiseconds} {adverts}"
        );
    }
}

#[test]
fn who_cannot_be_heard_does_not_wait() {
    let mut bench = master(&backup());
    bench.adverts_leave = false;
    bench.router.handle_stop(bench.now);
    assert!(bench.lines().ends_with(&["removed".to_owned()]));

    let mut bench = master(&backup());
    bench.router.handle_stop(bench.now);
    bench.lines();
    bench.link(None);
    assert!(bench.lines().ends_with(&["removed".to_owned()]));
}

#[test]
fn the_kernel_may_close_the_gate_first_and_has_the_last_word() {
    let mut bench = master(&backup());
    let id = bench.id();
    bench.router.handle_stop(bench.now);
    bench.lines();
    bench.router.handle_yielded(id, bench.epoch, bench.now);
    bench.router.handle_lease_lost(id, bench.epoch, bench.now);
    assert!(bench.lines().is_empty());
    assert!(
        bench.told().is_empty(),
        "nobody was fenced against its will"
    );
    bench.run(ms(2000));
    assert!(bench.router.is_empty());
}

#[test]
fn a_yielding_master_follows_its_successor_until_the_time_is_over() {
    let mut bench = master(&priority(backup(), 200));
    assert!(
        bench
            .router
            .handle_yield("VI_1", Some(ms(10_000)), bench.now)
    );
    let begun = bench.lines();
    assert_eq!((begun.len(), begun[1].as_str()), (2, "advert 0"));
    bench.run(ms(500));
    bench.hear(WORSE, &backup());
    assert_eq!(
        bench.lines(),
        [
            "gate fenced",
            "remove 10.0.0.1/24",
            "Master → Backup: handed over",
            "watch 10.0.0.2 prio 100 down 3.99609375s in 3.99609375s",
            "gate pass",
        ]
    );
    let snapshot = bench.snapshot();
    assert_eq!((snapshot.yielding, snapshot.yields_for), (true, Some(9.5)));
    assert_eq!(bench.next(), Some((ms(9500), "yield")));
    assert_eq!(bench.run(ms(9500)), ["guard off"]);
    bench.run(ms(3300));
    assert_eq!(
        (bench.state(), bench.snapshot().yielding),
        (State::Master, false)
    );
    assert_eq!(
        bench.told(),
        [
            "yielding Begun(Some(10s))",
            "INSTANCE VI_1 BACKUP 200",
            "yielding Over(\"the time is over\")",
            "INSTANCE VI_1 MASTER 200"
        ]
    );
}

#[test]
fn a_time_beyond_the_clock_is_for_ever() {
    let mut bench = Bench::started(&[backup()]);
    let time = std::time::Duration::MAX;
    bench.router.handle_yield("VI_1", Some(time), bench.now);
    let snapshot = bench.snapshot();
    assert_eq!((snapshot.yielding, snapshot.yields_for), (true, None));
}

#[test]
fn a_yielding_master_that_nobody_succeeds_goes_on() {
    let mut bench = master(&backup());
    bench.router.handle_yield("VI_1", None, bench.now);
    bench.lines();
    assert_eq!(
        bench.run(ms(2000)),
        [
            "lease 10.0.0.5 prio 100 3s, yields",
            "advert 100",
            "gate open",
            "announce 10.0.0.1 ×5",
        ]
    );
    let snapshot = bench.snapshot();
    assert_eq!(
        (snapshot.why.as_str(), snapshot.yielding),
        ("nobody took over", false)
    );
    assert_eq!(
        bench.told(),
        [
            "yielding Begun(None)",
            "yielding Over(\"nobody took over\")"
        ]
    );
}

#[test]
fn a_yielding_backup_follows_anybody_and_takes_over_last_until_released() {
    let mut bench = Bench::started(&[backup()]);
    bench.guards = Some(false);
    bench.router.handle_yield("VI_1", None, bench.now);
    bench.hear(WORSE, &priority(backup(), 50));
    assert_eq!(
        bench.next(),
        Some((ms(3000) + ms(1000) * 255 / 256, "master_down"))
    );
    for _ in 0..5 {
        bench.hear(WORSE, &priority(backup(), 50));
        bench.run(ms(1000));
    }
    assert_eq!(bench.state(), State::Backup);
    bench.router.handle_release("VI_1", bench.now);
    for _ in 0..4 {
        bench.hear(WORSE, &priority(backup(), 50));
        bench.run(ms(1000));
    }
    assert_eq!(bench.state(), State::Master);
    assert!(!bench.router.handle_yield("nobody", None, bench.now));
    assert!(!bench.router.handle_release("nobody", bench.now));
}

#[test]
fn a_yielding_master_may_be_stopped_or_fail() {
    let mut bench = master(&backup());
    bench.router.handle_yield("VI_1", None, bench.now);
    bench.router.handle_stop(bench.now);
    assert_eq!(
        bench
            .lines()
            .iter()
            .filter(|line| *line == "advert 0")
            .count(),
        1
    );
    bench.hear(BETTER, &backup());
    bench.lines();
    assert!(bench.router.is_empty());

    let mut bench = master(&backup());
    bench.router.handle_yield("VI_1", None, bench.now);
    bench.lines();
    bench.link(None);
    assert_eq!(bench.state(), State::Fault);
    assert!(
        !bench.lines().contains(&"advert 0".to_owned()),
        "said already"
    );
}

#[test]
fn what_a_reload_removes_is_told_as_configured() {
    let cases = [(OnDelete::Fault, "FAULT"), (OnDelete::Deleted, "DELETED")];
    for (deleted, word) in cases {
        let mut bench = master(&VrrpInstance {
            notify: StateNotify {
                deleted,
                ..StateNotify::default()
            },
            ..backup()
        });
        bench.config(&[]);
        bench.run(ms(3000));
        assert_eq!(bench.told(), [format!("INSTANCE VI_1 {word} 100")]);
    }
}

#[test]
fn who_takes_the_place_of_a_master_does_not_wait_for_its_farewell() {
    let mut bench = master(&backup());
    bench.config(&[VrrpInstance {
        name: "VI_2".to_owned(),
        addresses: vec![line("10.0.0.7/24")],
        ..backup()
    }]);
    let lines = bench.lines();
    assert_eq!(lines[..2], ["gate fenced", "advert 0"], "{lines:?}");
    assert!(lines.contains(&"removed".to_owned()));
}

#[test]
fn a_lost_lease_is_told_and_so_is_that_the_gate_is_open_again() {
    let mut bench = master(&backup());
    bench.pass(ms(10_000));
    let id = bench.id();
    bench.router.handle_lease_lost(id, bench.epoch, bench.now);
    assert_eq!(
        bench.told(),
        ["INSTANCE VI_1 FENCED 100", "INSTANCE VI_1 MASTER 100"]
    );
    assert_eq!(bench.snapshot().counts.fenced, 1);
}

#[test]
fn who_was_fenced_while_another_was_elected_is_told_so_and_is_backup() {
    let mut bench = master(&backup());
    bench.pass(ms(10_000));
    bench.hear(BETTER, &priority(backup(), 150));
    assert_eq!(
        bench.told(),
        ["INSTANCE VI_1 FENCED 100", "INSTANCE VI_1 BACKUP 100"]
    );
}

#[test]
fn an_election_lost_is_no_fence() {
    let mut bench = master(&backup());
    let id = bench.id();
    bench.router.handle_yielded(id, bench.epoch, bench.now);
    bench.hear(BETTER, &priority(backup(), 150));
    assert_eq!(bench.told(), ["INSTANCE VI_1 BACKUP 100"]);
    assert_eq!(bench.snapshot().counts.fenced, 0);
}

#[test]
fn terms_as_master_and_words_of_priority_0_are_counted() {
    let counts = |bench: &Bench| {
        let counts = bench.snapshot().counts;
        let terms = (counts.became_master, counts.released_master);
        (terms, (counts.zero_received, counts.zero_sent))
    };
    let mut bench = master(&backup());
    assert_eq!(counts(&bench), ((1, 0), (0, 0)));
    bench.hear(BETTER, &priority(backup(), 150));
    assert_eq!(counts(&bench), ((1, 1), (0, 0)));
    bench.hear_resignation(BETTER);
    assert_eq!(counts(&bench), ((1, 1), (1, 0)));
    // The kernel keeps the time of the master that was followed.
    bench.lines();
    bench.pass(ms(700));
    let id = bench.id();
    bench.router.handle_master_down(id, bench.epoch, bench.now);
    assert_eq!(counts(&bench), ((2, 1), (1, 0)));
    bench.link(None);
    let ((_, released), (_, sent)) = counts(&bench);
    assert_eq!(
        (released, sent),
        (2, 0),
        "nobody hears it without an interface"
    );
    bench.up();
    bench.run(ms(20_000));
    bench.router.handle_stop(bench.now);
    let ((_, _), (_, sent)) = counts(&bench);
    assert_eq!(sent, 1);
}
