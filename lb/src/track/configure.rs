//! Taking over a configuration: what is tracked, by whom, and what stays known of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use super::{
    File, Switch, Tracker,
    follower::{Object, followers},
    process::Process,
    script::Script,
};
use crate::config::model::Config;

impl Tracker {
    /// Takes over a configuration. What was known of objects that stay, by their names, stays known.
    pub fn handle_config(&mut self, config: &Config, now: Instant) {
        let mut followers = followers(config);
        let mut tracked_by: BTreeMap<Object, BTreeSet<String>> = BTreeMap::new();
        for (name, follower) in &mut followers {
            for object in follower.lines.keys() {
                let by = tracked_by.entry(object.clone()).or_default();
                by.insert(name.clone());
            }
            if let Some(before) = self.followers.remove(name) {
                follower.told = before.told;
                follower.is_settled = before.is_settled;
                follower.is_adopted = before.is_adopted;
            }
        }
        self.unjudged = followers.keys().cloned().collect();
        self.followers = followers;
        self.tracked_by = tracked_by;
        self.gone.retain(|group, _| {
            let mut groups = config.track_groups.iter();
            groups.any(|known| known.name == *group)
        });
        self.configure_scripts(config, now);
        self.configure_processes(config, now);
        self.configure_files(config, now);
        self.configure_switches(now);
        self.schedule();
    }

    fn configure_scripts(&mut self, config: &Config, now: Instant) {
        let mut before = std::mem::take(&mut self.scripts);
        let tracked_by = &self.tracked_by;
        let tracked = config.scripts.iter();
        for settings in
            tracked.filter(|it| tracked_by.contains_key(&Object::Script(it.name.clone())))
        {
            let script = match before.remove(&settings.name) {
                Some(mut script) => {
                    script.configure(settings, now);
                    script
                }
                None => Script::new(settings.clone(), now),
            };
            self.scripts.insert(settings.name.clone(), script);
        }
    }

    fn configure_processes(&mut self, config: &Config, now: Instant) {
        let mut before = std::mem::take(&mut self.processes);
        self.watched.processes.clear();
        let tracked_by = &self.tracked_by;
        let tracked = config.track_processes.iter();
        for settings in
            tracked.filter(|it| tracked_by.contains_key(&Object::Process(it.name.clone())))
        {
            let process = match before.remove(&settings.name) {
                Some(mut process) => {
                    process.configure(settings, now, &mut self.outputs);
                    process
                }
                None => Process::new(settings.clone(), now),
            };
            self.processes.insert(settings.name.clone(), process);
            self.watched.processes.push(settings.clone());
        }
    }

    fn configure_files(&mut self, config: &Config, now: Instant) {
        let mut before = std::mem::take(&mut self.files);
        self.watched.files.clear();
        let tracked_by = &self.tracked_by;
        let tracked = config.track_files.iter();
        for settings in tracked.filter(|it| tracked_by.contains_key(&Object::File(it.name.clone())))
        {
            let file = before.remove(&settings.name).unwrap_or(File {
                value: None,
                since: now,
            });
            self.files.insert(settings.name.clone(), file);
            self.watched.files.push(settings.clone());
        }
    }

    fn configure_switches(&mut self, now: Instant) {
        let mut interfaces = std::mem::take(&mut self.interfaces);
        let mut bfds = std::mem::take(&mut self.bfds);
        let down = Switch {
            is_up: false,
            is_told: false,
            since: now,
        };
        for object in self.tracked_by.keys() {
            match object {
                Object::Interface(name) => {
                    let switch = interfaces.remove(name).unwrap_or(down);
                    self.interfaces.insert(name.clone(), switch);
                }
                Object::Bfd(name) => {
                    let switch = bfds.remove(name).unwrap_or(down);
                    self.bfds.insert(name.clone(), switch);
                }
                Object::Script(_) | Object::File(_) | Object::Process(_) => {}
            }
        }
    }
}
