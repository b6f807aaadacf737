//! keepalived's signals and files, read as public programs read them, beside Debian's keepalived.
//!
//! Each director has its own directory as `$TMPDIR`, so nobody's files are touched.

pub(crate) mod exporter;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use xtask::lab::{Daemon, Director, Options, Template};

use self::exporter::{Counters, read_counters, read_scripts, read_state};
use crate::arena::{Arena, lb, patience};

/// In keepalived's numbers.
const BACKUP: u64 = 1;
const MASTER: u64 = 2;

/// Sends a signal as scripts do: by keepalived's word for it.
fn signal(director: &Director, word: &str) {
    let pid = director.pid().unwrap();
    let script = format!("kill -$(keepalived --signum={word}) {pid}");
    let done = Command::new("sh")
        .args(["-c", &script])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .status();
    assert!(done.unwrap().success(), "{script}");
}

/// The file that appears, whole.
fn written(path: &Path, since: Instant, log: impl Fn() -> String) -> String {
    while since.elapsed() < patience() {
        if let Ok(text) = fs::read_to_string(path)
            && !text.is_empty()
            && (text.ends_with("\n") || text.ends_with(']'))
        {
            return text;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("{} is not written\n{}", path.display(), log());
}

/// Asks for a file anew.
fn ask(director: &Director, word: &str, file: &str) -> String {
    let path = director.directory().join(file);
    fs::remove_file(&path).ok();
    let asked = Instant::now();
    signal(director, word);
    let text = written(&path, asked, || director.log());
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o600, "{}", path.display());
    text
}

/// Director 1 is MASTER with lb, director 2 BACKUP with keepalived; both track a script.
fn beside_keepalived() -> Arena {
    let arena = Arena::new(Options { servers: false });
    arena.start([&lb(), &Daemon::Keepalived], |number| Template {
        more: "vrrp_script steady {\nscript \"/bin/true\"\ninterval 1\nuser root\n}\n\
               vrrp_instance tracking {\ninterface eth0\nvirtual_router_id 77\npriority 90\nversion 2\n\
               advert_int 1\nauthentication {\nauth_type PASS\nauth_pass 1234\n}\n\
               track_script {\nsteady\n}\nvirtual_ipaddress {\n192.0.2.177\n}\n}\n"
            .to_owned(),
        ..Template::director(number)
    });
    arena.wait_for_master(1);
    // Adverts are counted, and both know who is MASTER.
    thread::sleep(Duration::from_secs(1));
    arena
}

/// The text without its figures.
fn shape(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_ascii_digit())
        .collect()
}

/// What keepalived 2.4 has and 2.2.7 has not.
fn without_extension(text: &str) -> String {
    let mut is_inside = false;
    let lines = text.lines().filter(|line| {
        if !line.starts_with("    ") {
            is_inside = line.starts_with("  Authentication Extension");
        }
        !is_inside
    });
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn an_exporter_reads_our_counters_as_it_reads_keepaliveds() {
    let arena = beside_keepalived();
    let [ours, theirs] =
        [1, 2].map(|number| ask(arena.director(number), "STATS", "keepalived.stats"));
    assert_eq!(shape(&without_extension(&ours)), shape(&theirs));
    let names = |all: &[Counters]| all.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    let [read_ours, read_theirs] = [&ours, &theirs].map(|text| read_counters(text));
    assert_eq!(names(&read_ours), names(&read_theirs));
    let (master, backup) = (&read_ours[0], &read_theirs[0]);
    assert!(master.sent > 5 && master.became_master == 1, "{ours}");
    assert!(backup.received > 5, "{theirs}");
}

#[test]
fn a_backup_counts_what_the_kernel_absorbs_and_clearing_begins_anew() {
    let arena = Arena::new(Options { servers: false });
    arena.start([&Daemon::Keepalived, &lb()], Template::director);
    arena.wait_for_master(1);
    let director = arena.director(2);
    arena.wait_for_status(2, "the kernel watches the master", |status| {
        status["instances"].as_array().is_some_and(|all| {
            all.iter()
                .all(|it| it["kernel_heartbeat"] == true && it["state"] == "BACKUP")
        })
    });
    thread::sleep(Duration::from_secs(1));
    let before = read_counters(&ask(director, "STATS", "keepalived.stats"));
    thread::sleep(Duration::from_secs(1));
    let cleared = Instant::now();
    let after = read_counters(&ask(director, "STATS_CLEAR", "keepalived.stats"));
    // Ten a second, most of which only the kernel has seen.
    let more = after[0].received - before[0].received;
    assert!((7..=20).contains(&more), "{before:?}\n{after:?}");
    arena.wait_for_status(2, "counters begin anew", |status| {
        let seconds = cleared.elapsed().as_secs_f64();
        status["instances"].as_array().is_some_and(|all| {
            all.iter().all(|it| {
                let absorbed = it["adverts_absorbed"].as_u64().unwrap();
                absorbed as f64 <= seconds * 10.0 + 3.0
            })
        })
    });
    let shown = director.lb(&["stats", "--json", "--clear"]).unwrap();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["instances"][0]["name"], "front4");
    let shown = director.lb(&["stats"]).unwrap();
    assert!(
        shown.starts_with("INSTANCE") && shown.contains("front4 "),
        "{shown}"
    );
}

