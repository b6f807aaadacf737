//! Requests reach the servers, spread as they should be, and follow the servers' health.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use tests::echo::{ECHO, Echo, serve};
use xtask::lab::{
    BIG_BYTES, Template,
    plan::{DR_V4, DR_V6, NAT_V4, NAT_V6},
    traffic::{Datagrams, Download, Request, Tally},
};

use crate::arena::{Arena, lb, number};

const WORKERS: usize = 4;
/// `delay_loop` + `connect_timeout` of the quick-start file.
const DETECTION: Duration = Duration::from_secs(2);

fn many(arena: &Arena, address: IpAddr, count: usize) -> Tally {
    let request = Request::new(SocketAddr::new(address, 80));
    arena
        .client()
        .run(|| Ok(request.many(count, WORKERS)))
        .unwrap()
}

#[test]
fn ten_thousand_requests_do_not_fail_and_are_spread_evenly() {
    let arena = Arena::with_lb(Template::director);
    let all = number("LB_NETNS_REQUESTS", 10_000);
    for (address, kind, count) in [
        (DR_V4, "mh DR", all),
        (NAT_V4, "rr NAT", all),
        (DR_V6, "mh DR", all / 5),
        (NAT_V6, "rr NAT", all / 5),
    ] {
        let tally = many(&arena, address, count);
        println!(
            "{address} {kind}: {count} requests, shares {:?}",
            tally.shares()
        );
        assert_eq!(
            tally.failed,
            Vec::<String>::new(),
            "{address} {kind}\n{}",
            arena.logs()
        );
        assert_eq!(
            tally.served.len(),
            3,
            "{address} {kind}: {:?}",
            tally.served
        );
        for (server, share) in tally.shares() {
            assert!(
                (share - 100.0 / 3.0).abs() <= 5.0,
                "{address} {kind}: {server} has {share} %"
            );
        }
    }
}

#[test]
fn a_stopped_server_is_avoided_in_time_and_comes_back() {
    let arena = Arena::with_lb(Template::director);
    arena.server(1).stop().unwrap();
    thread::sleep(DETECTION);
    for address in [DR_V4, NAT_V4, DR_V6, NAT_V6] {
        let tally = many(&arena, address, 150);
        assert_eq!(
            tally.failed,
            Vec::<String>::new(),
            "{address}\n{}",
            arena.logs()
        );
        assert!(
            !tally.served.contains_key("s1"),
            "{address}: {:?}",
            tally.served
        );
    }
    arena.server(1).start().unwrap();
    let started = Instant::now();
    for address in [DR_V4, NAT_V4, DR_V6, NAT_V6] {
        loop {
            let tally = many(&arena, address, 30);
            assert_eq!(
                tally.failed,
                Vec::<String>::new(),
                "{address}: while s1 comes back\n{}",
                arena.logs()
            );
            if tally.served.contains_key("s1") {
                break;
            }
            assert!(
                started.elapsed() < DETECTION * 2,
                "{address}: s1 is not back\n{}",
                arena.logs()
            );
        }
    }
}

/// A virtual server without a port beside one with: each address has another method and family.
#[test]
fn a_virtual_server_of_every_port_leaves_packets_their_port() {
    let every = |(address, method, network): (IpAddr, &str, &str)| {
        let servers: String = (21..24)
            .map(|host| {
                format!("real_server {network}{host} {{\nTCP_CHECK {{\nconnect_port 80\n}}\n}}\n")
            })
            .collect();
        format!(
            "virtual_server {address} {{\ndelay_loop 1\nlb_algo rr\nlb_kind {method}\nprotocol TCP\n\
             persistence_timeout 60\n{servers}}}\n"
        )
    };
    let fronts = [
        (DR_V4, "DR", "192.0.2."),
        (NAT_V4, "NAT", "198.51.100."),
        (DR_V6, "DR", "2001:db8::"),
        (NAT_V6, "NAT", "2001:db8:1::"),
    ];
    let arena = Arena::with_lb(|director| Template {
        more: fronts.map(every).concat(),
        ..Template::director(director)
    });
    for (address, ..) in fronts {
        let request = Request::new(SocketAddr::new(address, 8080));
        let tally = arena
            .client()
            .run(|| Ok(request.many(50, WORKERS)))
            .unwrap();
        assert_eq!(
            tally.failed,
            Vec::<String>::new(),
            "{address}\n{}",
            arena.logs()
        );
        assert_eq!(tally.served.len(), 1, "{address}: {:?}", tally.served);
        let beside = many(&arena, address, 50);
        assert_eq!(beside.failed, Vec::<String>::new(), "{address}");
        assert_eq!(beside.served.len(), 3, "{address}: {:?}", beside.served);
    }
}

