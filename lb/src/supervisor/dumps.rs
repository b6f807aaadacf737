//! Signals that ask for files, and everybody else who wants to know how everything is.

use std::{collections::BTreeSet, path::PathBuf, thread, time::Duration};

use tokio::sync::mpsc;

use super::{
    Event, Parent, SNAPSHOT_WAIT,
    gathering::{Gathered, Gathering, Wish},
};
use crate::{
    cli::Role,
    io::{
        self, civil,
        dump::publish,
        signals::{self, Asked},
    },
    observe::{
        dump::{
            Dump, DumpFile,
            data::{self, Source},
            json, stats,
            waits::{self, Process},
        },
        log::operator as say,
        status::Wait,
    },
    runtime::channel::ToChild,
    vrrp::{output::InstanceId, snapshot::Counts},
};

/// Writers that may be at work: a file system that hangs must not gather threads.
const WRITERS: usize = 4;

/// Files to be written, and what happens then.
struct Writing {
    files: Vec<(PathBuf, Content)>,
    /// Counters that begin anew once all is written.
    totals: Vec<(InstanceId, Counts)>,
}

enum Content {
    Text(String),
    /// Threads are looked at by the writer: `/proc` of many takes its time.
    Waits(Vec<Process>),
}

/// keepalived's signals beside those that stop and reload.
pub(super) fn listen_to_signals(events: &mpsc::Sender<Event>) -> anyhow::Result<()> {
    let dump = |asked: Asked, event| signals::listen(asked.kind(), event, events);
    dump(Asked::Data, || wish(Dump::Data))?;
    dump(Asked::Stats, || wish(Dump::Stats))?;
    dump(Asked::StatsClear, || wish(Dump::StatsClear))?;
    dump(Asked::Json, || wish(Dump::Json))?;
    dump(Asked::Waits, || wish(Dump::Waits))
}

const fn wish(dump: Dump) -> Event {
    Event::Wish(Wish::Dump(dump))
}

impl Parent {
    /// Takes a wish. Who asks while a status is being put together gets the next one, because what it asks about may have happened since.
    pub(super) async fn wish(&mut self, wish: Wish) {
        let is_known =
            |other: &Wish| matches!((&wish, other), (Wish::Dump(a), Wish::Dump(b)) if a == b);
        if !self.wishes.iter().any(is_known) {
            self.wishes.push(wish);
        }
        self.gather().await;
    }

    /// Asks every child for its part, unless that is under way or nobody wants to know.
    pub(super) async fn gather(&mut self) {
        if self.gathering.is_some() || self.wishes.is_empty() {
            return;
        }
        let wishes = std::mem::take(&mut self.wishes);
        let detailed = wishes
            .iter()
            .any(|wish| matches!(wish, Wish::Dump(Dump::Waits | Dump::Data)));
        self.gatherings += 1;
        let number = self.gatherings;
        let roles: Vec<Role> = self.children.keys().copied().collect();
        self.gathering = Some(Gathering::new(wishes, number, roles.iter().copied()));
        for role in roles {
            self.tell(role, ToChild::Snapshot { detailed }).await;
        }
        self.finish_complete();
        self.later(SNAPSHOT_WAIT, Event::SnapshotTimeout(number));
    }

    pub(super) fn finish_complete(&mut self) {
        if self.gathering.as_ref().is_some_and(Gathering::complete) {
            self.finish_gathering(None);
        }
    }

    pub(super) fn finish_gathering(&mut self, number: Option<u64>) {
        let due = self
            .gathering
            .take_if(|g| number.is_none_or(|number| g.number() == number));
        let Some(gathering) = due else {
            return;
        };
        let mut gathered = gathering.finish(self.router_id(), self.data_plane.status());
        let (dumps, clears) = gathered.answer();
        if clears {
            self.later(Duration::ZERO, Event::Clear(gathered.totals.clone()));
        }
        for dump in dumps {
            self.dump(dump, &gathered);
        }
        if !self.wishes.is_empty() {
            self.later(Duration::ZERO, Event::Gather);
        }
    }

    fn dump(&mut self, dump: Dump, gathered: &Gathered) {
        if self.writers >= WRITERS {
            return say::dump_held_up();
        }
        let writing = self.writing(dump, gathered);
        if writing.files.is_empty() {
            return say::dump_empty();
        }
        let events = self.events.clone();
        let work = move || {
            let mut is_whole = true;
            for (path, content) in writing.files {
                let text = match content {
                    Content::Text(text) => text,
                    Content::Waits(processes) => waits::render(&with_threads(processes)),
                };
                let written = publish(&path, &text);
                say::dumped(&path, written.as_ref());
                is_whole &= written.is_ok();
            }
            let totals = if is_whole { writing.totals } else { Vec::new() };
            // The parent is gone when nobody listens.
            events.blocking_send(Event::Dumped(totals)).ok();
        };
        // No thread of the runtime's, which would be waited for at the end.
        match thread::Builder::new().name("dump".to_owned()).spawn(work) {
            Ok(_) => self.writers += 1,
            Err(error) => say::dump_impossible(&error),
        }
    }

