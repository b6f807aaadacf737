//! Keepalive and the load balancer: idle connections through it, and the check that keeps one.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use socket2::{SockRef, TcpKeepalive};
use tests::echo::{ECHO, Echo, serve};
use xtask::lab::{Options, Template};

use super::tcp_keepalive;
use crate::arena::{Arena, lb, patience, real_servers};

/// Seconds that flows are remembered.
const TIMEOUT: u64 = 4;

/// As the configuration of this test has it.
fn forgetful(director: u8) -> Template {
    Template {
        more: format!(
            "global_defs {{\nlvs_timeouts tcp {TIMEOUT}\ntcp_keepalive_time 60\n}}\n{}",
            Echo::NAT_V4.text(&[1, 1, 1])
        ),
        ..Template::director(director)
    }
}

fn open(arena: &Arena, idle: Option<u64>) -> TcpStream {
    let to = SocketAddr::new(Echo::NAT_V4.address, ECHO);
    let connect = || {
        let stream = TcpStream::connect_timeout(&to, Duration::from_secs(2))?;
        if let Some(idle) = idle {
            let keepalive = TcpKeepalive::new()
                .with_time(Duration::from_secs(idle))
                .with_interval(Duration::from_secs(idle));
            SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
        }
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        Ok(stream)
    };
    arena.client().run(connect).unwrap()
}

/// Whether a byte comes back.
fn answers(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"?")?;
    stream.read_exact(&mut [0])
}

fn missed(arena: &Arena) -> u64 {
    let status = arena.director(1).status().unwrap();
    status["data_plane"]["counters"]["flow_missed"]
        .as_u64()
        .unwrap_or(0)
}

#[test]
fn an_idle_connection_outlives_the_flow_timeout_when_the_advice_is_followed_and_breaks_counted_when_not()
 {
    let arena = Arena::new(Options::default());
    let _echo = serve(&arena, ECHO);
    arena.start([&lb(), &lb()], forgetful);
    arena.wait_for_master(1);
    arena.wait_for_real_servers(1);

    let settings = arena
        .director(1)
        .lb(&["tcp-keepalive", "show", "--json"])
        .unwrap();
    assert!(
        settings.contains("\"tcp_keepalive_time\": 60"),
        "the keyword counts: {settings}"
    );
    let file = arena.director(1).config_file();
    let file = file.to_str().unwrap();
    let name = arena.director(1).namespace().name().to_owned();
    let late = tcp_keepalive(Some(&name), &["advise", file]);
    println!("{}", late.out);
    let advice = "set `tcp_keepalive_time 2` and `tcp_keepalive_intvl 2` where the connections end, or change `lvs_timeouts tcp 4` to 150";
    assert!(
        late.code == Some(1) && late.out.contains(advice),
        "{late:?}"
    );
    let fine = arena
        .director(1)
        .lb(&[
            "tcp-keepalive",
            "advise",
            file,
            "--idle",
            "2",
            "--intvl",
            "2",
        ])
        .unwrap();
    println!("{fine}");
    assert!(
        fine.contains("in time") && fine.contains("found no flow"),
        "{fine}"
    );

    let mut followed = open(&arena, Some(2));
    let mut not_followed = open(&arena, None);
    for stream in [&mut followed, &mut not_followed] {
        answers(stream).unwrap();
    }
    let before = missed(&arena);
    thread::sleep(Duration::from_secs(3 * TIMEOUT));
    assert_eq!(missed(&arena), before, "nothing was said");
    answers(&mut followed).unwrap_or_else(|error| panic!("{error}\n{}", arena.logs()));
    assert_eq!(missed(&arena), before);
    let broken = answers(&mut not_followed).expect_err("its flow is forgotten");
    assert_eq!(
        broken.kind(),
        std::io::ErrorKind::ConnectionReset,
        "{broken}"
    );
    let now = missed(&arena);
    println!("flow_missed: {before} before, {now} after; {broken}");
    assert!(now > before, "it is counted");

    arena.director(1).stop().unwrap();
    let settings = tcp_keepalive(Some(&name), &["show", "--json"]).out;
    assert!(
        settings.contains("\"tcp_keepalive_time\": 7200"),
        "put back: {settings}"
    );
}

/// A service whose real servers are checked by a connection that lasts.
fn watched(director: u8) -> Template {
    let real = |host: u8| {
        format!(
            "real_server 192.0.2.{host} {ECHO} {{\nKEEPALIVE_CHECK {{\nidle 2\ninterval 1\nprobes 2\nwarmup 0\n}}\n}}\n"
        )
    };
    let service = |reals: String| {
        format!(
            "virtual_server 192.0.2.100 {ECHO} {{\ndelay_loop 60\nlb_algo mh\nlb_kind DR\nprotocol TCP\n{reals}}}\n"
        )
    };
    Template {
        more: service([21, 22, 23].map(real).concat()),
        ..Template::director(director)
    }
}

fn is_up(arena: &Arena, host: u8) -> Option<bool> {
    let status = arena.director(1).status().ok()?;
    let name = format!("192.0.2.{host}:{ECHO}");
    let mut reals = real_servers(&status);
    reals.find(|real| real["real_server"] == name)?["up"].as_bool()
}

/// How long until a real server is up, or down.
fn until(arena: &Arena, host: u8, up: bool) -> Duration {
    let start = Instant::now();
    while is_up(arena, host) != Some(up) {
        assert!(
            start.elapsed() < patience(),
            "{host} is not {up}\n{}",
            arena.logs()
        );
        thread::sleep(Duration::from_millis(20));
    }
    start.elapsed()
}

#[test]
fn a_check_that_keeps_its_connection_notices_a_dead_server_after_its_probes_and_a_dead_process_at_once()
 {
    let arena = Arena::new(Options::default());
    let mut echo = serve(&arena, ECHO);
    arena.start([&lb(), &lb()], watched);
    arena.wait_for_master(1);
    for host in [21, 22, 23] {
        until(&arena, host, true);
    }
    // Nobody connects again.
    thread::sleep(Duration::from_secs(5));
    for host in [21, 22, 23] {
        assert_eq!(is_up(&arena, host), Some(true), "{}", arena.logs());
    }
    arena.switch().ip("link set s1 down\n").unwrap();
    let vanished = until(&arena, 21, false);
    println!(
        "a server that vanished was noticed after {:.2} s",
        vanished.as_secs_f64()
    );
    // From the last answer to a probe, which was up to `idle` ago: idle + interval × probes, at most; timers are late by an eighth.
    let (least, most) = (Duration::from_millis(1900), Duration::from_millis(5200));
    assert!(
        (least..most).contains(&vanished),
        "{vanished:?}\n{}",
        arena.logs()
    );
    drop(echo.pop());
    let ended = until(&arena, 23, false);
    println!(
        "a process that ended was noticed after {:.2} s",
        ended.as_secs_f64()
    );
    assert_eq!(is_up(&arena, 22), Some(true), "{}", arena.logs());
}
