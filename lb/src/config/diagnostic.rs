//! What is wrong, where, what was expected and what to do.

mod exit;
mod json;
mod pretty;

use std::{collections::BTreeMap, fmt};

pub use self::{
    exit::{exit_code, summary},
    json::json,
    pretty::{Colour, pretty},
};
use super::{
    need::Need,
    source::{Place, Sources, Span, Spanned},
};

/// Most diagnostics kept of each severity.
const MAX_PER_SEVERITY: usize = 100;
/// Longest quotation from a file, in characters.
const MAX_QUOTE: usize = 48;
/// Stands for a secret in a sentence.
const HIDDEN: &str = "…";

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is wrong; something is worth knowing.
    Note,
    /// Understood, but not as written.
    Warning,
    /// The configuration may not be applied.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// What sort of finding it is, for exit codes and counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A file that cannot be read, is empty or is no text.
    File,
    /// A file that an `include…` line requires and that is not there.
    Include,
    /// A program of root that others may change, or a key that they may read.
    ScriptSecurity,
    /// Quotes, braces, bytes.
    Syntax,
    /// A word that neither keepalived nor `lb` knows in this place.
    UnknownKeyword,
    /// Something that `lb` understands and does not act on yet.
    NotCarried,
    /// A value that is malformed, out of range or was adjusted.
    Value,
    /// A keyword, value or block that must be there.
    Missing,
    /// The same thing twice.
    Duplicate,
    /// Two things that do not go together.
    Conflict,
    /// Something the machine does not have.
    System,
    /// More than is read.
    Limit,
    /// A word with another one in its place.
    Deprecated,
}

/// Another place that belongs to a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Its text.
    pub span: Span,
    /// Where it is.
    pub place: Place,
    /// What is there: "first given".
    pub label: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// What sort.
    pub kind: Kind,
    /// The text it is about.
    pub span: Span,
    /// Where that starts.
    pub place: Place,
    /// The word it is about, shortened and printable; empty at the end of a file.
    pub word: String,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// What would be right: "expected …".
    pub expected: Option<String>,
    /// Other places that belong to it.
    pub related: Vec<Related>,
    /// The directives that included its file, the nearest first; none in the first file.
    pub included_from: Vec<Place>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// One line for a log: `file:line:column: error: sentence`.
    #[must_use]
    pub fn plain(&self) -> String {
        let mut line = format!("{}: {}: {}", self.place, self.severity, self.message);
        for related in &self.related {
            let Place {
                file, line: number, ..
            } = &related.place;
            line.push_str(&format!(" ({} at {file}:{number})", related.label));
        }
        if let Some(stack) = self.include_stack() {
            line.push_str(&format!(" ({stack})"));
        }
        for part in [&self.expected, &self.help].into_iter().flatten() {
            line.push_str("; ");
            line.push_str(part);
        }
        line
    }

    /// `included from FILE:LINE, from FILE:LINE`; `None` in the first file.
    fn include_stack(&self) -> Option<String> {
        let places = self.included_from.iter();
        let places = places.map(|place| format!("from {}:{}", place.file, place.line));
        let stack: Vec<String> = places.collect();
        (!stack.is_empty()).then(|| format!("included {}", stack.join(", ")))
    }
}

/// A diagnostic before its places are looked up.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    severity: Severity,
    kind: Kind,
    span: Span,
    message: String,
    expected: Option<String>,
    related: Vec<(Span, &'static str)>,
    help: Option<String>,
}

impl Finding {
    pub(super) fn expected(&mut self, what: impl fmt::Display) -> &mut Self {
        self.expected = Some(format!("expected {what}"));
        self
    }

    pub(super) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn related(&mut self, span: Span, label: &'static str) -> &mut Self {
        self.related.push((span, label));
        self
    }

    fn locate(self, sources: &Sources) -> Diagnostic {
        let (span, definition) = sources.resolve(self.span);
        let definition = definition.map(|definition| (definition, "defined"));
        let related = definition.into_iter().chain(self.related);
        let related = related.map(|(span, label)| Related {
            span: sources.resolve(span).0,
            place: sources.place(span),
            label: label.to_owned(),
        });
        let included_from = sources.included_from(span).into_iter();
        Diagnostic {
            severity: self.severity,
            kind: self.kind,
            span,
            place: sources.place(span),
            word: printable(sources.get(span.file).slice(span)),
            message: self.message,
            expected: self.expected,
            related: related.collect(),
            included_from: included_from.map(|span| sources.place(span)).collect(),
            help: self.help,
        }
    }
}

/// Collects findings, bounded per severity so that warnings cannot hide an error.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
    counts: [usize; 3],
    /// Written to and never read, once a severity is full.
    overflow: Option<Finding>,
    /// Keywords that nothing acts on yet, by block, each where it is first.
    parsed: BTreeMap<&'static str, Vec<(&'static str, Span)>>,
    /// Words that nothing may tell.
    secrets: Vec<Span>,
    /// What the text names on the machine.
    needs: Vec<Spanned<Need>>,
    /// Depth of blocks that were told as a whole: nothing acts on them yet.
    told_as_a_whole: usize,
}

impl Report {
    pub(super) fn error(&mut self, kind: Kind, span: Span, message: String) -> &mut Finding {
        self.finding(Severity::Error, kind, span, message)
    }

    pub(super) fn warning(&mut self, kind: Kind, span: Span, message: String) -> &mut Finding {
        self.finding(Severity::Warning, kind, span, message)
    }

    pub(super) fn note(&mut self, kind: Kind, span: Span, message: String) -> &mut Finding {
        self.finding(Severity::Note, kind, span, message)
    }

