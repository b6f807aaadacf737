//! Tracking: what scripts, files, processes, interfaces and BFD sessions do to virtual routers.
//!
//! [`Tracker`] takes facts and the time, and gives scripts to start and the [`Standing`] of every instance that changed.
//! keepalived's rules: `track_interface`, `track_script`, `track_file`, `track_process` and `track_bfd` of keepalived.conf(5),
//! with one exception: a script that cannot be started has failed.
#![deny(clippy::disallowed_methods)]

mod configure;
mod follower;
pub mod output;
mod process;
mod script;
pub mod snapshot;
#[cfg(test)]
mod tests;
mod weight;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    time::Instant,
};

use self::{
    follower::{Follower, Object},
    output::{Change, Ending, Event, Output, Reading, RunId},
    process::Process,
    script::Script,
    weight::{Condition, Effect},
};
use crate::{
    config::model::{
        InterfaceName,
        track::{TrackFile, TrackProcess},
    },
    vrrp::output::Standing,
};

/// What io watches for a [`Tracker`]: blocks that something tracks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Files to read.
    pub files: Vec<TrackFile>,
    /// Processes to count.
    pub processes: Vec<TrackProcess>,
}

/// Up or down; down before anything is told.
#[derive(Clone, Copy, Debug)]
struct Switch {
    is_up: bool,
    is_told: bool,
    since: Instant,
}

/// The number in a file.
#[derive(Clone, Copy, Debug)]
struct File {
    value: Option<i32>,
    since: Instant,
}

/// All that is tracked, and what it adds up to for every instance.
#[derive(Debug, Default)]
pub struct Tracker {
    followers: BTreeMap<String, Follower>,
    /// Who tracks it.
    tracked_by: BTreeMap<Object, BTreeSet<String>>,
    /// Instances whose standing may have changed.
    unjudged: BTreeSet<String>,
    scripts: BTreeMap<String, Script>,
    files: BTreeMap<String, File>,
    processes: BTreeMap<String, Process>,
    interfaces: BTreeMap<InterfaceName, Switch>,
    bfds: BTreeMap<String, Switch>,
    /// Instances and their peers that BFD found silent.
    silent: VecDeque<(String, IpAddr)>,
    /// What is gone, by `track_group`.
    gone: BTreeMap<String, BTreeSet<String>>,
    watched: Watched,
    next_run: u64,
    next: Option<(Instant, &'static str)>,
    outputs: VecDeque<Output>,
}

impl Tracker {
    /// A tracker of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The files and processes whose facts come as [`Event`]s; they may be others after [`Self::handle_config`].
    #[must_use]
    pub const fn watched(&self) -> &Watched {
        &self.watched
    }

    /// The interfaces whose states are told with [`Self::handle_interface`].
    pub fn interfaces(&self) -> impl Iterator<Item = &InterfaceName> {
        self.interfaces.keys()
    }

    /// Takes in that an instance was well a moment ago, in another process: what has no first result yet is no FAULT for it.
    pub fn handle_adopted(&mut self, instance: &str) {
        if let Some(follower) = self.followers.get_mut(instance) {
            follower.is_settled = true;
            follower.is_adopted = true;
            self.unjudged.insert(instance.to_owned());
        }
    }

    /// Takes a fact in. Facts about what is not tracked, or about earlier runs, mean nothing.
    pub fn handle_event(&mut self, event: Event, now: Instant) {
        match event {
            Event::ScriptEnded { run, ending } => self.handle_script(run, ending, now),
            Event::FileRead { file, reading } => self.handle_file(file, reading, now),
            Event::ProcessCounted { process, count } => {
                if let Some(known) = self.processes.get_mut(&process) {
                    known.handle_count(count, now, &mut self.outputs);
                    self.judge_later(&Object::Process(process));
                }
            }
        }
        self.schedule();
    }

    fn handle_script(&mut self, run: RunId, ending: Ending, now: Instant) {
        let found = self.scripts.iter_mut().find(|(_, it)| it.runs_as(run));
        if let Some((name, script)) = found
            && script.finish(ending, now, &mut self.outputs)
        {
            let object = Object::Script(name.clone());
            self.judge_later(&object);
        }
    }

