//! Daemons side by side in one namespace.

use std::{fs, path::Path, process::Command};

use xtask::lab::{Options, process};

use super::{Running, addresses, binary, namespace, router, run, wait_until};
use crate::arena::Arena;

fn instance(name: &str, vrid: u8, address: &str) -> String {
    format!("instance {name}\n{}", router(name, vrid, address))
}

#[test]
fn two_instances_in_one_namespace_do_not_disturb_each_other() {
    let arena = Arena::beside_others(Options { servers: false });
    let both = [("one", 51, "192.0.2.101"), ("two.b", 52, "192.0.2.102")];
    let [one, two] = both.map(|(name, vrid, address)| {
        Running::start(&arena, name, &instance(name, vrid, address), &[])
    });
    let name = namespace(&arena).name();
    let pids = Path::new("/run/keepalived").join(name);
    for (running, (name, _, address)) in [(&one, both[0]), (&two, both[1])] {
        running.wait_for(&format!("({name}) Entering MASTER STATE"));
        wait_until(
            || addresses(&arena).contains(address),
            || address.to_owned(),
        );
        let pid = |of: &str| {
            let text = fs::read_to_string(pids.join(format!("{of}_{name}.pid"))).unwrap();
            text.trim().parse::<i32>().unwrap()
        };
        assert_eq!(pid("keepalived"), running.pid().as_raw());
        assert_eq!(pid("vrrp"), running.wait_for_child("lb-vrrp").as_raw());
        let ident = format!(
            "Keepalived_vrrp_{}_{name}: ({name}) Entering",
            namespace(&arena).name()
        );
        assert!(running.said().contains(&ident), "{}", running.said());
        let mut status = Command::new(binary());
        status
            .args(["-s", namespace(&arena).name(), "-f"])
            .arg(&running.config)
            .args(["status", "--json"]);
        let (code, text) = run(&arena, &mut status);
        assert_eq!(code, 0, "{text}");
        let status: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(status["pid"], running.pid().as_raw());
        assert_eq!(status["instances"][0]["name"], name);
    }
    // The same instance again is refused, and harms nobody.
    let mut again = Running::start(&arena, "again", &instance("one", 53, "192.0.2.103"), &[]);
    assert_eq!(again.wait().code(), Some(1));
    assert!(again.said().contains("already running"), "{}", again.said());
    // One of them goes, by itself.
    let stays = two.wait_for_child("lb-vrrp");
    assert_eq!(one.stop().code(), Some(0));
    assert!(!addresses(&arena).contains("192.0.2.101"));
    assert!(addresses(&arena).contains("192.0.2.102"));
    assert_eq!(process::children(two.pid()), [stays]);
    let left: Vec<_> = fs::read_dir(&pids)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(two.stop().code(), Some(0));
    assert!(!pids.exists());
    for base in ["/sys/fs/bpf/lb", "/run/lb"] {
        assert!(
            !Path::new(base)
                .join(format!("{name}:one/control.sock"))
                .exists()
        );
    }
    assert!(
        !Path::new("/sys/fs/bpf/lb")
            .join(format!("{name}:two%b"))
            .exists()
    );
}

#[test]
fn a_reload_does_not_rename_a_daemon() {
    let arena = Arena::beside_others(Options { servers: false });
    let running = Running::start(&arena, "one", &instance("one", 51, "192.0.2.101"), &[]);
    running.wait_for("Entering MASTER STATE");
    fs::write(&running.config, instance("two", 51, "192.0.2.101")).unwrap();
    running.signal(nix::sys::signal::Signal::SIGHUP);
    running.wait_for("a change of instance needs a restart");
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn a_pid_file_that_keepalived_has_is_left_to_it() {
    let arena = Arena::beside_others(Options { servers: false });
    let file = arena.work().join("shared.pid");
    let path = file.display().to_string();
    let own = |name: &str| arena.work().join(name).display().to_string();
    let config = router("a", 51, "192.0.2.100/24");
    let mut keepalived = Command::new("/usr/sbin/keepalived");
    let keepalived_config = arena.work().join("keepalived.conf");
    fs::write(&keepalived_config, &config).unwrap();
    keepalived
        .args(["-P", "-n", "-f"])
        .arg(&keepalived_config)
        .args([
            "-p",
            &path,
            "-r",
            &own("r"),
            "-c",
            &own("c"),
            "-b",
            &own("b"),
        ]);
    let mut keepalived = namespace(&arena).spawn(&mut keepalived).unwrap();
    wait_until(|| file.exists(), || path.clone());
    let mut running = Running::start(&arena, "lb", &config, &["-p", &path]);
    assert_eq!(running.wait().code(), Some(1));
    assert!(
        running.said().contains("keepalived is running with pid"),
        "{}",
        running.said()
    );
    keepalived.kill().unwrap();
    keepalived.wait().unwrap();
    // What a dead one left is replaced.
    let running = Running::start(&arena, "lb", &config, &["-p", &path]);
    let own = format!("{}\n", running.pid());
    wait_until(
        || fs::read_to_string(&file).unwrap() == own,
        || running.said(),
    );
    assert_eq!(running.stop().code(), Some(0));
    assert!(!file.exists());
}
