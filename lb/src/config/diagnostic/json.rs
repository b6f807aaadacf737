//! Diagnostics for editors and CI: one JSON object a line.

use serde::Serialize;

use super::{Diagnostic, Kind, Place, Severity};
use crate::config::source::{Sources, Span};

/// All diagnostics, each as one object on a line of its own.
///
/// | field | what |
/// |---|---|
/// | `file` | name of the file as it was asked for |
/// | `line`, `column` | where the text starts, from 1; columns are characters |
/// | `end_line`, `end_column` | the place after its last character |
/// | `severity` | `error`, `warning`, `note` |
/// | `kind` | what sort of finding it is, as [`Kind`] in snake case: `unknown_keyword` |
/// | `message` | what is wrong |
/// | `expected` | what would be right, or null |
/// | `help` | what to do, or null |
/// | `included_from` | the directives that included the file, the nearest first: `file`, `line` |
/// | `related` | other places that belong to it: `file` to `end_column` and a `label` |
///
/// Fields may be added; none is taken away or changes its meaning.
///
/// # Errors
/// When serde refuses, which it does not for these shapes.
pub fn json(diagnostics: &[Diagnostic], sources: &Sources) -> serde_json::Result<String> {
    let mut lines = String::new();
    for found in diagnostics {
        lines.push_str(&serde_json::to_string(&Line::new(found, sources))?);
        lines.push('\n');
    }
    Ok(lines)
}

#[derive(Serialize)]
struct Line<'d> {
    #[serde(flatten)]
    range: Range<'d>,
    severity: Severity,
    kind: Kind,
    message: &'d str,
    expected: Option<&'d str>,
    help: Option<&'d str>,
    included_from: Vec<Include<'d>>,
    related: Vec<RelatedPlace<'d>>,
}

#[derive(Serialize)]
struct Include<'d> {
    file: &'d str,
    line: usize,
}

#[derive(Serialize)]
struct RelatedPlace<'d> {
    #[serde(flatten)]
    range: Range<'d>,
    label: &'d str,
}

#[derive(Serialize)]
struct Range<'d> {
    file: &'d str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

impl<'d> Line<'d> {
    fn new(found: &'d Diagnostic, sources: &Sources) -> Self {
        let related = found.related.iter().map(|related| RelatedPlace {
            range: Range::new(&related.place, related.span, sources),
            label: &related.label,
        });
        let included_from = found.included_from.iter().map(|place| Include {
            file: &place.file,
            line: place.line,
        });
        Self {
            included_from: included_from.collect(),
            range: Range::new(&found.place, found.span, sources),
            severity: found.severity,
            kind: found.kind,
            message: &found.message,
            expected: found.expected.as_deref(),
            help: found.help.as_deref(),
            related: related.collect(),
        }
    }
}

impl<'d> Range<'d> {
    fn new(start: &'d Place, span: Span, sources: &Sources) -> Self {
        let end = sources.place(Span {
            start: span.end,
            ..span
        });
        Self {
            file: &start.file,
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
        }
    }
}

#[cfg(test)]
mod tests;