    fn handle_file(&mut self, name: String, reading: Reading, now: Instant) {
        let Some(file) = self.files.get_mut(&name) else {
            return;
        };
        let before = file.value;
        let value = match reading {
            Reading::Missing => 0,
            Reading::Number(value) => value,
            Reading::TooLarge => {
                let value = before.unwrap_or(0);
                let file = name.clone();
                self.outputs
                    .push_back(Output::Changed(Change::FileIgnored { file, value }));
                value
            }
            Reading::Unreadable(why) => {
                let file = name.clone();
                self.outputs
                    .push_back(Output::Changed(Change::FileUnreadable { file, why }));
                0
            }
        };
        if before == Some(value) {
            return;
        }
        *file = File {
            value: Some(value),
            since: now,
        };
        let file = name.clone();
        self.outputs
            .push_back(Output::Changed(Change::FileValue { file, value }));
        self.judge_later(&Object::File(name));
    }

    /// Takes in whether a tracked interface is up and running; one that does not exist is not.
    pub fn handle_interface(&mut self, interface: &InterfaceName, is_up: bool, now: Instant) {
        let Some(switch) = self.interfaces.get_mut(interface) else {
            return;
        };
        if std::mem::replace(&mut switch.is_up, is_up) != is_up {
            switch.since = now;
            let interface = interface.clone();
            self.outputs.push_back(Output::Changed(Change::Interface {
                interface: interface.clone(),
                is_up,
            }));
            self.judge_later(&Object::Interface(interface));
        }
    }

    /// Takes in whether a tracked BFD session is up; `expired` is that it was, and then nothing was heard for its detection time.
    pub fn handle_bfd(&mut self, session: &str, is_up: bool, expired: bool, now: Instant) {
        let Some(switch) = self.bfds.get_mut(session) else {
            return;
        };
        if !std::mem::replace(&mut switch.is_told, true) {
            // Down is what it was taken for, but not by who was well a moment ago.
            self.judge_later(&Object::Bfd(session.to_owned()));
        }
        let Some(switch) = self.bfds.get_mut(session) else {
            return;
        };
        if std::mem::replace(&mut switch.is_up, is_up) != is_up {
            switch.since = now;
            let session = session.to_owned();
            self.outputs.push_back(Output::Changed(Change::Bfd {
                session: session.clone(),
                is_up,
            }));
            let object = Object::Bfd(session);
            self.judge_later(&object);
            if expired {
                self.tell_silence(&object);
            }
        }
    }

    /// Tells the instances of which the neighbor of a BFD session is a peer that it is silent.
    fn tell_silence(&mut self, session: &Object) {
        for name in self.tracked_by.get(session).into_iter().flatten() {
            let follower = self.followers.get(name);
            let line = follower.and_then(|follower| follower.lines.get(session));
            if let Some(peer) = line.and_then(|line| line.peer) {
                self.silent.push_back((name.clone(), peer));
            }
        }
    }

    /// Takes in that a static address, route or rule of a `track_group` is gone or back; `object` is a short phrase that
    /// tells it from others, the same both times.
    pub fn handle_static(&mut self, group: &str, object: &str, is_present: bool) {
        let gone = self.gone.entry(group.to_owned()).or_default();
        let is_changed = if is_present {
            gone.remove(object)
        } else {
            gone.insert(object.to_owned())
        };
        if !is_changed {
            return;
        }
        self.outputs.push_back(Output::Changed(Change::Static {
            group: group.to_owned(),
            object: object.to_owned(),
            is_present,
        }));
        for (name, follower) in &self.followers {
            if follower.groups.iter().any(|known| known == group) {
                self.unjudged.insert(name.clone());
            }
        }
    }

    /// Starts the scripts that are due, and believes what has lasted.
    pub fn handle_timeout(&mut self, now: Instant) {
        for script in self.scripts.values_mut() {
            if let Some(output) = script.handle_timeout(RunId(self.next_run), now) {
                self.next_run += 1;
                self.outputs.push_back(output);
            }
        }
        let mut believed = Vec::new();
        for (name, process) in &mut self.processes {
            if process.handle_timeout(now, &mut self.outputs) {
                believed.push(Object::Process(name.clone()));
            }
        }
        for object in believed {
            self.judge_later(&object);
        }
        self.schedule();
    }

