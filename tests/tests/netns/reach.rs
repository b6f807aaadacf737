//! Where clients of the data plane may be, beside the interfaces of virtual addresses.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

use tests::echo::{ECHO, Echo, serve};
use xtask::lab::{
    Attached, Namespace, Options, Template, Verdict,
    plan::{NAT_V4, NAT_V6},
    traffic::{ConnectionPool, Datagrams, EchoServer},
};

use crate::arena::{Arena, FEW_FLOWS, expect_all, lb, patience};

const CONNECTIONS: usize = 100;
/// More than goes into a frame.
const TOO_LONG: usize = 3000;

fn services() -> String {
    [Echo::NAT_V4, Echo::NAT_V6]
        .map(|echo| echo.text(&[1, 2, 1]) + &echo.datagrams())
        .concat()
}

fn config(director: u8, reach: &str) -> Template {
    Template {
        more: format!(
            "{FEW_FLOWS}global_defs {{\ndata_plane xdp\n{reach}\n}}\n{}",
            services()
        ),
        ..Template::director(director)
    }
}

fn started(reach: &str) -> (Arena, Vec<EchoServer>) {
    let arena = Arena::new(Options::default());
    let echo = serve(&arena, ECHO);
    arena.start([&lb(), &lb()], |director| config(director, reach));
    arena.wait_for_master(1);
    arena.wait_for_real_servers(1);
    (arena, echo)
}

/// Connections and datagrams from `client` lose nothing.
fn expect_service(arena: &Arena, client: &Namespace, address: IpAddr) {
    let to = SocketAddr::new(address, ECHO);
    let pool = ConnectionPool::open(client, to, CONNECTIONS);
    let pool = pool.unwrap_or_else(|error| panic!("{to}: {error:#}\n{}", arena.logs()));
    let datagrams = Datagrams::start(client, to).unwrap();
    thread::sleep(Duration::from_secs(1));
    expect_all(datagrams.finish().unwrap(), to);
    let report = pool.finish().unwrap();
    assert!(
        report.broken.is_empty(),
        "{to}: {report:?}\n{}",
        arena.logs()
    );
    expect_much(client, to);
}

/// The kernel hands over segments together, in both directions.
fn expect_much(client: &Namespace, to: SocketAddr) {
    let stream = client.run(|| Ok(TcpStream::connect_timeout(&to, patience())));
    let mut stream = stream.unwrap().unwrap();
    stream.set_read_timeout(Some(patience())).unwrap();
    let sent: Vec<u8> = (0..100_000).map(|at| (at * 7 % 251) as u8).collect();
    let (mut writer, bytes) = (stream.try_clone().unwrap(), sent.clone());
    let writing = thread::spawn(move || writer.write_all(&bytes));
    let mut back = vec![0; sent.len()];
    stream.read_exact(&mut back).unwrap();
    // By its mark one server has them all.
    let mark = back[0] ^ sent[0];
    let all = back
        .iter()
        .zip(&sent)
        .all(|(back, sent)| back ^ mark == *sent);
    assert!(all, "{to}: other bytes");
    writing.join().unwrap().unwrap();
}

fn refuses(client: &Namespace, to: SocketAddr) -> bool {
    let answer = client.run(|| Ok(TcpStream::connect_timeout(&to, patience())));
    answer.unwrap().is_err()
}

fn accept_local(director: &Namespace) -> String {
    let words = ["-n", "net.ipv4.conf.eth0.accept_local"];
    director
        .command("sysctl", &words)
        .unwrap()
        .trim()
        .to_owned()
}

#[test]
fn clients_on_the_director_itself_are_served_behind_nat() {
    let (arena, _echo) = started("data_plane_local_clients");
    let director = arena.director(1).namespace();
    assert_eq!(accept_local(director), "1");
    for address in [NAT_V4, NAT_V6] {
        expect_service(&arena, director, address);
        expect_service(&arena, arena.client(), address);
    }
    let socket = director.run(|| Ok(UdpSocket::bind("0.0.0.0:0")?)).unwrap();
    socket.send_to(&[1; TOO_LONG], (NAT_V4, ECHO)).unwrap();
    arena.wait_for_status(1, "what is too long is counted", |status| {
        status["data_plane"]["counters"]["too_big"].as_u64() > Some(0)
    });
    arena.director(1).reload(config(1, "").text()).unwrap();
    arena.wait_for_status(1, "`lo` is left", |status| {
        !status["data_plane"]["interfaces"]
            .to_string()
            .contains("\"lo\"")
    });
    for address in [NAT_V4, NAT_V6] {
        assert!(
            refuses(director, SocketAddr::new(address, ECHO)),
            "{address}"
        );
    }
    assert_eq!(accept_local(director), "0");
}

#[test]
fn clients_by_an_interface_that_the_file_names_are_served() {
    let (arena, _echo) = started("");
    let (director, client) = (arena.director(1).namespace(), arena.client());
    director
        .ip(&format!(
            "link add lan0 type veth peer name lan1 netns {}\n\
             address add 203.0.113.1/24 dev lan0\nlink set lan0 up\n",
            client.name()
        ))
        .unwrap();
    client
        .ip(&format!(
            "address add 203.0.113.2/24 dev lan1\nlink set lan1 up\n\
             route add {NAT_V4}/32 via 203.0.113.1 src 203.0.113.2\n"
        ))
        .unwrap();
    for (end, name) in [(director, "lan0"), (client, "lan1")] {
        end.command("ethtool", &["-K", name, "tx", "off"]).unwrap();
    }
    // Without a program a veth takes nothing that XDP sends.
    let _pass = client.run(|| Attached::new("lan1", Verdict::Pass)).unwrap();
    director
        .sysctl(&[("ipv4/conf/lan0/rp_filter", "0")])
        .unwrap();
    let to = SocketAddr::new(NAT_V4, ECHO);
    assert!(refuses(client, to), "nothing is at lan0");
    let named = config(1, "data_plane_interfaces lan0").text();
    arena.director(1).reload(named).unwrap();
    arena.wait_for_status(1, "lan0 has the programs", |status| {
        status["data_plane"]["interfaces"]
            .to_string()
            .contains("lan0")
    });
    expect_service(&arena, client, NAT_V4);
}
