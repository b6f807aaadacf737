//! What a user tries first, with what the screen shows.

use std::process::{Command, Stdio};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tests::keepalive::{Stage, until};

/// Types a command and shows what comes of it.
fn typed(stage: &Stage, arguments: &[&str]) -> String {
    let said = stage.spawndaemon(arguments);
    println!(
        "# spawndaemon {}\n{}{}",
        arguments.join(" "),
        said.out,
        said.err
    );
    said.out + &said.err
}

fn kill_nine(pid: u32) {
    println!("# kill -9 {pid}\n");
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).unwrap();
}

#[test]
fn the_tour_of_the_documentation() {
    let stage = Stage::new();
    let file = stage.write(
        "web.conf",
        "path /bin/sleep\nargs 1000\nname web\nerror_limit 3\n",
    );
    println!(
        "# cat web.conf\n{}",
        "path /bin/sleep\nargs 1000\nname web\nerror_limit 3\n"
    );
    assert_eq!(typed(&stage, &["-r", &file]), "slot 0\n");
    stage.wait_for(&["ok"]);
    let first = stage.pids()[0];
    typed(&stage, &["-L"]);
    kill_nine(first);
    until("it is back", || {
        stage.pids().first().is_some_and(|pid| *pid != first)
    });
    stage.wait_for(&["ok"]);
    assert!(typed(&stage, &["-L"]).contains("by SIGKILL"));
    for _ in 0..2 {
        until("it runs", || stage.states() == ["ok"]);
        kill_nine(stage.pids()[0]);
        until("that is seen", || stage.states() != ["ok"]);
    }
    stage.wait_for(&["down"]);
    assert!(typed(&stage, &["-L"]).contains("down (error limit)"));
    assert_eq!(
        stage.logged("DOWN after 3 failures within 300 s; `spawndaemon -x -S 0` starts it"),
        1
    );
    typed(&stage, &["-x", "-S", "0"]);
    stage.wait_for(&["ok"]);

    let mut other = Command::new("/bin/sleep")
        .arg("2000")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let pid = other.id().to_string();
    let adopted = stage.write("other.conf", "path /bin/sleep\nargs 2000\nname other\n");
    assert_eq!(typed(&stage, &["-R", &adopted, &pid]), "slot 1\n");
    typed(&stage, &["-L"]);
    other.kill().unwrap();
    other.wait().unwrap();
    until("another is started in its place", || {
        stage.states() == ["ok", "ok"] && !stage.pids().contains(&other.id())
    });

    let group = stage.write(
        "shop.conf",
        "group_name shop\nprocess\npath /bin/sleep\nargs 3000\nname database\ncritical\nprocess\npath /bin/sleep\nargs 3001\nname shop\n",
    );
    assert_eq!(typed(&stage, &["-r", &group]), "slots 2 3\n");
    stage.wait_for(&["ok"; 4]);
    let before = stage.pids();
    kill_nine(before[2]);
    until("the whole group is another", || {
        let now = stage.pids();
        now.len() == 4 && stage.states() == ["ok"; 4] && now[2] != before[2] && now[3] != before[3]
    });
    assert_eq!(stage.pids()[..2], before[..2]);
    typed(&stage, &["-L"]);
    typed(&stage, &["-k", "-g", "shop"]);
    stage.wait_for(&["ok", "ok"]);
    typed(&stage, &["-k", "-s", "1"]);
    typed(&stage, &["-k", "-d", "/bin/sleep"]);
    until("nothing is left", || {
        stage.list().is_empty() && stage.marked().is_empty()
    });
    typed(&stage, &["-L"]);
    assert_eq!(stage.outputs(), [""; 0]);
    until("no control group is left", || stage.leaves() == 0);
    println!("{}", stage.log());
}

#[test]
fn what_makes_no_sense_is_refused_with_a_sentence() {
    let stage = Stage::new();
    let file = stage.write("a.conf", "path /bin/sleep\nargs 1000\n");
    let wrong = stage.write("b.conf", "path /bin/sleep\nargz 1000\n");
    stage.register("path /bin/sleep\nargs 1000\n");
    let own = std::process::id().to_string();
    for (arguments, expected) in [
        (
            &["-r", &*file][..],
            "spawndaemon: sleep is registered already, in slot 0",
        ),
        (
            &["-r", &*wrong],
            "b.conf:2: there is no keyword `argz`; did you mean `args`?",
        ),
        (&["-r", "/nonexistent"], "/nonexistent: No such file"),
        (&["-R", &*file, &*own], "runs"),
        (
            &["-R", &*file, "99999999"],
            "spawndaemon: process 99999999: ",
        ),
        (&["-s", "7"], "spawndaemon: slot 7 is free"),
        (&["-p", "1"], "spawndaemon: process 1 is not monitored"),
        (&["-g", "none"], "spawndaemon: there is no group none"),
        (&["-d", "/bin/x"], "spawndaemon: /bin/x is not registered"),
        (
            &["-a", "-d", "/bin/sleep", "5"],
            "/bin/sleep is not registered with these arguments",
        ),
        (&["-x"], "-x needs one of -D PATH, -P PID, -S SLOT"),
        (&["-o"], "what they meant is not known"),
        (
            &["-z", "0"],
            "spawndaemon: 0 slots: a table has from 1 to 65536",
        ),
        (&[], "required arguments"),
    ] {
        let said = stage.spawndaemon(arguments);
        assert_eq!(said.code, 1, "{arguments:?}: {said:?}");
        assert!(said.err.contains(expected), "{arguments:?}: {said:?}");
    }
    assert_eq!(stage.states(), ["ok"]);
}

#[test]
fn the_table_has_as_many_slots_as_it_is_told() {
    let stage = Stage::new();
    stage.register("path /bin/sleep\nargs 1000\ninstances 2\n");
    assert_eq!(stage.spawndaemon(&["-z", "2"]).code, 0);
    let file = stage.write("more", "path /bin/sleep\nargs 1001\n");
    let said = stage.spawndaemon(&["-r", &file]);
    assert!(
        said.err.contains("1 slots are needed and 0 are free"),
        "{said:?}"
    );
    assert_eq!(stage.spawndaemon(&["-z", "3"]).code, 0);
    assert_eq!(stage.spawndaemon(&["-r", &file]).out, "slot 2\n");
    stage.wait_for(&["ok"; 3]);
    let said = stage.spawndaemon(&["-z", "1"]);
    assert!(said.err.contains("slot 2 is in use"), "{said:?}");
}

#[test]
fn requests_come_through_the_named_pipe_too() {
    let mut stage = Stage::without_daemon();
    let pipe = stage.folder().join("pipe");
    let option = format!("--fifo={}", pipe.display());
    stage.start(&[&option]);
    let request = r#"{"register":[{"path":"/bin/sleep","args":["1000"]}]}"#;
    std::fs::write(&pipe, format!("{request}\nnonsense\n")).unwrap();
    stage.wait_for(&["ok"]);
    until("nonsense is told", || {
        stage.logged("named pipe is refused") == 1
    });
}
