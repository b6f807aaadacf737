//! The director as one of its own real servers.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use tests::echo::{ECHO, own_addresses};
use xtask::lab::{
    Node, Options, Template,
    plan::{DR_V4, DR_V6, NAT_V4, NAT_V6},
    traffic::{Datagrams, EchoServer},
};

use crate::arena::{Arena, FEW_FLOWS, expect_all, lb, patience, real_servers};

/// Virtual port of what NAT translates.
const TRANSLATED: u16 = 70;
/// More than a segment, so that the kernel hands several over in one.
const MUCH: usize = 100_000;

/// A virtual server whose real server is director 1.
fn here(address: IpAddr, port: u16, method: &str, protocol: &str, real: &str) -> String {
    format!(
        "virtual_server {address} {port} {{\ndelay_loop 1\nlb_algo rr\nlb_kind {method}\nprotocol {protocol}\n\
         real_server {real} {ECHO} {{\nTCP_CHECK {{\n}}\n}}\n}}\n"
    )
}

/// Sends much and gets all of it back.
fn exchange(arena: &Arena, to: SocketAddr) -> std::io::Result<()> {
    let stream = arena
        .client()
        .run(|| Ok(TcpStream::connect_timeout(&to, patience())));
    let mut stream = stream.unwrap()?;
    stream.set_read_timeout(Some(patience()))?;
    let sent: Vec<u8> = (0..MUCH).map(|at| (at * 7 % 251) as u8).collect();
    let (mut writer, bytes) = (stream.try_clone()?, sent.clone());
    let writing = thread::spawn(move || writer.write_all(&bytes));
    let mut back = vec![0; MUCH];
    stream.read_exact(&mut back)?;
    assert!(back == sent, "{to}: other bytes");
    writing.join().unwrap()
}

#[test]
fn a_director_can_be_a_real_server_itself() {
    let arena = Arena::new(Options::default());
    let director = arena.director(1).namespace();
    let _echo = EchoServer::start(director, ECHO, &own_addresses(Node::Director(1)), 0).unwrap();
    let services = [
        here(DR_V4, ECHO, "DR", "TCP", "192.0.2.11"),
        here(DR_V6, ECHO, "DR", "TCP", "2001:db8::11"),
        here(NAT_V4, TRANSLATED, "NAT", "TCP", "198.51.100.11"),
        here(NAT_V6, TRANSLATED, "NAT", "TCP", "2001:db8:1::11"),
        here(NAT_V4, TRANSLATED, "NAT", "UDP", "198.51.100.11"),
        here(NAT_V6, TRANSLATED, "NAT", "UDP", "2001:db8:1::11"),
    ];
    arena.start([&lb(), &lb()], |director| Template {
        more: FEW_FLOWS.to_owned() + &services.concat(),
        ..Template::director(director)
    });
    arena.wait_for_master(1);
    arena.wait_for_real_servers(1);
    let is_here = |server: &&serde_json::Value| server["next_hop"] == "this host";
    arena.wait_for_status(1, "its own addresses are known to be here", |status| {
        real_servers(status).filter(is_here).count() == services.len()
    });
    for (address, port) in [
        (DR_V4, ECHO),
        (DR_V6, ECHO),
        (NAT_V4, TRANSLATED),
        (NAT_V6, TRANSLATED),
    ] {
        let to = SocketAddr::new(address, port);
        if let Err(error) = exchange(&arena, to) {
            panic!("{to}: {error}\n{}", arena.logs());
        }
        let words = ["flow", "tcp", "192.0.2.1:9", &to.to_string(), "--open"];
        if address.is_ipv4() {
            let answer = arena.director(1).lb(&words).unwrap();
            assert!(answer.contains("which is this host"), "{answer}");
        }
    }
    for address in [NAT_V4, NAT_V6] {
        let to = SocketAddr::new(address, TRANSLATED);
        let datagrams = Datagrams::start(arena.client(), to).unwrap();
        thread::sleep(Duration::from_millis(300));
        expect_all(datagrams.finish().unwrap(), to);
    }
}
