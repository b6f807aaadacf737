//! Daemons come and go, processes stay.

use std::fs;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tests::keepalive::{Stage, until};

const THREE: &str = "path /bin/sleep\nargs 1000\ninstances 3\nback_off 0\n";

#[test]
fn a_new_daemon_takes_over_what_runs_and_starts_what_died() {
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        let mut stage = Stage::new();
        stage.register(THREE);
        stage.wait_for(&["ok"; 3]);
        let before = stage.pids();
        stage.end_daemon(signal);
        assert_eq!(stage.marked(), before);
        assert_eq!(stage.spawndaemon(&["-q"]).code, 1);
        // The table is read without a daemon.
        assert_eq!(stage.pids(), before);
        kill(Pid::from_raw(before[1].cast_signed()), Signal::SIGKILL).unwrap();
        until("it is gone", || stage.marked().len() == 2);
        stage.start(&[]);
        until("it is started again", || {
            stage.states() == ["ok"; 3] && stage.marked().len() == 3
        });
        let after = stage.pids();
        assert_eq!([after[0], after[2]], [before[0], before[2]], "{signal}");
        assert_ne!(after[1], before[1]);
        // Those that it did not start are watched as well, and their ending is known.
        kill(Pid::from_raw(after[0].cast_signed()), Signal::SIGKILL).unwrap();
        until("it is started again", || {
            stage.states() == ["ok"; 3] && stage.pids()[0] != after[0]
        });
        let told = format!("process {} died by SIGKILL", after[0]);
        assert_eq!(stage.logged(&told), 1, "{}", stage.log());
    }
}

#[test]
fn a_damaged_table_is_set_aside_and_what_runs_goes_on() {
    let mut stage = Stage::new();
    stage.register(THREE);
    stage.wait_for(&["ok"; 3]);
    let before = stage.pids();
    stage.end_daemon(Signal::SIGKILL);
    let table = stage.folder().join("run/table");
    let whole = fs::read(&table).unwrap();
    for (number, damaged) in [
        whole[..whole.len() - 1].to_vec(),
        {
            let mut flipped = whole.clone();
            flipped[4096 + 100] ^= 4;
            flipped
        },
        b"something else".to_vec(),
    ]
    .into_iter()
    .enumerate()
    {
        fs::write(&table, &damaged).unwrap();
        stage.start(&[]);
        assert!(stage.list().is_empty());
        assert_eq!(stage.marked(), before);
        assert_eq!(stage.logged("The table is not used"), number + 1);
        stage.end_daemon(Signal::SIGTERM);
    }
    assert_eq!(
        fs::read(stage.folder().join("run/table.bad.3")).unwrap(),
        b"something else"
    );
}

#[test]
fn an_empty_table_is_begun_on_demand() {
    let mut stage = Stage::new();
    stage.register(THREE);
    stage.wait_for(&["ok"; 3]);
    let before = stage.pids();
    stage.end_daemon(Signal::SIGTERM);
    stage.start(&["-i"]);
    assert!(stage.list().is_empty());
    assert_eq!(stage.marked(), before);
    // Their output is in use still.
    assert_eq!(stage.outputs().len(), 3);
}

#[test]
fn the_daemon_ends_for_good_with_or_without_its_processes() {
    for (options, left) in [(&["-Q"][..], 3), (&["-k", "-Q"], 0)] {
        let mut stage = Stage::new();
        stage.register(THREE);
        stage.wait_for(&["ok"; 3]);
        assert_eq!(stage.spawndaemon(options).code, 0);
        stage.wait_for_end();
        assert_eq!(stage.marked().len(), left, "{}", stage.log());
        let said = stage.spawndaemon(&["-L"]);
        assert!(said.err.contains("there is no table"), "{said:?}");
        assert_eq!(stage.outputs(), [""; 0]);
    }
}

#[test]
fn two_daemons_do_not_share_a_table() {
    let stage = Stage::new();
    let output = stage.daemon_command(&[]).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let expected = format!("already running with pid {}", stage.pid());
    assert!(said.contains(&expected), "{said}");
}

/// A process that got the pid of one that died while no daemon ran.
#[test]
fn another_with_the_same_pid_is_left_alone() {
    let mut stage = Stage::new();
    stage.register("path /bin/sleep\nargs 1000\n");
    stage.wait_for(&["ok"]);
    let old = stage.pids()[0];
    stage.end_daemon(Signal::SIGKILL);
    kill(Pid::from_raw(old.cast_signed()), Signal::SIGKILL).unwrap();
    until("its pid is free", || {
        !fs::exists(format!("/proc/{old}")).unwrap()
    });
    let mut stranger = None;
    until("a stranger has its pid", || {
        fs::write("/proc/sys/kernel/ns_last_pid", (old - 1).to_string()).unwrap();
        let mut child = std::process::Command::new("/bin/sleep")
            .arg("1000")
            .spawn()
            .unwrap();
        if child.id() == old {
            stranger = Some(child);
        } else {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        stranger.is_some()
    });
    stage.start(&[]);
    stage.wait_for(&["ok"]);
    let new = stage.pids()[0];
    assert_ne!(new, old);
    assert_eq!(stage.logged("died unseen"), 1);
    assert_eq!(stage.spawndaemon(&["-k", "-s", "0"]).code, 0);
    until("ours is gone", || stage.marked().is_empty());
    let mut stranger = stranger.unwrap();
    assert_eq!(stranger.try_wait().unwrap(), None);
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}
