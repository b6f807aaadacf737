//! The lines of a configuration in the order they are read: files, what they include, definitions of several
//! lines where they are used, and repeated lines.
//!
//! A stack of frames, the innermost on top, so that no input can exhaust the process's own. A line without
//! `$`, `~` and `@` is handed on as a piece of its file, uncopied.

pub(super) mod comment;
mod files;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
};

use self::files::{FileFrame, Includes};
use super::{
    Loader, Options,
    ast::Word,
    diagnostic::{Kind, Report},
    expand::{
        Definition, Definitions, Made, Raw, Value,
        condition::Condition,
        definition::{Head, continued},
        sequence::{Clause, Sequence},
    },
    include::{Checks, Directive},
    source::{FileId, Source, Sources, Span, may_expand},
};

/// Deepest nesting of files, definitions of several lines and repeated lines.
const MAX_FRAMES: usize = 64;
/// Most lines that definitions and repeated lines make.
const MAX_EXPANDED_LINES: usize = 2 << 20;
/// Most bytes in them.
const MAX_EXPANDED_BYTES: usize = 64 << 20;

/// One line, without its end.
#[derive(Debug)]
pub(super) enum Line {
    /// As it stands in a file, with its comment.
    Written {
        file: FileId,
        source: Arc<Source>,
        start: usize,
        end: usize,
    },
    /// With definitions replaced, from byte `start` on.
    Made { made: Made, start: usize },
}

#[derive(Debug)]
enum Frame {
    File(FileFrame),
    Includes(Includes),
    /// The lines of a definition after its first.
    Body {
        definition: Rc<Definition>,
        next: usize,
        used: Span,
    },
    Repeat(Repeat),
}

/// A repeated line.
#[derive(Debug)]
struct Repeat {
    sequence: Sequence,
    /// Where the clause is.
    clause: Span,
    line: Raw,
    /// What the variables were before; empty until the first value.
    before: Vec<(String, Option<Rc<Definition>>)>,
}

/// Reads lines.
pub(super) struct Lines<'l> {
    loader: &'l mut dyn Loader,
    options: &'l Options,
    sources: Sources,
    /// Files read before, so that reading one often takes no more memory.
    read: BTreeMap<PathBuf, Arc<Source>>,
    read_bytes: usize,
    readings: usize,
    /// What `include_check` demands now.
    checks: Checks,
    definitions: Definitions<'l>,
    frames: Vec<Frame>,
    expanded_lines: usize,
    expanded_bytes: usize,
}

impl<'l> Lines<'l> {
    pub(super) fn new(loader: &'l mut dyn Loader, options: &'l Options) -> Self {
        Self {
            loader,
            options,
            sources: Sources::default(),
            read: BTreeMap::new(),
            read_bytes: 0,
            readings: 0,
            checks: if options.check_all_includes {
                Checks::ALL
            } else {
                Checks::default()
            },
            definitions: Definitions::new(options),
            frames: Vec::new(),
            expanded_lines: 0,
            expanded_bytes: 0,
        }
    }

    pub(super) fn sources(&self) -> &Sources {
        &self.sources
    }

    pub(super) fn sources_mut(&mut self) -> &mut Sources {
        &mut self.sources
    }

    pub(super) fn into_sources(self) -> Sources {
        self.sources
    }

    /// `include_check`, which counts from its line on to the end of its file.
    pub(super) fn set_checks(&mut self, words: &[Word], report: &mut Report) {
        self.checks.set(words, report);
    }

    /// The next line that may hold something.
    pub(super) fn next(&mut self, report: &mut Report) -> Option<Line> {
        loop {
            if report.is_full() {
                return None;
            }
            let line = match self.frames.last_mut()? {
                Frame::File(file) => {
                    let Some(range) = file.next_line(report) else {
                        self.leave();
                        continue;
                    };
                    let text = &file.source.text()[range.clone()];
                    let is_plain = !file.source.has_expansions() || !text.bytes().any(may_expand);
                    if is_plain && Directive::read(text).is_none() {
                        return Some(Line::Written {
                            file: file.id,
                            source: Arc::clone(&file.source),
                            start: range.start,
                            end: range.end,
                        });
                    }
                    let raw = Raw {
                        text: comment::without(text).into(),
                        written: Span::new(file.id, range.start, range.end),
                        used: None,
                    };
                    self.read_line(raw, true, report)
                }
                Frame::Includes(_) => {
                    self.enter_next(report);
                    None
                }
                Frame::Body { .. } => self.next_of_body(report),
                Frame::Repeat(_) => self.next_of_repeat(report),
            };
            if line.is_some() {
                return line;
            }
        }
    }

