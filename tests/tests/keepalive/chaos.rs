//! Services and daemons are killed at random; at the end everything runs once.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tests::keepalive::{Stage, until};

fn number(name: &str, otherwise: u32) -> u32 {
    let value = std::env::var(name).ok();
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or(otherwise)
}

fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

fn zombies_of(pid: u32) -> usize {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let is_zombie = |child: &&str| {
        fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| stat.contains(") Z "))
    };
    children.split_whitespace().filter(is_zombie).count()
}

/// What is not as it should be, if anything.
fn difference(stage: &Stage, services: usize) -> Option<String> {
    let list = stage.list();
    let table: BTreeSet<u32> = stage.pids().into_iter().collect();
    let living: BTreeSet<u32> = stage.marked().into_iter().collect();
    let odd: Vec<_> = list.iter().filter(|of| of["state"] != "ok").collect();
    if table == living && table.len() == services && odd.is_empty() {
        return None;
    }
    Some(format!(
        "{} in the table, {} live; unknown: {:?}, missing: {:?}, not ok: {odd:?}",
        table.len(),
        living.len(),
        &living - &table,
        &table - &living,
    ))
}

#[test]
fn after_chaos_every_service_runs_once_and_the_table_agrees_with_proc() {
    let seconds = number("LB_KEEPALIVE_CHAOS", 4);
    let services = number("LB_KEEPALIVE_SERVICES", 40) as usize;
    let mut stage = Stage::new();
    assert_eq!(stage.spawndaemon(&["-z", &services.to_string()]).code, 0);
    stage.register(&format!(
        "path /bin/sleep\nargs 100000\ninstances {services}\nerror_limit 0\nback_off 0\n"
    ));
    until("all run", || stage.marked().len() == services);
    let mut random = fastrand::Rng::with_seed(8);
    let (mut killed, mut daemons) = (0, 0);
    let end = Instant::now() + Duration::from_secs(u64::from(seconds));
    while Instant::now() < end {
        let living = stage.marked();
        for _ in 0..random.usize(1..6) {
            if let Some(pid) = random.choice(&living) {
                // It may be dead already.
                killed +=
                    usize::from(kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).is_ok());
            }
        }
        std::thread::sleep(Duration::from_millis(random.u64(0..15)));
        if random.u32(..8) == 0 {
            stage.end_daemon(Signal::SIGKILL);
            std::thread::sleep(Duration::from_millis(random.u64(0..10)));
            stage.start(&[]);
            daemons += 1;
        }
    }
    let settled = Instant::now();
    while let Some(difference) = difference(&stage, services) {
        let patience = tests::keepalive::PATIENCE;
        assert!(settled.elapsed() < patience, "{difference}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let daemon = stage.pid();
    until("nothing is left over", || {
        zombies_of(daemon) == 0 && stage.leaves() == services
    });
    // A pidfd each, and what a daemon without processes has.
    let beside = descriptors(daemon) - services;
    println!(
        "{seconds} s, {services} services: {killed} kills of services, {daemons} of the daemon; now {} run, {} in the table, \
         0 orphans, 0 zombies, {} control groups, {services} + {beside} descriptors",
        stage.marked().len(),
        stage.pids().len(),
        stage.leaves(),
    );
    assert!(beside < 20, "{beside} descriptors");
    assert!(killed > 10 && daemons > 1);
    assert_eq!(stage.spawndaemon(&["-k", "-Q"]).code, 0);
    stage.wait_for_end();
    assert!(stage.marked().is_empty());
    assert_eq!((stage.leaves(), stage.outputs()), (0, Vec::new()));
}
