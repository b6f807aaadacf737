//! Every checker against servers as Debian has them, and against such that do their worst: `lb` and Debian's keepalived come to the
//! same verdicts from the same file, and tell the same people.

mod cases;
mod grpc;
mod hostile;
mod mail;
mod services;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Read as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::{fcntl::OFlag, sys::stat::Mode, unistd::mkfifo};
use serde_json::Value;
use xtask::lab::{Daemon, Lab, Options};

use self::{
    cases::{CASES, Case, OURS},
    services::Services,
};
use crate::arena::{Arena, lb, patience, real_servers};

/// Address of the server that all checks go to.
const SERVER: &str = "192.0.2.21";
/// How long each daemon has for its verdicts: some take all the time they may.
const VERDICTS: Duration = Duration::from_secs(8);
/// More resident memory than a checker child may need in the end, in bytes: a debug build.
const MEMORY: u64 = 80 << 20;

/// The virtual address of a case.
fn front(number: usize) -> String {
    format!("10.99.0.{}", number + 1)
}

/// Everything down until it is checked, so that what comes up has passed.
fn configuration(cases: &[Case], files: &Path, ca: &Path) -> String {
    let mut text = format!(
        "global_defs {{\nrouter_id checks\nscript_user root\ndata_plane_flows 65536\n\
         lvs_notify_fifo {}\n}}\nSSL {{\nca {}\n}}\n",
        files.join("fifo").display(),
        ca.display()
    );
    for (name, number) in [("good", 4), ("bad", 1)] {
        let path = files.join(name);
        fs::write(&path, format!("{number}\n")).unwrap();
        let _infallible = writeln!(
            text,
            "vrrp_track_file {name} {{\nfile {}\n}}",
            path.display()
        );
    }
    for (number, case) in cases.iter().enumerate() {
        let _infallible = writeln!(
            text,
            "virtual_server {} 80 {{\ndelay_loop 1\nconnect_timeout 1\nretry 1\ndelay_before_retry 1\nwarmup 0\nalpha\n\
             lb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server {SERVER} {} {{\n{}\n}}\n}}",
            front(number),
            case.port,
            case.check
        );
    }
    text
}

/// What each case came to: whether its virtual server, which has this one real server, has its quorum.
fn verdicts(cases: &[Case], log: &str) -> Vec<bool> {
    let mut verdicts = Vec::new();
    for number in 0..cases.len() {
        let server = format!("for VS [{}]:tcp:80", front(number));
        let mut about = log.lines().filter(|line| line.ends_with(&server));
        let last = about.rfind(|line| line.contains(" quorum "));
        verdicts.push(last.is_some_and(|line| line.contains("Gained quorum")));
    }
    verdicts
}

/// Reads what a daemon writes to its FIFO until it is asked for it.
struct Listener {
    path: PathBuf,
    fifo: fs::File,
}

impl Listener {
    fn new(directory: &Path) -> Self {
        let path = directory.join("fifo");
        mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        let mut options = fs::File::options();
        options.read(true).custom_flags(OFlag::O_NONBLOCK.bits());
        let fifo = options.open(&path).unwrap();
        Self { path, fifo }
    }

    /// What was written since it was last asked.
    fn read(&mut self) -> String {
        let mut bytes = [0; 1 << 16];
        let mut text = String::new();
        while let Ok(length @ 1..) = self.fifo.read(&mut bytes) {
            text.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
        }
        text
    }

    /// The lines with what ends them, in the order of the virtual servers: that of different ones means nothing.
    fn lines(mut self) -> Vec<String> {
        let text = self.read();
        fs::remove_file(&self.path).unwrap();
        let mut by_server: BTreeMap<String, String> = BTreeMap::new();
        for line in text.split_inclusive('\n') {
            let server = line.split(' ').rev().nth(1).unwrap().to_owned();
            by_server.entry(server).or_default().push_str(line);
        }
        by_server.into_values().collect()
    }
}

/// What a daemon made of it all.
struct Outcome {
    verdicts: Vec<bool>,
    /// What it wrote to its FIFO.
    told: Vec<String>,
    /// What its largest process holds, in bytes.
    memory: u64,
    log: String,
}

/// Runs a daemon until its verdicts stand.
fn run(lab: &Lab, daemon: &Daemon, cases: &[Case], (directory, text): (&Path, &str)) -> Outcome {
    let listener = Listener::new(directory);
    let director = lab.director(1);
    let before = director.log().len();
    director.start(daemon, text).unwrap();
    let started = Instant::now();
    let expected: Vec<bool> = cases.iter().map(|case| expected(case, daemon)).collect();
    let log = || director.log()[before..].to_owned();
    while started.elapsed() < patience() {
        thread::sleep(Duration::from_millis(500));
        if started.elapsed() > VERDICTS && verdicts(cases, &log()) == expected {
            break;
        }
    }
    let children = director.children().into_iter();
    let memory = children.map(|child| xtask::lab::process::resident(child).unwrap());
    let outcome = Outcome {
        verdicts: verdicts(cases, &log()),
        told: listener.lines(),
        memory: memory.max().unwrap_or_default(),
        log: log(),
    };
    director.stop().unwrap();
    director.reset().unwrap();
    outcome
}

const fn expected(case: &Case, daemon: &Daemon) -> bool {
    match (daemon, case.keepalived) {
        (Daemon::KeepalivedCheckers, Some(other)) => other,
        _ => case.is_up,
    }
}