    fn next_of_body(&mut self, report: &mut Report) -> Option<Line> {
        let Some(Frame::Body {
            definition,
            next,
            used,
        }) = self.frames.last_mut()
        else {
            return None;
        };
        let value = definition.line_after_first(*next).cloned();
        *next += 1;
        let used = *used;
        let Some((text, written)) = value.and_then(|value| Some((value.text, value.written?)))
        else {
            self.frames.pop();
            return None;
        };
        self.count(text.len(), used, report)?;
        let raw = Raw {
            text,
            written,
            used: Some(used),
        };
        self.read_line(raw, false, report)
    }

    fn next_of_repeat(&mut self, report: &mut Report) -> Option<Line> {
        let Some(Frame::Repeat(repeat)) = self.frames.last_mut() else {
            return None;
        };
        let Some(values) = repeat.sequence.next() else {
            self.leave();
            return None;
        };
        let is_first = repeat.before.is_empty();
        for (name, value) in repeat.sequence.names.iter().zip(values) {
            let definition = Definition::computed(name, &value, Some(repeat.clause));
            let before = self.definitions.define(definition);
            if is_first {
                repeat.before.push((name.clone(), before));
            }
        }
        let raw = repeat.line.clone();
        self.count(raw.text.len(), raw.span(0, raw.text.len()), report)?;
        self.read_line(raw, false, report)
    }

    /// Ends the innermost frame.
    fn leave(&mut self) {
        match self.frames.pop() {
            Some(Frame::File(file)) => self.checks = file.checks_before,
            Some(Frame::Repeat(repeat)) => {
                // In reverse, because one name may be there twice.
                for (name, before) in repeat.before.into_iter().rev() {
                    self.definitions.restore(&name, before);
                }
            }
            Some(Frame::Includes(_) | Frame::Body { .. }) | None => {}
        }
    }

    /// Counts a line that an expansion makes; `None` where it is one too many.
    fn count(&mut self, bytes: usize, at: Span, report: &mut Report) -> Option<()> {
        self.expanded_lines += 1;
        self.expanded_bytes += bytes;
        let message = if self.expanded_lines > MAX_EXPANDED_LINES {
            format!("definitions make more than {MAX_EXPANDED_LINES} lines: the rest is not read")
        } else if self.expanded_bytes > MAX_EXPANDED_BYTES {
            format!(
                "definitions make more than {} MiB: the rest is not read",
                MAX_EXPANDED_BYTES >> 20
            )
        } else {
            return Some(());
        };
        report.error(Kind::Limit, at, message);
        self.frames.clear();
        None
    }

    /// Conditions, then what a line may be besides text, then replacement, then conditions again.
    fn read_line(&mut self, mut raw: Raw, is_in_file: bool, report: &mut Report) -> Option<Line> {
        let mut is_conditional = false;
        while let Some(condition) = Condition::read(&raw.text) {
            let holds = condition.holds(&self.options.config_id);
            let rest = condition.rest;
            raw = raw.rest(rest);
            if !holds {
                self.skip(&raw, is_in_file);
                return None;
            }
            is_conditional = true;
        }
        if !is_conditional && let Some(directive) = Directive::read(&raw.text) {
            self.include(directive, &raw, report);
            return None;
        }
        if let Some(head) = Head::read(&raw.text) {
            self.define(head, &raw, is_in_file);
            return None;
        }
        if let Some(clause) = Clause::read(&raw.text) {
            self.repeat(clause, &raw, report);
            return None;
        }
        self.replace(&raw, report)
    }

