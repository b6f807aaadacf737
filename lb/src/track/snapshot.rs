//! What observers see of what is tracked: plain data.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{Tracker, follower::Object, script::Script, weight::Condition};

/// Something tracked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackedSnapshot {
    /// The block or keyword it is of: `vrrp_script`, `track_file`, `vrrp_track_process`, `track_interface`, `bfd_instance`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Whether it is well; `None` before anything is known, and for files.
    pub up: Option<bool>,
    /// The last result in words: an exit status, a number, a count.
    pub last: String,
    /// The number in a file, or of processes.
    #[serde(default)]
    pub count: Option<i64>,
    /// A script that runs at this moment.
    #[serde(default)]
    pub running: bool,
    /// Why a change of a process is not believed yet: `fork_delay` or `terminate_delay`.
    #[serde(default)]
    pub delayed: Option<String>,
    /// Seconds since `up` or the number changed.
    pub since: f64,
    /// The instances that track it.
    pub instances: Vec<String>,
}

impl Tracker {
    /// Everything tracked, by kind and name.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Vec<TrackedSnapshot> {
        let tracked = self.tracked_by.iter();
        let snapshots = tracked.filter_map(|(object, by)| {
            let (kind, name, last, since) = self.describe(object)?;
            let up = match self.condition(object) {
                Condition::Unknown | Condition::Value(_) => None,
                Condition::Up => Some(true),
                Condition::Down => Some(false),
            };
            Some(TrackedSnapshot {
                kind: kind.to_owned(),
                name,
                up,
                last,
                count: self.count(object),
                running: self.is_running(object),
                delayed: self.delay(object).map(str::to_owned),
                since: now.saturating_duration_since(since).as_secs_f64(),
                instances: by.iter().cloned().collect(),
            })
        });
        snapshots.collect()
    }

    /// When scripts run next, and when changes of processes are believed: which, why and when.
    pub fn waits(&self) -> impl Iterator<Item = (&str, &'static str, Instant)> {
        let scripts = self.scripts.iter();
        let scripts = scripts.map(|(name, it)| (name.as_str(), "script", it.due()));
        let processes = self.processes.iter().filter_map(|(name, it)| {
            let (due, delay) = it.due().zip(it.delay())?;
            Some((name.as_str(), delay, due))
        });
        scripts.chain(processes)
    }

    fn count(&self, object: &Object) -> Option<i64> {
        match object {
            Object::Process(name) => self.processes.get(name)?.count().map(i64::from),
            Object::File(name) => self.files.get(name)?.value.map(i64::from),
            Object::Interface(_) | Object::Bfd(_) | Object::Script(_) => None,
        }
    }

    fn is_running(&self, object: &Object) -> bool {
        match object {
            Object::Script(name) => self.scripts.get(name).is_some_and(Script::is_running),
            _ => false,
        }
    }

    fn delay(&self, object: &Object) -> Option<&'static str> {
        match object {
            Object::Process(name) => self.processes.get(name)?.delay(),
            _ => None,
        }
    }

    fn describe(&self, object: &Object) -> Option<(&'static str, String, String, Instant)> {
        Some(match object {
            Object::Interface(name) => {
                let switch = self.interfaces.get(name)?;
                let last = if switch.is_up { "up" } else { "down" };
                let last = last.to_owned();
                ("track_interface", name.to_string(), last, switch.since)
            }
            Object::Bfd(name) => {
                let switch = self.bfds.get(name)?;
                let last = if switch.is_up { "up" } else { "down" };
                ("bfd_instance", name.clone(), last.to_owned(), switch.since)
            }
            Object::Script(name) => {
                let script = self.scripts.get(name)?;
                let last = script
                    .last()
                    .map_or_else(|| "no result yet".to_owned(), ToString::to_string);
                ("vrrp_script", name.clone(), last, script.since())
            }
            Object::Process(name) => {
                let process = self.processes.get(name)?;
                let last = process.count().map_or_else(
                    || "not counted yet".to_owned(),
                    |count| format!("{count} running"),
                );
                ("vrrp_track_process", name.clone(), last, process.since())
            }
            Object::File(name) => {
                let file = self.files.get(name)?;
                let last = file
                    .value
                    .map_or_else(|| "not read yet".to_owned(), |value| value.to_string());
                ("track_file", name.clone(), last, file.since)
            }
        })
    }
}
