//! The daemon as a service of this machine: what it tells the service manager, and what rights its children keep.

use std::{fs, os::unix::net::UnixDatagram};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tests::echo::Echo;
use xtask::lab::{Options, Template, process};

use crate::arena::{Arena, FEW_FLOWS, lb, patience};

/// A file for every child.
fn template(director: u8) -> Template {
    let peer = 23 - director;
    Template {
        more: format!(
            "{FEW_FLOWS}bfd_instance cable {{\nneighbor_ip 192.0.2.{peer}\nhoplimit 255\n}}\n{}",
            Echo::NAT_V4.text(&[1])
        ),
        ..Template::director(director)
    }
}

fn started() -> (Arena, UnixDatagram) {
    let arena = Arena::new(Options::default());
    let manager = UnixDatagram::bind(arena.director(1).notify_socket()).unwrap();
    manager.set_read_timeout(Some(patience())).unwrap();
    arena.start([&lb(), &lb()], template);
    (arena, manager)
}

/// The next word that is not about the watchdog.
fn word(manager: &UnixDatagram) -> String {
    loop {
        let word = any_word(manager);
        if word != "WATCHDOG=1\n" {
            return word;
        }
    }
}

fn any_word(manager: &UnixDatagram) -> String {
    let mut buffer = [0; 1024];
    let length = manager.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn the_service_manager_is_told_of_start_reload_and_stop() {
    let (arena, manager) = started();
    let director = arena.director(1);
    let pid = director.pid().unwrap();
    let count = |text: &str, what: &str| text.matches(what).count();
    let (text, broken) = (template(1).text(), "global_defs {\nrouter_id\n}\n");
    let ready = format!(
        "READY=1\nMAINPID={pid}\nSTATUS={} virtual routers, {} virtual servers, 1 BFD session\n",
        count(&text, "vrrp_instance "),
        count(&text, "virtual_server "),
    );
    assert_eq!(word(&manager), ready);
    assert_eq!(director.children().len(), 3, "{}", arena.logs());
    let status = director.status().unwrap();
    assert_ne!(status["instances"], serde_json::json!([]), "{status}");
    for file in [text.as_str(), broken] {
        director.reload(file).unwrap();
        let reloading = word(&manager);
        let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
        let time = time.and_then(|time| time.trim_end().parse::<u64>().ok());
        assert!(time.is_some(), "{reloading}");
        assert_eq!(word(&manager), ready, "{file}");
    }
    let watchdog = (0..3).map(|_| any_word(&manager));
    assert!(watchdog.into_iter().all(|word| word == "WATCHDOG=1\n"));
    director.stop().unwrap();
    assert_eq!(word(&manager), "STOPPING=1\nSTATUS=stopping\n");
}

/// A value of `/proc/PID/status`.
fn of_status(pid: Pid, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    value.unwrap().to_owned()
}

fn capabilities(pid: Pid, name: &str) -> u64 {
    u64::from_str_radix(&of_status(pid, name), 16).unwrap()
}

const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;
const SYS_MODULE: u64 = 1 << 16;
const SYS_PTRACE: u64 = 1 << 19;
const SYS_ADMIN: u64 = 1 << 21;
const SETUID: u64 = 1 << 7;
const BPF: u64 = 1 << 39;

#[test]
fn children_keep_no_right_that_they_do_not_need() {
    let (arena, manager) = started();
    assert!(word(&manager).starts_with("READY=1\n"));
    let children = arena.director(1).children();
    assert_eq!(children.len(), 3, "{}", arena.logs());
    for child in children {
        let name = process::command_line(child).first().cloned().unwrap();
        let [effective, permitted, inheritable, bounding] =
            ["CapEff", "CapPrm", "CapInh", "CapBnd"].map(|set| capabilities(child, set));
        assert_eq!(inheritable, 0, "{name}");
        assert_eq!(
            effective & (NET_ADMIN | NET_RAW | BPF),
            NET_ADMIN | NET_RAW | BPF,
            "{name}"
        );
        assert_eq!(
            effective & (SYS_ADMIN | SYS_MODULE | SYS_PTRACE),
            0,
            "{name}"
        );
        // Scripts of root are root's, and the bfd child has none.
        let runs_programs = name != "lb-bfd";
        assert_eq!(effective == permitted, !runs_programs, "{name}");
        assert_eq!(bounding & SYS_ADMIN != 0, runs_programs, "{name}");
        assert_eq!(effective & SETUID != 0, runs_programs, "{name}");
        assert_eq!(
            of_status(child, "NoNewPrivs") == "0",
            runs_programs,
            "{name}"
        );
    }
}

#[test]
fn signals_for_the_parent_do_not_end_the_children() {
    let (arena, manager) = started();
    assert!(word(&manager).starts_with("READY=1\n"));
    let children = arena.director(1).children();
    let realtime = [
        nix::libc::SIGRTMIN() + 2,
        nix::libc::SIGRTMAX() - 1,
        nix::libc::SIGRTMAX(),
    ];
    for child in &children {
        for signal in [
            Signal::SIGHUP,
            Signal::SIGQUIT,
            Signal::SIGUSR1,
            Signal::SIGUSR2,
        ] {
            kill(*child, signal).unwrap();
        }
        for signal in realtime {
            // SAFETY: a child of the lab's daemon, which has not been waited for.
            assert_eq!(unsafe { nix::libc::kill(child.as_raw(), signal) }, 0);
        }
    }
    arena.director(1).reload(template(1).text()).unwrap();
    assert!(word(&manager).starts_with("RELOADING=1\n"));
    assert!(word(&manager).starts_with("READY=1\n"));
    assert_eq!(arena.director(1).children(), children, "{}", arena.logs());
}