    fn replace(&mut self, raw: &Raw, report: &mut Report) -> Option<Line> {
        let directory = directory(&self.frames);
        let open = open_definitions(&self.frames);
        let Ok(expanded) = self.definitions.expand(raw, directory, open, report) else {
            if self.definitions.is_exhausted() {
                self.frames.clear();
            }
            return None;
        };
        let made = expanded.made;
        let mut start = 0;
        while let Some(condition) = Condition::read(&made.text()[start..]) {
            if !condition.holds(&self.options.config_id) {
                return None;
            }
            start += condition.rest;
        }
        self.count(made.text().len(), raw.span(0, raw.text.len()), report)?;
        if let Some((definition, used)) = expanded.following {
            self.push(
                Frame::Body {
                    definition,
                    next: 0,
                    used,
                },
                used,
                report,
            );
        }
        let is_blank = made.text()[start..].trim().is_empty();
        (!is_blank).then_some(Line::Made { made, start })
    }

    fn push(&mut self, frame: Frame, at: Span, report: &mut Report) {
        if self.frames.len() >= MAX_FRAMES {
            report.error(
                Kind::Limit,
                at,
                format!("includes and definitions are nested more than {MAX_FRAMES} deep here"),
            );
            return;
        }
        self.frames.push(frame);
    }

    fn define(&mut self, head: Head<'_>, raw: &Raw, is_in_file: bool) {
        let (value, goes_on) = continued(&raw.text[head.value..]);
        let first = Value {
            text: value.into(),
            written: Some(raw.written.within(head.value, head.value + value.len())),
        };
        let more = if goes_on && is_in_file {
            self.continuation()
        } else {
            Vec::new()
        };
        self.definitions
            .define(Definition::new(head.name, first, more));
    }

    /// Passes over the further lines of a definition that does not count.
    fn skip(&mut self, raw: &Raw, is_in_file: bool) {
        if is_in_file && Head::read(&raw.text).is_some() && continued(&raw.text).1 {
            self.continuation();
        }
    }

    /// The further lines of a definition; lines without anything on them do not end it.
    fn continuation(&mut self) -> Vec<Value> {
        let mut values = Vec::new();
        let Some(Frame::File(file)) = self.frames.last_mut() else {
            return values;
        };
        while let Some(range) = file.next_range() {
            let line = comment::without(&file.source.text()[range.clone()]);
            let (code, goes_on) = continued(line);
            let text = code.trim_start();
            let start = range.start + code.len() - text.len();
            if !text.is_empty() {
                values.push(Value {
                    text: text.into(),
                    written: Some(Span::new(file.id, start, start + text.len())),
                });
            }
            if !goes_on && !text.is_empty() {
                break;
            }
        }
        values
    }

    fn repeat(&mut self, clause: Option<Clause>, raw: &Raw, report: &mut Report) {
        let Some(clause) = clause else {
            report
                .error(
                    Kind::Syntax,
                    raw.span(0, raw.text.len()),
                    "the `)` of the repeated line is missing".to_owned(),
                )
                .help("close it on the same line");
            return;
        };
        let arguments = raw.part(clause.arguments.0, clause.arguments.1);
        let open = open_definitions(&self.frames);
        let directory = directory(&self.frames);
        let Ok(arguments) = self.definitions.expand(&arguments, directory, open, report) else {
            return;
        };
        let at = raw.span(clause.start, clause.rest());
        match Sequence::read(&clause, arguments.made.text()) {
            Err(usage) => {
                let message = "the repeated line is malformed".to_owned();
                report.error(Kind::Value, at, message).expected(usage);
            }
            Ok(sequence) => {
                let repeat = Repeat {
                    sequence,
                    clause: raw.written.within(clause.start, clause.rest()),
                    line: raw.rest(clause.rest()),
                    before: Vec::new(),
                };
                self.push(Frame::Repeat(repeat), at, report);
            }
        }
    }
}

/// The directory of the file that is read.
fn directory(frames: &[Frame]) -> &Path {
    let files = frames.iter().rev().filter_map(|frame| match frame {
        Frame::File(file) => Some(file.directory()),
        _ => None,
    });
    files.take(1).next().unwrap_or(Path::new(""))
}

fn open_definitions(frames: &[Frame]) -> Vec<Rc<Definition>> {
    let bodies = frames.iter().filter_map(|frame| match frame {
        Frame::Body { definition, .. } => Some(Rc::clone(definition)),
        _ => None,
    });
    bodies.collect()
}
