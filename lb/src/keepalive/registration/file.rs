//! Registration files: TOML, or lines of `KEY value`.

use serde::{Deserialize, de::IntoDeserializer as _};
use thiserror::Error;
use toml::{Table, Value};

use super::{Refusal, Registration, text::split};
use crate::config::suggest::nearest;

/// A file that registers nothing, with its name and the line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}{}: {what}", line.map_or(String::new(), |line| format!(":{line}")))]
pub struct FileError {
    file: String,
    line: Option<usize>,
    what: String,
}

/// What a file has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupFile {
    group_name: String,
    process: Vec<Registration>,
}

/// How the value of a key is written in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The rest of the line.
    Text,
    /// Words with quotes.
    Words,
    /// A whole number.
    Number,
    /// Whole numbers.
    Numbers,
    /// Seconds.
    Seconds,
    /// Nothing, or yes or no.
    Flag,
    /// `NAME=value`; once for each.
    Variable,
    /// `NAME number`; once for each.
    Limit,
}

/// Every key of a registration.
const KEYS: &[(&str, Kind)] = &[
    ("path", Kind::Text),
    ("name", Kind::Text),
    ("args", Kind::Words),
    ("user", Kind::Text),
    ("group", Kind::Text),
    ("instances", Kind::Number),
    ("probation_period", Kind::Seconds),
    ("error_limit", Kind::Number),
    ("term_wait", Kind::Seconds),
    ("respawn_time", Kind::Seconds),
    ("back_off", Kind::Seconds),
    ("retry_after", Kind::Seconds),
    ("group_name", Kind::Text),
    ("critical", Kind::Flag),
    ("nodes", Kind::Words),
    ("favored_node", Kind::Text),
    ("backup_nodes", Kind::Words),
    ("move_policy", Kind::Text),
    ("run_on", Kind::Text),
    ("start_delay", Kind::Seconds),
    ("track_file", Kind::Text),
    ("restart_script", Kind::Words),
    ("down_script", Kind::Words),
    ("down_codes", Kind::Numbers),
    ("reject_codes", Kind::Numbers),
    ("daemonize", Kind::Flag),
    ("pid_file", Kind::Text),
    ("readiness", Kind::Text),
    ("ready_timeout", Kind::Seconds),
    ("watchdog", Kind::Seconds),
    ("environment", Kind::Variable),
    ("working_directory", Kind::Text),
    ("limits", Kind::Limit),
    ("output", Kind::Text),
];

/// Reads a registration file; `file` is its name for errors. A group file, with several processes, gives them in the
/// order in which they start.
///
/// # Errors
/// Names the line where there is one, and what to do.
pub fn read(file: &str, text: &str) -> Result<Vec<Registration>, FileError> {
    let registrations = if is_lines(text) {
        lines(text)
    } else {
        tables(text)
    };
    let registrations = registrations.map_err(|(line, what)| FileError {
        file: file.to_owned(),
        line,
        what,
    })?;
    let refused = |registration: &Registration, why: Refusal| FileError {
        file: file.to_owned(),
        line: None,
        what: format!("{}: {why}", registration.path),
    };
    registrations
        .into_iter()
        .map(|registration| {
            let shown = registration.clone();
            registration.checked().map_err(|why| refused(&shown, why))
        })
        .collect()
}

type Wrong = (Option<usize>, String);

/// Whether the first line with something on it has neither `=` behind its first word nor is a TOML header.
fn is_lines(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| {
        let rest = line.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
        !line.starts_with('[') && !rest.trim_start().starts_with('=')
    })
}

fn tables(text: &str) -> Result<Vec<Registration>, Wrong> {
    let wrong = |error: toml::de::Error| {
        let line = error
            .span()
            .map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        (line, error.message().to_owned())
    };
    let table: Table = text.parse().map_err(wrong)?;
    if !table.contains_key("process") {
        return Ok(vec![toml::from_str(text).map_err(wrong)?]);
    }
    let group: GroupFile = toml::from_str(text).map_err(wrong)?;
    Ok(named(group.process, &group.group_name))
}

fn named(mut members: Vec<Registration>, group: &str) -> Vec<Registration> {
    for member in &mut members {
        member.group_name = Some(group.to_owned());
    }
    members
}