#[test]
fn an_exporter_reads_our_state_as_it_reads_keepaliveds() {
    let arena = beside_keepalived();
    let [ours, theirs] =
        [1, 2].map(|number| ask(arena.director(number), "DATA", "keepalived.data"));
    let [read_ours, read_theirs] = [&ours, &theirs].map(|text| read_state(text));
    assert_eq!(read_ours.len(), 3, "{ours}");
    for (a, b) in read_ours.iter().zip(&read_theirs) {
        assert_eq!(
            (&a.name, a.vrid, &a.interface, a.garp_delay),
            (&b.name, b.vrid, &b.interface, b.garp_delay)
        );
        let addresses = |of: &exporter::State| -> Vec<_> {
            of.addresses
                .iter()
                .map(|it| it.split(' ').take(3).collect::<Vec<_>>().join(" "))
                .collect()
        };
        assert_eq!(addresses(a), addresses(b));
    }
    assert_eq!(
        (&*read_ours[0].state, &*read_theirs[0].state),
        ("MASTER", "BACKUP"),
        "{ours}"
    );
    assert_eq!(read_ours[0].wanted, "MASTER");
    assert_eq!(read_scripts(&ours), read_scripts(&theirs));
    assert_eq!(
        read_scripts(&ours),
        [("steady".to_owned(), "GOOD".to_owned())]
    );
    assert!(!ours.contains("1234"), "no password leaves the daemon");
    // Lines that begin alike mean alike: what keepalived calls something is what it is called here.
    let keys = |text: &str| -> BTreeSet<String> {
        let topology = text
            .split("------< VRRP Topology >------")
            .nth(1)
            .unwrap_or_default();
        let topology = topology.split("------<").next().unwrap_or_default();
        let lines = topology.lines().filter_map(|line| line.split_once(" = "));
        lines.map(|(key, _)| key.to_owned()).collect()
    };
    let ours_alone: Vec<_> = keys(&ours).difference(&keys(&theirs)).cloned().collect();
    assert_eq!(ours_alone, ["   Gate", "   Kernel heartbeat", "   Why"]);
    let parent = fs::read_to_string(arena.director(1).directory().join("keepalived_parent.data"));
    assert!(
        parent
            .unwrap()
            .starts_with("------< Global definitions >------\n")
    );
}

#[test]
fn an_exporter_reads_our_json_as_it_reads_keepaliveds() {
    let arena = beside_keepalived();
    let texts = [1, 2].map(|number| ask(arena.director(number), "JSON", "keepalived.json"));
    let [ours, theirs] = texts.map(|text| serde_json::from_str::<Value>(&text).unwrap());
    let states = |all: &Value| all[0]["data"]["state"].as_u64().unwrap();
    assert_eq!((states(&ours), states(&theirs)), (MASTER, BACKUP));
    for (a, b) in ours
        .as_array()
        .unwrap()
        .iter()
        .zip(theirs.as_array().unwrap())
    {
        for part in ["data", "stats"] {
            let (a, b) = (a[part].as_object().unwrap(), b[part].as_object().unwrap());
            for (name, value) in b {
                let found = a
                    .get(name)
                    .unwrap_or_else(|| panic!("{part}.{name} is missing"));
                assert_eq!(kind(found), kind(value), "{part}.{name}: {found} {value}");
            }
            let more: Vec<_> = a.keys().filter(|name| !b.contains_key(*name)).collect();
            assert!(
                more.iter().all(|name| name.starts_with("auth_ext_")),
                "{more:?}"
            );
        }
        // What the file says is the same on both, apart from the priority.
        for name in [
            "iname",
            "vrid",
            "garp_delay",
            "adver_int",
            "version",
            "accept",
            "nopreempt",
            "auth_type",
        ] {
            assert_eq!(a["data"][name], b["data"][name], "{name}");
        }
    }
}

