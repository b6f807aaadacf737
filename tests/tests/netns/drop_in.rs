//! `lb` where Debian's package has keepalived: its unit, its files, its signals, and those who read what it writes.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use xtask::lab::{Node, Options, Template, process};

use crate::{
    arena::{Arena, patience},
    dumps::exporter::{read_counters, read_state},
    host::{DROP_IN, Host, Service, Unit},
};

/// With a reader of states, and one address more.
fn config(host_part: u8) -> String {
    let template = Template {
        more: "global_defs {\nvrrp_notify_fifo /run/states root\n}\n".to_owned(),
        ..Template::director(1)
    };
    let address = format!("192.0.2.100\n192.0.2.{host_part}\n");
    template.text().replacen("192.0.2.100\n", &address, 1)
}

fn wait_until(host: &Host<'_>, what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        let logged = || host.logged().join("\n");
        assert!(start.elapsed() < patience(), "{what}\n{}", logged());
        thread::sleep(Duration::from_millis(20));
    }
}

/// A file that a signal has written anew.
fn written(host: &Host<'_>, file: &str, signal: &str) -> String {
    let path = host.path(file);
    fs::remove_file(&path).ok();
    host.sh(&format!("kill -{signal} $(cat /run/keepalived.pid)"));
    wait_until(host, file, || path.is_file());
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o600, "{file}");
    host.read(file)
}

#[test]
fn debians_unit_starts_reloads_asks_and_stops_lb() {
    let arena = Arena::new(Options { servers: false });
    let director = arena.director(1);
    let host = Host::new(director, "-D --log-detail");
    host.configure(&config(120));
    host.sh("mkfifo -m 600 /run/states");
    let mut states = File::options()
        .read(true)
        .write(true)
        .custom_flags(nix::libc::O_NONBLOCK)
        .open(host.path("/run/states"))
        .unwrap();
    let unit = Unit::packaged("");
    println!(
        "ExecStart={:?} ExecReload={:?} KillMode={:?} PIDFile={:?}",
        unit.get("ExecStart"),
        unit.get("ExecReload"),
        unit.get("KillMode"),
        unit.get("PIDFile")
    );
    let service = Service::start(&host, unit);
    assert_eq!(
        host.read("/run/keepalived.pid"),
        format!("{}\n", service.pid())
    );
    assert_eq!(
        process::command_line(service.pid())[1..],
        ["--dont-fork", "-D", "--log-detail"]
    );
    arena.wait_for_master(1);
    let has = |address: &str| director.addresses().unwrap().iter().any(|it| it == address);
    wait_until(&host, "the first address", || has("192.0.2.120"));

    // A script knows signals by number, by name, and by keepalived's word.
    let counters = written(&host, "/tmp/keepalived.stats", "USR2");
    let counters = read_counters(&counters);
    assert_eq!(counters[0].name, "front4");
    assert_eq!(counters[0].became_master, 1);
    let state = written(&host, "/tmp/keepalived.data", "$(keepalived --signum=DATA)");
    let state = read_state(&state);
    assert_eq!((&*state[0].state, state[0].vrid), ("MASTER", 51));
    assert!(
        state[0]
            .addresses
            .iter()
            .any(|it| it.contains("192.0.2.120"))
    );
    assert_eq!(
        read_state(&written(&host, "/tmp/keepalived.data", "USR1")).len(),
        2
    );
    let json = written(&host, "/tmp/keepalived.json", "$(keepalived --signum=JSON)");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["data"]["iname"], "front4");
    assert_eq!(json[0]["data"]["state"], 2);
    let words = host.sh(
        "for word in STOP RELOAD DATA STATS STATS_CLEAR JSON; do keepalived --signum=$word; done",
    );
    assert_eq!(words, "15\n1\n10\n12\n63\n36\n");

    host.configure(&config(121));
    service.reload();
    wait_until(&host, "the other address", || {
        has("192.0.2.121") && !has("192.0.2.120")
    });
    // What only another process can have is refused, by name and line.
    host.configure(&format!("! first\nuse_pid_dir\n{}", config(122)));
    service.reload();
    let refusal = "/etc/keepalived/keepalived.conf:2:1: a change of use_pid_dir needs a restart";
    host.wait_for_line(refusal);
    assert!(has("192.0.2.121"));

    service.stop();
    assert!(!has("192.0.2.121") && !host.path("/run/keepalived.pid").exists());
    host.wait_for_line("Stopped lb v");
    let logged = host.logged();
    assert!(
        !logged.iter().any(|line| line.contains("Respawning")),
        "{logged:?}"
    );
    let mut heard = vec![0; 65536];
    let length = states.read(&mut heard).unwrap();
    let heard = String::from_utf8_lossy(&heard[..length]).into_owned();
    let mut instance = heard
        .lines()
        .filter(|line| line.starts_with("INSTANCE \"front4\" "));
    for state in ["BACKUP", "MASTER", "STOP"] {
        let line = instance.next().unwrap_or_default();
        assert!(line.contains(state), "{heard}");
    }
}

#[test]
fn our_drop_in_makes_a_restart_a_hand_over() {
    let arena = Arena::new(Options { servers: false });
    let director = arena.director(1);
    let host = Host::new(director, "");
    host.configure(&config(120));
    let mut service = Service::start(&host, Unit::packaged(DROP_IN));
    arena.wait_for_master(1);
    let children = process::children(service.pid());
    let began = Instant::now();
    service.restart();
    thread::sleep(Duration::from_secs(1));
    assert!(
        process::children(service.pid())
            .iter()
            .all(|pid| !children.contains(pid))
    );
    let adverts = arena.adverts.since(began);
    assert!(
        adverts
            .iter()
            .all(|it| it.source == Node::Director(1).front_v4())
    );
    println!(
        "longest time without an advert, of 100 ms each: {:?}",
        arena.adverts.longest_gap(began)
    );
    let farewells = adverts.iter().filter(|it| it.priority == 0).count();
    assert_eq!(farewells, 0, "nobody says goodbye");
    service.stop();
    assert!(
        !director
            .addresses()
            .unwrap()
            .iter()
            .any(|it| it == "192.0.2.120")
    );
}
