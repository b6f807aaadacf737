//! When scripts run, and what their results mean.

use super::{Scenario, check, instance};

const S: &str = concat!(
    instance!("track_script {\ns weight 10\n}"),
    "vrrp_script s {\nscript /s\n}\n"
);
const CYCLE: &str = concat!(
    instance!("track_script {\ns weight 10\n}"),
    "vrrp_script s {\nscript /s\nrise 2\nfall 3\ninterval 5\n}\n"
);
const FAULT: &str = concat!(
    instance!("track_script {\ns\n}"),
    "vrrp_script s {\nscript /s\n}\nvrrp_script t {\nscript /t\n}\n"
);

const RESULTS: &[Scenario] = &[
    (
        "the first result counts at once, later ones after rise and fall in a row",
        CYCLE,
        &[
            ("start", "run s"),
            ("ok s", "a +10"),
            ("wait 5", "run s"),
            ("fail s", ""),
            ("wait 5", "run s"),
            ("fail s", ""),
            ("wait 5", "run s"),
            ("ok s", ""),
            ("wait 5", "run s"),
            ("fail s", ""),
            ("wait 5", "run s"),
            ("fail s", ""),
            ("wait 5", "run s"),
            ("fail s", "a 0"),
            ("wait 5", "run s"),
            ("ok s", ""),
            ("wait 5", "run s"),
            ("fail s", ""),
            ("wait 5", "run s"),
            ("ok s", ""),
            ("wait 5", "run s"),
            ("ok s", "a +10"),
        ],
    ),
    (
        "a first failure counts at once too",
        concat!(
            instance!("track_script {\ns weight -10\n}"),
            "vrrp_script s {\nscript /s\nfall 3\n}\n"
        ),
        &[("start", "run s"), ("fail s", "a -10")],
    ),
    (
        "with init_fail it has failed until rise successes",
        concat!(
            instance!("track_script {\ns weight -10\n}"),
            instance!("b", "2", "track_script {\ns weight 0\n}"),
            "vrrp_script s {\nscript /s\nrise 2\ninit_fail\n}\n"
        ),
        &[
            ("start", "run s, a -10, b 0 FAULT script s failed"),
            ("ok s", ""),
            ("wait 1", "run s"),
            ("ok s", "a 0, b 0"),
        ],
    ),
    (
        "a signal, a timeout and a program that cannot be started are failures",
        S,
        &[
            ("start", "run s"),
            ("ok s", "a +10"),
            ("wait 1", "run s"),
            ("killed s", "a 0"),
            ("wait 1", "run s"),
            ("ok s", "a +10"),
            ("wait 1", "run s"),
            ("late s", "a 0"),
            ("wait 1", "run s"),
            ("ok s", "a +10"),
            ("wait 1", "run s"),
            ("lost s", "a 0"),
        ],
    ),
    (
        "all instances hear of it",
        concat!(
            instance!("track_script {\ns weight 10\n}"),
            instance!("b", "2", "track_script {\ns\n}"),
            instance!("c", "3", ""),
            "vrrp_script s {\nscript /s\n}\n"
        ),
        &[
            ("start", "run s, b 0 FAULT script s has no result yet"),
            ("ok s", "a +10, b 0"),
        ],
    ),
];

const SCHEDULE: &[Scenario] = &[
    (
        "it starts an interval after the start before, however long it takes",
        CYCLE,
        &[
            ("start", "run s"),
            ("wait 3", ""),
            ("ok s", "a +10"),
            ("wait 1.9", ""),
            ("wait 0.1", "run s"),
        ],
    ),
    (
        "it never runs twice at a time, and what was left out is not made up for",
        S,
        &[
            ("start", "run s"),
            ("wait 2.5", ""),
            ("ok s", "a +10"),
            ("wait 0.4", ""),
            ("wait 0.1", "run s"),
        ],
    ),
];

const RELOADS: &[Scenario] = &[
    (
        "results stay, and the schedule does",
        CYCLE,
        &[
            ("start", "run s"),
            ("ok s", "a +10"),
            ("wait 2", ""),
            ("change fall_3 fall_2", ""),
            ("wait 2.9", ""),
            ("wait 0.1", "run s"),
            ("fail s", ""),
            ("wait 5", "run s"),
            ("fail s", "a 0"),
        ],
    ),
    (
        "a shorter interval counts from now",
        CYCLE,
        &[
            ("start", "run s"),
            ("ok s", "a +10"),
            ("wait 2", ""),
            ("change interval_5 interval_1", ""),
            ("wait 1", "run s"),
        ],
    ),
    (
        "a run goes on over a reload",
        S,
        &[
            ("start", "run s"),
            ("change fall_1 fall_2", ""),
            ("ok s", "a +10"),
        ],
    ),
    (
        "another weight counts at once",
        S,
        &[
            ("start", "run s"),
            ("ok s", "a +10"),
            ("change weight_10 weight_7", "a +7"),
        ],
    ),
    (
        "another program starts at once, its first result counts at once, and the old one until then",
        CYCLE,
        &[
            ("start", "run s"),
            ("ok s", "a +10"),
            ("change /s /other", "run s"),
            ("fail s", "a 0"),
        ],
    ),
];

#[test]
fn results_count_as_in_keepalived() {
    check(RESULTS);
}

#[test]
fn scripts_start_on_time() {
    check(SCHEDULE);
}

#[test]
fn what_is_known_of_scripts_outlives_a_reload() {
    check(RELOADS);
}

#[test]
fn what_is_new_to_an_instance_that_is_well_is_no_fault_before_its_first_result() {
    let mut world = super::World::new(FAULT);
    assert_eq!(
        world.step("start"),
        "run s, a 0 FAULT script s has no result yet"
    );
    assert_eq!(world.step("ok s"), "a 0");
    let text = FAULT.replace("{\ns\n}", "{\ns\nt\n}");
    world.config = super::config(&text);
    assert_eq!(world.step("start"), "run t");
    assert_eq!(world.step("fail t"), "a 0 FAULT script t failed");
}

#[test]
fn an_instance_that_was_taken_over_is_well_until_the_first_result() {
    let mut world = super::World::new(FAULT);
    world.tracker.handle_config(&world.config, world.now);
    assert_eq!(world.step("adopt a"), "");
    assert_eq!(world.step("wait 0"), "run s");
    assert_eq!(world.step("fail s"), "a 0 FAULT script s failed");
}

#[test]
fn an_instance_that_was_taken_over_is_well_until_its_session_is_told_of() {
    const SESSION: &str = concat!(
        instance!("track_bfd {\nx\n}"),
        "bfd_instance x {\nneighbor_ip 192.0.2.9\n}\n"
    );
    for (told, expected) in [
        ("bfd x up", ""),
        ("bfd x down", "a 0 FAULT BFD session x is down"),
    ] {
        let mut world = super::World::new(SESSION);
        world.tracker.handle_config(&world.config, world.now);
        assert_eq!(world.step("adopt a"), "");
        assert_eq!(world.step("wait 1"), "");
        assert_eq!(world.step(told), expected);
        assert_eq!(
            world.step("bfd x up"),
            if expected.is_empty() { "" } else { "a 0" }
        );
    }
}

#[test]
fn the_end_of_a_run_that_nobody_waits_for_means_nothing() {
    let mut world = super::World::new(S);
    world.step("start");
    let old = world.running["s"];
    world.step("change /s /other");
    assert_ne!(world.running["s"], old);
    world.running.insert("s".to_owned(), old);
    assert_eq!(world.step("ok s"), "");
}
