//! `lb -t` and `lb config`: checks configurations and explains keywords.

use std::{
    fs::OpenOptions,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Serialize;

use super::complain;
use crate::{
    config::{
        self, Colour, Loaded, Options, Origin, exit_code, explain, json, model::Config, pretty,
        summary,
    },
    io::config::{DiskLoader, read, read_and_enter},
};

/// The keyword is not known.
const UNKNOWN_KEYWORD: u8 = 1;
/// The configurations do not mean the same, as in diff(1).
const DIFFERENT: u8 = 1;

/// Where the findings of a test go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Findings {
    /// To stderr, with excerpts on a terminal.
    Stderr,
    /// A line each at the end of a file, as `-tFILE` has it.
    Append(PathBuf),
    /// To stdout, a JSON object each.
    Json,
}

/// Checks `file` against this machine, in the network namespace it asks for unless one is given, and returns keepalived's exit code for it: see [`exit_code`].
///
/// # Errors
/// When the network namespace cannot be entered, the kernel does not list its interfaces, or the findings cannot be written; whatever is wrong with the file is a
/// finding.
pub fn test(
    file: &Path,
    options: &Options,
    namespace: Option<&str>,
    findings: &Findings,
) -> anyhow::Result<u8> {
    let loaded = read_and_enter(file, options, namespace)?;
    let summary = summary(&loaded.diagnostics, &file.to_string_lossy());
    match findings {
        Findings::Stderr => {
            complain_of(&loaded);
            complain(&summary);
        }
        Findings::Append(log) => append(log, &(plain(&loaded) + &summary + "\n"))
            .with_context(|| format!("cannot write to {}", log.display()))?,
        Findings::Json => print(&json(&loaded.diagnostics, &loaded.sources)?)?,
    }
    let code = exit_code(&loaded.diagnostics);
    // The process ends here: to free 100,000 real servers one by one would only take time.
    std::mem::forget(loaded);
    Ok(code)
}

/// Says on stderr what there is to say about a configuration: with excerpts on a terminal, a line each elsewhere.
pub fn complain_of(loaded: &Loaded) {
    let text = if std::io::stderr().is_terminal() {
        pretty(&loaded.diagnostics, &loaded.sources, Colour::On)
    } else {
        plain(loaded)
    };
    if !text.is_empty() {
        complain(text.trim_end());
    }
}

/// Prints what `file` means, with the place of each value, and returns keepalived's exit code for it; nothing is printed
/// where it cannot be used.
///
/// # Errors
/// When the kernel does not list its interfaces, or stdout is closed.
pub fn show(
    file: &Path,
    options: &Options,
    namespace: Option<&str>,
    as_json: bool,
) -> anyhow::Result<u8> {
    let loaded = read_and_enter(file, options, namespace)?;
    complain_of(&loaded);
    if loaded.is_usable() {
        let origins = config::origins(file, &mut DiskLoader, options);
        let text = if as_json {
            let shown = Shown {
                origins: origins.of(&loaded.config),
                config: &loaded.config,
            };
            serde_json::to_string_pretty(&shown)? + "\n"
        } else {
            config::show_origins(&loaded.config, &origins)
        };
        print(&text)?;
    }
    Ok(exit_code(&loaded.diagnostics))
}

/// What `lb config show --json` prints.
#[derive(Serialize)]
struct Shown<'c> {
    config: &'c Config,
    origins: Vec<Origin>,
}

/// Prints what a reload from the first to the second of `files` would change. Returns 0 when that is nothing,
/// 1 when it is something, and keepalived's exit code of the first file that cannot be used.
///
/// # Errors
/// When the kernel does not list its interfaces, or stdout is closed.
pub fn diff(files: [&Path; 2], options: &Options, as_json: bool) -> anyhow::Result<u8> {
    let [before, after] =
        files.map(|file| read(file, options).context("cannot list the interfaces"));
    let (before, after) = (before?, after?);
    for loaded in [&before, &after] {
        if !loaded.is_usable() {
            complain_of(loaded);
            return Ok(exit_code(&loaded.diagnostics));
        }
    }
    let changes = config::diff(&before.config, &after.config);
    let text = if as_json {
        serde_json::to_string_pretty(&changes)? + "\n"
    } else {
        config::show_diff(&changes)
    };
    print(&text)?;
    Ok(if changes.is_empty() { 0 } else { DIFFERENT })
}

/// Prints what a keyword means, or every keyword; returns 1 for an unknown one, with the nearest on stderr.
///
/// # Errors
/// When stdout is closed.
pub fn explain(keyword: Option<&str>) -> anyhow::Result<u8> {
    match keyword.map_or_else(|| Ok(explain::list()), explain::explain) {
        Ok(text) => print(&text).map(|()| 0),
        Err(unknown) => {
            complain(&format!("lb: {unknown}"));
            Ok(UNKNOWN_KEYWORD)
        }
    }
}

fn plain(loaded: &Loaded) -> String {
    let lines = loaded.diagnostics.iter();
    lines.map(|found| found.plain() + "\n").collect()
}

/// In one write, so that lines of several tests do not mix.
fn append(log: &Path, text: &str) -> std::io::Result<()> {
    let mut log = OpenOptions::new().append(true).create(true).open(log)?;
    log.write_all(text.as_bytes())
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("stdout")
}

#[cfg(test)]
mod tests;
