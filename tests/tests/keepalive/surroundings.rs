//! What a process finds when it begins, and how it says that it is ready.

use std::{fs, os::unix::fs::PermissionsExt as _, thread, time::Duration};

use tests::keepalive::{Stage, until};

/// What a process that prints this writes.
fn printed(stage: &Stage, registration: &str) -> String {
    stage.register(registration);
    stage.wait_for(&["ok"]);
    let basename = if registration.contains("python3") {
        "python3"
    } else {
        "sh"
    };
    let output = stage.logs().join(format!("{basename}.{}", stage.pids()[0]));
    until("it has printed all", || {
        fs::read_to_string(&output).is_ok_and(|text| text.contains("END"))
    });
    fs::read_to_string(&output).unwrap()
}

#[test]
fn a_process_has_what_is_registered_and_nothing_of_the_daemon_s() {
    let stage = Stage::new();
    let text = printed(
        &stage,
        r#"
path = "/bin/sh"
args = ["-c", "id -un; id -gn; pwd; env | sort; ulimit -n; read line || echo no input; ls /proc/$$/fd | tr '\\n' ' '; grep ^SigBlk /proc/self/status; echo END; exec sleep 1000"]
user = "nobody"
group = "daemon"
working_directory = "/usr"
limits = { nofile = 77 }
[environment]
COLOUR = "blue and green"
"#,
    );
    for expected in [
        "nobody\ndaemon\n/usr\n",
        "COLOUR=blue and green\n",
        "KEEPALIVE_NAME=sh\n",
        "\n77\n",
        "no input\n",
        "\n0 1 2 ",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    assert!(!text.contains("CARGO"), "{text}");
    assert!(text.contains("SigBlk:\t0000000000000000\n"), "{text}");
}

/// Speaks sd_notify as another user, and feeds the watchdog until it is told to stop.
const TALKER: &str = r#"
import os, socket, sys, time
address = os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
time.sleep(0.3)
s.sendto(b"STATUS=warm\nREADY=1", address)
print(os.environ.get("WATCHDOG_USEC"), "END", flush=True)
while not os.path.exists(sys.argv[1]):
    s.sendto(b"WATCHDOG=1", address)
    time.sleep(0.1)
time.sleep(1000)
"#;

#[test]
fn readiness_and_life_are_told_by_sd_notify() {
    let stage = Stage::new();
    // Another user reads the program there.
    fs::set_permissions(stage.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = stage.write("talker.py", TALKER);
    let quiet = stage.folder().join("quiet");
    let registration = format!(
        "path /usr/bin/python3\nargs {program} {}\nuser nobody\nreadiness notify\nwatchdog 1\nback_off 0\n",
        quiet.display()
    );
    stage.register(&registration);
    stage.wait_for(&["start"]);
    stage.wait_for(&["ok"]);
    let first = stage.pids()[0];
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(stage.pids(), [first]);
    fs::write(&quiet, "").unwrap();
    until("it is killed for its silence", || {
        stage.logged("did not say WATCHDOG=1 in time") == 1
    });
    until("it is started again", || {
        stage.pids().first().is_some_and(|pid| *pid != first)
    });
}

#[test]
fn readiness_is_asked_of_a_port_or_a_command() {
    let stage = Stage::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let file = stage.folder().join("ready");
    let ready = file.display();
    stage.register(&format!(
        "path = '/bin/sleep'\nargs = ['1000']\nreadiness = 'tcp {port}'\n"
    ));
    stage.register(&format!(
        "path = '/bin/sleep'\nargs = ['1001']\nreadiness = 'command /usr/bin/test -e {ready}'\n"
    ));
    stage.wait_for(&["start", "start"]);
    let _listener = std::net::TcpListener::bind(port).unwrap();
    stage.wait_for(&["ok", "start"]);
    fs::write(&file, "").unwrap();
    stage.wait_for(&["ok", "ok"]);
    assert_eq!(stage.logged(": ready"), 2);
}

#[test]
fn output_of_what_is_gone_is_gone() {
    let mut stage = Stage::new();
    stage.register("path /bin/sleep\nargs 1000\ninstances 2\nback_off 0\n");
    stage.wait_for(&["ok", "ok"]);
    let names = |pids: &[u32]| -> Vec<String> {
        let mut names: Vec<_> = pids.iter().map(|pid| format!("sleep.{pid}")).collect();
        names.sort();
        names
    };
    let before = stage.pids();
    assert_eq!(stage.outputs(), names(&before));
    let pid = nix::unistd::Pid::from_raw(before[0].cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    until("it is back, and its first output is gone", || {
        let now = stage.pids();
        now.len() == 2 && now != before && stage.outputs() == names(&now)
    });
    // One that was left by a daemon long ago.
    fs::write(stage.logs().join("other.99999999"), "").unwrap();
    stage.end_daemon(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(stage.outputs(), names(&stage.pids()));
}
