//! What keepalived(8) writes to files when it is sent a signal: text and JSON that other programs read.
//!
//! Everything here is made of the configuration and of the children's snapshots, which `lb status` is made of too.
//!
//! | signal | file | of |
//! |---|---|---|
//! | SIGUSR1 | `keepalived_parent.data`, `keepalived.data`, `keepalived_check.data`, `keepalived_bfd.data` | [`data`] |
//! | SIGUSR2, SIGRTMAX-1 | `keepalived.stats` | [`stats`] |
//! | SIGRTMIN+2 | `keepalived.json` | [`json`] |
//! | SIGRTMAX | `keepalived_waits.data` | [`waits`] |

pub mod data;
pub mod json;
pub mod stats;
#[cfg(test)]
mod tests;
pub mod waits;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    config::model::{
        Command, Config, Family, VrrpInstance,
        address::{AddressLine, Broadcast, Lifetime},
        route::Named,
    },
    vrrp::snapshot::InstanceSnapshot,
};

/// What stands for a password.
const HIDDEN: &str = "********";

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dump {
    /// Configuration and state (SIGUSR1).
    Data,
    /// Counters (SIGUSR2).
    Stats,
    /// Counters, which then begin anew (SIGRTMAX-1).
    StatsClear,
    /// The same for programs (SIGRTMIN+2).
    Json,
    /// What the processes wait for (SIGRTMAX).
    Waits,
}

/// A file that something is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpFile {
    /// Of the parent.
    Parent,
    /// Of the vrrp child.
    Vrrp,
    /// Of the checkers child.
    Checkers,
    /// Of the bfd child.
    Bfd,
    /// Of all processes.
    Waits,
    /// Counters.
    Stats,
    /// JSON.
    Json,
}

impl DumpFile {
    const fn name(self) -> &'static str {
        match self {
            Self::Parent => "keepalived_parent.data",
            Self::Vrrp => "keepalived.data",
            Self::Checkers => "keepalived_check.data",
            Self::Bfd => "keepalived_bfd.data",
            Self::Waits => "keepalived_waits.data",
            Self::Stats => "keepalived.stats",
            Self::Json => "keepalived.json",
        }
    }

    /// Where it is written: where the configuration says, else in `folder`. As with keepalived 2.2.7, `data_use_instance` puts the names of
    /// namespace and instance into the names of `.data` files alone.
    #[must_use]
    pub fn path(self, config: &Config, namespace: Option<&str>, folder: &Path) -> PathBuf {
        let files = &config.global.files;
        let given = match self {
            Self::Vrrp => files.state_dump.as_deref(),
            Self::Stats => files.stats_dump.as_deref(),
            Self::Json => files.json_dump.as_deref(),
            Self::Parent | Self::Checkers | Self::Bfd | Self::Waits => None,
        };
        let path = folder.join(given.unwrap_or(self.name()));
        let instance = config.process.instance.as_deref();
        let names: Vec<&str> = namespace.into_iter().chain(instance).collect();
        let is_data = !matches!(self, Self::Stats | Self::Json);
        if !files.instance_in_names || !is_data || given.is_some() || names.is_empty() {
            return path;
        }
        path.with_extension(format!("{}.data", names.join("_")))
    }
}

/// A time of day as a calendar and a clock on the wall show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Of our calendar.
    pub year: i32,
    /// From 1 on.
    pub month: u8,
    /// Of the month, from 1 on.
    pub day: u8,
    /// Of the week, from Sunday (0) on.
    pub weekday: u8,
    /// Of the day.
    pub hour: u8,
    /// Of the hour.
    pub minute: u8,
    /// Of the minute.
    pub second: u8,
}

/// What makes a time since 1970 one of a wall here.
pub type Zone = fn(i64) -> Civil;

/// Each instance of the file that has begun, in the order of the file.
fn instances<'a>(
    config: &'a Config,
    snapshots: &'a [InstanceSnapshot],
) -> impl Iterator<Item = (&'a VrrpInstance, &'a InstanceSnapshot)> {
    let by_name = snapshots.iter().map(|it| (it.name.as_str(), it));
    let by_name: BTreeMap<&str, &InstanceSnapshot> = by_name.collect();
    let configured = config.vrrp_instances.iter();
    configured.filter_map(move |instance| Some((instance, *by_name.get(&*instance.name)?)))
}

/// When the state changed last, since 1970, to the microsecond.
fn last_transition(time: Duration, instance: &InstanceSnapshot) -> Duration {
    let since = Duration::try_from_secs_f64(instance.since).unwrap_or_default();
    let at = time.saturating_sub(since);
    // Half of one up: what was subtracted is a rounded number.
    let micros = (at.as_nanos() + 500) / 1000;
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// A program and its arguments, each in quotes.
fn quoted(command: &Command) -> String {
    quoted_words(&command.words)
}

fn quoted_words(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    words.join(" ")
}

/// An address as keepalived spells it: what the line says, then whether it is there.
fn address(line: &AddressLine, is_set: bool) -> String {
    let (address, options) = (&line.address, &line.options);
    let bits = match address.address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    let mut text = address.address.to_string();
    if address.prefix.get() != bits {
        text += &format!("/{}", address.prefix);
    }
    if let Some(peer) = options.peer {
        text += &format!(" peer {peer}");
    }
    match options.broadcast {
        Broadcast::None => {}
        Broadcast::Address(address) => text += &format!(" brd {address}"),
        Broadcast::HostBitsSet => text += " brd +",
        Broadcast::HostBitsClear => text += " brd -",
    }
    text += &format!(" dev {} scope {}", address.interface, scope(&options.scope));
    if let Some(label) = &options.label {
        text += &format!(" label {label}");
    }
    match options.preferred_lifetime {
        Lifetime::Seconds(0) => text += " deprecated",
        lifetime if Family::of(address.address) == Family::V6 => {
            text += &format!(" preferred_lft {lifetime}");
        }
        Lifetime::Seconds(_) | Lifetime::Forever => {}
    }
    if !options.is_tracked {
        text += " no_track";
    }
    if is_set {
        text += " set";
    }
    text
}

fn scope(scope: &Named<u8>) -> String {
    match scope {
        Named::Number(0) => "global".to_owned(),
        Named::Number(200) => "site".to_owned(),
        Named::Number(253) => "link".to_owned(),
        Named::Number(254) => "host".to_owned(),
        Named::Number(255) => "nowhere".to_owned(),
        other @ (Named::Number(_) | Named::Name(_)) => other.to_string(),
    }
}

/// The lines of `virtual_ipaddress` or of `virtual_ipaddress_excluded`.
fn addresses(lines: impl Iterator<Item = AddressLine>, instance: &InstanceSnapshot) -> Vec<String> {
    lines
        .map(|line| {
            let name = format!("{}/{}", line.address.address, line.address.prefix);
            address(&line, instance.installed.contains(&name))
        })
        .collect()
}

/// The routes (`kind` is `route `) or the rules (`rule `) of an instance.
fn objects(instance: &InstanceSnapshot, kind: &str) -> Vec<String> {
    let objects = instance.objects.iter();
    objects
        .filter_map(|object| object.line.strip_prefix(kind))
        .map(str::to_owned)
        .collect()
}
