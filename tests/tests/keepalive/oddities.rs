//! Processes that make it hard: the right state, and one clear message each.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tests::keepalive::{Stage, until};

/// A shell line as a registered program.
fn shell(line: &str, more: &str) -> String {
    format!("path = '/bin/sh'\nargs = ['-c', '''{line}''']\n{more}")
}

#[test]
fn a_service_that_forks_twice_is_followed_and_stopped_whole() {
    // A main process and a helper, both away from where they were started.
    let line = "(setsid sh -c \"sleep 1001 & exec sleep 1002\" &) ; exit 0";
    let stage = Stage::new();
    stage.register(&shell(line, "daemonize = true\nback_off = 0\n"));
    stage.wait_for(&["ok"]);
    until("both run", || stage.marked().len() == 2);
    let main = stage.pids()[0];
    assert!(stage.marked().contains(&main));
    let before = stage.marked();
    kill(Pid::from_raw(main.cast_signed()), Signal::SIGKILL).unwrap();
    until("both are others", || {
        let now = stage.marked();
        stage.states() == ["ok"] && now.len() == 2 && now.iter().all(|pid| !before.contains(pid))
    });
    assert_eq!(stage.logged("died by SIGKILL"), 1, "{}", stage.log());
    assert_eq!(stage.spawndaemon(&["-k", "-s", "0"]).code, 0);
    until("both are gone", || stage.marked().is_empty());
    until("no control group is left", || stage.leaves() == 0);
}

#[test]
fn the_main_process_is_that_of_the_pid_file() {
    let stage = Stage::new();
    let file = stage.folder().join("pid");
    let line = format!(
        "(setsid sh -c \"sleep 1001 & sleep 1002 & echo \\$! > {}; wait\" &) ; exit 0",
        file.display()
    );
    let more = format!("daemonize = true\npid_file = '{}'\n", file.display());
    stage.register(&shell(&line, &more));
    stage.wait_for(&["ok"]);
    let written: u32 = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    assert_eq!(stage.pids(), [written]);
}

#[test]
fn one_that_ignores_sigterm_is_killed_after_its_time() {
    let stage = Stage::new();
    stage.register(&shell(
        "trap '' TERM; while :; do sleep 1; done",
        "term_wait = 0.3\n",
    ));
    stage.wait_for(&["ok"]);
    assert_eq!(stage.spawndaemon(&["-k", "-s", "0"]).code, 0);
    until("it is gone", || {
        stage.marked().is_empty() && stage.list().is_empty()
    });
    assert_eq!(
        stage.logged("does not end by SIGTERM, killing it"),
        1,
        "{}",
        stage.log()
    );
}

#[test]
fn a_binary_that_disappears_makes_it_down_with_a_message_for_each_try() {
    let stage = Stage::new();
    let program = stage.folder().join("program");
    fs::copy("/bin/sleep", &program).unwrap();
    stage.register(&format!(
        "path {}\nargs 1000\nerror_limit 3\nback_off 0\n",
        program.display()
    ));
    stage.wait_for(&["ok"]);
    fs::remove_file(&program).unwrap();
    kill(
        Pid::from_raw(stage.pids()[0].cast_signed()),
        Signal::SIGKILL,
    )
    .unwrap();
    stage.wait_for(&["down"]);
    let expected = format!(
        "cannot be started: {}: No such file or directory",
        program.display()
    );
    assert_eq!(stage.logged(&expected), 1, "{}", stage.log());
    assert_eq!(stage.logged("DOWN after 3 failures"), 1);
    assert!(stage.marked().is_empty());
    assert_eq!(stage.outputs().len(), 1);
}

#[test]
fn a_file_that_is_no_program_is_named() {
    let stage = Stage::new();
    let program = stage.write("text", "#!/nonexistent/interpreter\n");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    stage.register(&format!("path {program}\nerror_limit 1\n"));
    stage.wait_for(&["down"]);
    assert_eq!(stage.logged("DOWN after 1 failures"), 1, "{}", stage.log());
}

#[test]
fn a_burst_of_a_hundred_thousand_lines_is_kept_whole() {
    let stage = Stage::new();
    stage.register(&shell("seq 100000; exec sleep 1000", ""));
    stage.wait_for(&["ok"]);
    let output = stage.logs().join(format!("sh.{}", stage.pids()[0]));
    until("all is there", || {
        let text = fs::read_to_string(&output).unwrap_or_default();
        text.lines().count() == 100_000
    });
    assert_eq!(stage.states(), ["ok"]);
}

#[test]
fn a_full_disk_costs_the_output_and_nothing_else() {
    let mut stage = Stage::without_daemon();
    let logs = stage.logs();
    fs::create_dir_all(&logs).unwrap();
    let script = "mount -t tmpfs -o size=16k,nr_inodes=3 none \"$1\" && touch \"$1/a\" \"$1/b\" && shift && exec \"$@\"";
    let daemon = stage.daemon_command(&[]);
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(&logs);
    command.arg(daemon.get_program()).args(daemon.get_args());
    stage.start_as(command);
    stage.register("path /bin/sleep\nargs 1000\nback_off 0\n");
    stage.wait_for(&["ok"]);
    assert_eq!(
        stage.logged("its output is lost: No space left on device"),
        1,
        "{}",
        stage.log()
    );
}

#[test]
fn a_group_of_scripts_runs_only_what_root_alone_can_write() {
    let stage = Stage::new();
    // Below a directory that others cannot write to.
    let folder = tempfolder();
    let script = folder.join("down");
    let said = folder.join("said");
    fs::write(
        &script,
        format!("#!/bin/sh\nenv | grep ^KA_ | sort > {}\n", said.display()),
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let registration = format!(
        "path /bin/sh\nargs -c \"exit 3\"\nname three\nerror_limit 1\ndown_script {}\n",
        script.display()
    );
    stage.register(&registration);
    stage.wait_for(&["down"]);
    until("the script has run", || {
        fs::read_to_string(&said).is_ok_and(|text| text.lines().count() == 8)
    });
    let text = fs::read_to_string(&said).unwrap();
    for expected in [
        "KA_NAME=three\n",
        "KA_STATE=down\n",
        "KA_EXIT=3\n",
        "KA_ATTEMPT=1\n",
        "KA_NODE=here\n",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    fs::set_permissions(&script, fs::Permissions::from_mode(0o757)).unwrap();
    fs::remove_file(&said).unwrap();
    assert_eq!(stage.spawndaemon(&["-x", "-S", "0"]).code, 0);
    let refused = format!("everybody may change {}: `chmod o-w {0}`", script.display());
    until("it is refused", || stage.logged(&refused) == 1);
    assert!(!said.exists());
    fs::remove_dir_all(folder).unwrap();
}

fn tempfolder() -> std::path::PathBuf {
    let folder = std::path::PathBuf::from(format!("/run/lb-keepalive-test-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}
