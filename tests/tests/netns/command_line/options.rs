//! What options do.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, net::UnixDatagram},
    process::Command,
    thread,
    time::Duration,
};

use nix::sys::signal::{Signal, kill};
use xtask::lab::{Options, process};

use super::{Running, addresses, binary, namespace, router, wait_until};
use crate::arena::{Arena, patience};

const SERVER: &str = "virtual_server 192.0.2.200 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 10.0.0.1 80 {\nTCP_CHECK {\n}\n}\n}\n";

fn arena() -> Arena {
    Arena::beside_others(Options { servers: false })
}

fn config() -> String {
    router("a", 51, "192.0.2.100/24") + SERVER
}

#[test]
fn only_the_children_that_are_asked_for_run() {
    let arena = arena();
    for (options, config, children) in [
        (&[][..], config(), &["lb-checkers", "lb-vrrp"][..]),
        (&["-P"], config(), &["lb-vrrp"]),
        (&["-C"], config(), &["lb-checkers"]),
        (
            &["--all"],
            SERVER.to_owned(),
            &["lb-bfd", "lb-checkers", "lb-vrrp"],
        ),
        (&["--all", "-B", "-P"], SERVER.to_owned(), &["lb-vrrp"]),
        (
            &[],
            format!(
                "global_defs {{\nprocess_names\nprocess_name mine\nbfd_process_name b\n}}\nbfd_instance s {{\nneighbor_ip 192.0.2.9\n}}\n{}",
                config()
            ),
            &["b", "keepalived_lvs", "keepalived_vrrp"],
        ),
    ] {
        let running = Running::start(&arena, "children", &config, options);
        let names = || {
            let all = process::children(running.pid()).into_iter();
            let mut names: Vec<_> = all.filter_map(process::command_name).collect();
            names.sort();
            names
        };
        wait_until(
            || names() == children,
            || format!("{options:?}: {:?}", names()),
        );
        thread::sleep(Duration::from_millis(100));
        assert_eq!(names(), children, "{options:?}");
        let parent = process::command_name(running.pid()).unwrap();
        assert_eq!(
            parent,
            if config.contains("mine") {
                "mine"
            } else {
                "lb"
            }
        );
        assert_eq!(running.stop().code(), Some(0));
    }
}

#[test]
fn pid_files_are_where_they_are_asked_for() {
    let arena = arena();
    let file = |name: &str| arena.work().join(name).display().to_string();
    let (p, r, c, b) = (file("p"), file("r"), file("c"), file("b"));
    let options = [
        "-p",
        &p,
        "--vrrp_pid",
        &r,
        "-c",
        &c,
        &format!("--bfd_pid={b}"),
        "--all",
    ];
    let running = Running::start(&arena, "pids", &config(), &options);
    for (path, comm) in [(&r, "lb-vrrp"), (&c, "lb-checkers"), (&b, "lb-bfd")] {
        let pid = format!("{}\n", running.wait_for_child(comm));
        wait_until(
            || fs::read_to_string(path).is_ok_and(|text| text == pid),
            || running.said(),
        );
    }
    assert_eq!(
        fs::read_to_string(&p).unwrap(),
        format!("{}\n", running.pid())
    );
    assert_eq!(running.stop().code(), Some(0));
    for path in [p, r, c, b] {
        assert!(!std::path::Path::new(&path).exists(), "{path}");
    }
}

#[test]
fn a_dead_child_is_the_end_of_a_daemon_that_does_not_respawn() {
    let arena = arena();
    let mut running = Running::start(&arena, "end", &config(), &["-R"]);
    running.wait_for("Entering MASTER STATE");
    let vrrp = running.wait_for_child("lb-vrrp");
    running.wait_for_child("lb-checkers");
    kill(vrrp, Signal::SIGKILL).unwrap();
    // As keepalived, which takes this for an end in order.
    assert_eq!(running.wait().code(), Some(0));
    assert!(
        running.said().contains("died: Exiting"),
        "{}",
        running.said()
    );
    assert!(namespace(&arena).processes().is_empty());
}

