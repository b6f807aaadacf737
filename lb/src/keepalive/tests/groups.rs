use std::time::Duration;

use super::scene::{Fate, Scene};
use crate::keepalive::{
    input::Input,
    record::{Ending, SlotNumber},
    request::Selector,
};

/// The database is critical; the web server needs it ready; the log shipper is nobody's business.
const GROUP: &str = "group_name site
process
path /bin/db
critical
error_limit 2
readiness notify
process
path /bin/web
process
path /bin/ship
";

fn started() -> Scene {
    let mut scene = Scene::new(&[GROUP]);
    assert_eq!(scene.states(), ["start", "start", "start"]);
    scene.input(Input::Ready {
        slot: SlotNumber(0),
        start: 1,
    });
    assert_eq!(scene.states(), ["ok", "ok", "ok"]);
    scene.told();
    scene
}

#[test]
fn members_start_in_order_each_when_the_one_before_is_ready() {
    let mut scene = Scene::new(&[GROUP]);
    assert_eq!(scene.living.len(), 1);
    scene.input(Input::Ready {
        slot: SlotNumber(0),
        start: 1,
    });
    assert_eq!(
        scene.told(),
        "0: Started\n0: Ready\n1: Started\n2: Started\n"
    );
}

#[test]
fn a_member_that_is_not_critical_dies_alone() {
    let mut scene = started();
    scene.end(1, Ending::Exited(1));
    scene.pass(Duration::ZERO);
    assert_eq!(scene.told(), "1: Died\n1: Started\n");
}

#[test]
fn the_death_of_a_critical_member_restarts_the_group_in_order() {
    let mut scene = started();
    scene.end(0, Ending::Signalled(11));
    assert_eq!(scene.living.len(), 1);
    assert_eq!(scene.states(), ["respawn", "respawn", "respawn"]);
    assert_eq!(
        scene.told(),
        "0: Died\n0: Halted\n2: Stopping\n2: Stopped\n1: Stopping\n1: Stopped\n0: Started\n"
    );
    scene.input(Input::Ready {
        slot: SlotNumber(0),
        start: 2,
    });
    assert_eq!(scene.states(), ["ok", "ok", "ok"]);
    assert_eq!(scene.living.len(), 3);
}

#[test]
fn a_group_waits_for_its_slowest_member_to_stop() {
    let mut scene = started();
    scene.stubborn = true;
    scene.end(0, Ending::Signalled(11));
    assert_eq!(scene.living.len(), 2);
    // Two seconds for each of the two, one after the other.
    scene.pass(Duration::from_millis(3900));
    assert_eq!(scene.living.len(), 1);
    assert_eq!(scene.states(), ["dead", "ok", "shutdown"]);
    scene.pass(Duration::from_millis(200));
    assert_eq!(scene.states(), ["respawn", "respawn", "respawn"]);
}

#[test]
fn a_critical_member_that_is_down_takes_the_group_with_it_and_back() {
    let mut scene = started();
    for start in 2..=3 {
        scene.fates.insert("db".to_owned(), Fate::Lives);
        scene.end(0, Ending::Exited(1));
        scene.pass(Duration::from_secs(2));
        scene.input(Input::Ready {
            slot: SlotNumber(0),
            start,
        });
    }
    assert_eq!(scene.states(), ["down", "down", "down"]);
    assert!(scene.living.is_empty());
    scene.told();
    scene
        .monitor
        .clear_errors(&Selector::Group("site".to_owned()), false, scene.now)
        .unwrap();
    scene.carry_out();
    scene.input(Input::Ready {
        slot: SlotNumber(0),
        start: 3,
    });
    assert_eq!(scene.states(), ["ok", "ok", "ok"]);
    assert_eq!(scene.monitor.poll_timeout(), None);
}

#[test]
fn a_group_is_ended_from_behind() {
    let mut scene = started();
    scene
        .monitor
        .unregister(&Selector::Group("site".to_owned()), true, scene.now)
        .unwrap();
    scene.carry_out();
    let told = scene.told();
    let order: Vec<&str> = told
        .lines()
        .filter(|line| line.ends_with("Unregistered"))
        .collect();
    assert_eq!(
        order,
        ["2: Unregistered", "1: Unregistered", "0: Unregistered"]
    );
    assert!(scene.living.is_empty() && scene.table.is_empty());
}
