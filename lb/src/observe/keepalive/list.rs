//! The monitored process table as a list.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    keepalive::{
        Moment,
        record::{DownBy, Record, SlotNumber},
    },
    observe::log::ending,
};

const HEAD: [&str; 9] = [
    "SLOT", "STATE", "PID", "NAME", "GROUP", "STARTS", "ERRORS", "SINCE", "LAST END",
];

/// For people: a line each, and what is behind a name that does not run.
#[must_use]
pub fn table(records: &[(SlotNumber, Record)], now: Moment) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(records.iter().map(|(slot, record)| row(*slot, record, now)));
    let mut widths = [0; HEAD.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn row(slot: SlotNumber, record: &Record, now: Moment) -> [String; HEAD.len()] {
    let registration = &record.registration;
    let dash = || "-".to_owned();
    let pid = record.phase.process().map(|process| process.pid);
    let since = match pid {
        Some(_) => record.last_started,
        None => record.last_died,
    };
    let why = match record.down_by {
        Some(DownBy::ErrorLimit) => " (error limit)",
        Some(DownBy::Code) => " (its exit code)",
        Some(DownBy::Reject) => " (rejected)",
        Some(DownBy::Group) => " (its group)",
        None => "",
    };
    let name = match registration.instances {
        1 => registration.name.clone(),
        _ => format!("{}/{}", registration.name, record.instance),
    };
    [
        slot.to_string(),
        format!("{}{why}", record.state.name()),
        pid.map_or_else(dash, |pid| pid.to_string()),
        name,
        registration.group_name.clone().unwrap_or_else(dash),
        record.starts.to_string(),
        record.failures.len().to_string(),
        since.map_or_else(dash, |since| span(now.since(since))),
        record.last_ending.map_or_else(dash, ending),
    ]
}

/// The largest two units.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// For machines: each record with its slot and its pid.
///
/// # Errors
/// Never in practice: a record has been JSON before.
pub fn objects(records: &[(SlotNumber, Record)]) -> serde_json::Result<Vec<Value>> {
    let object = |(slot, record): &(SlotNumber, Record)| {
        let pid = record.phase.process().map(|process| process.pid);
        let mut object = serde_json::to_value(record)?;
        object["slot"] = json!(slot);
        object["pid"] = json!(pid);
        Ok(object)
    };
    records.iter().map(object).collect()
}
