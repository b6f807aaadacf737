//! Scenarios on a virtual clock: a configuration, then inputs, each with what it changes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    Tracker,
    output::{Change, Ending, Event, Output, Reading, RunId},
};
use crate::config::{
    Interface, Options, load,
    model::{Config, InterfaceName},
};

mod arithmetic;
mod groups;
mod processes;
mod scripts;

/// A scenario: its sentence, the configuration, and inputs with the changes they make.
type Scenario = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// Runs every scenario of a table.
fn check(scenarios: &[Scenario]) {
    for (sentence, text, steps) in scenarios {
        let mut world = World::new(text);
        for (input, expected) in *steps {
            let changes = world.step(input);
            assert_eq!(changes, *expected, "{sentence}: {input}");
        }
    }
}

/// An instance named `name` with these lines.
macro_rules! instance {
    ($name:literal, $vrid:literal, $lines:literal) => {
        concat!(
            "vrrp_instance ",
            $name,
            " {\ninterface eth0\nvirtual_router_id ",
            $vrid,
            "\nvirtual_ipaddress {\n192.0.2.",
            $vrid,
            "\n}\n",
            $lines,
            "\n}\n"
        )
    };
    ($lines:literal) => {
        instance!("a", "1", $lines)
    };
}
use instance;

struct World {
    tracker: Tracker,
    config: Config,
    now: Instant,
    running: BTreeMap<String, RunId>,
    log: Vec<Change>,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
    fn new(text: &str) -> Self {
        Self {
            tracker: Tracker::new(),
            config: config(text),
            now: Instant::now(),
            running: BTreeMap::new(),
            log: Vec::new(),
        }
    }

    /// One input, and what it changes: `a +5` is the adjustment of `a`, `a FAULT why`, `run s` a script that starts.
    fn step(&mut self, input: &str) -> String {
        let words: Vec<&str> = input.split(' ').collect();
        let now = self.now;
        match *words.as_slice() {
            ["start"] => {
                self.tracker.handle_config(&self.config, now);
                self.tracker.handle_timeout(now);
            }
            ["change", from, to] => {
                let from = from.replace('_', " ");
                let shown = crate::config::show(&self.config);
                assert!(shown.contains(&from), "{from}\n{shown}");
                self.config = config(&shown.replace(&from, &to.replace('_', " ")));
                self.tracker.handle_config(&self.config, now);
                self.tracker.handle_timeout(now);
            }
            ["adopt", instance] => self.tracker.handle_adopted(instance),
            ["wait", seconds] => return self.wait(seconds.parse().unwrap()),
            ["ok", script] => self.end(script, Ending::Exited(0)),
            ["fail", script] => self.end(script, Ending::Exited(1)),
            ["killed", script] => self.end(script, Ending::Signalled(9)),
            ["late", script] => self.end(script, Ending::TimedOut),
            ["lost", script] => self.end(script, Ending::NotStarted("no such file".into())),
            ["file", file, value] => {
                let reading = match value {
                    "missing" => Reading::Missing,
                    "large" => Reading::TooLarge,
                    "locked" => Reading::Unreadable("permission denied".into()),
                    number => Reading::Number(number.parse().unwrap()),
                };
                let file = file.to_owned();
                let event = Event::FileRead { file, reading };
                self.tracker.handle_event(event, now);
            }
            ["process", process, count] => {
                let event = Event::ProcessCounted {
                    process: process.to_owned(),
                    count: count.parse().unwrap(),
                };
                self.tracker.handle_event(event, now);
            }
            ["interface", name, state] => {
                let name = InterfaceName::try_from(name.to_owned()).unwrap();
                self.tracker.handle_interface(&name, state == "up", now);
            }
            ["bfd", name, state] => {
                let (is_up, expired) = (state == "up", state == "silent");
                self.tracker.handle_bfd(name, is_up, expired, now);
            }
            ["static", group, object, state] => {
                self.tracker.handle_static(group, object, state == "back");
            }
            _ => panic!("{input}"),
        }
        self.changes()
    }

