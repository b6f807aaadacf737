//! A daemon that is restarted, or replaced by another binary, with connections and adverts under way.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use tests::echo::{ECHO, Echo, serve};
use xtask::lab::{Daemon, Node, Template, probe::PingProbe, process, traffic::ConnectionPool};

use crate::arena::{Arena, VIRTUAL, lb, number, patience};

/// Connections to each of two services.
const CONNECTIONS: usize = 100;
/// Times that the daemon is replaced; `LB_NETNS_HANDOVERS` for more. Every other time by a copy of the binary.
const HANDOVERS: usize = 6;
/// Milliseconds between adverts; `LB_NETNS_HANDOVER_MS` for less, on a machine that does nothing else.
const INTERVAL: usize = 50;

fn template(director: u8) -> Template {
    let interval = number("LB_NETNS_HANDOVER_MS", INTERVAL);
    let services = [Echo::DIRECT_V4, Echo::NAT_V4];
    Template {
        more: services.map(|echo| echo.text(&[1, 1, 1])).concat(),
        advert_interval: interval as f64 / 1e3,
        ..Template::director(director)
    }
}

/// The binary, and a copy of it elsewhere, which goes with the test.
struct Binaries {
    usual: Daemon,
    copy: PathBuf,
}

impl Binaries {
    fn new() -> Self {
        let usual = lb();
        let Daemon::Lb { binary } = &usual else {
            unreachable!("it is lb")
        };
        let copy = std::env::temp_dir().join(format!("lb-copy-{}", std::process::id()));
        fs::copy(binary, &copy).unwrap();
        Self { usual, copy }
    }

    fn number(&self, number: usize) -> Daemon {
        if number.is_multiple_of(2) {
            return self.usual.clone();
        }
        Daemon::Lb {
            binary: self.copy.clone(),
        }
    }
}

impl Drop for Binaries {
    fn drop(&mut self) {
        fs::remove_file(&self.copy).ok();
    }
}

#[test]
fn a_restart_and_a_new_binary_break_no_connection_and_bring_no_election() {
    let arena = Arena::new(xtask::lab::Options::default());
    let binaries = Binaries::new();
    let _echo = serve(&arena, ECHO);
    arena.start([&lb(), &lb()], template);
    arena.wait_for_master(1);
    arena.wait_for_real_servers(1);
    let pools = [Echo::DIRECT_V4, Echo::NAT_V4].map(|echo| {
        let to = SocketAddr::new(echo.address, ECHO);
        ConnectionPool::open(arena.client(), to, CONNECTIONS).unwrap()
    });
    let ping = PingProbe::start(arena.client(), VIRTUAL).unwrap();
    thread::sleep(Duration::from_millis(500));
    let before = elections(&arena);
    let began = Instant::now();
    let director = arena.director(1);
    let config = template(1).text();
    for number in 1..=self::number("LB_NETNS_HANDOVERS", HANDOVERS) {
        let children = director.children();
        director.leave().unwrap();
        director.start(&binaries.number(number), &config).unwrap();
        let start = Instant::now();
        let is_new = |pids: &[_]| {
            pids.len() == children.len() && !pids.iter().any(|pid| children.contains(pid))
        };
        // A zombie that nobody has reaped yet has no command line.
        let is_over = || {
            is_new(&director.children())
                && children
                    .iter()
                    .all(|pid| process::command_line(*pid).is_empty())
        };
        while !is_over() {
            assert!(
                start.elapsed() < patience(),
                "hand-over {number}\n{}",
                arena.logs()
            );
            thread::sleep(Duration::from_millis(20));
        }
        thread::sleep(Duration::from_millis(500));
    }
    let adverts = arena.adverts.since(began);
    let others = adverts
        .iter()
        .filter(|advert| advert.source != Node::Director(1).front_v4());
    assert_eq!(others.count(), 0, "an election\n{}", arena.logs());
    let longest = arena.adverts.longest_gap(began).unwrap();
    let ping = ping.finish().unwrap();
    let gap = ping.longest_gap(began).map(|gap| gap.length());
    println!(
        "longest time without an advert {longest:?}, without an answer to pings {gap:?}, {} of {} pings answered",
        ping.answered(),
        ping.sent()
    );
    for pool in pools {
        let report = pool.finish().unwrap();
        println!(
            "{} bytes exchanged, longest wait {:?}",
            report.exchanged, report.longest_wait
        );
        assert_eq!(report.broken, Vec::<String>::new(), "{}", arena.logs());
    }
    assert_eq!(elections(&arena), before, "{}", arena.logs());
}

/// How often director 2 became master, which it may have been before director 1 was there.
fn elections(arena: &Arena) -> u64 {
    let status = arena.director(2).status().unwrap();
    let instances = status["instances"].as_array().unwrap().iter();
    instances
        .filter_map(|instance| instance["became_master"].as_u64())
        .sum()
}
