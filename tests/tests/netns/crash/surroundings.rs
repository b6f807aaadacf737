//! What the daemon stands on goes: `/run` takes no writes, nobody reads the log.

use std::os::unix::net::UnixDatagram;

use xtask::lab::Director;

use super::{
    Arena, Duration, Instant, Options, Pid, Signal, Template, fs, kill, process, thread, wait_until,
};
use crate::{
    dumps::gaps,
    host::{DROP_IN, Host, Service, Unit},
};

fn config(host_part: u8) -> String {
    let address = format!("192.0.2.100\n192.0.2.{host_part}\n");
    let text = Template::director(1).text();
    text.replacen("192.0.2.100\n", &address, 1)
}

fn has(director: &Director, address: &str) -> bool {
    let all = director.addresses().unwrap();
    all.iter().any(|it| it == address)
}

fn child(service: &Service<'_>, comm: &str) -> Option<Pid> {
    let mut all = process::children(service.pid()).into_iter();
    all.find(|pid| process::command_name(*pid).as_deref() == Some(comm))
}

/// The service, with director 1 as master.
fn serve<'h>(arena: &Arena, host: &'h Host<'h>) -> Service<'h> {
    host.configure(&config(120));
    let service = Service::start(host, Unit::packaged(DROP_IN));
    arena.wait_for_master(1);
    service
}

#[test]
fn a_run_directory_that_takes_no_writes_stops_neither_reloads_nor_respawns() {
    let arena = Arena::new(Options { servers: false });
    let director = arena.director(1);
    let host = Host::new(director, "-D");
    let service = serve(&arena, &host);
    wait_until(&arena, "the first address", || has(director, "192.0.2.120"));
    let began = Instant::now();
    host.sh(
        "mount --bind /run /run; mount -o remount,bind,ro /run; ! touch /run/probe 2>/dev/null",
    );
    host.configure(&config(121));
    service.reload();
    wait_until(&arena, "the other address", || has(director, "192.0.2.121"));
    for comm in ["lb-vrrp", "lb-checkers"] {
        let victim = child(&service, comm).unwrap();
        kill(victim, Signal::SIGKILL).unwrap();
        wait_until(&arena, comm, || {
            child(&service, comm).is_some_and(|pid| pid != victim)
        });
    }
    thread::sleep(Duration::from_secs(2));
    let lines = host.logged();
    let about: Vec<&String> = lines
        .iter()
        .filter(|line| line.contains("Read-only file system"))
        .collect();
    println!(
        "/run read-only: {} lines, such as {:?}",
        about.len(),
        about.first()
    );
    assert!(has(director, "192.0.2.121"));
    assert!(!about.is_empty() && about.len() <= 4, "{lines:?}");
    let adverts = arena.adverts.since(began);
    assert!(
        adverts.iter().all(|it| it.priority != 0),
        "it has said goodbye"
    );
    service.stop();
}

#[test]
fn a_log_that_nobody_reads_or_has_costs_no_advert() {
    let arena = Arena::new(Options { servers: false });
    let director = arena.director(1);
    let host = Host::new(director, "-D");
    let service = serve(&arena, &host);
    thread::sleep(Duration::from_millis(500));
    // Nobody reads: a socket takes a handful of datagrams, then writers would wait.
    host.stop_reading_log();
    let began = Instant::now();
    for round in 0..60 {
        host.configure(&config(130 + round));
        service.reload();
    }
    wait_until(&arena, "the last address", || has(director, "192.0.2.189"));
    let stuck = gaps(&arena, began);
    // It is gone.
    fs::remove_file(host.path("/dev/log")).unwrap();
    let began = Instant::now();
    for round in 0..10 {
        host.configure(&config(200 + round));
        service.reload();
    }
    wait_until(&arena, "the last address", || has(director, "192.0.2.209"));
    let gone = gaps(&arena, began);
    // And there is another one.
    let other = UnixDatagram::bind(host.path("/dev/log")).unwrap();
    other
        .set_read_timeout(Some(crate::arena::patience()))
        .unwrap();
    host.configure(&config(210));
    service.reload();
    let mut buffer = [0; 4096];
    let length = other.recv(&mut buffer).unwrap();
    let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
    println!(
        "longest time without an advert, of 100 ms each: log not read {:?}, gone {:?}; the next one begins with {line:?}",
        stuck.first(),
        gone.first()
    );
    assert!(line.contains("Keepalived"), "{line}");
    // Who waited for a reader would wait until there is one.
    for gap in stuck.iter().chain(&gone) {
        assert!(*gap < Duration::from_secs(1), "{stuck:?} {gone:?}");
    }
    service.stop();
}
