//! A peer vanishes behind a link that goes down: when the application hears of it, as predicted and as measured.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use lb::tcp_keepalive::{
    explain::{Connection, RTO},
    values::{Keepalive, UserTimeout},
};
use socket2::{SockRef, TcpKeepalive};
use xtask::lab::{Node, Options, slowness};

use crate::arena::Arena;

const PORT: u16 = 5000;

/// `tcp_retries2` of the client.
const RETRIES: u32 = 2;

/// Idle time, interval and probes, none where keepalive is off; user timeout in milliseconds, 0 for none.
const CASES: [(Option<[u32; 3]>, u32); 8] = [
    (Some([2, 1, 3]), 0),
    (Some([1, 1, 5]), 0),
    (Some([2, 2, 2]), 0),
    (Some([2, 1, 9]), 3000),
    (Some([1, 2, 9]), 4500),
    (Some([4, 1, 1]), 1000),
    (None, 2000),
    (None, 0),
];

/// What may be lost to timers that fire late: the kernel's are up to an eighth late.
const LATE: Duration = Duration::from_millis(800);
const EARLY: Duration = Duration::from_millis(60);

/// When one that never notices is given up.
const NEVER: Duration = Duration::from_secs(9);

fn connection((keepalive, user_timeout): (Option<[u32; 3]>, u32)) -> Connection {
    Connection {
        keepalive: keepalive.map(|[idle, interval, probes]| Keepalive {
            idle: idle.try_into().unwrap(),
            interval: interval.try_into().unwrap(),
            probes: probes.try_into().unwrap(),
        }),
        user_timeout: UserTimeout::try_from(user_timeout).ok(),
        retries: RETRIES.try_into().unwrap(),
        rto: RTO,
    }
}

fn open(to: SocketAddr, connection: &Connection) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&to, Duration::from_secs(2))?;
    let socket = SockRef::from(&stream);
    if let Some(keepalive) = connection.keepalive {
        let values = TcpKeepalive::new()
            .with_time(keepalive.idle.time())
            .with_interval(keepalive.interval.time())
            .with_retries(keepalive.probes.get());
        socket.set_tcp_keepalive(&values)?;
    }
    socket.set_tcp_user_timeout(connection.user_timeout.map(UserTimeout::time))?;
    stream.set_read_timeout(Some(NEVER))?;
    Ok(stream)
}

/// How long until reading fails, and how.
fn wait(mut stream: TcpStream, since: Instant) -> Option<(Duration, String)> {
    match stream.read(&mut [0]) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
        Err(error) => Some((since.elapsed(), error.kind().to_string())),
        Ok(_) => Some((since.elapsed(), "closed".to_owned())),
    }
}

#[test]
fn a_peer_that_vanishes_is_noticed_when_explain_says_it_is() {
    let arena = Arena::new(Options::default());
    let server = Node::Server(1);
    let listener = arena
        .server(1)
        .namespace()
        .run(|| {
            Ok(TcpListener::bind(SocketAddr::new(
                server.front_v4().into(),
                PORT,
            ))?)
        })
        .unwrap();
    let client = arena.client();
    // As behind a router: that the peer's own link is gone is not to be told by ARP.
    let neighbour = format!(
        "neigh replace {} lladdr {} dev eth0 nud permanent\n",
        server.front_v4(),
        server.mac()
    );
    client.ip(&neighbour).unwrap();
    let retries = RETRIES.to_string();
    client.sysctl(&[("ipv4/tcp_retries2", &retries)]).unwrap();
    let to = SocketAddr::new(server.front_v4().into(), PORT);
    let mut streams = Vec::new();
    let mut accepted = Vec::new();
    for case in CASES {
        for has_data in [false, true] {
            let connection = connection(case);
            let stream = client.run(|| open(to, &connection)).unwrap();
            accepted.push(listener.accept().unwrap());
            streams.push((connection, has_data, stream));
        }
    }
    // The last sign of life, the same for all but for milliseconds.
    let since = Instant::now();
    arena.switch().ip("link set s1 down\n").unwrap();
    let waiting: Vec<_> = streams
        .into_iter()
        .map(|(connection, has_data, mut stream)| {
            if has_data {
                stream.write_all(b"?").unwrap();
            }
            let ended = thread::spawn(move || wait(stream, since));
            (connection, has_data, ended)
        })
        .collect();
    println!("idle/intvl/cnt  user_timeout  data            predicted  measured");
    let mut wrong = Vec::new();
    for (connection, has_data, ended) in waiting {
        let predicted = if has_data {
            connection.when_unacknowledged().time()
        } else {
            connection.when_idle().time()
        };
        let measured = ended.join().unwrap();
        let keepalive = connection.keepalive.map_or("off".to_owned(), |it| {
            format!("{}/{}/{}", it.idle, it.interval, it.probes)
        });
        let user_timeout = connection.user_timeout.map_or(0, UserTimeout::get);
        let data = if has_data { "unacknowledged" } else { "none" };
        let seconds = |time: Option<Duration>| {
            time.map_or("never".to_owned(), |time| {
                format!("{:.2} s", time.as_secs_f64())
            })
        };
        let time = measured.as_ref().map(|(time, _)| *time);
        let line = format!(
            "{keepalive:<14}  {user_timeout:>9} ms  {data:<14}  {:>9}  {:>8}  {}",
            seconds(predicted),
            seconds(time),
            measured.as_ref().map_or("", |(_, how)| how)
        );
        println!("{line}");
        let is_right = match (predicted, &measured) {
            (None, None) => true,
            (Some(predicted), Some((time, how))) => {
                (predicted - EARLY..predicted + LATE * slowness()).contains(time)
                    && how == "timed out"
            }
            _ => false,
        };
        if !is_right {
            wrong.push(line);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
