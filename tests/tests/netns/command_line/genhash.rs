//! Digests beside genhash's.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    process::Command,
};

use xtask::lab::Options;

use super::{binary, namespace, run};
use crate::arena::Arena;

/// Answers, the path of each being its place.
const ANSWERS: [&str; 4] = [
    "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n",
    "HTTP/1.0 200 OK\r\n\r\nto the end of the connection",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngone",
    "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
];

#[test]
fn digests_are_those_of_debian_s_genhash() {
    let arena = Arena::beside_others(Options { servers: false });
    let listener = namespace(&arena)
        .run(|| Ok(TcpListener::bind("127.0.0.1:0")?))
        .unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            let words = String::from_utf8_lossy(&request[..length]).into_owned();
            let path = words.split(' ').nth(1).unwrap_or_default();
            let answer = path.trim_start_matches('/').parse().ok();
            let answer = answer.and_then(|number: usize| ANSWERS.get(number));
            stream.write_all(answer.unwrap_or(&"").as_bytes()).unwrap();
        }
    });
    let binary = binary();
    let ask = |program: &[&str], more: &[&str]| {
        let mut command = Command::new(program[0]);
        command
            .args(&program[1..])
            .args(["-s", "127.0.0.1", "-p", &port])
            .args(more);
        run(&arena, &mut command)
    };
    let ours = [&*binary.display().to_string(), "-T"];
    for number in 0..ANSWERS.len() {
        for protocol in ["1.0", "1.0c", "1.1"] {
            let path = format!("/{number}");
            let more = ["-u", &path, "-P", protocol, "-V", "www.example.org"];
            let theirs = ask(&["/usr/bin/genhash"], &more);
            assert_eq!(theirs.0, 0);
            assert_eq!(theirs.1.trim_end().len(), 32, "{theirs:?}");
            assert_eq!(ask(&ours, &more), theirs, "{number} {protocol}");
        }
    }
    let verbose = ask(&ours, &["-v", "--url", "/0"]).1;
    for words in [
        "Content-Length: 6",
        "HTML hash final resulting",
        "b1946ac92492d2347c6235b4d2611184",
    ] {
        assert!(verbose.contains(words), "{verbose}");
    }
    let nobody = ask(&ours, &["-u", "/9"]);
    assert_eq!(nobody.0, 1, "{nobody:?}");
    let incomplete = ask(&ours, &[]);
    assert!(
        incomplete.0 == 1 && incomplete.1.contains("--url"),
        "{incomplete:?}"
    );
}