    fn end(&mut self, script: &str, ending: Ending) {
        let run = self.running.remove(script).expect("it runs");
        let event = Event::ScriptEnded { run, ending };
        self.tracker.handle_event(event, self.now);
    }

    fn wait(&mut self, seconds: f64) -> String {
        let end = self.now + Duration::from_secs_f64(seconds);
        let mut changes = Vec::new();
        while let Some((at, _)) = self.tracker.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = at;
            self.tracker.handle_timeout(at);
            changes.push(self.changes());
        }
        self.now = end;
        changes.retain(|change| !change.is_empty());
        changes.join(", ")
    }

    fn changes(&mut self) -> String {
        let mut changes = Vec::new();
        while let Some(output) = self.tracker.poll_output() {
            match output {
                Output::Run(run) => {
                    changes.push(format!("run {}", run.script));
                    self.running.insert(run.script, run.id);
                }
                Output::Standing { instance, standing } => {
                    let mut change = format!("{instance} {:+}", standing.adjustment);
                    if !standing.faults.is_empty() {
                        let faults: Vec<_> = standing.faults.into_iter().collect();
                        change += &format!(" FAULT {}", faults.join(" & "));
                    }
                    changes.push(change.replace("+0", "0"));
                }
                Output::PeerSilent { instance, peer } => {
                    changes.push(format!("{instance}: {peer} is silent"));
                }
                Output::Changed(change) => self.log.push(change),
            }
        }
        changes.join(", ")
    }
}

fn config(text: &str) -> Config {
    let mut files = BTreeMap::from([(PathBuf::from("f"), text.as_bytes().to_vec())]);
    let known = ["eth0", "eth1", "eth2"].map(|name| (name.to_owned(), Interface::default()));
    let machine = BTreeMap::from(known);
    let loaded = load(Path::new("f"), &mut files, &machine, &Options::default());
    assert!(loaded.is_usable(), "{text}\n{:#?}", loaded.diagnostics);
    loaded.config
}

