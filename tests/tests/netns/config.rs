//! Broken files: the daemon says where and why, and applies nothing.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use xtask::lab::{Options, Template};

use crate::arena::{Arena, lb};

/// The files with a word that the sentence must hold.
const BROKEN: [(&str, &str); 11] = [
    ("unknown_keyword", "prioritty"),
    ("missing_brace", "}"),
    ("bad_address", "192.0.2.300"),
    ("vrid_zero", "virtual_router_id"),
    ("priority_256", "256"),
    ("duplicate_vrid", "51"),
    ("port_70000", "70000"),
    ("unknown_interface", "eth7"),
    ("real_server_without_address", "real_server"),
    ("binary", "not a text file"),
    ("empty", "holds no configuration"),
];

fn broken_files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conf/bad");
    let mut files: Vec<_> = BROKEN
        .iter()
        .map(|(name, word)| {
            let file = fixtures.join(format!("{name}.conf"));
            (*name, fs::read(file).unwrap(), *word)
        })
        .collect();
    files.push(("10 MB of braces", b"{".repeat(10 << 20), "{"));
    files
}

/// The sentence has the file's name, a line and the word, and nobody panicked.
fn assert_sentence(name: &str, log: &str, word: &str) {
    let sentence = log.lines().find(|line| {
        let place = line.split_once("lb.conf:").map(|(_, rest)| rest);
        place.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    let sentence =
        sentence.unwrap_or_else(|| panic!("{name}: no sentence with file and line in: {log}"));
    assert!(log.contains(word), "{name}: `{word}` is not in: {sentence}");
    assert!(!log.contains("panicked"), "{name}: {log}");
}

/// What must not change: states of the instances, services with the health of their servers.
fn state(status: &Value) -> Vec<String> {
    let instances = status["instances"].as_array().cloned().unwrap_or_default();
    let services = status["services"].as_array().cloned().unwrap_or_default();
    instances
        .iter()
        .map(|instance| {
            format!(
                "{} {} {} {}",
                instance["name"],
                instance["state"],
                instance["became_master"],
                instance["installed"]
            )
        })
        .chain(
            services
                .iter()
                .map(|service| format!("{} {}", service["service"], service["id"])),
        )
        .collect()
}

#[test]
fn broken_files_do_not_start() {
    let arena = Arena::beside_others(Options { servers: false });
    let director = arena.director(1);
    let before = director.addresses().unwrap();
    for (name, file, word) in broken_files() {
        let logged = director.log().len();
        director.start(&lb(), &file).unwrap();
        let start = Instant::now();
        while director.is_running() {
            assert!(
                start.elapsed() < Duration::from_secs(5),
                "{name}: lb runs on\n{}",
                arena.logs()
            );
            thread::sleep(Duration::from_millis(10));
        }
        director.reset().unwrap();
        assert_sentence(name, &director.log()[logged..], word);
        assert_eq!(
            director.addresses().unwrap(),
            before,
            "{name}: nothing is applied"
        );
    }
}

#[test]
fn broken_files_leave_the_running_state_untouched() {
    let arena = Arena::with_lb(Template::director);
    let director = arena.director(1);
    let (addresses, before) = (
        director.addresses().unwrap(),
        state(&director.status().unwrap()),
    );
    let children = director.children();
    for (name, file, word) in broken_files() {
        let logged = director.log().len();
        director.reload(&file).unwrap();
        let start = Instant::now();
        while !director.log()[logged..].contains("lb.conf:")
            && start.elapsed() < Duration::from_secs(5)
        {
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(Duration::from_millis(200));
        assert_sentence(name, &director.log()[logged..], word);
        assert_eq!(director.addresses().unwrap(), addresses, "{name}");
        assert_eq!(state(&director.status().unwrap()), before, "{name}");
        assert_eq!(director.children(), children, "{name}");
    }
    arena.wait_for_master(1);
}
