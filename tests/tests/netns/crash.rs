//! What dies or is taken away from the daemon while it works: state and traffic stay, and the log has a line.

mod matrix;
mod surroundings;

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tests::echo::{ECHO, Echo, serve};
use xtask::lab::{
    Director, Node, Options, Template, probe::PingProbe, process, traffic::ConnectionPool,
    traffic::EchoServer,
};

use crate::arena::{Arena, VIRTUAL, lb, patience};

/// Seconds between adverts: a lease of three is longer than a child of a debug build takes to be back.
const INTERVAL: f64 = 0.5;

/// A file for every child, with an instance in FAULT, which the lab's link `down0` keeps there.
fn template(director: u8, more: &str) -> Template {
    let peer = 13 - director;
    let services = [Echo::DIRECT_V4, Echo::NAT_V4];
    let services = services.map(|echo| echo.text(&[1, 1, 1])).concat();
    Template {
        more: format!(
            "{more}vrrp_instance broken {{\ninterface down0\nvirtual_router_id 99\nversion 3\npriority 100\nadvert_int 0.5\n\
             virtual_ipaddress {{\n192.0.2.199\n}}\n}}\n\
             bfd_instance cable {{\nneighbor_ip 192.0.2.{peer}\nhoplimit 255\nmin_tx 500\nmin_rx 500\nmultiplier 5\n}}\n{services}"
        ),
        advert_interval: INTERVAL,
        ..Template::director(director)
    }
}

/// Two directors with traffic through the first.
struct Scene {
    // Dropped in this order: connections before what they lead to.
    pools: Vec<ConnectionPool>,
    _echo: Vec<EchoServer>,
    arena: Arena,
}

impl Scene {
    fn new() -> Self {
        let arena = Arena::new(Options::default());
        for number in [1, 2] {
            let down =
                "link add down0 type veth peer name down1\naddress add 192.168.9.1/24 dev down0\n";
            arena.director(number).namespace().ip(down).unwrap();
        }
        let echo = serve(&arena, ECHO);
        arena.start([&lb(), &lb()], |number| template(number, ""));
        arena.wait_for_master(1);
        arena.wait_for_real_servers(1);
        let scene = Self {
            pools: Vec::new(),
            _echo: echo,
            arena,
        };
        for (number, state) in [(1, "MASTER"), (2, "BACKUP")] {
            scene
                .arena
                .wait_for_status(number, "everybody is in place", |status| {
                    let states = states(status);
                    let sessions = status["sessions"]["sessions"].as_array();
                    states["front4"] == state
                        && states["front6"] == state
                        && states["broken"] == "FAULT"
                        && sessions.is_some_and(|all| all.iter().all(|it| it["state"] == "Up"))
                });
        }
        scene
    }

    fn connect(&mut self) {
        self.pools = [Echo::DIRECT_V4, Echo::NAT_V4]
            .map(|echo| {
                let to = SocketAddr::new(echo.address, ECHO);
                ConnectionPool::open(self.arena.client(), to, 20).unwrap()
            })
            .into();
    }

    fn broken(&self) -> Vec<String> {
        self.pools
            .iter()
            .flat_map(ConnectionPool::why_broken)
            .collect()
    }
}

/// The states of virtual routers by name.
fn states(status: &serde_json::Value) -> BTreeMap<String, String> {
    let instances = status["instances"].as_array().into_iter().flatten();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    instances
        .map(|it| (text(&it["name"]), text(&it["state"])))
        .collect()
}

/// The daemon's process of that name: `parent`, or a child's.
fn pid(director: &Director, name: &str) -> Option<Pid> {
    if name == "parent" {
        return director.pid();
    }
    let comm = format!("lb-{name}");
    let mut children = director.children().into_iter();
    children.find(|pid| process::command_name(*pid).as_deref() == Some(&comm))
}

fn wait_until(arena: &Arena, what: &str, holds: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < patience(), "{what}\n{}", arena.logs());
        thread::sleep(Duration::from_millis(5));
    }
    start.elapsed()
}
