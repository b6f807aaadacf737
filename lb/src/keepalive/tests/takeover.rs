use std::time::Duration;

use super::scene::{Fate, Scene};
use crate::keepalive::{
    input::Input,
    record::{Ending, SlotNumber},
};

#[test]
fn a_new_daemon_leaves_running_processes_alone() {
    let mut scene = Scene::new(&["path /bin/a\ninstances 3"]);
    let before = scene.living.clone();
    scene.told();
    scene.restart_daemon();
    assert_eq!(scene.living, before);
    assert_eq!(scene.told(), "0: TakenOver\n1: TakenOver\n2: TakenOver\n");
    scene.end(1, Ending::Unknown);
    scene.pass(Duration::ZERO);
    assert_eq!(scene.living.len(), 3);
}

#[test]
fn what_died_meanwhile_is_started_again() {
    let mut scene = Scene::new(&["path /bin/a"]);
    scene.living.clear();
    scene.restart_daemon();
    scene.pass(Duration::ZERO);
    assert_eq!(scene.states(), ["ok"]);
    assert_eq!(scene.living.len(), 1);
}

#[test]
fn failures_and_waits_outlive_the_daemon() {
    let mut scene = Scene::new(&["path /bin/a\nerror_limit 2\nrespawn_time 50"]);
    scene.end(0, Ending::Exited(1));
    scene.pass(Duration::from_secs(20));
    scene.restart_daemon();
    scene.pass(Duration::from_secs(29));
    assert_eq!(scene.states(), ["dead"]);
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.states(), ["ok"]);
    scene.restart_daemon();
    scene.end(0, Ending::Exited(1));
    assert_eq!(scene.states(), ["down"]);
    scene.restart_daemon();
    assert_eq!(scene.states(), ["down"]);
}

#[test]
fn a_start_that_nobody_saw_the_end_of_is_taken_for_what_runs() {
    let mut scene = Scene::new(&[]);
    scene.fates.insert("a".to_owned(), Fate::Silence);
    scene.register("path /bin/a");
    scene.restart_daemon();
    assert_eq!(scene.states(), ["ok"]);
    assert_eq!(scene.living.len(), 1);
}

#[test]
fn a_stop_goes_on_under_the_new_daemon() {
    let mut scene = Scene::new(&["path /bin/a"]);
    scene.stubborn = true;
    let which = crate::keepalive::request::Selector::Slot(SlotNumber(0));
    scene.monitor.unregister(&which, true, scene.now).unwrap();
    scene.carry_out();
    scene.restart_daemon();
    scene.pass(Duration::from_secs(2));
    assert!(scene.living.is_empty() && scene.table.is_empty());
}

#[test]
fn readiness_is_waited_for_again() {
    let mut scene = Scene::new(&["path /bin/a\nreadiness notify\nready_timeout 10"]);
    scene.restart_daemon();
    assert_eq!(scene.states(), ["start"]);
    scene.input(Input::Ready {
        slot: SlotNumber(0),
        start: 1,
    });
    assert_eq!(scene.states(), ["ok"]);
}

#[test]
fn slots_that_a_later_daemon_gives_have_marks_of_their_own() {
    let mut scene = Scene::new(&["path /bin/a"]);
    let mark = |scene: &Scene| scene.monitor.record(SlotNumber(0)).unwrap().mark();
    let first = mark(&scene);
    let which = crate::keepalive::request::Selector::Slot(SlotNumber(0));
    scene.monitor.unregister(&which, false, scene.now).unwrap();
    scene.carry_out();
    scene.pass(Duration::from_millis(1));
    scene.restart_daemon();
    scene.register("path /bin/a");
    assert_ne!(mark(&scene), first);
}
