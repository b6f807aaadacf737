//! One process: starts, deaths, limits, readiness, stops.

use std::time::Duration;

use super::scene::{Fate, INTERVAL, Scene};
use crate::keepalive::{
    input::Input,
    record::{Ending, SlotNumber, State},
    request::Selector,
    table,
};

const SLOT: SlotNumber = SlotNumber(0);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn what_is_registered_is_started_and_started_again_at_once_when_it_dies() {
    let mut scene = Scene::new(&["path /bin/a"]);
    assert_eq!(scene.states(), ["ok"]);
    let before = scene.pid(0);
    scene.end(0, Ending::Signalled(9));
    scene.pass(seconds(0));
    assert_eq!(scene.states(), ["ok"]);
    assert_ne!(scene.pid(0), before);
    assert_eq!(scene.living.len(), 1);
    assert_eq!(scene.told(), "0: Started\n0: Died\n0: Started\n");
}

#[test]
fn instances_have_a_slot_each() {
    let scene = Scene::new(&["path /bin/a\ninstances 3"]);
    assert_eq!(scene.states(), ["ok"; 3]);
    assert_eq!(scene.living.len(), 3);
}

#[test]
fn the_error_limit_within_the_probation_period_makes_it_down() {
    let mut scene = Scene::new(&["path /bin/a\nerror_limit 3\ndown_script /x"]);
    for _ in 0..2 {
        scene.end(0, Ending::Exited(1));
        scene.pass(seconds(3));
    }
    assert_eq!(scene.states(), ["ok"]);
    scene.end(0, Ending::Exited(1));
    scene.pass(seconds(10_000));
    assert_eq!(scene.states(), ["down"]);
    assert!(scene.living.is_empty());
    assert!(scene.told().ends_with("0: ErrorLimit\n0: down_script\n"));
}

#[test]
fn failures_older_than_the_probation_period_do_not_count() {
    let mut scene = Scene::new(&["path /bin/a\nerror_limit 3\nprobation_period 100\nback_off 0"]);
    for _ in 0..20 {
        scene.end(0, Ending::Exited(1));
        scene.pass(seconds(51));
    }
    assert_eq!(scene.states(), ["ok"]);
}

#[test]
fn without_a_limit_it_is_never_down_but_waits_longer() {
    let mut scene = Scene::new(&["path /bin/a\nerror_limit 0\nback_off 30"]);
    scene
        .fates
        .insert("a".to_owned(), Fate::Ends(Ending::Exited(1)));
    scene.end(0, Ending::Exited(1));
    scene.told();
    scene.pass(seconds(300));
    // 1, 2, 4, 8, 16, then 30 s with up to a tenth more.
    let deaths = scene.told().matches("Died").count();
    assert!((13..=15).contains(&deaths), "{deaths}");
}

#[test]
fn however_often_it_dies_its_record_fits() {
    let mut scene = Scene::new(&["path /bin/a\nerror_limit 0\nback_off 0"]);
    for _ in 0..1000 {
        scene.end(0, Ending::Exited(1));
        scene.pass(Duration::from_millis(1));
    }
    let record = scene.monitor.record(SLOT).unwrap();
    assert_eq!(record.failures.len(), 32);
    assert!(table::copy(SLOT, 1, Some(record)).is_some());
}

#[test]
fn what_dies_young_waits_for_its_respawn_time() {
    let mut scene = Scene::new(&["path /bin/a\nrespawn_time 20"]);
    scene.pass(seconds(19));
    scene.end(0, Ending::Exited(0));
    scene.pass(seconds(19));
    assert_eq!(scene.states(), ["dead"]);
    scene.pass(seconds(1));
    assert_eq!(scene.states(), ["ok"]);
}

#[test]
fn down_is_left_by_a_retry_or_by_an_operator() {
    let mut scene = Scene::new(&["path /bin/a\nerror_limit 1\nretry_after 600"]);
    scene.end(0, Ending::Exited(1));
    scene.pass(seconds(599));
    assert_eq!(scene.states(), ["down"]);
    scene.pass(seconds(1));
    assert_eq!(scene.states(), ["ok"]);
    scene.end(0, Ending::Exited(1));
    scene
        .monitor
        .clear_errors(&Selector::Slot(SLOT), false, scene.now)
        .unwrap();
    scene.carry_out();
    assert_eq!(scene.states(), ["ok"]);
}

#[test]
fn a_code_of_down_codes_is_no_failure_but_the_end() {
    let mut scene = Scene::new(&["path /bin/a\ndown_codes 3"]);
    scene.end(0, Ending::Exited(3));
    scene.pass(seconds(1000));
    assert_eq!(scene.states(), ["down"]);
    assert!(scene.told().ends_with("DownByCode\n"));
}

#[test]
fn a_program_that_is_not_there_is_a_failure_and_a_shortage_is_none() {
    let mut scene = Scene::new(&["path /bin/a\nerror_limit 2"]);
    scene.fates.insert("a".to_owned(), Fate::Shortage);
    scene.end(0, Ending::Exited(1));
    for _ in 0..20 {
        scene.pass(INTERVAL);
    }
    assert_eq!(scene.states(), ["respawn"]);
    scene.fates.insert("a".to_owned(), Fate::NoProgram);
    scene.pass(INTERVAL);
    assert_eq!(scene.states(), ["down"]);
    assert!(scene.living.is_empty());
}

