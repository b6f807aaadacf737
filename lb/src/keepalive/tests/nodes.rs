use std::time::Duration;

use super::scene::Scene;
use crate::keepalive::{
    input::{Input, Role},
    record::{Ending, SlotNumber},
};

const ON_MASTER: &str = "path /bin/a\nrun_on master V\nstart_delay 0\ntrack_file /t\n";

#[test]
fn it_runs_while_its_virtual_router_is_master_here() {
    let mut scene = Scene::new(&[ON_MASTER]);
    for (role, living) in [
        (Role::Backup, 0),
        (Role::Master, 1),
        (Role::Fault, 0),
        (Role::Master, 1),
        (Role::Backup, 0),
    ] {
        scene.role("V", role);
        assert_eq!(scene.living.len(), living, "{role:?}");
    }
    assert_eq!(scene.states(), ["shutdown"]);
    scene.role("W", Role::Master);
    assert_eq!(scene.living.len(), 0);
}

#[test]
fn it_starts_after_the_other_node_had_time_to_stop_it() {
    let mut scene = Scene::new(&["path /bin/a\nrun_on master V\nterm_wait 4"]);
    scene.role("V", Role::Master);
    scene.pass(Duration::from_millis(4999));
    assert_eq!(scene.living.len(), 0);
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.living.len(), 1);
    // Given up and taken again at once.
    scene.role("V", Role::Backup);
    scene.role("V", Role::Master);
    scene.pass(Duration::from_millis(4999));
    assert_eq!(scene.living.len(), 0);
}

#[test]
fn it_stops_before_its_virtual_router_is_given_up() {
    let mut scene = Scene::new(&[ON_MASTER]);
    for (leaving, living) in [
        (vec!["W".to_owned()], 1),
        (vec!["V".to_owned()], 0),
        (vec![], 0),
    ] {
        scene.role("V", Role::Master);
        scene.input(Input::Leaving(leaving));
        scene.pass(Duration::from_secs(1));
        assert_eq!(scene.living.len(), living);
    }
}

#[test]
fn without_news_of_virtual_routers_it_does_not_run() {
    let mut scene = Scene::new(&[ON_MASTER]);
    assert_eq!(scene.living.len(), 0);
    scene.role("V", Role::Master);
    assert_eq!(scene.living.len(), 1);
    scene.input(Input::Roles([].into()));
    assert_eq!(scene.living.len(), 0);
}

#[test]
fn other_nodes_are_others_business() {
    for (nodes, living) in [
        ("nodes here there", 1),
        ("nodes there", 0),
        ("favored_node here", 1),
        ("favored_node there", 0),
    ] {
        let scene = Scene::new(&[&format!("path /bin/a\n{nodes}")]);
        assert_eq!(scene.living.len(), living, "{nodes}");
    }
}

#[test]
fn what_is_down_says_so_to_the_virtual_router() {
    let mut scene = Scene::new(&[&format!("{ON_MASTER}error_limit 1")]);
    assert!(!scene.tracked["/t"]);
    scene.role("V", Role::Master);
    scene.end(0, Ending::Exited(1));
    assert!(scene.tracked["/t"]);
    let which = crate::keepalive::request::Selector::Slot(SlotNumber(0));
    scene.monitor.unregister(&which, false, scene.now).unwrap();
    scene.carry_out();
    assert!(!scene.tracked["/t"]);
}

#[test]
fn a_rejected_node_is_tried_again_after_another_had_the_process() {
    let mut scene = Scene::new(&[&format!("{ON_MASTER}reject_codes 7")]);
    scene.role("V", Role::Master);
    scene.end(0, Ending::Exited(7));
    assert_eq!(scene.states(), ["down"]);
    assert!(scene.tracked["/t"]);
    scene.role("V", Role::Backup);
    assert_eq!(scene.states(), ["shutdown"]);
    assert!(!scene.tracked["/t"]);
    scene.role("V", Role::Master);
    assert_eq!(scene.states(), ["ok"]);
}

#[test]
fn a_process_moves_as_its_policy_says() {
    for (policy, moves) in [
        ("move_policy last_node", false),
        ("move_policy round_robin", true),
        (
            "move_policy F_node\nfavored_node there\nbackup_nodes here",
            true,
        ),
        (
            "move_policy F_node\nfavored_node here\nbackup_nodes there",
            false,
        ),
    ] {
        let mut scene = Scene::new(&[&format!("{ON_MASTER}{policy}")]);
        scene.role("V", Role::Master);
        scene.end(0, Ending::Exited(1));
        scene.pass(Duration::from_secs(10));
        assert_eq!(scene.tracked["/t"], moves, "{policy}");
        assert_eq!(scene.living.len(), usize::from(!moves), "{policy}");
        scene.role("V", Role::Backup);
        assert!(!scene.tracked["/t"]);
        scene.role("V", Role::Master);
        assert_eq!(scene.living.len(), 1, "{policy}");
    }
}
