//! `show`, `set`, `persist` and `explain`.

use std::{fmt::Write as _, path::Path};

use anyhow::bail;
use serde::Serialize;

use super::{FINE, print, print_json};
use crate::{
    io::tcp_keepalive::{Kernel, Persisted, SettingsFile},
    tcp_keepalive::{
        explain::{Connection, Noticed, RTO, idle_sentence, unacknowledged_sentence},
        sysctl::Wanted,
        values::{Keepalive, Retries, UserTimeout},
    },
};

/// Settings and what they come to.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    kernel: Kernel,
    /// In seconds; none where it is never.
    idle_noticed: Option<f64>,
    unacknowledged_noticed: Option<f64>,
    sentences: Vec<String>,
}

impl Shown {
    fn new(kernel: Kernel) -> Self {
        let connection = connection(&kernel);
        let mut sentences = Vec::new();
        let (mut idle, mut data) = (None, None);
        if let Some(connection) = connection {
            idle = seconds(connection.when_idle());
            data = seconds(connection.when_unacknowledged());
            sentences.push(idle_sentence(&connection));
            sentences.push(unacknowledged_sentence(&connection));
            sentences.push("only sockets whose program asked for it (SO_KEEPALIVE), and set nothing else, follow these settings".to_owned());
        }
        Self {
            kernel,
            idle_noticed: idle,
            unacknowledged_noticed: data,
            sentences,
        }
    }

    fn print(&self, json: bool) -> anyhow::Result<u8> {
        if json {
            print_json(self)?;
            return Ok(FINE);
        }
        let mut text = String::new();
        for (name, value) in self.kernel.settings() {
            writeln!(text, "net.ipv4.{name} = {value}")?;
        }
        for sentence in &self.sentences {
            writeln!(text, "{sentence}")?;
        }
        print(&text)?;
        Ok(FINE)
    }
}

/// A connection with these settings, if a socket could have them.
fn connection(kernel: &Kernel) -> Option<Connection> {
    Some(Connection {
        keepalive: Some(Keepalive {
            idle: kernel.tcp_keepalive_time.try_into().ok()?,
            interval: kernel.tcp_keepalive_intvl.try_into().ok()?,
            probes: kernel.tcp_keepalive_probes.try_into().ok()?,
        }),
        user_timeout: None,
        retries: retries(kernel)?,
        rto: RTO,
    })
}

/// 0 is taken for 1 by the kernel's arithmetic.
fn retries(kernel: &Kernel) -> Option<Retries> {
    kernel.tcp_retries2.max(1).try_into().ok()
}

fn seconds(noticed: Noticed) -> Option<f64> {
    noticed.time().map(|time| time.as_secs_f64())
}

pub(super) fn show(json: bool) -> anyhow::Result<u8> {
    Shown::new(Kernel::read()?).print(json)
}

pub(super) fn set(wanted: &Wanted, json: bool) -> anyhow::Result<u8> {
    if wanted.settings().next().is_none() {
        bail!("nothing to set: give --time, --intvl, --probes or --retries2");
    }
    Shown::new(Kernel::set(wanted)?).print(json)
}

/// Without anything wanted the file is removed.
pub(super) fn persist(
    wanted: Option<&Wanted>,
    file: Option<&Path>,
    namespace: Option<&str>,
    json: bool,
) -> anyhow::Result<u8> {
    let file = match file {
        Some(path) => SettingsFile::at(path.to_owned()),
        None => SettingsFile::of(namespace),
    };
    let persisted = match wanted {
        None => file.remove()?,
        Some(wanted) if wanted.settings().next().is_some() => file.write(wanted.settings())?,
        Some(_) => file.write(Kernel::read()?.settings())?,
    };
    let path = file.path().display();
    if json {
        print_json(&serde_json::json!({ "file": file.path(), "result": persisted }))?;
        return Ok(FINE);
    }
    let sentence = match persisted {
        Persisted::Written => {
            format!(
                "{path} is written: it counts from the next boot, `lb tcp-keepalive set` from now on"
            )
        }
        Persisted::Unchanged => format!("{path} says so already"),
        Persisted::Removed => {
            format!("{path} is removed: the kernel's own values count from the next boot")
        }
        Persisted::Absent => format!("there is no {path}"),
    };
    print(&(sentence + "\n"))?;
    Ok(FINE)
}

pub(super) fn explain(
    given: &Wanted,
    user_timeout: Option<UserTimeout>,
    rto: UserTimeout,
    is_off: bool,
    json: bool,
) -> anyhow::Result<u8> {
    let kernel = Kernel::read()?;
    let Some(own) = connection(&kernel) else {
        bail!(
            "the kernel's settings are beyond what a socket may have: give --time, --intvl and --probes"
        );
    };
    let values = own.keepalive.unwrap_or(Keepalive::KERNEL);
    let keepalive = Keepalive {
        idle: given.time.unwrap_or(values.idle),
        interval: given.interval.unwrap_or(values.interval),
        probes: given.probes.unwrap_or(values.probes),
    };
    let connection = Connection {
        keepalive: (!is_off).then_some(keepalive),
        user_timeout,
        retries: given.retries.unwrap_or(own.retries),
        rto: rto.time(),
    };
    if json {
        print_json(&serde_json::json!({
            "idle_noticed": seconds(connection.when_idle()),
            "unacknowledged_noticed": seconds(connection.when_unacknowledged()),
        }))?;
        return Ok(FINE);
    }
    let (idle, data) = (
        idle_sentence(&connection),
        unacknowledged_sentence(&connection),
    );
    print(&format!("{idle}\n{data}\n"))?;
    Ok(FINE)
}
