//! The control socket: what operators ask, and what anybody may throw at it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use xtask::lab::{Director, Options, Template, process::resident};

use crate::{
    arena::{Arena, lb, number, patience},
    dumps::{assert_on_time, gaps},
};

fn socket(director: &Director) -> PathBuf {
    let namespace = director.namespace().name();
    PathBuf::from("/run/lb")
        .join(namespace)
        .join("control.sock")
}

fn say(director: &Director, line: &str) -> Value {
    let mut stream = UnixStream::connect(socket(director)).unwrap();
    writeln!(stream, "{line}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap()
}

fn running() -> Arena {
    let arena = Arena::new(Options { servers: false });
    let director = arena.director(1);
    director.start(&lb(), Template::director(1).text()).unwrap();
    arena.wait_for_master(1);
    arena
}

#[test]
fn scripts_ask_in_lines_of_json() {
    let arena = running();
    let director = arena.director(1);
    let status = say(director, r#"{"protocol":1,"request":"status"}"#);
    assert_eq!(status["protocol"], 1);
    assert_eq!(status["answer"]["instances"][0]["name"], "front4");
    let stats = say(director, r#"{"protocol":1,"request":{"stats":{}}}"#);
    assert!(
        stats["answer"]["instances"][0]["adverts_sent"].is_u64(),
        "{stats}"
    );
    let cases = [
        (
            r#"{"protocol":9,"request":"status"}"#,
            "protocol 9 is not known",
        ),
        (
            r#"{"protocol":1,"request":"explode"}"#,
            "unknown variant `explode`",
        ),
        ("hello", "this is no request"),
        (
            r#"{"protocol":1,"request":{"vrrp":{"release":{"instance":"frond4"}}}}"#,
            "did you mean `front4`?",
        ),
    ];
    for (line, words) in cases {
        let answer = say(director, line);
        assert!(
            answer["error"]
                .as_str()
                .is_some_and(|error| error.contains(words)),
            "{answer}"
        );
    }
}

#[test]
fn a_reload_is_waited_for_and_a_refusal_says_why_and_where() {
    let arena = running();
    let director = arena.director(1);
    let good = fs::read_to_string(director.config_file()).unwrap();
    fs::write(
        director.config_file(),
        good.replace("192.0.2.100", "192.0.2.130"),
    )
    .unwrap();
    let said = director.lb(&["reload"]).unwrap();
    assert_eq!(said, "the new configuration is in force\n");
    // Not soon, but now.
    let status = director.status().unwrap();
    assert_eq!(status["instances"][0]["addresses"][0], "192.0.2.130/32");
    fs::write(
        director.config_file(),
        good.replace("priority 150", "priority 1500"),
    )
    .unwrap();
    let error = format!("{:#}", director.lb(&["reload"]).unwrap_err());
    assert!(
        error.contains("lb: refused, the running configuration stays"),
        "{error}"
    );
    assert!(
        error.contains("lb.conf:") && error.contains("1500"),
        "{error}"
    );
    let after = director.status().unwrap();
    assert_eq!(after["instances"][0]["addresses"][0], "192.0.2.130/32");
}

#[test]
fn the_level_of_the_log_changes_in_every_process_and_in_those_that_start_later() {
    let arena = running();
    let director = arena.director(1);
    assert_eq!(director.lb(&["log-level"]).unwrap(), "info\n");
    assert_eq!(director.lb(&["log-level", "debug"]).unwrap(), "debug\n");
    director.lb(&["log-level", "loud"]).unwrap_err();
    director.kill9_children().unwrap();
    arena.wait_for_master(1);
    assert_eq!(director.lb(&["log-level", "error"]).unwrap(), "error\n");
    // Children hear of it a moment later.
    thread::sleep(Duration::from_millis(300));
    let logged = director.log().len();
    director.lb(&["vrrp", "yield", "front4"]).unwrap();
    thread::sleep(Duration::from_millis(500));
    director.lb(&["vrrp", "release", "front4"]).unwrap();
    let log = director.log();
    assert_eq!(
        &log[logged..],
        "",
        "lines of information at the level of errors"
    );
}

#[test]
fn a_status_that_is_watched_comes_again_until_its_reader_goes() {
    let arena = running();
    let director = arena.director(1);
    let xtask::lab::Daemon::Lb { binary } = lb() else {
        unreachable!("the daemon under test is lb");
    };
    let mut watch = Command::new(binary)
        .args([
            "-s",
            director.namespace().name(),
            "status",
            "--json",
            "--watch",
            "1",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let status: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(status["instances"][0]["state"], "MASTER");
    }
    drop(lines);
    let begun = Instant::now();
    while watch.try_wait().unwrap().is_none() {
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "it ends with its reader"
        );
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn garbage_silence_and_crowds_at_the_socket_cost_no_advert_and_one_line() {
    let arena = running();
    let director = arena.director(1);
    let pid = director.pid().unwrap();
    let path = socket(director);
    let before = resident(pid).unwrap();
    let logged = director.log().len();
    let begun = Instant::now();
    // Who says nothing and reads nothing, more of them than are served at a time.
    let silent: Vec<_> = (0..200)
        .map(|_| UnixStream::connect(&path).unwrap())
        .collect();
    drop(silent);
    let mut deaf = Vec::new();
    for _ in 0..32 {
        let mut stream = UnixStream::connect(&path).unwrap();
        writeln!(stream, r#"{{"protocol":1,"request":"status"}}"#).unwrap();
        deaf.push(stream);
    }
    let least = number("LB_NETNS_GARBAGE", 20_000);
    let mut lines = 0;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    // A fast machine is done with them before there are adverts to speak of.
    while lines < least || begun.elapsed() < Duration::from_secs(2) {
        lines += 1;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let length = usize::try_from(seed % 200).unwrap();
        let line: Vec<u8> = (0..length)
            .map(|at| (seed.rotate_left(u32::try_from(at).unwrap() * 5) & 0xff) as u8)
            .collect();
        let mut stream = UnixStream::connect(&path).unwrap();
        // The daemon may have answered, and gone, before all is said.
        stream
            .write_all(&line)
            .and_then(|()| stream.write_all(b"\n"))
            .ok();
    }
    let took = begun.elapsed();
    // A line without an end.
    let mut endless = UnixStream::connect(&path).unwrap();
    while endless.write_all(&[b'x'; 4096]).is_ok() {}
    let mut answer = Vec::new();
    endless.read_to_end(&mut answer).ok();
    drop(deaf);
    let gaps = gaps(&arena, begun);
    let gap = gaps.first().copied().unwrap_or_default();
    let grown = resident(pid).unwrap().saturating_sub(before);
    println!(
        "{lines} lines in {took:?}, longest gap between adverts {gap:?}, {} KiB more",
        grown >> 10
    );
    assert_on_time(&gaps);
    assert!(grown < 16 << 20, "{grown} bytes more");
    let log = &director.log()[logged..];
    let told = log.matches("Control socket: ").count();
    let minutes = usize::try_from(took.as_secs() / 60).unwrap();
    assert!((1..=2 + minutes).contains(&told), "{log}");
    let asked = Instant::now();
    while director.status().is_err() {
        assert!(asked.elapsed() < patience(), "{}", director.log());
    }
    arena.wait_for_master(1);
}

#[test]
fn a_file_says_when_to_reload_and_another_one_that_it_is_being_done() {
    let arena = Arena::new(Options { servers: false });
    let director = arena.director(1);
    let folder = director.directory();
    let (time, marker) = (folder.join("time"), folder.join("marker"));
    let template = Template {
        more: format!(
            "global_defs {{\nreload_time_file {}\nreload_file {}\n}}\n",
            time.display(),
            marker.display()
        ),
        ..Template::director(1)
    };
    director.start(&lb(), template.text()).unwrap();
    arena.wait_for_master(1);
    let log_has = |words: &str, times: usize| {
        let begun = Instant::now();
        while director.log().matches(words).count() < times {
            assert!(begun.elapsed() < patience(), "{words}: {}", director.log());
            thread::sleep(Duration::from_millis(20));
        }
    };
    fs::write(&time, "tomorrow").unwrap();
    log_has("No reload is scheduled by ", 1);
    fs::write(&time, "23:59:59Z\n").unwrap();
    log_has("A reload is scheduled at ", 1);
    fs::remove_file(&time).unwrap();
    log_has("The scheduled reload is cancelled", 1);
    // Who waits for the end of the reading makes the file that goes then.
    fs::write(&marker, "mine").unwrap();
    let output = Command::new("date")
        .args(["-u", "-d", "+4 seconds", "+%Y-%m-%d %H:%M:%SZ"])
        .output();
    fs::write(&time, output.unwrap().stdout).unwrap();
    log_has("Reload finished", 1);
    assert!(!marker.exists() && !time.exists());
    thread::sleep(Duration::from_secs(2));
    assert_eq!(director.log().matches("Reload finished").count(), 1);
}