#[test]
fn addresses_may_stay_and_the_next_start_takes_them_away() {
    let arena = arena();
    let address = "192.0.2.100/24";
    let running = Running::start(&arena, "stay", &config(), &["-V"]);
    running.wait_for("Entering MASTER STATE");
    wait_until(|| addresses(&arena).contains(address), || addresses(&arena));
    assert_eq!(running.stop().code(), Some(0));
    assert!(addresses(&arena).contains(address));
    // The lease ends; then somebody else would be MASTER.
    thread::sleep(Duration::from_millis(500));
    let backup = config()
        .replace("priority 200", "priority 1")
        .replace("advert_int 0.1", "advert_int 5");
    let running = Running::start(&arena, "next", &backup, &[]);
    wait_until(|| !addresses(&arena).contains(address), || running.said());
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn a_backup_has_no_address_that_was_there_before() {
    let arena = arena();
    let address = "192.0.2.100/24";
    namespace(&arena)
        .ip(&format!("address add {address} dev eth0\n"))
        .unwrap();
    let backup = config()
        .replace("priority 200", "priority 1")
        .replace("advert_int 0.1", "advert_int 5");
    let running = Running::start(&arena, "drop", &backup, &["-X"]);
    wait_until(|| !addresses(&arena).contains(address), || running.said());
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn addresses_that_come_and_go_are_logged() {
    let arena = arena();
    let running = Running::start(&arena, "monitor", &config(), &["-a"]);
    running.wait_for("Entering MASTER STATE");
    let namespace = namespace(&arena);
    namespace
        .ip("address add 198.51.100.7/32 dev eth0\naddress del 198.51.100.7/32 dev eth0\n")
        .unwrap();
    for verb in ["added", "removed"] {
        running.wait_for(&format!("Netlink reflector reports IP 198.51.100.7 {verb}"));
    }
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn processes_have_what_the_command_line_gives_them() {
    let arena = arena();
    let config = format!("global_defs {{\numask 077\n}}\n{}", config());
    let running = Running::start(
        &arena,
        "given",
        &config,
        &["-u", "027", "-m", "--ignore-sigint"],
    );
    running.wait_for("Entering MASTER STATE");
    for pid in [
        running.pid(),
        running.wait_for_child("lb-vrrp"),
        running.wait_for_child("lb-checkers"),
    ] {
        let file = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
        assert!(
            file("status").contains("Umask:\t0027"),
            "{}",
            file("status")
        );
        let limits = file("limits");
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap();
        assert_eq!(core.matches("unlimited").count(), 2, "{core}");
    }
    running.signal(Signal::SIGINT);
    thread::sleep(Duration::from_millis(300));
    assert!(process::command_name(running.pid()).is_some());
    assert_eq!(process::children(running.pid()).len(), 2);
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn the_machine_s_core_pattern_is_set_when_it_is_asked_for() {
    let arena = arena();
    let pattern = arena.work().join("pattern");
    for (option, expected) in [("-M", "core"), ("-M/var/core.%p", "/var/core.%p")] {
        fs::write(&pattern, "untouched").unwrap();
        // The machine is not ours: the file stands for its setting.
        let mut command = Command::new("unshare");
        let line = format!(
            "mount --bind {} /proc/sys/kernel/core_pattern && exec {} \"$@\"",
            pattern.display(),
            binary().display()
        );
        command.args(["-m", "sh", "-c", &line, "lb"]);
        let running = Running::start_by(&arena, command, "pattern", &config(), &[option]);
        running.wait_for("Entering MASTER STATE");
        assert_eq!(running.stop().code(), Some(0));
        let written = fs::read_to_string(&pattern).unwrap();
        // A file keeps what was longer before, a setting does not.
        assert!(written.starts_with(expected), "{written}");
    }
}

#[test]
fn each_process_logs_to_a_file_of_its_own() {
    let arena = arena();
    let file = arena.work().join("logs.txt");
    let option = format!("-g{}", file.display());
    let options = [
        &*option,
        "--flush-log-file",
        "--log-format",
        "json",
        "-S",
        "local9",
        "-G",
    ];
    let running = Running::start(&arena, "files", &config(), &options);
    running.wait_for("Entering MASTER STATE");
    assert!(
        running.said().contains("`local9` is no log facility"),
        "{}",
        running.said()
    );
    assert_eq!(running.stop().code(), Some(0));
    let name = namespace(&arena).name();
    for (suffix, process, words) in [
        ("", "Keepalived", "Stopped lb v"),
        ("_vrrp", "Keepalived_vrrp", "(a) Entering MASTER STATE"),
        (
            "_healthcheckers",
            "Keepalived_healthcheckers",
            "Gained quorum",
        ),
    ] {
        let path = arena.work().join(format!("logs{suffix}_{name}.txt"));
        let text = fs::read_to_string(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(
            lines
                .iter()
                .all(|line| line["process"] == format!("{process}_{name}")),
            "{text}"
        );
        let said = lines
            .iter()
            .find(|line| line["text"].as_str().unwrap().contains(words));
        let said = said.unwrap_or_else(|| panic!("{words} in {text}"));
        if suffix == "_vrrp" {
            assert_eq!(
                (&said["instance"], &said["state"]),
                (&"a".into(), &"MASTER".into())
            );
        }
    }
}

#[test]
fn syslog_gets_keepalived_s_names_and_the_facility() {
    let arena = arena();
    let path = arena.work().join("syslog");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(patience())).unwrap();
    let line = format!(
        "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && ln -s {} /dev/log || exit 9
         [ ! -d /run/systemd ] || mount -t tmpfs none /run/systemd
         exec {} \"$@\"",
        path.display(),
        binary().display()
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &line, "lb"]);
    let running = Running::start_by(&arena, command, "syslog", &config(), &["-S", "local3"]);
    let name = namespace(&arena).name();
    let mut wanted = vec![
        format!("Keepalived_{name}[{}]: Starting lb", running.pid()),
        format!("Keepalived_vrrp_{name}["),
        format!("Keepalived_healthcheckers_{name}["),
    ];
    let mut heard = String::new();
    while !wanted.is_empty() {
        let mut bytes = [0; 4096];
        let length = socket
            .recv(&mut bytes)
            .unwrap_or_else(|error| panic!("{error}: {wanted:?} in {heard}\n{}", running.said()));
        let line = String::from_utf8_lossy(&bytes[..length]).into_owned();
        // local3 is 19; errors are 3, lines for information 6.
        let priorities = ["<155>", "<156>", "<158>"];
        assert!(priorities.iter().any(|it| line.starts_with(it)), "{line}");
        wanted.retain(|words| !line.contains(words));
        heard += &line;
    }
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn lines_for_programmers_are_of_the_processes_that_are_named() {
    let arena = arena();
    for (option, has) in [
        ("--debug=Nv", true),
        ("--debug=Nc", false),
        ("--debug", true),
        ("-d", false),
    ] {
        let running = Running::start(&arena, "debug", &config(), &[option]);
        running.wait_for("Entering MASTER STATE");
        wait_until(
            || addresses(&arena).contains("192.0.2.100"),
            || running.said(),
        );
        assert_eq!(running.stop_and_read().contains("done"), has, "{option}");
    }
}

#[test]
fn options_that_have_no_effect_say_so_and_the_daemon_runs() {
    let arena = arena();
    let options = [
        "-x",
        "-Audp:localhost:705",
        "--no-mem-check",
        "-L",
        "-O",
        "--debug=E",
    ];
    let running = Running::start(&arena, "none", &config(), &options);
    running.wait_for("Entering MASTER STATE");
    let said = running.said();
    assert_eq!(said.matches("has no effect: ").count(), 5, "{said}");
    assert!(
        said.contains("--debug: E has no lines of its own"),
        "{said}"
    );
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn perf_records_the_vrrp_child() {
    let arena = arena();
    let recording = std::path::Path::new("/run/lb")
        .join(namespace(&arena).name())
        .join("perf_vrrp.data");
    // A stand-in, because not every kernel lets perf(1) count; it is called as perf is.
    let folder = arena.work().join("bin");
    fs::create_dir(&folder).unwrap();
    let perf = folder.join("perf");
    fs::write(&perf, "#!/bin/sh\nexec >\"$5\"\necho \"$@\"\ntrap 'echo interrupted; exit 0' INT\nwhile kill -0 \"$7\"; do sleep 0.05; done\necho over\n").unwrap();
    fs::set_permissions(&perf, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", folder.display());
    for (option, end) in [
        ("--perf", "interrupted"),
        ("--perf=all", "over"),
        ("--perf=end", "over"),
    ] {
        fs::remove_file(&recording).ok();
        let mut command = Command::new(binary());
        command.env("PATH", &path);
        let running = Running::start_by(&arena, command, "perf", &config(), &[option]);
        running.wait_for("Entering MASTER STATE");
        let vrrp = running.wait_for_child("lb-vrrp");
        let runs = option != "--perf=end";
        if runs {
            wait_until(|| recording.exists(), || running.said());
        }
        assert_eq!(recording.exists(), runs, "{option}");
        let said = running.stop_and_read();
        assert!(said.contains("perf(1) recorded the vrrp child"), "{said}");
        let text = fs::read_to_string(&recording).unwrap();
        assert_eq!(
            text,
            format!("record -q -g -o {} -p {vrrp}\n{end}\n", recording.display())
        );
    }
    let mut command = Command::new(binary());
    command.env("PATH", arena.work());
    let running = Running::start_by(&arena, command, "perf", &config(), &["--perf"]);
    running.wait_for("perf(1) cannot be started");
    running.wait_for("Entering MASTER STATE");
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn children_have_the_time_to_stop_that_they_are_given() {
    let arena = arena();
    let config = format!("child_wait_time 1\n{}", config());
    let mut running = Running::start(&arena, "patience", &config, &[]);
    running.wait_for("Entering MASTER STATE");
    let vrrp = running.wait_for_child("lb-vrrp");
    kill(vrrp, Signal::SIGSTOP).unwrap();
    let start = std::time::Instant::now();
    running.signal(Signal::SIGTERM);
    running.wait();
    let took = start.elapsed();
    assert!(
        running.said().contains("does not stop, killing it"),
        "{}",
        running.said()
    );
    assert!(
        took > Duration::from_millis(900) && took < Duration::from_secs(4),
        "{took:?}"
    );
}

impl Running {
    /// Ends it; all that it said.
    fn stop_and_read(mut self) -> String {
        self.signal(Signal::SIGTERM);
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}", self.said());
        self.said()
    }
}