    /// Notes a keyword that is understood and that nothing acts on yet: told once for all of its block.
    pub(super) fn parsed(&mut self, block: &'static str, keyword: &'static str, at: Span) {
        let keywords = self.parsed.entry(block).or_default();
        if keywords.iter().all(|(known, _)| *known != keyword) {
            keywords.push((keyword, at));
        }
    }

    fn tell_parsed(&mut self, sources: &Sources) {
        for (block, keywords) in std::mem::take(&mut self.parsed) {
            let Some((_, first)) = keywords.first().copied() else {
                continue;
            };
            let file = sources.place(first).file;
            let words = keywords.iter().map(|(keyword, at)| {
                let place = sources.place(*at);
                let at = if place.file == file {
                    format!("line {}", place.line)
                } else {
                    format!("{}:{}", place.file, place.line)
                };
                format!("{} ({at})", quote(keyword))
            });
            let words: Vec<String> = words.collect();
            self.note(
                Kind::NotCarried,
                first,
                format!(
                    "lb understands, but does not act on yet, in {block}: {}",
                    words.join(", ")
                ),
            );
        }
    }

    /// Reads a block of which it was told that nothing acts on it, so that its words need not be.
    pub(super) fn as_a_whole(&mut self, read: impl FnOnce(&mut Self)) {
        self.told_as_a_whole += 1;
        read(self);
        self.told_as_a_whole -= 1;
    }

    /// Whether a block around was told as a whole.
    pub(super) fn is_told_as_a_whole(&self) -> bool {
        self.told_as_a_whole > 0
    }

    /// Notes a word that nothing may tell.
    pub(super) fn hide(&mut self, secret: Span) {
        self.secrets.push(secret);
    }

    /// Notes what should be on the machine.
    pub(super) fn needs(&mut self, need: Need, at: Span) {
        self.needs.push(Spanned::new(need, at));
    }

    pub(super) fn take_needs(&mut self) -> Vec<Spanned<Need>> {
        std::mem::take(&mut self.needs)
    }

    /// Takes the secrets out of the text that diagnostics show, and out of their sentences.
    pub(super) fn redact(&mut self, sources: &mut Sources) {
        let secrets = std::mem::take(&mut self.secrets);
        let hidden = sources.hide(&secrets);
        for (secret, text) in secrets.iter().zip(&hidden) {
            let told = |finding: &&mut Finding| {
                let at = finding.span;
                at.file == secret.file && at.start < secret.end && secret.start < at.end
            };
            for finding in self.findings.iter_mut().filter(told) {
                if !text.is_empty() {
                    finding.message = finding.message.replace(text, HIDDEN);
                }
            }
        }
    }

    /// How many errors there are so far.
    pub(super) fn errors(&self) -> usize {
        self.counts[Severity::Error as usize]
    }

    /// Whether further errors would not be kept: readers stop.
    pub(super) fn is_full(&self) -> bool {
        self.counts[Severity::Error as usize] > MAX_PER_SEVERITY
    }

    pub(super) fn finding(
        &mut self,
        severity: Severity,
        kind: Kind,
        span: Span,
        message: String,
    ) -> &mut Finding {
        let finding = Finding {
            severity,
            kind,
            span,
            message,
            expected: None,
            related: Vec::new(),
            help: None,
        };
        let count = &mut self.counts[severity as usize];
        *count += 1;
        if *count > MAX_PER_SEVERITY {
            return self.overflow.insert(finding);
        }
        let index = self.findings.len();
        self.findings.push(finding);
        &mut self.findings[index]
    }

    /// Everything found, in the order of the files.
    pub(super) fn finish(mut self, sources: &Sources) -> Vec<Diagnostic> {
        self.tell_parsed(sources);
        self.findings.sort_by_key(|finding| {
            let (span, definition) = sources.resolve(finding.span);
            (span.file, span.start, definition)
        });
        let last = self.findings.last().map(|finding| finding.span);
        let truncated = [Severity::Error, Severity::Warning, Severity::Note]
            .into_iter()
            .filter(|severity| self.counts[*severity as usize] > MAX_PER_SEVERITY);
        let more = truncated.zip(last.into_iter().cycle()).map(|(severity, span)| Finding {
            severity: Severity::Note,
            kind: Kind::Limit,
            span,
            message: format!("there is more: only the first {MAX_PER_SEVERITY} of severity {severity} are told"),
            expected: None,
            related: Vec::new(),
            help: None,
        });
        let more: Vec<Finding> = more.collect();
        self.findings
            .into_iter()
            .chain(more)
            .map(|finding| finding.locate(sources))
            .collect()
    }
}

/// Text from a file as it goes into a sentence: in backticks, shortened, without control characters.
pub(super) fn quote(text: &str) -> String {
    format!("`{}`", printable(text))
}

fn printable(text: &str) -> String {
    if text.len() <= MAX_QUOTE && text.chars().all(is_harmless) {
        return text.to_owned();
    }
    let mut shown: String = text
        .chars()
        .take(MAX_QUOTE)
        .flat_map(|c| {
            let raw = is_harmless(c);
            let escaped = (!raw).then(|| c.escape_unicode());
            raw.then_some(c)
                .into_iter()
                .chain(escaped.into_iter().flatten())
        })
        .collect();
    if text.chars().nth(MAX_QUOTE).is_some() {
        shown.push('…');
    }
    shown
}

/// Whether a terminal shows the character and does nothing else: no controls, line separators or changes of
/// the writing direction.
fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}
