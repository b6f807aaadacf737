//! Diagnostics for a terminal: the line, a caret, what to do.

use std::{borrow::Cow, ops::Range};

use ariadne::{Config, FnCache, IndexType, Label, Report, ReportKind};

use super::{Diagnostic, Kind, Severity, is_harmless};
use crate::config::source::{Sources, Span};

/// Longest line that is shown as an excerpt, in bytes.
const MAX_EXCERPT: usize = 240;

/// Whether to write colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// For a terminal.
    On,
    /// For files and pipes.
    Off,
}

/// All diagnostics with excerpts. The plain form where a line is too long to
/// show, or the file as a whole is what is wrong.
#[must_use]
pub fn pretty(diagnostics: &[Diagnostic], files: &Sources, colour: Colour) -> String {
    let names = |span: Span| files.get(span.file).name().to_owned();
    let mut cache = FnCache::new(|name: &String| {
        let file = files.iter().find(|file| file.name() == name);
        file.map(|file| harmless(file.text())).ok_or("no such file")
    });
    let mut out = Vec::new();
    for found in diagnostics {
        let spans =
            std::iter::once(found.span).chain(found.related.iter().map(|related| related.span));
        if found.kind == Kind::File || !spans.clone().all(|span| is_showable(span, files)) {
            out.extend_from_slice(found.plain().as_bytes());
            out.push(b'\n');
            continue;
        }
        let report = report(found, colour, &names);
        if report.write(&mut cache, &mut out).is_err() {
            out.extend_from_slice(found.plain().as_bytes());
            out.push(b'\n');
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

type NamedRange = (String, Range<usize>);

fn report(
    found: &Diagnostic,
    colour: Colour,
    name: &dyn Fn(Span) -> String,
) -> Report<'static, NamedRange> {
    let kind = match found.severity {
        Severity::Error => ReportKind::Error,
        Severity::Warning => ReportKind::Warning,
        Severity::Note => ReportKind::Advice,
    };
    let named = |span: Span| (name(span), span.start as usize..span.end as usize);
    let here = found.expected.as_deref().unwrap_or("here");
    let mut report = Report::build(kind, named(found.span))
        .with_config(
            Config::default()
                .with_index_type(IndexType::Byte)
                .with_color(colour == Colour::On),
        )
        .with_message(&found.message);
    // In the order of the text, because ariadne repeats its header where a label is above the one before.
    let mut labels = vec![(found.span, here)];
    labels.extend(
        found
            .related
            .iter()
            .map(|related| (related.span, &*related.label)),
    );
    labels.sort_by_key(|(span, _)| (span.file, span.start));
    for (span, label) in labels {
        report = report.with_label(Label::new(named(span)).with_message(label));
    }
    if let Some(stack) = found.include_stack() {
        report = report.with_note(stack);
    }
    if let Some(help) = &found.help {
        report = report.with_help(help);
    }
    report.finish()
}

fn is_showable(span: Span, files: &Sources) -> bool {
    files.get(span.file).line_around(span.start).len() <= MAX_EXCERPT
}

/// The text with characters that steer a terminal, or that ariadne takes for line ends, replaced by others
/// of the same length, so that spans and line numbers stay.
fn harmless(text: &str) -> Cow<'_, str> {
    let steers = |c: char| c != '\n' && c != '\t' && !is_harmless(c);
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let replace = |c: char| match (steers(c), c) {
        (false, _) => c,
        (true, '\r') => ' ',
        (true, _) => match c.len_utf8() {
            1 => '?',
            2 => '\u{b7}',
            _ => char::REPLACEMENT_CHARACTER,
        },
    };
    Cow::Owned(text.chars().map(replace).collect())
}
