//! What virtual routers and checks make of a session that is cut.

use std::{
    net::Ipv4Addr,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{Daemon, Node, Options, probe::ArpProbe, process, slowness};

use crate::arena::{Arena, lb, real_servers};

/// Three packets of 10 ms are soon over on a machine that does something else.
const REAL_TIME: &str = "global_defs {\nbfd_rt_priority 50\nvrrp_rt_priority 40\n}\n";

/// 10 ms × 3 to the server, which director 1 has to see to be MASTER.
fn director(number: u8, priority: u8) -> String {
    let host = Node::Director(number).host();
    format!(
        "{REAL_TIME}bfd_instance upstream {{\nneighbor_ip 192.0.2.21\nsource_ip 192.0.2.{host}\nmultiplier 3\n}}\n\
         vrrp_instance r51 {{\nstate BACKUP\ninterface eth0\nvirtual_router_id 51\npriority {priority}\nversion 3\nadvert_int 0.1\n\
         virtual_ipaddress {{\n192.0.2.100\n}}\ntrack_bfd {{\nupstream\n}}\n}}\n\
         virtual_server 192.0.2.100 80 {{\nlb_algo rr\nlb_kind DR\nprotocol TCP\nreal_server 192.0.2.21 80 {{\nBFD_CHECK {{\n\
         name upstream\n}}\n}}\n}}\n"
    )
}

/// A third `lb`, on server 1, at the other end of both sessions.
struct Upstream(Child);

impl Upstream {
    fn start(arena: &Arena, multiplier: u8) -> Self {
        let sessions = [1, 2].map(|number| {
            let host = Node::Director(number).host();
            format!("bfd_instance d{number} {{\nneighbor_ip 192.0.2.{host}\nmultiplier {multiplier}\n}}\n")
        });
        let file = arena.work().join("upstream.conf");
        std::fs::write(&file, REAL_TIME.to_owned() + &sessions.concat()).unwrap();
        let Daemon::Lb { binary } = lb() else {
            unreachable!("it is lb that is tested")
        };
        let namespace = arena.server(1).namespace();
        let mut command = Command::new(binary);
        command
            .args(["-s", namespace.name(), "-n", "-G", "-f"])
            .arg(file)
            .stdin(Stdio::null());
        Self(namespace.spawn(&mut command).unwrap())
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // Whatever becomes of it, the lab goes.
        drop(process::end(&mut self.0, Duration::from_secs(5)));
    }
}

/// Starts both directors, each with the file for its number and priority; the first becomes MASTER.
fn start_directors(arena: &Arena, config: impl Fn(u8, u8) -> String) {
    for (number, priority) in [(1, 150), (2, 100)] {
        let place = arena.director(usize::from(number));
        place
            .start_with(&lb(), config(number, priority), &["-D"])
            .unwrap();
    }
    arena.wait_for_master(1);
}

#[test]
fn a_cut_session_moves_the_virtual_router_and_takes_the_real_server_away() {
    let arena = Arena::new(Options { servers: false });
    let _upstream = Upstream::start(&arena, 3);
    start_directors(&arena, director);
    arena.wait_for_real_servers(1);
    thread::sleep(Duration::from_secs(1));

    // The server's packets to director 1 go nowhere.
    let server = arena.server(1).namespace();
    let cut = Instant::now();
    server.ip("route add blackhole 192.0.2.11/32").unwrap();
    arena.wait_for_master(2);
    let heard = arena.adverts.since(cut);
    let second = Node::Director(2).front_v4();
    let first = heard.iter().find(|advert| advert.source == second);
    let taken = first.unwrap().at - cut;
    println!("director 2 speaks {taken:?} after the cut");
    // 30 ms until it is seen, then a farewell, and the skew time of the other one: 61 ms.
    assert!(
        taken < Duration::from_millis(200) * slowness(),
        "{taken:?}\n{}",
        arena.logs()
    );
    arena.wait_for_status(1, "FAULT, and no real server", |status| {
        let down = real_servers(status).all(|server| server["up"] == false);
        down && status["instances"][0]["state"] == "FAULT"
    });
    arena.wait_for_status(2, "its real server stays", |status| {
        real_servers(status).all(|server| server["up"] == true)
    });

    // And back again.
    server.ip("route del blackhole 192.0.2.11/32").unwrap();
    arena.wait_for_master(1);
    arena.wait_for_real_servers(1);
    let log = arena.director(1).log();
    for line in [
        "(upstream) Entering Up state",
        "(upstream) Expired after 3",
        "(upstream) Entering Down state (Local diagnostic - Control Detection Time Expired, Remote diagnostic - ",
        "Tracked BFD instance upstream is DOWN",
        "Received BFD event: instance upstream is in state Down (delivered in ",
        "BFD check of [upstream] RS([192.0.2.21]:tcp:80) is DOWN",
        "BFD check of [upstream] RS([192.0.2.21]:tcp:80) is UP",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
}

/// Adverts once a second, and 10 ms × 3 between the directors.
fn peer(number: u8, priority: u8) -> String {
    let (here, there) = (
        Node::Director(number).host(),
        Node::Director(3 - number).host(),
    );
    format!(
        "{REAL_TIME}bfd_instance other {{\nneighbor_ip 192.0.2.{there}\nsource_ip 192.0.2.{here}\nmultiplier 3\n}}\n\
         vrrp_instance r51 {{\nstate BACKUP\ninterface eth0\nvirtual_router_id 51\npriority {priority}\nversion 3\nadvert_int 1\n\
         virtual_ipaddress {{\n192.0.2.100\n}}\ntrack_bfd {{\nother peer\n}}\n}}\n"
    )
}

/// Both directors run, the first is MASTER, and their session is up.
fn peers() -> Arena {
    let arena = Arena::new(Options { servers: false });
    start_directors(&arena, peer);
    for number in [1, 2] {
        arena.wait_for_status(number, "the session is up", |status| {
            status["sessions"]["sessions"][0]["state"] == "Up"
        });
    }
    thread::sleep(Duration::from_secs(1));
    arena
}

#[test]
fn a_master_that_dies_is_succeeded_in_the_detection_time() {
    let arena = peers();
    let owners = ArpProbe::start(arena.switch(), Ipv4Addr::new(192, 0, 2, 100)).unwrap();
    thread::sleep(Duration::from_millis(100));
    let killed = Instant::now();
    arena.director(1).kill9_all();
    arena.wait_for_master(2);
    thread::sleep(Duration::from_millis(500));
    let both = owners.finish().unwrap().dual_owner(killed);
    let heard = arena.adverts.since(killed);
    let second = Node::Director(2).front_v4();
    let first = heard.iter().find(|advert| advert.source == second);
    let taken = first.unwrap().at - killed;
    println!("director 2 speaks {taken:?} after the kill, and both own the address for {both:?}");
    // Its lease would run for three seconds.
    assert!(
        both < Duration::from_millis(200) * slowness(),
        "{both:?}\n{}",
        arena.logs()
    );
    assert!(
        taken < Duration::from_millis(200) * slowness(),
        "{taken:?}\n{}",
        arena.logs()
    );
}

#[test]
fn a_master_that_only_bfd_finds_silent_stays_master() {
    let arena = peers();
    let became = || {
        let status = arena.director(2).status().unwrap();
        status["instances"][0]["became_master"].as_u64().unwrap()
    };
    let before = became();
    let cut = Instant::now();
    let first = arena.director(1).namespace();
    first
        .ip("rule add pref 10 ipproto udp dport 3784 blackhole")
        .unwrap();
    arena.wait_for_status(2, "it was MASTER for a moment", |status| {
        let instance = &status["instances"][0];
        instance["became_master"].as_u64() > Some(before) && instance["state"] == "BACKUP"
    });
    thread::sleep(Duration::from_secs(3));
    assert_eq!(became(), before + 1, "{}", arena.logs());
    // One advert of director 2, and the answer of director 1 right behind it.
    let heard = arena.adverts.since(cut);
    let [one, two] = [1, 2].map(|number| Node::Director(number).front_v4());
    let claimed: Vec<_> = heard.iter().filter(|advert| advert.source == two).collect();
    assert_eq!(claimed.len(), 1, "{}", arena.logs());
    let answer = heard
        .iter()
        .find(|advert| advert.source == one && advert.at > claimed[0].at);
    let both = answer.unwrap().at - claimed[0].at;
    println!("both were MASTER for {both:?}");
    assert!(
        both < Duration::from_millis(100) * slowness(),
        "{both:?}\n{}",
        arena.logs()
    );
}

#[test]
fn children_that_die_do_not_move_the_virtual_router() {
    let arena = Arena::new(Options { servers: false });
    let _upstream = Upstream::start(&arena, 30);
    start_directors(&arena, |number, priority| {
        director(number, priority).replace("multiplier 3", "multiplier 30")
    });
    arena.wait_for_real_servers(1);
    thread::sleep(Duration::from_secs(1));
    let elections = || {
        let status = arena.director(2).status().unwrap();
        let instance = &status["instances"][0];
        (instance["state"].clone(), instance["became_master"].clone())
    };
    let before = elections();
    let start = Instant::now();
    let killed = arena.director(1).kill9_children().unwrap();
    assert_eq!(killed.len(), 3, "vrrp, checkers and bfd");
    thread::sleep(Duration::from_secs(3));
    let master = Node::Director(1).front_v4();
    let heard = arena.adverts.since(start);
    assert!(
        heard.len() > 20 && heard.iter().all(|advert| advert.source == master),
        "{}",
        arena.logs()
    );
    arena.wait_for_real_servers(1);
    assert_eq!(before.0, "BACKUP");
    assert_eq!(elections(), before, "{}", arena.logs());
}
