//! Datagrams that name their real server by a QUIC connection ID.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    time::Duration,
};

use tests::echo::{ECHO, serve};
use xtask::lab::{
    Options, Template,
    plan::{DR_V4, DR_V6},
};

use crate::arena::{Arena, lb, real_servers};

/// A virtual server whose real servers have the server ids aa21 to aa23.
fn named((address, network): (IpAddr, &str)) -> String {
    let servers: String = (21..24)
        .map(|host| {
            format!(
                "real_server {network}{host} {ECHO} {{\nquic_server_id aa{host}\nTCP_CHECK {{\n}}\n}}\n"
            )
        })
        .collect();
    format!(
        "virtual_server {address} {ECHO} {{\ndelay_loop 1\nlb_algo mh\nlb_kind DR\nprotocol UDP\n{servers}}}\n"
    )
}

/// Sends a packet with a short header from a port of its own; true when it comes back.
fn sent(arena: &Arena, address: IpAddr, server: u8) -> bool {
    let any = if address.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let packet = [&[0x40, 0x10, 0xaa, server][..], &[7; 30]].concat();
    let exchange = || -> anyhow::Result<Vec<u8>> {
        let socket = UdpSocket::bind(any)?;
        socket.connect(SocketAddr::new(address, ECHO))?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        socket.send(&packet)?;
        let mut answer = vec![0; 100];
        let length = socket.recv(&mut answer)?;
        answer.truncate(length);
        Ok(answer)
    };
    arena
        .client()
        .run(exchange)
        .is_ok_and(|answer| answer == packet)
}

#[test]
fn a_client_that_moves_stays_at_the_real_server_of_its_connection_id() {
    const MOVES: u64 = 20;
    let arena = Arena::new(Options::default());
    let _echo = serve(&arena, ECHO);
    let fronts = [(DR_V4, "192.0.2."), (DR_V6, "2001:db8::")];
    arena.start([&lb(), &lb()], |director| Template {
        more: fronts.map(named).concat(),
        ..Template::director(director)
    });
    arena.wait_for_master(1);
    arena.wait_for_real_servers(1);
    for (address, network) in fronts {
        for _ in 0..MOVES {
            assert!(sent(&arena, address, 0x22), "{address}\n{}", arena.logs());
        }
        let status = arena.director(1).status().unwrap();
        for host in 21..24 {
            let name = SocketAddr::new(format!("{network}{host}").parse().unwrap(), ECHO);
            let server = real_servers(&status)
                .find(|server| server["real_server"] == name.to_string())
                .unwrap();
            let expected = if host == 22 { MOVES } else { 0 };
            assert_eq!(server["packets"], expected, "{name}");
        }
    }
}