    /// When [`Self::handle_timeout`] is due next, and why.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.next
    }

    fn schedule(&mut self) {
        let scripts = self.scripts.values().map(|it| (it.due(), "script"));
        let processes = self.processes.values();
        let processes = processes.filter_map(|it| Some((it.due()?, "process")));
        self.next = scripts.chain(processes).min_by_key(|(at, _)| *at);
    }

    /// The next effect; drain to `None` after every input. All that is known of a start or a reload may be told before, so
    /// that no instance hears of what lasts no time.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        while let Some(instance) = self.unjudged.pop_first() {
            if let Some(standing) = self.judge(&instance) {
                return Some(Output::Standing { instance, standing });
            }
        }
        // Who has a FAULT of its own succeeds nobody.
        let (instance, peer) = self.silent.pop_front()?;
        Some(Output::PeerSilent { instance, peer })
    }

    fn judge_later(&mut self, object: &Object) {
        let followers = self.tracked_by.get(object).into_iter().flatten();
        self.unjudged.extend(followers.cloned());
    }

    /// The standing of an instance, if it is another than before.
    fn judge(&mut self, instance: &str) -> Option<Standing> {
        let follower = self.followers.get(instance)?;
        let mut standing = Standing::default();
        let mut pending = BTreeSet::new();
        for (object, line) in &follower.lines {
            let condition = match object {
                Object::Bfd(name) if follower.is_adopted && !self.is_told(name) => {
                    Condition::Unknown
                }
                object => self.condition(object),
            };
            match line.effect(condition) {
                Effect::Adjust(by) => {
                    standing.adjustment = standing.adjustment.saturating_add(by);
                }
                Effect::Fault => {
                    standing.faults.insert(phrase(object, condition));
                }
                Effect::Pending => {
                    pending.insert(phrase(object, condition));
                }
            }
        }
        for object in follower.groups.iter().flat_map(|name| self.gone.get(name)) {
            let phrases = object.iter().map(|object| format!("{object} is gone"));
            standing.faults.extend(phrases);
        }
        let follower = self.followers.get_mut(instance)?;
        follower.is_settled |= pending.is_empty();
        if !follower.is_settled {
            standing.faults.append(&mut pending);
        }
        if follower.told == standing {
            return None;
        }
        follower.told = standing.clone();
        Some(standing)
    }

    fn is_told(&self, session: &str) -> bool {
        let switch = self.bfds.get(session);
        switch.is_some_and(|switch| switch.is_told)
    }

    fn condition(&self, object: &Object) -> Condition {
        match object {
            Object::Interface(name) => {
                Condition::of(self.interfaces.get(name).map(|switch| switch.is_up))
            }
            Object::Bfd(name) => Condition::of(self.bfds.get(name).map(|switch| switch.is_up)),
            Object::Script(name) => Condition::of(self.scripts.get(name).and_then(Script::verdict)),
            Object::Process(name) => {
                Condition::of(self.processes.get(name).and_then(Process::verdict))
            }
            Object::File(name) => {
                let value = self.files.get(name).and_then(|file| file.value);
                value.map_or(Condition::Unknown, Condition::Value)
            }
        }
    }
}

/// Why an instance is in FAULT.
fn phrase(object: &Object, condition: Condition) -> String {
    match (object, condition) {
        (Object::Interface(name), Condition::Up) => format!("interface {name} is up"),
        (Object::Interface(name), _) => format!("interface {name} is down"),
        (Object::Script(name), Condition::Unknown) => format!("script {name} has no result yet"),
        (Object::Script(name), Condition::Up) => format!("script {name} succeeded"),
        (Object::Script(name), _) => format!("script {name} failed"),
        (Object::File(name), Condition::Value(value)) => format!("track_file {name} is {value}"),
        (Object::File(name), _) => format!("track_file {name} was not read yet"),
        (Object::Process(name), Condition::Unknown) => {
            format!("process {name} was not counted yet")
        }
        (Object::Process(name), Condition::Up) => format!("process {name} has its quorum"),
        (Object::Process(name), _) => format!("process {name} has no quorum"),
        (Object::Bfd(name), Condition::Up) => format!("BFD session {name} is up"),
        (Object::Bfd(name), _) => format!("BFD session {name} is down"),
    }
}