/// Programs tell whole numbers from others.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Number(number) if number.is_u64() => "whole number",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Array(all) if all.iter().all(Value::is_string) => "strings",
        Value::Array(_) | Value::Object(_) | Value::Null => "other",
    }
}

#[test]
fn a_reader_of_the_fifo_hears_the_same_of_both() {
    let arena = Arena::new(Options { servers: false });
    let folders = [1, 2].map(|number| arena.director(number).directory().to_owned());
    let heard = folders.clone().map(|folder| reader(folder.join("fifo")));
    arena.start([&lb(), &Daemon::Keepalived], |number| {
        let fifo = folders[usize::from(number) - 1].join("fifo");
        let template = Template::director(number);
        Template {
            more: format!(
                "global_defs {{\nvrrp_notify_fifo {} root\n}}\n",
                fifo.display()
            ),
            ..template
        }
    });
    arena.wait_for_master(1);
    arena.director(1).stop().unwrap();
    arena.wait_for_master(2);
    arena.director(2).stop().unwrap();
    let [ours, theirs] = heard.map(|reader| reader.recv_timeout(patience()).unwrap());
    // The second one may have been MASTER for a moment before the first one began.
    let last = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .filter(|line| line.starts_with("INSTANCE \"front4\" "));
        let mut words: Vec<String> = lines
            .map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" "))
            .collect();
        words.split_off(words.len().saturating_sub(3))
    };
    let expected = ["BACKUP", "MASTER", "STOP"].map(|state| format!("INSTANCE \"front4\" {state}"));
    assert_eq!(last(&ours), expected, "{ours}");
    assert_eq!(last(&theirs), expected, "{theirs}");
}

/// Reads a FIFO until it has heard of the stop; made here, so that nothing is lost.
fn reader(fifo: PathBuf) -> std::sync::mpsc::Receiver<String> {
    let (sender, heard) = std::sync::mpsc::channel();
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    thread::spawn(move || {
        use std::io::{BufRead as _, BufReader};
        let pipe = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&fifo)
            .unwrap();
        let mut text = String::new();
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            text += &format!("{line}\n");
            if line.starts_with("INSTANCE \"front4\" STOP") {
                break;
            }
        }
        sender.send(text).ok();
    });
    heard
}