/// `KEY value` lines; a line `process` begins the next member of a group.
fn lines(text: &str) -> Result<Vec<Registration>, Wrong> {
    let mut head = Table::new();
    let mut members: Vec<(usize, Table)> = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (key, value) = (key.to_ascii_lowercase(), value.trim());
        if key == "process" {
            if !value.is_empty() {
                return Err((
                    Some(number),
                    format!("`process` stands alone, without `{value}`"),
                ));
            }
            members.push((number, Table::new()));
            continue;
        }
        let table = members.last_mut().map_or(&mut head, |(_, table)| table);
        add(table, &key, value).map_err(|what| (Some(number), what))?;
    }
    if members.is_empty() {
        return Ok(vec![registration(1, head)?]);
    }
    let group = match head.remove("group_name") {
        Some(Value::String(name)) if head.is_empty() => name,
        _ => {
            return Err((
                members.first().map(|(number, _)| *number),
                "before the first `process` stands `group_name NAME`, and nothing else".to_owned(),
            ));
        }
    };
    let members: Result<Vec<_>, _> = members
        .into_iter()
        .map(|(number, table)| registration(number, table))
        .collect();
    Ok(named(members?, &group))
}

fn registration(line: usize, table: Table) -> Result<Registration, Wrong> {
    Registration::deserialize(table.into_deserializer())
        .map_err(|error: toml::de::Error| (Some(line), error.message().to_owned()))
}

fn add(table: &mut Table, key: &str, value: &str) -> Result<(), String> {
    let Some((_, kind)) = KEYS.iter().find(|(name, _)| *name == key) else {
        return Err(unknown(key));
    };
    if value.is_empty() && *kind != Kind::Flag {
        return Err(format!("`{key}` has no value"));
    }
    match kind {
        Kind::Variable | Kind::Limit => {
            let (name, value) = match kind {
                Kind::Variable => value.split_once('=').map(|(n, v)| (n, Value::from(v))),
                _ => limit(value),
            }
            .ok_or_else(|| format!("`{key} {value}`: {}", expected(*kind)))?;
            let entry = table.entry(key).or_insert_with(|| Table::new().into());
            if let Value::Table(entries) = entry
                && entries.insert(name.to_owned(), value).is_some()
            {
                return Err(format!("`{key} {name}` stands twice"));
            }
            Ok(())
        }
        _ => {
            let parsed = parse(*kind, value)
                .map_err(|()| format!("`{key} {value}`: {}", expected(*kind)))?;
            match table.insert(key.to_owned(), parsed) {
                None => Ok(()),
                Some(_) => Err(format!("`{key}` stands twice")),
            }
        }
    }
}

fn limit(value: &str) -> Option<(&str, Value)> {
    let (name, number) = value.split_once(char::is_whitespace)?;
    Some((name, Value::from(number.trim().parse::<i64>().ok()?)))
}

fn parse(kind: Kind, value: &str) -> Result<Value, ()> {
    let number = |word: &str| word.parse::<i64>().map(Value::from).map_err(drop);
    Ok(match kind {
        Kind::Text | Kind::Variable | Kind::Limit => value.into(),
        Kind::Words => Value::from(split(value).map_err(drop)?),
        Kind::Number => number(value)?,
        Kind::Numbers => value
            .split_whitespace()
            .map(number)
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        Kind::Seconds => value.parse::<f64>().map_err(drop)?.into(),
        Kind::Flag => match value {
            "" | "yes" | "true" => true.into(),
            "no" | "false" => false.into(),
            _ => return Err(()),
        },
    })
}

const fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Words => "words; a quote is not closed",
        Kind::Number => "a whole number",
        Kind::Numbers => "whole numbers",
        Kind::Seconds => "seconds",
        Kind::Flag => "`yes` or `no`",
        Kind::Variable => "NAME=value",
        Kind::Limit => "a name of setrlimit(2) without RLIMIT_, and a number",
    }
}

fn unknown(key: &str) -> String {
    match nearest(key, KEYS.iter().map(|(name, _)| *name)) {
        Some(name) => format!("there is no keyword `{key}`; did you mean `{name}`?"),
        None => format!("there is no keyword `{key}`; docs/keepalive.md has them all"),
    }
}

#[cfg(test)]
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|(name, _)| *name)
}
