//! A process that runs where a virtual router is MASTER: on one node at any time.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use tests::keepalive::{Stage, until};
use xtask::lab::{Director, Options, Template};

use crate::arena::{Arena, lb};

/// Takes a lock that both nodes share for as long as it runs, and tells when another has it.
const SERVICE: &str = r#"#!/bin/sh
exec 9> "$1/lock"
if ! flock -n 9; then
    echo overlap >> "$1/overlaps"
    exit 1
fi
echo "$2" >> "$1/runs"
exec sleep 1000
"#;

/// A keepalive daemon of the director, with the service.
fn stage(director: &Director, number: u8, shared: &Path) -> Stage {
    let mut stage = Stage::without_daemon();
    let daemon = stage.daemon_command(&[]);
    let mut command = Command::new(daemon.get_program());
    command.args(["-s", director.namespace().name()]);
    command.args(daemon.get_args());
    stage.start_as(command);
    stage.register(&format!(
        "path /bin/sh\nargs {0}/service {0} {number}\nname service\nrun_on master front4\ntrack_file {0}/down.{number}\n\
         term_wait 0.5\nstart_delay 0.7\nerror_limit 1\n",
        shared.display()
    ));
    stage
}

/// The virtual router gives way where the service is down.
fn template(shared: &Path, number: u8) -> Template {
    let mut template = Template::director(number);
    template.more = format!(
        "vrrp_track_file service {{\nfile \"{}/down.{number}\"\n}}\n",
        shared.display()
    );
    template
}

/// How long the service ran nowhere, from the first of `happens`.
fn gap(stages: [&Stage; 2], to: usize, what: &str, happens: impl FnOnce()) {
    let began = Instant::now();
    happens();
    until(what, || {
        stages[to].states() == ["ok"] && stages[1 - to].pids().is_empty()
    });
    let living: usize = stages.iter().map(|stage| stage.marked().len()).sum();
    assert_eq!(living, 1, "{what}");
    println!(
        "{what}: the service is on node {} after {:?}",
        to + 1,
        began.elapsed()
    );
}

#[test]
fn a_process_follows_its_virtual_router_and_never_runs_twice() {
    let arena = Arena::new(Options { servers: false });
    let shared = Stage::without_daemon();
    shared.write("service", SERVICE);
    let folder = shared.folder();
    for number in [1, 2] {
        shared.write(&format!("down.{number}"), "0\n");
    }
    let configuration = |number: u8| {
        let text = template(folder, number).text();
        let tracked =
            "vrrp_instance front4 {\n    track_file {\n        service weight -100\n    }\n";
        text.replace("vrrp_instance front4 {\n", tracked)
    };
    for number in [2, 1] {
        let director = arena.director(usize::from(number));
        director.start(&lb(), configuration(number)).unwrap();
    }
    arena.wait_for_master(1);
    let stages = [1, 2].map(|number| stage(arena.director(usize::from(number)), number, folder));
    let both = [&stages[0], &stages[1]];
    gap(both, 0, "start", || {});
    gap(both, 1, "yield", || {
        arena.director(1).lb(&["vrrp", "yield", "front4"]).unwrap();
        // It has stopped before the other one took over.
        assert!(both[0].pids().is_empty());
    });
    gap(both, 0, "release", || {
        drop(
            arena
                .director(1)
                .lb(&["vrrp", "release", "front4"])
                .unwrap(),
        );
    });
    gap(both, 1, "stop", || arena.director(1).stop().unwrap());
    gap(both, 0, "return", || {
        arena.director(1).start(&lb(), configuration(1)).unwrap();
    });
    gap(both, 1, "down", || {
        let pid = nix::unistd::Pid::from_raw(both[0].pids()[0].cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        both[0].wait_for(&["down"]);
    });
    arena.wait_for_master(2);
    gap(both, 0, "cleared", || {
        assert_eq!(both[0].spawndaemon(&["-x", "-S", "0"]).code, 0);
    });
    // Every process of lb, and no other: keepalive is left alone with the service.
    gap(both, 1, "kill -9", || {
        let director = arena.director(1);
        for pid in director.pid().into_iter().chain(director.children()) {
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        }
    });
    thread::sleep(Duration::from_millis(300));
    let overlaps = fs::read_to_string(folder.join("overlaps")).unwrap_or_default();
    let runs = fs::read_to_string(folder.join("runs")).unwrap();
    println!(
        "overlaps: {}, runs: {:?}",
        overlaps.lines().count(),
        runs.lines().collect::<Vec<_>>()
    );
    assert_eq!(overlaps, "");
}
