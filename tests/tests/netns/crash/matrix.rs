//! Each process killed in each state, by SIGKILL and for want of memory.

use super::{
    Arena, Director, Duration, INTERVAL, Instant, Node, Options, PathBuf, Pid, PingProbe, Scene,
    Signal, VIRTUAL, fs, kill, lb, pid, states, template, thread, wait_until,
};

const PROCESSES: [&str; 4] = ["parent", "vrrp", "checkers", "bfd"];

/// What became of a death.
struct Outcome {
    /// Until everything ran again, in the states of before.
    back: Duration,
    /// The longest time without an advert.
    silence: Duration,
    /// Pings without an answer; none where nobody is MASTER.
    lost: Option<usize>,
    line: String,
}

/// Kills and, where nobody else would, starts again; sees that everything is as it was.
fn see(
    arena: &Arena,
    number: usize,
    name: &str,
    config: &str,
    death: impl FnOnce(&Director, Pid),
) -> Outcome {
    let director = arena.director(number);
    let status = director.status().unwrap();
    let before = states(&status);
    let children = director.children();
    let victim = pid(director, name).unwrap_or_else(|| panic!("no {name}\n{}", arena.logs()));
    let logged = director.log().len();
    let ping = PingProbe::start(arena.client(), VIRTUAL).unwrap();
    let began = Instant::now();
    death(director, victim);
    if name == "parent" {
        director.kill9_parent().unwrap();
        director.start(&lb(), config).unwrap();
    }
    let back = wait_until(arena, &format!("{name} is not back"), || {
        let now = director.children();
        let kept = children.iter().filter(|pid| now.contains(pid)).count();
        // A new parent has children of its own; of another death the others know nothing.
        let kept_as_due = kept
            == if name == "parent" {
                0
            } else {
                children.len() - 1
            };
        let is_back = pid(director, name).is_some_and(|pid| pid != victim);
        is_back
            && kept_as_due
            && now.len() == children.len()
            && director.status().is_ok_and(|it| states(&it) == before)
    });
    // What it did not say for three intervals would be noticed.
    thread::sleep(Duration::from_secs_f64(3.0 * INTERVAL));
    let after = states(&director.status().unwrap());
    assert_eq!(after, before, "{name} killed\n{}", arena.logs());
    let adverts = arena.adverts.since(began);
    let is_other =
        |advert: &&xtask::lab::probe::Advert| advert.source != Node::Director(1).front_v4();
    let others = adverts.iter().filter(is_other).count();
    let has_master = before.values().any(|state| state == "MASTER");
    if number == 2 || has_master {
        assert_eq!(others, 0, "an election after {name}\n{}", arena.logs());
    }
    let silence = arena.adverts.longest_gap(began).unwrap_or_default();
    let report = ping.finish().unwrap();
    let lost = (number == 2 || has_master).then(|| report.sent() - report.answered());
    let log = director.log()[logged..].to_owned();
    let words = if name == "parent" {
        "The parent is gone"
    } else {
        "died: Respawning"
    };
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(words)).collect();
    // A child says that the parent is gone, unless the successor of both ends it first.
    let most = if name == "parent" { children.len() } else { 1 };
    assert!((1..=most).contains(&lines.len()), "{name}\n{log}");
    Outcome {
        back,
        silence,
        lost,
        line: lines[0].split(": ").skip(1).collect::<Vec<_>>().join(": "),
    }
}

fn row(state: &str, name: &str, how: &str, outcome: &Outcome, broken: usize) {
    let lost = outcome.lost.map_or("-".to_owned(), |lost| lost.to_string());
    println!(
        "{state:<14} {name:<9} {how:<10} {:>7.0?} {:>9.0?} {lost:>5} {broken:>6}  {}",
        outcome.back, outcome.silence, outcome.line
    );
}

fn sigkill(_: &Director, victim: Pid) {
    kill(victim, Signal::SIGKILL).unwrap();
}

fn heading() {
    println!(
        "\n{:<14} {:<9} {:<10} {:>7} {:>9} {:>5} {:>6}  log",
        "state", "process", "death", "back", "silence", "lost", "broken"
    );
}

#[test]
fn a_killed_process_costs_neither_state_nor_traffic_whatever_the_state_is() {
    let mut scene = Scene::new();
    scene.connect();
    thread::sleep(Duration::from_millis(500));
    heading();
    for (number, state) in [(1, "MASTER, FAULT"), (2, "BACKUP, FAULT")] {
        let config = template(number, "").text();
        for name in PROCESSES {
            let outcome = see(&scene.arena, usize::from(number), name, &config, sigkill);
            let broken = scene.broken();
            row(state, name, "kill -9", &outcome, broken.len());
            assert_eq!(broken, Vec::<String>::new(), "{}", scene.arena.logs());
            assert_eq!(outcome.lost, Some(0), "{}", scene.arena.logs());
            // Who is not MASTER is not heard, and who is was not missed.
            assert!(
                outcome.silence.as_secs_f64() < 3.0 * INTERVAL,
                "{state} {name}"
            );
        }
    }
}