#[test]
fn readiness_is_told_or_it_is_killed() {
    let mut scene = Scene::new(&["path /bin/a\nreadiness notify\nready_timeout 10"]);
    assert_eq!(scene.states(), ["start"]);
    scene.pass(seconds(9));
    scene.input(Input::Ready {
        slot: SLOT,
        start: 1,
    });
    assert_eq!(scene.states(), ["ok"]);
    scene.pass(seconds(100));
    scene.end(0, Ending::Exited(1));
    scene.pass(seconds(1));
    assert_eq!(scene.states(), ["respawn"]);
    scene.told();
    scene.pass(seconds(9));
    assert!(scene.told().starts_with("0: NotReady\n0: Died\n"));
}

#[test]
fn a_watchdog_that_is_not_fed_kills() {
    let mut scene = Scene::new(&["path /bin/a\nwatchdog 10"]);
    for _ in 0..5 {
        scene.pass(seconds(9));
        scene.input(Input::Alive { slot: SLOT });
    }
    scene.told();
    scene.pass(seconds(10));
    assert_eq!(scene.told(), "0: Silent\n0: Died\n0: Started\n");
}

#[test]
fn a_daemon_is_found_when_it_went_to_the_background() {
    let mut scene = Scene::new(&["path /bin/a\ndaemonize"]);
    assert_eq!(scene.states(), ["daemonize"]);
    scene.end(0, Ending::Exited(0));
    assert_eq!(scene.states(), ["ok"]);
    assert_eq!(scene.told(), "0: Started\n0: Daemonized\n");
    scene.end(0, Ending::Unknown);
    scene.pass(seconds(0));
    assert_eq!(scene.states(), ["daemonize"]);
}

#[test]
fn unregistering_leaves_it_running_and_killing_does_not() {
    let which = Selector::Slot(SLOT);
    let mut scene = Scene::new(&["path /bin/a"]);
    scene.monitor.unregister(&which, false, scene.now).unwrap();
    scene.carry_out();
    assert_eq!((scene.table.len(), scene.living.len()), (0, 1));
    let mut scene = Scene::new(&["path /bin/a"]);
    scene.stubborn = true;
    scene.monitor.unregister(&which, true, scene.now).unwrap();
    scene.carry_out();
    scene.pass(Duration::from_millis(1999));
    assert_eq!((scene.table.len(), scene.living.len()), (1, 1));
    scene.pass(Duration::from_millis(1));
    assert_eq!((scene.table.len(), scene.living.len()), (0, 0));
    assert!(
        scene
            .told()
            .ends_with("Killed\n0: Stopped\n0: Unregistered\n")
    );
    assert_eq!(scene.monitor.poll_timeout(), None);
}

#[test]
fn a_restart_script_runs_before_each_restart_alone() {
    let mut scene = Scene::new(&["path /bin/a\nrestart_script /x"]);
    assert_eq!(scene.told(), "0: Started\n");
    scene.end(0, Ending::Exited(1));
    scene.pass(seconds(0));
    assert_eq!(scene.told(), "0: Died\n0: restart_script\n0: Started\n");
}

#[test]
fn the_same_is_not_registered_twice_nor_more_than_there_are_slots() {
    let mut scene = Scene::new(&["path /bin/a\nargs 1"]);
    let read = |text: &str| crate::keepalive::registration::read("f", text).unwrap();
    let twice = scene.try_register(read("path /bin/a\nargs 1"));
    assert!(twice.unwrap_err().contains("registered already, in slot 0"));
    assert!(scene.try_register(read("path /bin/a\nargs 2")).is_ok());
    let many = scene.try_register(read("path /bin/b\ninstances 63"));
    assert_eq!(
        many.unwrap_err(),
        "63 slots are needed and 62 are free; `spawndaemon -z` makes the table larger"
    );
    assert_eq!(
        scene.monitor.resize(1),
        Err("slot 1 is in use, so the table cannot be smaller than that".to_owned())
    );
}

#[test]
fn late_news_of_an_earlier_process_changes_nothing() {
    let mut scene = Scene::new(&["path /bin/a"]);
    let first = scene.monitor.record(SLOT).unwrap().phase.process().unwrap();
    scene.end(0, Ending::Exited(1));
    scene.pass(seconds(0));
    let before = scene.monitor.record(SLOT).unwrap().clone();
    let late = [
        Input::Ended {
            slot: SLOT,
            process: first,
            ending: Ending::Unknown,
        },
        Input::Executed {
            slot: SLOT,
            start: 1,
        },
        Input::Ready {
            slot: SLOT,
            start: 1,
        },
        Input::Found {
            slot: SLOT,
            start: 1,
            main: None,
        },
        Input::ScriptEnded { slot: SLOT },
        Input::StartFailed {
            slot: SLOT,
            start: 1,
            shortage: false,
            why: String::new(),
        },
    ];
    for input in late {
        scene.input(input);
    }
    assert_eq!(scene.monitor.record(SLOT), Some(&before));
    assert_eq!(scene.state(0), State::Ok);
}