#[test]
fn maglev_moves_only_the_flows_of_the_server_that_left() {
    let arena = Arena::with_lb(Template::director);
    let before = by_port(&arena);
    arena.server(3).stop().unwrap();
    thread::sleep(DETECTION);
    let after = by_port(&arena);
    let moved = before
        .iter()
        .filter(|(port, server)| after[port] != **server)
        .count();
    let share = moved as f64 * 100.0 / before.len() as f64;
    println!("{moved} of {} flows moved: {share:.2} %", before.len());
    assert!(after.values().all(|server| server != "s3"), "s3 is stopped");
    assert!(
        share <= 100.0 / 3.0 + 2.0,
        "{share:.2} % of the flows moved"
    );
}

/// Downloads and datagrams at the same time, of all methods and families: nothing is lost or another.
#[test]
fn downloads_arrive_byte_by_byte_beside_datagrams() {
    let arena = Arena::new(xtask::lab::Options::default());
    let _echo = serve(&arena, ECHO);
    arena.start([&lb(), &lb()], |director| Template {
        more: Echo::ALL.map(Echo::datagrams).concat(),
        ..Template::director(director)
    });
    arena.wait_for_master(1);
    arena.wait_for_real_servers(1);
    thread::scope(|scope| {
        let arena = &arena;
        for echo in Echo::ALL {
            scope.spawn(move || download(arena, echo.address));
        }
    });
}

/// Several, one after the other.
fn download(arena: &Arena, address: IpAddr) {
    let rounds = number("LB_NETNS_DOWNLOADS", 1);
    let datagrams = Datagrams::start(arena.client(), SocketAddr::new(address, ECHO)).unwrap();
    let started = Instant::now();
    for _ in 0..rounds {
        let to = SocketAddr::new(address, 80);
        let download = Download::start(arena.client(), to, Duration::from_secs(5)).unwrap();
        assert_eq!(download.finish().unwrap(), BIG_BYTES, "{address}");
    }
    let took = started.elapsed();
    let report = datagrams.finish().unwrap();
    let gigabytes = (rounds as u64 * BIG_BYTES) as f64 / 1e9;
    println!("{address}: {gigabytes:.1} GB in {took:.1?}, {report:?}");
    assert_eq!(report.corrupted, 0, "{address}");
    assert_eq!(report.returned, report.sent, "{address}");
    assert!(report.sent > 100, "{report:?}");
}

/// Which server answers a flow from each of 6000 source ports.
fn by_port(arena: &Arena) -> BTreeMap<u16, String> {
    let ports: Vec<u16> = (20_000..26_000).collect();
    let ask = |ports: &[u16]| {
        let server = |port: &u16| {
            let request = Request {
                local_port: *port,
                ..Request::new(SocketAddr::new(DR_V4, 80))
            };
            let name = request.server_name();
            (
                *port,
                name.unwrap_or_else(|error| panic!("port {port}: {error:#}\n{}", arena.logs())),
            )
        };
        ports.iter().map(server).collect::<Vec<_>>()
    };
    let answers = arena.client().run(|| {
        thread::scope(|scope| {
            let workers: Vec<_> = ports
                .chunks(ports.len() / WORKERS)
                .map(|ports| scope.spawn(move || ask(ports)))
                .collect();
            Ok(workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap())
                .collect())
        })
    });
    answers.unwrap()
}