#[test]
fn what_is_tracked_is_shown_with_its_last_result() {
    let mut world = World::new(concat!(
        instance!(
            "track_script {\ns\n}\ntrack_file {\nf\n}\ntrack_process {\np\n}\n\
             track_interface {\neth1 weight 5\n}"
        ),
        instance!("b", "2", "track_script {\ns\n}"),
        "vrrp_script s {\nscript /s\n}\ntrack_file f {\nfile /f\n}\n\
         vrrp_track_process p {\nprocess x\n}\nvrrp_script unused {\nscript /u\n}\n",
    ));
    let shown = |world: &World| {
        let snapshots = world.tracker.snapshot(world.now);
        let lines = snapshots.iter().map(|it| {
            let up = it.up.map_or("-", |up| if up { "up" } else { "down" });
            let by = it.instances.join(" ");
            format!(
                "{} {} {up} {:?} {}s by {by}",
                it.kind, it.name, it.last, it.since
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    world.step("start");
    assert_eq!(
        shown(&world),
        "track_interface eth1 down \"down\" 0s by a\n\
         vrrp_script s - \"no result yet\" 0s by a b\n\
         track_file f - \"not read yet\" 0s by a\n\
         vrrp_track_process p - \"not counted yet\" 0s by a"
    );
    for input in [
        "wait 2",
        "fail s",
        "file f -7",
        "process p 3",
        "interface eth1 up",
        "wait 1",
    ] {
        world.step(input);
    }
    assert_eq!(
        shown(&world),
        "track_interface eth1 up \"up\" 1s by a\n\
         vrrp_script s down \"exited with status 1\" 1s by a b\n\
         track_file f - \"-7\" 1s by a\n\
         vrrp_track_process p up \"3 running\" 1s by a"
    );
}

#[test]
fn only_what_something_tracks_is_watched() {
    let mut world = World::new(concat!(
        instance!("track_file {\nf\n}\ntrack_interface {\neth1 weight 5\n}"),
        "track_file f {\nfile /f\n}\ntrack_file g {\nfile /g\n}\n\
         vrrp_track_process p {\nprocess x\n}\nvrrp_script unused {\nscript /u\n}\n",
    ));
    assert_eq!(world.step("start"), "");
    let watched = world.tracker.watched();
    let files = watched.files.iter().map(|file| file.name.as_str());
    assert_eq!(files.collect::<Vec<_>>(), ["f"]);
    assert!(watched.processes.is_empty());
    let interfaces = world.tracker.interfaces().map(InterfaceName::as_str);
    assert_eq!(interfaces.collect::<Vec<_>>(), ["eth1"]);
    world.tracker.handle_config(&Config::default(), world.now);
    assert_eq!(world.changes(), "");
    assert_eq!(world.tracker.poll_timeout(), None);
    assert!(world.tracker.watched().files.is_empty());
}

/// Inputs of [`nobody_waits_for_news`].
const INPUTS: [&str; 18] = [
    "wait 1",
    "wait 2.5",
    "ok s",
    "fail s",
    "ok t",
    "fail t",
    "file f 0",
    "file f 3",
    "file f -300",
    "process p 0",
    "process p 1",
    "process p 2",
    "interface eth1 up",
    "interface eth1 down",
    "static g x gone",
    "static g x back",
    "change fall_2 fall_1",
    "change fall_1 fall_2",
];

proptest::proptest! {
    /// Only what an input touches is looked at again, and that is enough.
    #[test]
    fn nobody_waits_for_news(inputs in proptest::collection::vec(0..INPUTS.len(), 0..60)) {
        let mut world = World::new(concat!(
            instance!("track_script {\ns\nt weight 9\n}\ntrack_file {\nf\n}"),
            instance!("b", "2", "track_process {\np weight 7\n}\ntrack_interface {\neth1\n}"),
            instance!("c", "3", ""),
            "vrrp_sync_group h {\ngroup {\nb\nc\n}\ntrack_file {\nf weight 0\n}\n}\n\
             track_group g {\ngroup {\na\n}\n}\nvrrp_script s {\nscript /s\nfall 2\n}\n\
             vrrp_script t {\nscript /t\nrise 3\nfall 3\n}\ntrack_file f {\nfile /f\n}\n\
             vrrp_track_process p {\nprocess x\nquorum_max 1\ndelay 2\n}\n",
        ));
        world.step("start");
        for input in inputs {
            let input = INPUTS[input];
            let script = input.strip_prefix("ok ").or(input.strip_prefix("fail "));
            let runs = script.is_none_or(|script| world.running.contains_key(script));
            let change = input.strip_prefix("change ").and_then(|it| it.split(' ').next());
            let shown = crate::config::show(&world.config);
            let is_there = change.is_none_or(|from| shown.contains(&from.replace('_', " ")));
            if runs && is_there {
                world.step(input);
                world.tracker.unjudged = world.tracker.followers.keys().cloned().collect();
                proptest::prop_assert_eq!(world.changes(), "", "{}", input);
            }
        }
    }
}

#[test]
fn each_change_is_said_once() {
    let mut world = World::new(concat!(
        instance!("track_script {\ns weight 5\n}\ntrack_file {\nf\n}"),
        "vrrp_script s {\nscript /s\nfall 2\n}\ntrack_file f {\nfile /f\n}\n",
    ));
    for input in [
        "start",
        "ok s",
        "file f 3",
        "file f 3",
        "file f large",
        "wait 1",
        "fail s",
        "wait 1",
        "fail s",
        "wait 1",
        "wait 2",
        "lost s",
    ] {
        world.step(input);
    }
    let (s, f) = ("s".to_owned(), "f".to_owned());
    let expected = [
        Change::ScriptSucceeded(s.clone()),
        Change::FileValue {
            file: f.clone(),
            value: 3,
        },
        Change::FileIgnored { file: f, value: 3 },
        Change::ScriptReturned {
            script: s.clone(),
            status: 1,
        },
        Change::ScriptFailed {
            script: s.clone(),
            ending: Ending::Exited(1),
        },
        Change::ScriptSkipped(s),
    ];
    assert_eq!(world.log, expected);
}
