//! Full NAT: real servers that do not route back through the director.

use std::{
    net::{IpAddr, SocketAddr},
    thread,
    time::Duration,
};

use tests::echo::{ECHO, serve};
use xtask::lab::{
    Options, Template,
    plan::{NAT_V4, NAT_V6},
    traffic::{ConnectionPool, Datagrams},
};

use crate::arena::{Arena, FEW_FLOWS, expect_all, lb};

/// Virtual port.
const TRANSLATED: u16 = 70;
const CONNECTIONS: usize = 300;

/// A virtual server whose real servers have the client on their link, so that NAT alone would let them answer past the director.
fn masked((address, network, protocol): (IpAddr, &str, &str)) -> String {
    let servers: String = (21..24)
        .map(|host| format!("real_server {network}{host} {ECHO} {{\nTCP_CHECK {{\n}}\n}}\n"))
        .collect();
    format!(
        "virtual_server {address} {TRANSLATED} {{\ndelay_loop 1\nlb_algo wlc\nlb_kind FULLNAT\n\
         protocol {protocol}\n{servers}}}\n"
    )
}

#[test]
fn real_servers_need_no_route_back_through_the_director() {
    let arena = Arena::new(Options::default());
    let _echo = serve(&arena, ECHO);
    let services = [
        (NAT_V4, "192.0.2.", "TCP"),
        (NAT_V6, "2001:db8::", "TCP"),
        (NAT_V4, "192.0.2.", "UDP"),
        (NAT_V6, "2001:db8::", "UDP"),
    ];
    arena.start([&lb(), &lb()], |director| Template {
        more: FEW_FLOWS.to_owned() + &services.map(masked).concat(),
        ..Template::director(director)
    });
    arena.wait_for_master(1);
    arena.wait_for_real_servers(1);
    for address in [NAT_V4, NAT_V6] {
        let to = SocketAddr::new(address, TRANSLATED);
        let pool = ConnectionPool::open(arena.client(), to, CONNECTIONS).unwrap();
        let datagrams = Datagrams::start(arena.client(), to).unwrap();
        thread::sleep(Duration::from_secs(1));
        expect_all(datagrams.finish().unwrap(), to);
        let report = pool.finish().unwrap();
        assert!(
            report.broken.is_empty(),
            "{to}: {report:?}\n{}",
            arena.logs()
        );
    }
    let asked = ["flow", "tcp", "192.0.2.1:9", "192.0.2.101:70", "--open"];
    let answer = arena.director(1).lb(&asked).unwrap();
    assert!(answer.contains("by FULLNAT, next hop"), "{answer}");
}
