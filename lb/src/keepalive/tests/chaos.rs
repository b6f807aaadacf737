//! Anything in any order: at the end everything that should run runs once.

use std::time::Duration;

use proptest::prelude::*;

use super::scene::{Fate, Scene};
use crate::keepalive::{
    input::{Input, Role},
    record::{Ending, Phase, SlotNumber},
    request::Selector,
};

#[derive(Clone, Debug)]
enum Act {
    Die(u32, i32),
    KillDaemon,
    Pass(u64),
    Fate(bool),
    Role(bool),
    Stubborn(bool),
    Clear(u32),
    Restart(u32),
    Ready(u32),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..6_u32, 0..4).prop_map(|(slot, code)| Act::Die(slot, code)),
        2 => Just(Act::KillDaemon),
        4 => (0..90_000_u64).prop_map(Act::Pass),
        1 => any::<bool>().prop_map(Act::Fate),
        2 => any::<bool>().prop_map(Act::Role),
        1 => any::<bool>().prop_map(Act::Stubborn),
        1 => (0..6_u32).prop_map(Act::Clear),
        1 => (0..6_u32).prop_map(Act::Restart),
        2 => (0..6_u32).prop_map(Act::Ready),
    ]
}

const FILES: [&str; 3] = [
    "path /bin/single\nerror_limit 3\nrespawn_time 2\ninstances 2",
    "group_name g\nprocess\npath /bin/db\ncritical\nerror_limit 4\nprocess\npath /bin/web\nerror_limit 2\nreadiness notify\nready_timeout 5\n",
    "path /bin/vip\nrun_on master V\nstart_delay 0\nrestart_script /x\ndaemonize\nreject_codes 3\ntrack_file /t",
];

fn perform(scene: &mut Scene, act: &Act) {
    match act {
        Act::Die(slot, code) => {
            let phase = scene
                .monitor
                .record(SlotNumber(*slot))
                .map(|record| record.phase.clone());
            if matches!(phase, Some(Phase::Running(_) | Phase::Stopping(_))) {
                scene.end(*slot, Ending::Exited(*code));
            }
        }
        Act::KillDaemon => scene.restart_daemon(),
        Act::Pass(time) => scene.pass(Duration::from_millis(*time)),
        Act::Fate(true) => drop(scene.fates.insert("single".to_owned(), Fate::NoProgram)),
        Act::Fate(false) => scene.fates.clear(),
        Act::Role(master) => {
            let role = if *master { Role::Master } else { Role::Backup };
            scene.role("V", role);
        }
        Act::Stubborn(stubborn) => scene.stubborn = *stubborn,
        Act::Clear(slot) | Act::Restart(slot) => {
            let kill = matches!(act, Act::Restart(_));
            let which = Selector::Slot(SlotNumber(*slot));
            // The slot may be free.
            drop(scene.monitor.clear_errors(&which, kill, scene.now));
            scene.carry_out();
        }
        Act::Ready(slot) => {
            let slot = SlotNumber(*slot);
            if let Some(start) = scene.monitor.record(slot).map(|record| record.starts) {
                scene.input(Input::Ready { slot, start });
            }
        }
    }
}

/// Every living process is that of its slot, except those of the search for a main process, whose first is gone by then.
fn check(scene: &Scene) {
    for (slot, record) in scene.monitor.records() {
        let living: Vec<u32> = scene
            .living
            .iter()
            .filter(|(_, of)| **of == slot)
            .map(|(pid, _)| *pid)
            .collect();
        let known: Vec<u32> = record
            .phase
            .process()
            .into_iter()
            .map(|process| process.pid)
            .collect();
        assert_eq!(living, known, "slot {slot}: {record:?}");
        assert_eq!(scene.table.get(&slot), Some(record), "the table agrees");
    }
}

proptest! {
    #[test]
    fn whatever_happens_each_process_runs_once_and_the_table_knows_it(
        acts in prop::collection::vec(act(), 1..60),
    ) {
        let mut scene = Scene::new(&FILES);
        for act in &acts {
            perform(&mut scene, act);
            check(&scene);
        }
        // In the end, all that can run does.
        scene.fates.clear();
        scene.stubborn = false;
        scene.role("V", Role::Backup);
        scene.role("V", Role::Master);
        for round in 0..3 {
            for slot in 0..5 {
                perform(&mut scene, &Act::Clear(slot));
            }
            scene.pass(Duration::from_secs(if round == 2 { 1 } else { 70 }));
            for slot in 0..5 {
                perform(&mut scene, &Act::Ready(slot));
            }
            check(&scene);
        }
        prop_assert_eq!(scene.living.len(), 5, "{:?}", scene.states());
    }
}
