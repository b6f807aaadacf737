//! The `.data` files: sections, and in them ` Key = value` lines, as keepalived has them.
//!
//! A line is there where it means something here, with keepalived's name for it; what only keepalived's memory has (descriptors,
//! threads) is left out, and what only lb has (`Why`, `Kernel heartbeat`, `Gate`) stands behind the rest.

mod checkers;
mod global;
mod interfaces;
mod tracked;
mod vrrp;

use std::{
    fmt::{Display, Write as _},
    time::Duration,
};

use super::{Civil, Zone};
use crate::{
    bfd::snapshot::SessionSnapshot,
    config::model::{Config, bfd::BfdInstance},
    observe::status::{LinkSnapshot, Status},
};

/// What the files are made of.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The configuration in force.
    pub config: &'a Config,
    /// The network namespace, where it has a name.
    pub namespace: Option<&'a str>,
    /// What the children say.
    pub status: &'a Status,
    /// What the vrrp child knows of links.
    pub links: &'a [LinkSnapshot],
    /// How times of day are written.
    pub zone: Zone,
}

/// `keepalived_parent.data`.
#[must_use]
pub fn parent(source: &Source<'_>) -> String {
    let mut text = Text::default();
    global::render(source, &mut text);
    let plane = &source.status.data_plane;
    text.section("Data plane");
    text.item(1, "Loaded", yes_no(plane.loaded));
    text.item(1, "Kernel heartbeat", yes_no(plane.kernel_heartbeat));
    text.item(1, "Pins", &plane.pins);
    for lack in &plane.lacks {
        text.item(1, "Lacks", lack);
    }
    for (interface, how) in &plane.interfaces {
        text.item(1, "Interface", format!("{interface}, {how}"));
    }
    for (name, count) in &plane.counters {
        text.item(1, name, count);
    }
    text.0
}

/// `keepalived.data`.
#[must_use]
pub fn vrrp(source: &Source<'_>) -> String {
    let mut text = Text::default();
    global::render(source, &mut text);
    vrrp::render(source, &mut text);
    tracked::render(source, &mut text);
    interfaces::render(source, &mut text);
    text.0
}

/// `keepalived_check.data`.
#[must_use]
pub fn checkers(source: &Source<'_>) -> String {
    let mut text = Text::default();
    global::render(source, &mut text);
    checkers::render(source, &mut text);
    text.0
}

/// `keepalived_bfd.data`.
#[must_use]
pub fn bfd(source: &Source<'_>) -> String {
    let mut text = Text::default();
    global::render(source, &mut text);
    text.section("BFD Instances");
    let sessions = source.status.sessions.iter();
    let sessions: Vec<_> = sessions.flat_map(|it| &it.sessions).collect();
    for instance in &source.config.bfd_instances {
        let session = sessions.iter().find(|it| it.name == instance.name);
        session_lines(instance, session.copied(), &mut text);
    }
    text.0
}

fn session_lines(instance: &BfdInstance, session: Option<&SessionSnapshot>, text: &mut Text) {
    text.item(1, "BFD Instance", &instance.name);
    text.item(3, "Neighbor IP", instance.neighbor);
    if let Some(source) = instance.source {
        text.item(3, "Source IP", source);
    }
    text.item(3, "Required min RX interval", micros(instance.min_rx));
    text.item(3, "Desired min TX interval", micros(instance.min_tx));
    text.item(3, "Desired idle TX interval", micros(instance.idle_tx));
    text.item(3, "Detection multiplier", instance.multiplier);
    text.item(3, "TTL", instance.ttl);
    text.item(3, "max_hops", instance.max_hops.unwrap_or(0));
    text.item(3, "passive", instance.passive);
    text.item(3, "send event to VRRP process", word(instance.for_vrrp));
    text.item(
        3,
        "send event to checker process",
        word(instance.for_checker),
    );
    let Some(session) = session else {
        return;
    };
    text.item(3, "local state", format!("{:?}", session.state));
    text.item(3, "remote state", format!("{:?}", session.remote_state));
    text.item(
        3,
        "local discriminator",
        format!("{:#x}", session.discriminator),
    );
    text.item(
        3,
        "remote discriminator",
        format!("{:#x}", session.remote_discriminator),
    );
    text.item(3, "local diag", &session.diagnostic);
    text.item(3, "remote diag", &session.remote_diagnostic);
    text.item(3, "local tx intv", from_ms(session.tx_interval_ms));
    text.item(3, "remote tx intv", from_ms(session.rx_interval_ms));
    text.item(
        3,
        "local detection time",
        from_ms(session.detection_time_ms.unwrap_or(0.0)),
    );
    let poll = if session.polling { "poll" } else { "!poll" };
    text.line(3, poll);
    text.item(3, "Up", format!("{} times", session.ups));
    text.item(3, "Packets sent", session.sent);
    text.item(3, "Packets received", session.received);
    for (reason, count) in &session.refused {
        text.item(3, "Packets refused", format!("{count}, {reason}"));
    }
}

fn micros(time: Duration) -> String {
    format!("{} us", time.as_micros())
}

fn from_ms(milliseconds: f64) -> String {
    let time = Duration::try_from_secs_f64(milliseconds / 1000.0);
    micros(time.unwrap_or_default())
}

/// A text in the making.
#[derive(Debug, Default)]
struct Text(String);

impl Text {
    fn section(&mut self, name: &str) {
        // Writing to a string cannot fail, here and below.
        let _written = writeln!(self.0, "------< {name} >------");
    }

    fn line(&mut self, indent: usize, line: impl Display) {
        let _written = writeln!(self.0, "{:indent$}{line}", "");
    }

    fn item(&mut self, indent: usize, key: &str, value: impl Display) {
        self.line(indent, format_args!("{key} = {value}"));
    }

    /// A heading, and each line below it; nothing where there is none.
    fn list(&mut self, heading: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.line(3, heading);
        for line in lines {
            self.line(5, line);
        }
    }
}

const fn yes_no(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

const fn word(is: bool) -> &'static str {
    if is { "Yes" } else { "No" }
}

const fn enabled(is: bool) -> &'static str {
    if is { "enabled" } else { "disabled" }
}

/// `1795436532.541582 (Mon Nov 23 12:22:12.541582 2026)`.
fn moment(time: Duration, zone: Zone) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let (micros, civil) = (time.subsec_micros(), zone(seconds));
    let Civil {
        year,
        month,
        day,
        weekday,
        hour,
        minute,
        second,
    } = civil;
    let name = |names: &[&'static str], index: u8| names.get(usize::from(index)).copied();
    let weekday = name(&WEEKDAYS, weekday).unwrap_or_default();
    let month = name(&MONTHS, month.wrapping_sub(1)).unwrap_or_default();
    format!(
        "{seconds}.{micros:06} ({weekday} {month} {day:2} {hour:02}:{minute:02}:{second:02}.{micros:06} {year})"
    )
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
