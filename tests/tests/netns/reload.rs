//! Reloads one after the other: whatever way led there, the kernel has what a fresh start on the same file has.

mod broken;
mod edits;
mod model;
mod picture;

use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use fastrand::Rng;
use serde_json::Value;
use xtask::lab::{Daemon, Director, Lab, Options};

use self::model::{DOWN, Model};
use crate::arena::{Arena, lb, number, patience};

/// Edits; `LB_NETNS_EDITS` for more.
const EDITS: usize = 8;
/// Edits that go wrong.
const BROKEN: usize = 30;
/// `LB_NETNS_SEED` has another course of things; `LB_NETNS_FIRST` names the first edit after which anything is compared, to be there sooner.
const SEED: usize = 7;

/// Interfaces besides the lab's. Their addresses are alike in every namespace, so what is derived from them is, too.
fn more_interfaces(lab: &Lab) {
    let (mut batch, mut peers) = (String::new(), String::new());
    for (number, name) in (1..).zip(["side0", "side1", DOWN]) {
        batch += &format!(
            "link add {name} address 02:00:00:00:01:0{number} type veth peer name {name} netns {}\n\
             address add 192.168.{number}.11/24 dev {name}\n",
            lab.switch().name()
        );
        peers += &format!("link set {name} up\n");
    }
    batch += "link set side0 up\nlink set side1 up\n";
    lab.director(1).namespace().ip(&batch).unwrap();
    lab.switch().ip(&peers).unwrap();
}