#[test]
fn verdicts_and_what_is_told_are_keepalived_s() {
    let arena = Arena::beside_others(Options::default());
    let directory = std::env::temp_dir().join(format!("lb-checks-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let services = Services::start(arena.server(1).namespace(), &directory);
    let text = configuration(CASES, &directory, &services.ca());
    let asked = (&*directory, &*text);
    let theirs = run(&arena, &Daemon::KeepalivedCheckers, CASES, asked);
    let ours = run(&arena, &lb(), CASES, asked);
    fs::remove_dir_all(&directory).unwrap();
    let mut wrong = Vec::new();
    for (number, case) in CASES.iter().enumerate() {
        let server = front(number);
        let words = |log: &str| -> String {
            let about = log.lines().filter(|line| line.contains(&server));
            about.map(|line| format!("{line}\n")).collect()
        };
        println!(
            "{}: {}",
            case.name,
            if ours.verdicts[number] { "up" } else { "down" }
        );
        let expected = [case.is_up, expected(case, &Daemon::KeepalivedCheckers)];
        if [ours.verdicts[number], theirs.verdicts[number]] != expected {
            wrong.push(format!(
                "{}: lb {}, keepalived {}\n{}{}",
                case.name,
                ours.verdicts[number],
                theirs.verdicts[number],
                words(&ours.log),
                words(&theirs.log)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("resident: {} MiB", ours.memory >> 20);
    assert!(ours.memory < MEMORY, "{} bytes", ours.memory);
    // keepalived has read files before it begins; here they are read beside the loop.
    let differing = |number: usize| {
        CASES[number].keepalived.is_some() || CASES[number].check.starts_with("FILE_CHECK")
    };
    let same = |lines: &[String]| -> Vec<String> {
        let differs = |line: &&String| {
            (0..CASES.len()).any(|n| differing(n) && line.contains(&format!("[{}]:", front(n))))
        };
        lines
            .iter()
            .filter(|line| !differs(line))
            .cloned()
            .collect()
    };
    assert_eq!(same(&ours.told), same(&theirs.told));
}

#[test]
fn verdicts_of_what_keepalived_does_not_know() {
    let arena = Arena::beside_others(Options::default());
    let directory = std::env::temp_dir().join(format!("lb-ours-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let services = Services::start(arena.server(1).namespace(), &directory);
    let text = configuration(OURS, &directory, &services.ca());
    let outcome = run(&arena, &lb(), OURS, (&directory, &text));
    fs::remove_dir_all(&directory).unwrap();
    let mut wrong = Vec::new();
    for (case, is_up) in OURS.iter().zip(outcome.verdicts) {
        println!("{}: {}", case.name, if is_up { "up" } else { "down" });
        if is_up != case.is_up {
            wrong.push(case.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}\n{}", outcome.log);
    println!("resident: {} MiB", outcome.memory >> 20);
    assert!(outcome.memory < MEMORY, "{} bytes", outcome.memory);
}

#[test]
fn a_real_server_that_comes_back_starts_slowly() {
    let arena = Arena::new(Options::default());
    let directory = std::env::temp_dir().join(format!("lb-slow-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let flag = directory.join("well");
    fs::write(&flag, "").unwrap();
    let text = format!(
        "global_defs {{\nrouter_id slow\nscript_user root\ndata_plane_flows 65536\n}}\n\
         virtual_server 10.99.0.1 80 {{\ndelay_loop 0.1\nslow_start 4\nlb_algo mh\nlb_kind NAT\nprotocol TCP\n\
         real_server {SERVER} 80 {{\nweight 5\nMISC_CHECK {{\nmisc_path \"/usr/bin/test -e {}\"\nretry 0\n}}\n}}\n\
         real_server 192.0.2.22 80 {{\nweight 5\n}}\n}}\n",
        flag.display()
    );
    arena.director(1).start(&lb(), &text).unwrap();
    let first = |status: &Value| -> Value {
        let server = real_servers(status).next();
        server.cloned().unwrap_or_default()
    };
    arena.wait_for_status(1, "it begins with all of its weight", |status| {
        let server = first(status);
        server["why"] == "MISC_CHECK: success" && server["weight"] == 5
    });
    fs::remove_file(&flag).unwrap();
    arena.wait_for_status(1, "it is down", |status| first(status)["up"] == false);
    fs::write(&flag, "").unwrap();
    let mut weights = Vec::new();
    let mut began = None;
    let started = Instant::now();
    while weights.last() != Some(&5) {
        assert!(
            started.elapsed() < patience(),
            "{weights:?}\n{}",
            arena.logs()
        );
        let server = first(&arena.director(1).status().unwrap());
        if server["up"] == true {
            began.get_or_insert_with(Instant::now);
            let weight = server["weight"].as_u64().unwrap();
            assert_eq!(server["grows_to"].as_u64(), (weight < 5).then_some(5));
            if weights.last() != Some(&weight) {
                weights.push(weight);
            }
        }
        thread::sleep(Duration::from_millis(50));
    }
    fs::remove_dir_all(&directory).unwrap();
    let took = began.unwrap().elapsed();
    println!("{weights:?} in {took:?}");
    assert_eq!(weights, [1, 2, 3, 4, 5]);
    assert!((3000..6000).contains(&took.as_millis()), "{took:?}");
    let log = arena.director(1).log();
    assert!(log.contains("from weight 1 to 5 in 4 s"), "{log}");
    assert!(log.contains("is over: weight 5"), "{log}");
}
