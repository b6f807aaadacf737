//! The settings of the kernel, and the file that sets them at each boot.

use std::fmt::Write as _;

use serde::Serialize;

use super::values::{Idle, Interval, Probes, Retries};

/// The settings, by their names below `net.ipv4`, in the order they are shown.
pub const NAMES: [&str; 4] = [TIME, INTERVAL, PROBES, RETRIES];

/// Seconds until the first probe.
pub const TIME: &str = "tcp_keepalive_time";
/// Seconds between two.
pub const INTERVAL: &str = "tcp_keepalive_intvl";
/// How many.
pub const PROBES: &str = "tcp_keepalive_probes";
/// How often data is sent again.
pub const RETRIES: &str = "tcp_retries2";

/// What is to be set; the rest stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// `tcp_keepalive_time`.
    pub time: Option<Idle>,
    /// `tcp_keepalive_intvl`.
    pub interval: Option<Interval>,
    /// `tcp_keepalive_probes`.
    pub probes: Option<Probes>,
    /// `tcp_retries2`.
    pub retries: Option<Retries>,
}

impl Wanted {
    /// Names and values of those that are given.
    pub fn settings(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let values = [
            self.time.map(Idle::get),
            self.interval.map(Interval::get),
            self.probes.map(Probes::get),
            self.retries.map(Retries::get),
        ];
        NAMES
            .into_iter()
            .zip(values)
            .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// First line of the file: what says so is ours to replace and to remove.
pub const MARK: &str = "# Written by `lb tcp-keepalive persist`.";

/// The text of the file (sysctl.d(5)).
#[must_use]
pub fn file(settings: impl IntoIterator<Item = (&'static str, u32)>) -> String {
    let mut text = format!("{MARK}\n");
    for (name, value) in settings {
        // Writing to a `String` cannot fail.
        writeln!(text, "net.ipv4.{name} = {value}").ok();
    }
    text
}

/// Whether a file is one that we wrote.
#[must_use]
pub fn is_ours(text: &str) -> bool {
    text.lines().next() == Some(MARK)
}
