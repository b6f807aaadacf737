//! Programs that know nothing of keepalive get it, seen with `ss -to`; and such that know keep theirs, or not.

use std::{
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{Namespace, Options};

use super::{group::Group, said, tcp_keepalive};
use crate::arena::Arena;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/tcp_keepalive");

/// The addresses of the first server.
const SERVER: [&str; 2] = ["192.0.2.21", "2001:db8::21"];

/// Ports of a server in Python and of one that is linked statically.
const PORTS: [&str; 2] = ["5001", "5002"];

const PYTHON_SERVER: &str = "
import socket, sys
s = socket.create_server(('', int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
kept = []
while True: kept.append(s.accept())
";
const PYTHON_CLIENT: &str = "
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.recv(1)
";

/// Builds the program that is linked statically.
fn peer(folder: &Path) -> PathBuf {
    let path = folder.join("peer");
    let mut cc = Command::new("cc");
    cc.args(["-static", "-O1", "-o"]).arg(&path);
    let made = said(cc.arg(format!("{FIXTURES}/peer.c")));
    assert_eq!(made.code, Some(0), "{made:?}");
    path
}

/// What `ss -to` shows of the open connections of a port.
fn sockets(namespace: &Namespace, end: &str, port: &str) -> Vec<String> {
    let filter = format!("{end} = :{port}");
    let words = ["-tnoH", "state", "established", &filter];
    let shown = namespace.command("ss", &words).unwrap();
    shown.lines().map(str::to_owned).collect()
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within 10 s: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Starts both servers.
fn serve(arena: &Arena, group: &Group, peer: &str) {
    let server = arena.server(1).namespace();
    group.start(server, &["python3", "-c", PYTHON_SERVER, PORTS[0]]);
    group.start(server, &[peer, "listen", PORTS[1]]);
    for port in PORTS {
        let listens = || {
            let words = ["-tlnH", &format!("sport = :{port}")];
            !server.command("ss", &words).unwrap().is_empty()
        };
        wait_for("the server listens", listens);
    }
}

/// Connects each program to each port over each family; the number of connections for each port.
fn connect(arena: &Arena, group: &Group, peer: &str) -> usize {
    let before = sockets(arena.client(), "dport", PORTS[0]).len();
    let mut count = 0;
    for address in SERVER {
        for port in PORTS {
            let bash = format!("exec 3<>/dev/tcp/{address}/{port}; read -r _ <&3");
            let client = arena.client();
            group.start(client, &["bash", "-c", &bash]);
            group.start(client, &["python3", "-c", PYTHON_CLIENT, address, port]);
            group.start(client, &[peer, "connect", address, port]);
        }
        count += 3;
    }
    for port in PORTS {
        wait_for("every program is connected", || {
            sockets(arena.client(), "dport", port).len() == before + count
                && sockets(arena.server(1).namespace(), "sport", port).len() == before + count
        });
    }
    count
}

/// Connections of both ends that have a timer of keepalive, and all of them.
fn with_keepalive(arena: &Arena) -> (usize, usize) {
    let mut all = Vec::new();
    for port in PORTS {
        all.extend(sockets(arena.client(), "dport", port));
        all.extend(sockets(arena.server(1).namespace(), "sport", port));
    }
    let with = all.iter().filter(|line| line.contains("timer:(keepalive,"));
    (with.count(), all.len())
}

/// Of a group's counters: given keepalive, left alone, attempts without effect.
fn counters(group: &Group) -> [u64; 3] {
    let said = tcp_keepalive(None, &["status", "--json"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let status: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let groups = status["groups"].as_array().unwrap();
    let own = groups.iter().find(|it| it["cgroup"] == group.path());
    let rules = own.expect("it is shown")["rules"].as_array().unwrap();
    let sum = |name: &str| rules.iter().map(|rule| rule[name].as_u64().unwrap()).sum();
    ["applied", "left", "kept"].map(sum)
}

#[test]
fn programs_dynamic_static_and_python_get_keepalive_on_both_ends_new_and_existing() {
    let arena = Arena::beside_others(Options::default());
    let peer = peer(arena.work());
    let peer = peer.to_str().unwrap();
    let group = Group::new("programs");
    serve(&arena, &group, peer);
    let before = connect(&arena, &group, peer);
    assert_eq!(
        with_keepalive(&arena),
        (0, 4 * before),
        "nothing is attached"
    );

    group.attach(&["--idle", "30", "--intvl", "10", "--cnt", "3"]);
    let new = connect(&arena, &group, peer);
    let all = 4 * (before + new);
    assert_eq!(
        with_keepalive(&arena),
        (4 * new, all),
        "new connections alone"
    );
    assert_eq!(counters(&group), [4 * new as u64, 0, 0]);

    let status = tcp_keepalive(Some(arena.client().name()), &["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    println!("client: {}", status["sockets"]);
    assert_eq!(status["sockets"]["with_keepalive"], 2 * new, "{status}");
    assert_eq!(
        status["sockets"]["without_keepalive"],
        2 * before,
        "{status}"
    );

    let said = tcp_keepalive(
        None,
        &["apply-existing", "--cgroup", group.path(), "--json"],
    );
    let done: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&done["applied"], &done["left"]),
        (&(4 * before).into(), &(4 * new).into()),
        "{said:?}"
    );
    assert_eq!(with_keepalive(&arena), (all, all), "existing ones too");

    group.kill();
    group.detach();
    serve(&arena, &group, peer);
    let after = connect(&arena, &group, peer);
    assert_eq!(with_keepalive(&arena), (0, 4 * after), "after detach");
}

/// What a program in Python finds on its connection: keepalive, idle time, interval, probes, user timeout; and keepalive after it
/// has tried to switch it off.
fn options(arena: &Arena, group: &Group, port: &str, own: &[&str]) -> String {
    let script = format!("{FIXTURES}/options.py");
    let mut found = SERVER.map(|address| {
        let words = [&["python3", &script, address, port], own].concat();
        let said = arena
            .client()
            .run(|| Ok(said(&mut group.command(&words))))
            .unwrap();
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out.trim().to_owned()
    });
    assert_eq!(found[0], found[1], "both families alike");
    std::mem::take(&mut found[0])
}

#[test]
fn what_a_program_asks_for_counts_unless_it_is_forced() {
    let arena = Arena::beside_others(Options::default());
    let peer = peer(arena.work());
    let group = Group::new("options");
    serve(&arena, &group, peer.to_str().unwrap());
    let values = ["--idle", "30", "--intvl", "10", "--cnt", "3"];
    let port = PORTS[0];
    let found = |own: &[&str]| options(&arena, &group, port, own);
    assert_eq!(found(&[]), "0 7200 75 9 0 0", "without anything");
    assert_eq!(found(&["own"]), "1 77 75 9 0 0", "without anything");

    group.attach(&[&values[..], &["--respect-app"]].concat());
    assert_eq!(found(&[]), "1 30 10 3 60000 0", "respected");
    assert_eq!(found(&["own"]), "1 77 75 9 0 0", "respected");
    // Its own choice, of either family. The server's ends were given keepalive.
    assert_eq!(counters(&group), [6, 2, 0]);

    group.attach(&[&values[..], &["--force"]].concat());
    assert_eq!(found(&[]), "1 30 10 3 60000 1", "forced");
    assert_eq!(found(&["own"]), "1 30 10 3 60000 1", "forced");
    // Two attempts of each of four programs.
    assert_eq!(counters(&group), [8, 0, 8]);

    let first = format!("remote-port {port} idle 40 user-timeout none force");
    let rules = ["--rule", &first, "--rule", "remote 192.0.2.0/24 leave"];
    group.attach(&rules);
    assert_eq!(found(&[]), "1 40 30 3 0 1", "by its rule");
    let other = options(&arena, &group, PORTS[1], &[]);
    assert_eq!(other, "0 7200 75 9 0 0", "left alone, or no rule fits");

    group.detach();
    assert_eq!(found(&[]), "0 7200 75 9 0 0", "detached");
}

#[test]
fn a_command_runs_in_a_group_of_its_own_which_goes_with_it() {
    let arena = Arena::beside_others(Options::default());
    let peer = peer(arena.work());
    let group = Group::new("run");
    serve(&arena, &group, peer.to_str().unwrap());
    let script = format!("{FIXTURES}/options.py");
    let program = ["python3", &script, SERVER[0], PORTS[0]];
    let words = [&["run", "--idle", "20", "--force", "--"], &program[..]].concat();
    let client = arena.client().name();
    let said = tcp_keepalive(Some(client), &words);
    assert_eq!(
        (said.code, said.out.trim()),
        (Some(0), "1 20 30 3 110000 1"),
        "{said:?}"
    );
    let failed = tcp_keepalive(Some(client), &["run", "--", "sh", "-c", "exit 7"]);
    assert_eq!(failed.code, Some(7), "{failed:?}");
    let missing = tcp_keepalive(Some(client), &["run", "--", "/nowhere"]);
    assert!(missing.err.contains("cannot run /nowhere"), "{missing:?}");
    let status = tcp_keepalive(None, &["status"]);
    assert!(!status.out.contains("lb-tcp-keepalive-"), "{status:?}");
}