#[test]
fn who_has_not_begun_has_not_begun_after_a_death_either() {
    let arena = Arena::new(Options { servers: false });
    let director = arena.director(1);
    let down = "link add down0 type veth peer name down1\naddress add 192.168.9.1/24 dev down0\n";
    director.namespace().ip(down).unwrap();
    let config = template(1, "global_defs {\nvrrp_startup_delay 300\n}\n").text();
    director.start(&lb(), &config).unwrap();
    arena.wait_for_status(1, "nobody has begun", |status| {
        let states = states(status);
        states.len() == 3 && states.values().all(|state| state == "INIT")
    });
    heading();
    for name in PROCESSES {
        let outcome = see(&arena, 1, name, &config, sigkill);
        row("INIT", name, "kill -9", &outcome, 0);
        assert_eq!(arena.adverts.all().len(), 0, "{}", arena.logs());
    }
}

/// A control group for memory, with the little that is asked for; gone when this is dropped.
struct Leaf {
    path: PathBuf,
    events: &'static str,
}

impl Leaf {
    /// In version 2 where that has memory, else in version 1; `None` where there is neither.
    fn new(bytes: u64) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mut found = None;
        for line in mounts.lines() {
            let mount = line.split(' ').nth(4)?;
            let (_, kind) = line.split_once(" - ")?;
            let controllers = fs::read_to_string(format!("{mount}/cgroup.controllers"));
            let has_memory =
                controllers.is_ok_and(|it| it.split_whitespace().any(|it| it == "memory"));
            if kind.starts_with("cgroup2 ") && has_memory {
                found = Some((mount, "memory.max", "memory.events"));
            } else if kind.starts_with("cgroup ") && mount.ends_with("/memory") {
                found = found.or(Some((mount, "memory.limit_in_bytes", "memory.oom_control")));
            }
        }
        let (mount, limit, events) = found?;
        let path = PathBuf::from(mount).join(format!("lb-test-{}", std::process::id()));
        fs::create_dir(&path).ok()?;
        let leaf = Self { path, events };
        fs::write(leaf.path.join(limit), bytes.to_string()).ok()?;
        Some(leaf)
    }

    fn take(&self, pid: Pid) {
        fs::write(self.path.join("cgroup.procs"), pid.to_string()).unwrap();
    }

    /// Processes that the kernel has killed here.
    fn killed(&self) -> u64 {
        let text = fs::read_to_string(self.path.join(self.events)).unwrap();
        let mut lines = text.lines();
        let count = lines.find_map(|line| line.strip_prefix("oom_kill "));
        count.unwrap().parse().unwrap()
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        fs::remove_dir(&self.path).ok();
    }
}

#[test]
fn a_child_without_memory_is_replaced_like_one_that_is_killed() {
    let mut scene = Scene::new();
    scene.connect();
    let leaf = Leaf::new(64 << 10);
    let how = if leaf.is_some() { "memory" } else { "kill -9" };
    if leaf.is_none() {
        println!(
            "NO CONTROL GROUP FOR MEMORY HERE: the children are killed by SIGKILL instead, which is how the kernel would do it"
        );
    }
    let mails: String = (0..4000)
        .map(|at| format!("who{at}@example.net\n"))
        .collect();
    let large = format!("global_defs {{\nnotification_email {{\n{mails}}}\n}}\n");
    heading();
    for (at, name) in (1..).zip(["vrrp", "checkers", "bfd"]) {
        let config = template(1, "").text();
        let outcome = see(&scene.arena, 1, name, &config, |director, victim| {
            let Some(leaf) = &leaf else {
                return sigkill(director, victim);
            };
            leaf.take(victim);
            // More than it may have: it dies of the plan, and its successor takes that in before the answer comes.
            let text = template(1, &format!("{large}! {at}\n")).text();
            let text = text.replacen("192.0.2.101\n", "192.0.2.101\n192.0.2.180\n", 1);
            fs::write(director.config_file(), text).unwrap();
            let said = director.lb(&["reload"]).unwrap();
            assert_eq!(said, "the new configuration is in force\n");
            let status = director.status().unwrap();
            let addresses = status["instances"][0]["addresses"].to_string();
            assert!(addresses.contains("192.0.2.180"), "{status}");
        });
        if let Some(leaf) = &leaf {
            assert_eq!(leaf.killed(), at, "{}", scene.arena.logs());
        }
        let broken = scene.broken();
        row("MASTER, FAULT", name, how, &outcome, broken.len());
        assert_eq!(broken, Vec::<String>::new(), "{}", scene.arena.logs());
        fs::write(scene.arena.director(1).config_file(), &config).unwrap();
        scene.arena.director(1).lb(&["reload"]).unwrap();
    }
}
