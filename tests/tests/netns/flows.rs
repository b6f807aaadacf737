//! What `lb flow` and `lb flows` say is what happens, and `lb drain` empties a real server.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use xtask::lab::{
    Template,
    plan::{DR_V4, NAT_V4},
    traffic::Request,
};

use crate::arena::Arena;

/// Longer than an answer takes.
const PATIENCE: Duration = Duration::from_secs(1);
/// The time that flows of a drained real server have.
const DEADLINE: Duration = Duration::from_secs(3);

/// A connection that has asked for nothing yet, and the real server it is at by `lb flow`.
struct Held {
    stream: TcpStream,
    real: String,
}

fn front() -> SocketAddr {
    SocketAddr::new(NAT_V4, 80)
}

impl Held {
    fn open(arena: &Arena) -> Self {
        let stream = arena
            .client()
            .run(|| Ok(TcpStream::connect_timeout(&front(), PATIENCE)?))
            .unwrap();
        let source = stream.local_addr().unwrap().to_string();
        let words = ["flow", "tcp", &source, &front().to_string(), "--json"];
        let answer = arena.director(1).lb(&words).unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(
            answer["service"]["flow"]["state"], "established",
            "{answer}"
        );
        let real = &answer["outcome"]["forwarded"]["real_server"];
        assert_eq!(real["method"], "NAT", "{answer}");
        let real = real["address"].as_str().unwrap().to_owned();
        Self { stream, real }
    }

    /// Asks now; the name of the server that answers.
    fn ask(mut self) -> std::io::Result<String> {
        self.stream.set_read_timeout(Some(PATIENCE))?;
        self.stream
            .write_all(b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer)?;
        Ok(answer.lines().last().unwrap_or_default().to_owned())
    }
}

#[test]
fn the_program_says_where_a_packet_goes_and_there_it_goes() {
    let arena = Arena::with_lb(Template::director);
    let held: Vec<Held> = (0..6).map(|_| Held::open(&arena)).collect();
    let flows = arena.director(1).lb(&["flows", "--json"]).unwrap();
    for one in &held {
        let client = format!("\"client\":\"{}\"", one.stream.local_addr().unwrap());
        let real = format!("\"real_server\":\"{}:8080\"", one.real);
        let line = flows.lines().find(|line| line.contains(&client)).unwrap();
        assert!(line.contains(&real), "{line}");
    }
    for one in held {
        let server = one.real.replace("198.51.100.2", "s");
        assert_eq!(one.ask().unwrap(), server);
    }
    // By the ring alone, which is as sure as what is remembered.
    let front = SocketAddr::new(DR_V4, 80);
    for port in 30_000..30_012 {
        let request = Request {
            local_port: port,
            ..Request::new(front)
        };
        let server = arena.client().run(|| request.server_name()).unwrap();
        let source = format!("192.0.2.1:{port}");
        let words = ["flow", "tcp", &source, &front.to_string()];
        let answer = arena.director(1).lb(&words).unwrap();
        let real = format!("forwarded to 192.0.2.2{}:80 by DR", &server[1..]);
        assert!(answer.contains(&real), "{server}: {answer}");
        assert!(answer.contains("flow      no entry"), "{answer}");
    }
    let nobody = ["flow", "tcp", "192.0.2.1:4000", "192.0.2.100:81"];
    let refused = arena.director(1).lb(&nobody);
    let words = format!("{:#}", refused.expect_err("it is not forwarded"));
    assert!(words.contains("exit status: 3"), "{words}");
    let interface = ["--interface", "none"];
    let unknown = arena.director(1).lb(&[&nobody[..], &interface].concat());
    let words = format!("{:#}", unknown.expect_err("there is no such interface"));
    assert!(
        words.contains("exit status: 1: lb: no interface none"),
        "{words}"
    );
}

#[test]
fn a_drained_real_server_keeps_its_flows_until_the_deadline_and_gets_no_more() {
    let arena = Arena::with_lb(Template::director);
    let (name, drained) = ("s1", "198.51.100.21");
    let mut held: Vec<Held> = (0..9).map(|_| Held::open(&arena)).collect();
    held.retain(|held| held.real == drained);
    let [early, late] = [held.pop().unwrap(), held.pop().unwrap()];

    let deadline = format!("{}s", DEADLINE.as_secs());
    let answer = arena
        .director(1)
        .lb(&["drain", drained, "--deadline", &deadline])
        .unwrap();
    assert!(answer.contains("those they have end in 3 s"), "{answer}");
    let status = arena.director(1).lb(&["status"]).unwrap();
    assert!(status.contains("draining"), "{status}");
    let many = || {
        let request = Request::new(front());
        arena.client().run(|| Ok(request.many(60, 2))).unwrap()
    };
    let tally = many();
    assert_eq!(tally.failed, Vec::<String>::new(), "{}", arena.logs());
    assert!(!tally.served.contains_key(name), "{:?}", tally.served);
    assert_eq!(early.ask().unwrap(), name, "what it has goes on");

    thread::sleep(DEADLINE);
    late.ask().expect_err("the deadline is over");
    let answer = arena.director(1).lb(&["drain", drained, "--end"]).unwrap();
    assert!(answer.contains("takes new flows again"), "{answer}");
    let tally = many();
    assert_eq!(tally.failed, Vec::<String>::new(), "{}", arena.logs());
    assert!(tally.served.contains_key(name), "{:?}", tally.served);

    let unknown = arena.director(1).lb(&["drain", "198.51.100.99"]);
    let words = format!("{:#}", unknown.expect_err("there is none"));
    assert!(
        words.contains("there is no real_server 198.51.100.99"),
        "{words}"
    );
}