/// Waits until every virtual router is what the file makes it, and nothing moves any more.
fn settled(director: &Director, model: &Model) -> Value {
    let start = Instant::now();
    let mut last = String::new();
    while start.elapsed() < patience() {
        match director.status() {
            Ok(status) => match unsettled(&status, model) {
                None => return status,
                Some(why) => last = why,
            },
            Err(error) => last = format!("{error:#}"),
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("not settled: {last}\n{}", director.log());
}

/// What is not yet as it will be.
fn unsettled(status: &Value, model: &Model) -> Option<String> {
    let instances = status["instances"].as_array()?;
    if instances.len() != model.routers.len() {
        return Some(format!("{} virtual routers", instances.len()));
    }
    for router in &model.routers {
        let state = if model.is_well(router) {
            "MASTER"
        } else {
            "FAULT"
        };
        let mut all = instances.iter();
        let found = all.find(|it| it["name"] == router.name.as_str());
        if found.is_none_or(|it| it["state"] != state) {
            return Some(format!("{} is to be {state}: {found:?}", router.name));
        }
    }
    let services = status["services"].as_array()?;
    for (service, server) in services.iter().zip(&model.servers) {
        let reals = service["real_servers"].as_array()?;
        for (real, wanted) in reals.iter().zip(&server.reals) {
            let is_up = !wanted.check.contains(" 81\n");
            if real["up"] != is_up {
                return Some(format!("{real} of {}", server.address));
            }
        }
    }
    None
}

/// What the daemon itself says, without what counts and what tells of history.
fn told(status: &Value) -> picture::Picture {
    const OF_INSTANCE: [&str; 14] = [
        "interface",
        "vrid",
        "version",
        "family",
        "state",
        "priority",
        "base_priority",
        "faults",
        "group",
        "source",
        "master",
        "advert_interval",
        "gate",
        "kernel_heartbeat",
    ];
    const OF_SERVER: [&str; 7] = [
        "real_server",
        "method",
        "weight",
        "draining",
        "up",
        "next_hop",
        "overloaded",
    ];
    let mut lines = picture::Picture::new();
    for it in status["instances"].as_array().into_iter().flatten() {
        for name in OF_INSTANCE {
            lines.insert(format!("{} {name}: {}", it["name"], it[name]));
        }
        for name in ["addresses", "installed", "objects"] {
            for each in it[name].as_array().into_iter().flatten() {
                lines.insert(format!("{} {name}: {each}", it["name"]));
            }
        }
    }
    for it in status["services"].as_array().into_iter().flatten() {
        let name = format!("{} {}", it["protocol"], it["service"]);
        for field in ["scheduler", "planes", "leaving", "instance", "has_quorum"] {
            lines.insert(format!("{name} {field}: {}", it[field]));
        }
        for (at, real) in it["real_servers"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let fields = OF_SERVER.map(|field| real[field].to_string());
            lines.insert(format!("{name} real server {at}: {fields:?}"));
        }
    }
    for name in ["groups", "statics"] {
        for each in status[name].as_array().into_iter().flatten() {
            lines.insert(format!("{name}: {each}"));
        }
    }
    lines.insert(format!("programs: {}", status["data_plane"]["interfaces"]));
    lines
}

/// All that is compared.
fn seen(director: &Director) -> anyhow::Result<picture::Picture> {
    let mut lines = picture::of(director)?;
    lines.extend(told(&director.status()?));
    Ok(lines)
}

/// What a daemon that starts on the file makes of it, in a namespace of its own; afterwards nothing is left there.
fn fresh(director: &Director, model: &Model, bare: &picture::Picture) -> picture::Picture {
    director.start(&lb(), model.text()).unwrap();
    settled(director, model);
    let mut before = picture::Picture::new();
    let begun = Instant::now();
    let fresh = loop {
        // What is only now being looked up, such as a next hop, is there the next time.
        let now = seen(director).unwrap();
        if now == before {
            break now;
        }
        assert!(
            begun.elapsed() < patience(),
            "a fresh start does not settle"
        );
        before = now;
        thread::sleep(Duration::from_millis(100));
    };
    director.stop().unwrap();
    let left = picture::of_kernel(director.namespace()).unwrap();
    assert!(
        left == *bare,
        "a stop leaves something:\n{}\n{}",
        picture::difference(&left, bare),
        director.log()
    );
    fresh
}

/// The last that it logged, without what it says of each file.
fn last_lines(director: &Director) -> String {
    let log = director.log();
    let lines = log.lines().filter(|line| !line.contains(": warning: "));
    let mut lines: Vec<&str> = lines.rev().take(40).collect();
    lines.reverse();
    lines.join("\n")
}

/// Has the daemon take the file in and waits until it says that it has.
fn reload(director: &Director, text: &str) -> anyhow::Result<String> {
    fs::write(director.config_file(), text)?;
    let Daemon::Lb { binary } = lb() else {
        unreachable!("the daemon under test is lb");
    };
    // Much is taken in, on a machine that may do much else.
    let output = Command::new("timeout")
        .arg("30")
        .arg(binary)
        .args(["-s", director.namespace().name(), "reload"])
        .output()?;
    anyhow::ensure!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn after_any_reload_the_kernel_has_what_a_fresh_start_makes() {
    let (arena, twin) = (
        Arena::beside_others(Options::default()),
        Lab::start(Options::default()).unwrap(),
    );
    let (director, other) = (arena.director(1), twin.director(1));
    more_interfaces(&arena);
    more_interfaces(&twin);
    let bare = picture::of_kernel(other.namespace()).unwrap();
    let seed = number("LB_NETNS_SEED", SEED) as u64;
    let (count, first) = (number("LB_NETNS_EDITS", EDITS), number("LB_NETNS_FIRST", 1));
    let mut rng = Rng::with_seed(seed);
    let mut model = Model::large(&mut rng);
    println!(
        "seed {seed}, {count} edits of {} lines",
        model.text().lines().count()
    );
    director.start(&lb(), model.text()).unwrap();
    settled(director, &model);
    let (mut slowest, mut compared) = (Duration::ZERO, 0);
    for step in 1..=count {
        let edits: Vec<String> = (0..rng.usize(1..=3))
            .map(|_| model.edit(&mut rng))
            .collect();
        println!("{step}: {}", edits.join("; "));
        let begun = Instant::now();
        let said = reload(director, &model.text())
            .unwrap_or_else(|error| panic!("seed {seed}, step {step}: {error:#}"));
        assert_eq!(said, "the new configuration is in force\n");
        slowest = slowest.max(begun.elapsed());
        if step < first {
            continue;
        }
        let expected = fresh(other, &model, &bare);
        settled(director, &model);
        let begun = Instant::now();
        loop {
            let now = seen(director);
            if now.as_ref().is_ok_and(|now| *now == expected) {
                break;
            }
            assert!(
                begun.elapsed() < patience() / 2,
                "seed {seed}, step {step}: {edits:?}\n{}\n{}",
                now.map_or_else(
                    |error| format!("{error:#}"),
                    |now| picture::difference(&now, &expected)
                ),
                last_lines(director)
            );
            thread::sleep(Duration::from_millis(100));
        }
        compared = expected.len();
    }
    println!(
        "{count} edits, each as a fresh start has it: {compared} facts at last; slowest answer {slowest:?}"
    );
}

#[test]
fn a_broken_edit_changes_nothing() {
    let arena = Arena::beside_others(Options::default());
    let director = arena.director(1);
    more_interfaces(&arena);
    let seed = number("LB_NETNS_SEED", SEED) as u64;
    let mut rng = Rng::with_seed(seed);
    let model = Model::large(&mut rng);
    director.start(&lb(), model.text()).unwrap();
    settled(director, &model);
    reload(director, &model.text()).unwrap();
    settled(director, &model);
    let picture = || {
        (
            picture::bits(director).unwrap(),
            told(&director.status().unwrap()),
        )
    };
    let mut before = picture();
    let begun = Instant::now();
    while {
        thread::sleep(Duration::from_millis(300));
        let now = picture();
        let moved = now != before;
        before = now;
        moved
    } {
        assert!(begun.elapsed() < patience(), "nothing comes to rest");
    }
    for number in 0..BROKEN {
        let broken = broken::edit(&model, number, &mut rng);
        let error = reload(director, &broken.text).expect_err(broken.what);
        let error = format!("{error:#}");
        let mut lines = error.lines();
        let line = lines.find(|line| line.contains(": error: ") && line.contains(broken.says));
        assert!(
            error.contains("lb: refused, the running configuration stays"),
            "{}: {error}",
            broken.what
        );
        let has_line = line.is_some_and(|line| {
            let place = line.split("lb.conf:").nth(1);
            place.is_some_and(|it| it.starts_with(|first: char| first.is_ascii_digit()))
        });
        assert!(
            line.is_some() && (has_line || !broken.has_line),
            "{}: {error}",
            broken.what
        );
        if number < BROKEN / 2 {
            println!("{}: {}", broken.what, line.unwrap_or_default());
        }
        let after = picture();
        assert!(
            after == before,
            "seed {seed}, {}:\n{}\n{}",
            broken.what,
            picture::difference(&after.0, &before.0),
            picture::difference(&after.1, &before.1)
        );
    }
}