#[test]
fn what_cannot_be_written_costs_one_line_and_nothing_else() {
    let arena = Arena::new(Options { servers: false });
    let director = arena.director(1);
    let folder = director.directory().to_owned();
    let full = folder.join("full");
    fs::create_dir(&full).unwrap();
    let mounted = Mount::tmpfs(&full, "size=4k");
    fs::write(full.join("old"), "the one before").unwrap();
    symlink(folder.join("victim"), folder.join("link")).unwrap();
    fs::write(folder.join("victim"), "keep me").unwrap();
    let template = Template {
        more: format!(
            "global_defs {{\nstate_dump_file {}\nstats_dump_file {}\njson_dump_file {}\n}}\n",
            full.join("old").display(),
            folder.join("missing/stats").display(),
            folder.join("link").display(),
        ),
        ..Template::director(1)
    };
    director.start(&lb(), template.text()).unwrap();
    arena.wait_for_master(1);
    let begun = Instant::now();
    for word in ["DATA", "STATS", "JSON"] {
        signal(director, word);
    }
    let reasons = [
        ("full/old", "No space left on device"),
        ("missing/stats", "No such file or directory"),
        ("link", "something that is no file is there; remove it"),
    ];
    for (name, reason) in reasons {
        let said = |log: &str| {
            log.lines()
                .filter(|line| line.contains(name) && line.contains(reason))
                .count()
        };
        while said(&director.log()) == 0 && begun.elapsed() < patience() {
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(said(&director.log()), 1, "{name}\n{}", director.log());
    }
    // What was there is there, nothing is half written, and nobody noticed.
    assert_eq!(
        fs::read_to_string(full.join("old")).unwrap(),
        "the one before"
    );
    assert_eq!(fs::read_dir(&full).unwrap().count(), 1);
    assert_eq!(
        fs::read_to_string(folder.join("victim")).unwrap(),
        "keep me"
    );
    arena.wait_for_master(1);
    assert_on_time(&gaps(&arena, begun));
    // On a file system that nothing can be written to, too.
    mounted.make_read_only();
    let logged = director.log().len();
    signal(director, "DATA");
    while !director.log()[logged..].contains("Read-only file system") {
        assert!(begun.elapsed() < patience(), "{}", director.log());
        thread::sleep(Duration::from_millis(20));
    }
    drop(mounted);
}

/// The times between adverts of director 1 since then, the longest first.
pub(crate) fn gaps(arena: &Arena, since: Instant) -> Vec<Duration> {
    let ours = xtask::lab::Node::Director(1).front_v4();
    let adverts = arena.adverts.since(since);
    let times = adverts.iter().filter(|it| it.source == ours);
    let times: Vec<_> = times.map(|it| it.at).collect();
    let mut gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_by(|a, b| b.cmp(a));
    gaps
}

/// Adverts leave every 100 ms; one of them may be late because of what else this machine does.
pub(crate) fn assert_on_time(gaps: &[Duration]) {
    let late = gaps.iter().filter(|gap| **gap > Duration::from_millis(200));
    assert!(gaps.len() > 3 && late.count() <= 1, "{gaps:?}");
}

/// A file system of its own, gone when this is dropped.
struct Mount(PathBuf);

impl Mount {
    fn tmpfs(path: &Path, options: &str) -> Self {
        run(
            "mount",
            &[
                "-t",
                "tmpfs",
                "-o",
                options,
                "tmpfs",
                &path.display().to_string(),
            ],
        );
        Self(path.to_owned())
    }

    fn make_read_only(&self) {
        run(
            "mount",
            &["-o", "remount,ro", &self.0.display().to_string()],
        );
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run("umount", &["-l", &self.0.display().to_string()]);
    }
}

fn run(program: &str, args: &[&str]) {
    let mut command = Command::new(program);
    command
        .args(args)
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    let done = command.status();
    assert!(
        done.is_ok_and(|status| status.success()),
        "{program} {args:?}"
    );
}

#[test]
fn the_waits_of_every_process_are_there_and_of_a_stuck_child_its_threads() {
    let arena = Arena::new(Options { servers: false });
    let director = arena.director(1);
    director.start(&lb(), Template::director(1).text()).unwrap();
    arena.wait_for_master(1);
    let pid = director.pid().unwrap();
    let path = director.directory().join("keepalived_waits.data");
    let ask = || {
        fs::remove_file(&path).ok();
        // SIGRTMAX, for which keepalived has a word only in debug builds.
        run("sh", &["-c", &format!("kill -64 {pid}")]);
        written(&path, Instant::now(), || director.log())
    };
    let text = ask();
    assert!(text.starts_with("------< parent (pid "), "{text}");
    assert!(text.contains("front4: advert\n"), "{text}");
    assert!(text.contains("------< checkers (pid "), "{text}");
    let mut children = director.children().into_iter();
    let vrrp = children.find(|pid| {
        fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("\0vrrp"))
    });
    let vrrp = vrrp.unwrap();
    run("sh", &["-c", &format!("kill -STOP {vrrp}")]);
    let text = ask();
    run("sh", &["-c", &format!("kill -CONT {vrrp}")]);
    let part = text
        .split("------< ")
        .find(|part| part.starts_with("vrrp "))
        .unwrap();
    assert!(
        part.contains("Does not answer") && part.contains(": stopped"),
        "{part}"
    );
}