    fn writing(&self, dump: Dump, gathered: &Gathered) -> Writing {
        let source = Source {
            config: &self.config,
            namespace: self.cli.namespace.as_deref(),
            status: &gathered.status,
            links: &gathered.links,
            zone: civil::local,
        };
        let folder = io::dump::folder();
        let (config, namespace) = (source.config, source.namespace);
        let path = |file: DumpFile| file.path(config, namespace, &folder);
        let mut files = Vec::new();
        let mut totals = Vec::new();
        let needs = |role| {
            if gathered.silent.contains(&role) {
                say::dump_incomplete(role);
            }
            gathered.roles.contains(&role) && !gathered.silent.contains(&role)
        };
        let instances = gathered.status.instances.as_deref().unwrap_or_default();
        match dump {
            Dump::Data => {
                let text = Content::Text(data::parent(&source));
                files.push((path(DumpFile::Parent), text));
                if needs(Role::Vrrp) {
                    files.push((path(DumpFile::Vrrp), Content::Text(data::vrrp(&source))));
                }
                if needs(Role::Checkers) {
                    let text = Content::Text(data::checkers(&source));
                    files.push((path(DumpFile::Checkers), text));
                }
                if needs(Role::Bfd) {
                    files.push((path(DumpFile::Bfd), Content::Text(data::bfd(&source))));
                }
            }
            Dump::Stats | Dump::StatsClear if needs(Role::Vrrp) => {
                let text = Content::Text(stats::render(config, instances));
                files.push((path(DumpFile::Stats), text));
                if dump == Dump::StatsClear {
                    totals.clone_from(&gathered.totals);
                }
            }
            Dump::Json if !config.vrrp_instances.is_empty() && needs(Role::Vrrp) => {
                let status = &gathered.status;
                let text = json::render(config, instances, &status.tracked, status.time);
                let text = text.unwrap_or_default();
                files.push((path(DumpFile::Json), Content::Text(text)));
            }
            // Without virtual routers there is no file, as with keepalived.
            Dump::Stats | Dump::StatsClear | Dump::Json => {}
            Dump::Waits => {
                let processes = Content::Waits(self.processes(gathered));
                files.push((path(DumpFile::Waits), processes));
            }
        }
        Writing { files, totals }
    }

    /// Every process with what it waits for; the threads are not looked at yet.
    fn processes(&self, gathered: &Gathered) -> Vec<Process> {
        let parent = Process {
            role: "parent".to_owned(),
            pid: std::process::id(),
            waits: Some(self.waits()),
            longest_delay: None,
            threads: Vec::new(),
        };
        let children = self.children.iter().map(|(role, child)| {
            let mut waits = gathered.waits.iter();
            let waits = waits.find(|(of, _)| of == role);
            let waits = waits.filter(|_| !gathered.silent.contains(role));
            Process {
                role: role.name().to_owned(),
                pid: child.pid(),
                waits: waits.map(|(_, waits)| waits.clone()),
                longest_delay: gathered.longest_delay(*role),
                threads: Vec::new(),
            }
        });
        std::iter::once(parent).chain(children).collect()
    }

    /// What the parent itself waits for.
    fn waits(&self) -> Vec<Wait> {
        let mut waits = vec![Wait::for_event(
            "signals, children, links, requests".to_owned(),
        )];
        let missing = Role::ALL.into_iter();
        let missing = missing.filter(|role| self.needs(*role) && !self.children.contains_key(role));
        waits.extend(
            missing.map(|role| {
                Wait::for_event(format!("the {} child: is started again", role.name()))
            }),
        );
        let loading: BTreeSet<_> = self.loading.awaited().collect();
        waits.extend(loading.into_iter().map(|role| {
            Wait::for_event(format!(
                "the {} child: takes a configuration in",
                role.name()
            ))
        }));
        if self.held.is_some() {
            waits.push(Wait::for_event(
                "followers: end what they run before it goes on".to_owned(),
            ));
        }
        waits
    }
}

fn with_threads(mut processes: Vec<Process>) -> Vec<Process> {
    for process in &mut processes {
        process.threads = io::process::threads(process.pid);
    }
    processes
}
