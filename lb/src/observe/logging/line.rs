//! A line of the log and its forms.

use std::{
    fmt::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value};
use tracing::{
    Event, Level,
    field::{Field, Visit},
};
use tracing_subscriber::fmt::{
    format::Writer,
    time::{FormatTime as _, SystemTime as Stamp},
};

/// A sentence for operators, and what it is about.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) level: Level,
    /// The process that says it.
    pub(super) ident: &'a str,
    pub(super) text: String,
    /// Names and values of whom it is about, for programs that read the log.
    pub(super) fields: Vec<(&'static str, String)>,
}

/// How a line is written on the console and in a file. The object of JSON has `time`, `level`, `process`, `pid`, `text`, and what the line is
/// about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Time, process and sentence.
    #[default]
    Text,
    /// A line of JSON each.
    Json,
}

impl Format {
    /// For eyes: the time of day in UTC, enough to order lines of several processes.
    pub(super) fn console(self, line: &Line<'_>) -> String {
        match self {
            Self::Text => format!(
                "{} {}: {}",
                time_of_day(SystemTime::now()),
                line.ident,
                line.text
            ),
            Self::Json => json(line),
        }
    }

    /// For later: with the date.
    pub(super) fn file(self, line: &Line<'_>) -> String {
        match self {
            Self::Text => format!(
                "{} {}[{}]: {}",
                timestamp(),
                line.ident,
                std::process::id(),
                line.text
            ),
            Self::Json => json(line),
        }
    }
}

fn json(line: &Line<'_>) -> String {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| drop(object.insert(name.to_owned(), value));
    put("time", timestamp().into());
    put("level", line.level.as_str().to_lowercase().into());
    put("process", line.ident.into());
    put("pid", std::process::id().into());
    put("text", line.text.as_str().into());
    for (name, value) in &line.fields {
        put(name, value.as_str().into());
    }
    Value::Object(object).to_string()
}

/// RFC 3339, with microseconds, in UTC.
fn timestamp() -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _written = Stamp.format_time(&mut Writer::new(&mut text));
    text
}

/// `HH:MM:SS.mmm`.
fn time_of_day(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let day = since.as_secs() % 86400;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        day / 3600,
        day / 60 % 60,
        day % 60,
        since.subsec_millis()
    )
}

/// An event's sentence, and its fields.
pub(super) fn text_and_fields(event: &Event<'_>) -> (String, Vec<(&'static str, String)>) {
    #[derive(Default)]
    struct Parts {
        text: String,
        fields: Vec<(&'static str, String)>,
    }
    impl Visit for Parts {
        fn record_str(&mut self, field: &Field, value: &str) {
            self.record_debug(field, &format_args!("{value}"));
        }

        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            if field.name() == "message" {
                // Writing to a string cannot fail.
                let _written = write!(self.text, "{value:?}");
            } else {
                self.fields.push((field.name(), format!("{value:?}")));
            }
        }
    }
    let mut parts = Parts::default();
    event.record(&mut parts);
    (parts.text, parts.fields)
}
