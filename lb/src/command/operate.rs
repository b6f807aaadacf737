//! What operators ask of the running daemon: its status, its counters, another configuration, more to read in its log.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use anyhow::Context as _;

use super::{complain, spawndaemon, write_out};
use crate::{
    cli::keepalive::PlaceArguments,
    observe::{
        level::LogLevel,
        status::{Status, counters},
    },
    supervisor::{RunDir, request_log_level, request_reload, request_stats, request_status},
};

/// Nobody answers.
const NO_DAEMON: u8 = 1;
/// The configuration cannot be used, as at the start of the daemon.
const CONFIG: u8 = 2;
/// From the upper left corner of a terminal on, with nothing below.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// `lb status`; again and again with an interval. Returns the exit code.
///
/// # Errors
/// When stdout is closed.
pub async fn status(run_dir: &RunDir, json: bool, every: Option<Duration>) -> anyhow::Result<u8> {
    let Some(every) = every else {
        let (text, code) = page(run_dir, json, true).await?;
        write_out(&text)?;
        return Ok(code);
    };
    let mut out = io::stdout();
    let is_screen = out.is_terminal();
    loop {
        let (text, _) = page(run_dir, json, false).await?;
        let (before, after) = match (is_screen, json) {
            (true, _) => (CLEAR, ""),
            (false, true) => ("", ""),
            (false, false) => ("", "\n"),
        };
        let written = write!(out, "{before}{text}{after}").and_then(|()| out.flush());
        match written {
            // Whoever read it has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(0),
            written => written.context("stdout")?,
        }
        tokio::time::sleep(every).await;
    }
}

/// One status and the exit code that goes with it. The table of keepalive is read whether anybody runs or not.
async fn page(run_dir: &RunDir, json: bool, pretty: bool) -> anyhow::Result<(String, u8)> {
    let places = PlaceArguments::default().places(run_dir);
    let (table, processes) = spawndaemon::status(&places)?.unzip();
    let print = if pretty {
        serde_json::to_string_pretty
    } else {
        serde_json::to_string
    };
    match request_status(run_dir).await {
        Ok(status) if json => {
            let status = Status {
                processes,
                ..status
            };
            Ok((print(&status)? + "\n", 0))
        }
        Ok(status) => {
            let table = table.map(|table| format!("\n{table}"));
            Ok((status.table() + &table.unwrap_or_default(), 0))
        }
        Err(error) => {
            complain(&format!("lb: {error:#}"));
            let text = match (json, processes, table) {
                (true, Some(processes), _) => {
                    serde_json::json!({ "processes": processes }).to_string() + "\n"
                }
                (false, _, Some(table)) => table,
                (_, None, _) | (_, _, None) => String::new(),
            };
            Ok((text, NO_DAEMON))
        }
    }
}

/// `lb stats`.
///
/// # Errors
/// When nobody answers, or stdout is closed.
pub async fn stats(run_dir: &RunDir, json: bool, clear: bool) -> anyhow::Result<u8> {
    let stats = request_stats(run_dir, clear).await?;
    let text = if json {
        serde_json::to_string_pretty(&stats)? + "\n"
    } else {
        counters(stats.instances.iter().map(|it| (&*it.name, &it.counts)))
    };
    write_out(&text)?;
    Ok(0)
}

/// `lb reload`: 0 when the new configuration is in force, 2 when it is refused.
///
/// # Errors
/// When nobody answers, or stdout is closed.
pub async fn reload(run_dir: &RunDir) -> anyhow::Result<u8> {
    let reloaded = request_reload(run_dir).await?;
    for line in &reloaded.diagnostics {
        complain(line);
    }
    match (reloaded.in_force, reloaded.why) {
        (true, None) => write_out("the new configuration is in force\n")?,
        (true, Some(why)) => complain(&format!("lb: the new configuration is accepted; {why}")),
        (false, why) => {
            let why = why.unwrap_or_default();
            complain(&format!(
                "lb: refused, the running configuration stays: {why}"
            ));
            return Ok(CONFIG);
        }
    }
    Ok(0)
}

/// `lb log-level`.
///
/// # Errors
/// When nobody answers, or stdout is closed.
pub async fn log_level(run_dir: &RunDir, level: Option<LogLevel>) -> anyhow::Result<u8> {
    let level = request_log_level(run_dir, level).await?;
    write_out(&format!("{level}\n"))?;
    Ok(0)
}
