//! Servers that are well until they turn bad: how soon each checker finds that out, in which words, and what it costs.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    net::{TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use socket2::SockRef;
use xtask::lab::{Options, slowness};

use super::{
    Listener, MEMORY, SERVER,
    services::{Services, serve},
};
use crate::arena::{Arena, lb, patience, real_servers};

/// What a server does with who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    Drips,
    Endless,
    GiantHead,
    Resets,
    /// It says what SSH servers do.
    OtherProtocol,
    /// The head of a record of TLS, and noise.
    Garbage,
    Silent,
}

const MOODS: [Mood; 8] = [
    Mood::Well,
    Mood::Drips,
    Mood::Endless,
    Mood::GiantHead,
    Mood::Resets,
    Mood::OtherProtocol,
    Mood::Garbage,
    Mood::Silent,
];

/// A server for one kind of check. Those with a port behind them pass everything on to it while they are well, others echo datagrams.
struct Door {
    check: &'static str,
    port: u16,
    block: &'static str,
    behind: u16,
    /// What is said before it drips.
    drip: &'static [u8],
    /// What is said, and then again and again.
    endless: [&'static [u8]; 2],
    /// The same of a head.
    giant: [&'static [u8]; 2],
}

/// A record of TLS with the beginning of a message of 16 MB.
const SERVER_HELLO: &[u8] = b"\x16\x03\x03\x40\x00\x02\xff\xff\xff\x03\x03";
/// `SETTINGS` of HTTP/2, without any.
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
/// Those, and headers that go on.
const HEADERS: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\0\0\0\0\x01\x88";
const CONTINUATION: &[u8] = b"\0\x01\x00\x09\0\0\0\0\x01";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0ping-png";
const NOISE: [u8; 16 << 10] = [0xa5; 16 << 10];

const DOORS: &[Door] = &[
    Door {
        check: "TCP_CHECK",
        port: 2001,
        block: "TCP_CHECK {\n}",
        behind: 80,
        drip: b"",
        endless: [b"", &NOISE],
        giant: [b"", &NOISE],
    },
    Door {
        check: "HTTP_GET",
        port: 2002,
        block: "HTTP_GET {\nurl {\npath /\n}\n}",
        behind: 80,
        drip: b"HTTP/1.1 200 OK\r\nA: ",
        endless: [b"HTTP/1.0 200 OK\r\n\r\n", &NOISE],
        giant: [b"HTTP/1.1 200 OK\r\nA: ", &[b'x'; 16 << 10]],
    },
    Door {
        check: "HTTP_GET regex",
        port: 2003,
        block: "HTTP_GET {\nurl {\npath /\nregex \"s[0-9]|x{1,500}x{1,500}[yz]\"\n}\n}",
        behind: 80,
        drip: b"HTTP/1.1 200 OK\r\n\r\nx",
        endless: [b"HTTP/1.0 200 OK\r\n\r\n", &[b'x'; 16 << 10]],
        giant: [b"HTTP/1.1 200 OK\r\nA: b\r\n", b"A: b\r\n"],
    },
    Door {
        check: "SSL_GET",
        port: 2004,
        block: "SSL_GET {\nurl {\npath /\n}\n}",
        behind: 443,
        drip: SERVER_HELLO,
        endless: [b"", b"\x16\x03\x03\x00\x01\x00"],
        giant: [SERVER_HELLO, &NOISE],
    },
    Door {
        check: "HTTP/2",
        port: 2005,
        block: "HTTP_GET {\nhttp_protocol 2\nurl {\npath /\n}\n}",
        behind: 82,
        drip: SETTINGS,
        endless: [SETTINGS, PING],
        giant: [HEADERS, CONTINUATION],
    },
    Door {
        check: "GRPC_CHECK",
        port: 2006,
        block: "GRPC_CHECK {\nservice well\n}",
        behind: 1009,
        drip: SETTINGS,
        endless: [b"", SETTINGS],
        giant: [HEADERS, CONTINUATION],
    },
    Door {
        check: "SMTP_CHECK",
        port: 2007,
        block: "SMTP_CHECK {\n}",
        behind: 25,
        drip: b"220 ",
        endless: [b"", b"220-more\r\n"],
        giant: [b"220 ", &[b'x'; 16 << 10]],
    },
    Door {
        check: "DNS_CHECK",
        port: 2008,
        block: "DNS_CHECK {\ntype A\nname known.example\n}",
        behind: 53,
        drip: b"",
        endless: [b"", &[0x5a; 512]],
        giant: [b"", &[0x5a; 60_000]],
    },
    Door {
        check: "UDP_CHECK",
        port: 2009,
        block: "UDP_CHECK {\npayload 6869\nrequire_reply 68X9\n}",
        behind: 0,
        drip: b"",
        endless: [b"", &[0x5a; 512]],
        giant: [b"", &[0x5a; 60_000]],
    },
];

/// Virtual servers with one real server each, for each kind of check.
const COPIES: usize = 4;
/// Until a check that has just succeeded has failed twice: `delay_loop`, the time that an answer may take, `delay_before_retry`, and that
/// time again.
const DETECTION: Duration = Duration::from_millis(3100);

fn is_datagram(door: &Door) -> bool {
    matches!(door.check, "DNS_CHECK" | "UDP_CHECK")
}

/// Whatever it does, it has accepted.
fn stays_up(door: &Door) -> bool {
    door.check == "TCP_CHECK"
}

fn act(door: &'static Door, mood: Mood, mut stream: TcpStream) -> io::Result<()> {
    let repeat = |mut stream: &TcpStream, [first, again]: [&[u8]; 2], pause| -> io::Result<()> {
        stream.write_all(first)?;
        // A gigabyte, where somebody reads that much.
        for _ in 0..(1 << 30) / again.len() {
            thread::sleep(pause);
            stream.write_all(again)?;
        }
        Ok(())
    };
    match mood {
        Mood::Well => return pass(&stream, door.behind),
        Mood::Drips => repeat(&stream, [door.drip, b"x"], Duration::from_millis(100))?,
        // As fast as that leaves time to others on a machine with few processors.
        Mood::Endless => repeat(&stream, door.endless, Duration::from_millis(1))?,
        Mood::GiantHead => repeat(&stream, door.giant, Duration::from_millis(1))?,
        Mood::Resets => return SockRef::from(&stream).set_linger(Some(Duration::ZERO)),
        Mood::OtherProtocol => stream.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n")?,
        Mood::Garbage => stream.write_all(&[b"\x16\x03\x03\x40\x00", &NOISE[..]].concat())?,
        Mood::Silent => {}
    }
    io::copy(&mut stream, &mut io::sink()).map(|_| ())
}

/// Passes everything on, both ways, until both sides have ended.
fn pass(stream: &TcpStream, port: u16) -> io::Result<()> {
    let behind = TcpStream::connect(("127.0.0.1", port))?;
    let copy = |mut from: &TcpStream, mut to: &TcpStream| {
        let copied = io::copy(&mut from, &mut to);
        // It may be over already.
        to.shutdown(std::net::Shutdown::Write).ok();
        copied
    };
    thread::scope(|scope| {
        scope.spawn(|| copy(stream, &behind));
        copy(&behind, stream)
    })
    .map(|_| ())
}

fn answer(door: &'static Door, mood: impl Fn() -> Mood, socket: &UdpSocket) -> io::Result<()> {
    let mut bytes = [0; 1500];
    let (length, from) = socket.recv_from(&mut bytes)?;
    let asked = &mut bytes[..length];
    let say = |answer: &[u8]| socket.send_to(answer, from).map(|_| ());
    match mood() {
        Mood::Well if door.behind == 0 => say(asked),
        Mood::Well => {
            let behind = UdpSocket::bind("127.0.0.1:0")?;
            behind.set_read_timeout(Some(Duration::from_millis(500)))?;
            behind.send_to(asked, ("127.0.0.1", door.behind))?;
            let length = behind.recv(&mut bytes)?;
            say(&bytes[..length])
        }
        Mood::Drips => say(&asked[..1]),
        Mood::Endless => (0..1000).try_for_each(|_| say(door.endless[1])),
        Mood::GiantHead => say(door.giant[1]),
        Mood::OtherProtocol => {
            asked.reverse();
            say(asked)
        }
        Mood::Garbage => say(&NOISE[..512]),
        Mood::Resets | Mood::Silent => Ok(()),
    }
}

/// Opens all doors for the rest of the process; the number is a place in [`MOODS`].
fn open(mood: &Arc<AtomicUsize>) {
    for door in DOORS {
        let mood = Arc::clone(mood);
        let now = move || MOODS[mood.load(Ordering::Relaxed)];
        if is_datagram(door) {
            let socket = UdpSocket::bind(("0.0.0.0", door.port)).unwrap();
            // That somebody hears no more is no end.
            thread::spawn(move || {
                loop {
                    let _lost = answer(door, &now, &socket);
                }
            });
        } else {
            // That somebody hears no more is the end.
            serve(door.port, move |stream| {
                let _closed = act(door, now(), stream);
            });
        }
    }
}

fn configuration(fifo: &Listener, services: &Services) -> String {
    let mut text = format!(
        "global_defs {{\nrouter_id hostile\ndata_plane_flows 65536\nlvs_notify_fifo {}\n}}\nSSL {{\nca {}\n}}\n",
        fifo.path.display(),
        services.ca().display()
    );
    for (number, door) in DOORS.iter().enumerate() {
        for copy in 0..COPIES {
            let _infallible = writeln!(
                text,
                "virtual_server 10.99.{number}.{} 80 {{\ndelay_loop 1\nconnect_timeout 1\nretry 1\ndelay_before_retry 0.1\nwarmup 0\n\
                 lb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server {SERVER} {} {{\n{}\n}}\n}}",
                copy + 1,
                door.port,
                door.block
            );
        }
    }
    text
}

/// When each copy of each check said what it says now.
#[derive(Default)]
struct News(BTreeMap<(u16, String), (bool, Instant)>);

impl News {
    /// Takes in lines such as `RS [192.0.2.21]:tcp:2001 [10.99.0.1]:tcp:80 DOWN`.
    fn read(&mut self, fifo: &mut Listener) {
        for line in fifo.read().lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let ["RS", real, server, verdict] = words[..] else {
                continue;
            };
            let port = real.rsplit(':').next().unwrap().parse().unwrap();
            let is_up = verdict == "UP";
            self.0
                .insert((port, server.to_owned()), (is_up, Instant::now()));
        }
    }

    /// The copies of a check that are down, and when the last one went.
    fn down(&self, door: &Door) -> (usize, Option<Instant>) {
        let of = self.0.iter().filter(|((port, _), _)| *port == door.port);
        let down: Vec<Instant> = of
            .filter(|(_, (is_up, _))| !is_up)
            .map(|(_, (_, when))| *when)
            .collect();
        (down.len(), down.iter().max().copied())
    }
}

/// The most that the daemon's children have had resident since that was last forgotten, in bytes.
fn peak(arena: &Arena) -> u64 {
    let of = |pid| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let words = line.and_then(|line| line.split_whitespace().next());
        words.map_or(0, |kib| kib.parse::<u64>().unwrap() << 10)
    };
    let children = arena.director(1).children();
    children.into_iter().map(of).max().unwrap_or_default()
}

fn forget_peak(arena: &Arena) {
    for pid in arena.director(1).children() {
        fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
    }
}

/// What the checks of a door say.
fn words(arena: &Arena, door: &Door) -> String {
    let suffix = format!(":{}", door.port);
    let words = RefCell::new(String::new());
    arena.wait_for_status(1, "the child answers", |status| {
        let is_it = |server: &&Value| server["real_server"].as_str().unwrap().ends_with(&suffix);
        let found = real_servers(status).find(is_it);
        let found = found.map(|server| server["why"].as_str().unwrap().to_owned());
        found.is_some_and(|found| {
            words.replace(found);
            true
        })
    });
    words.into_inner()
}

#[test]
fn who_turns_bad_is_found_out_in_time_whatever_the_check_and_takes_no_memory() {
    let arena = Arena::new(Options::default());
    let directory = std::env::temp_dir().join(format!("lb-hostile-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let namespace = arena.server(1).namespace();
    let services = Services::start(namespace, &directory);
    let mood = Arc::new(AtomicUsize::new(0));
    namespace
        .run(|| {
            open(&mood);
            Ok(())
        })
        .unwrap();
    let mut fifo = Listener::new(&directory);
    let text = configuration(&fifo, &services);
    arena.director(1).start(&lb(), &text).unwrap();
    arena.wait_for_real_servers(1);
    let mut news = News::default();
    let mut wrong = Vec::new();
    for (place, what) in MOODS.iter().enumerate().skip(1) {
        arena.wait_for_status(1, "everybody is well, as they say", |status| {
            real_servers(status).all(|server| {
                let why = server["why"].as_str().unwrap_or_default();
                server["up"] == true && why.contains("success")
            })
        });
        news.read(&mut fifo);
        forget_peak(&arena);
        let before = peak(&arena);
        mood.store(place, Ordering::Relaxed);
        let turned = Instant::now();
        let all = |news: &News| {
            let mut doors = DOORS.iter().filter(|door| !stays_up(door));
            doors.all(|door| news.down(door).0 == COPIES)
        };
        // What is up has been asked by then.
        while turned.elapsed() < DETECTION || turned.elapsed() < patience() && !all(&news) {
            thread::sleep(Duration::from_millis(5));
            news.read(&mut fifo);
        }
        println!(
            "{what:?}: {} MiB before, {} MiB at most",
            before >> 20,
            peak(&arena) >> 20
        );
        for door in DOORS {
            let (count, last) = news.down(door);
            let took = last.map_or(Duration::ZERO, |last| {
                last.saturating_duration_since(turned)
            });
            let expected = if stays_up(door) { 0 } else { COPIES };
            let verdict = ["up", "down"][usize::from(count > 0)];
            println!(
                "  {:14} {verdict:4} {:5.2} s  {}",
                door.check,
                took.as_secs_f64(),
                words(&arena, door)
            );
            let late = DETECTION + Duration::from_secs(1) * slowness();
            if count != expected || took > late {
                wrong.push(format!("{what:?}, {}: {count} down, {took:?}", door.check));
            }
        }
        if peak(&arena) > MEMORY {
            wrong.push(format!("{what:?}: {} bytes", peak(&arena)));
        }
        mood.store(0, Ordering::Relaxed);
    }
    arena.director(1).stop().unwrap();
    fs::remove_dir_all(&directory).unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", arena.director(1).log());
}
