//! Files as text with places in it.

use std::{collections::BTreeMap, sync::Arc};

/// Largest file that is read, and most of all files of one configuration.
pub const MAX_FILE_SIZE: usize = 64 << 20;
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Set in a [`FileId`] that is no file but an expansion.
const EXPANSION: u32 = 1 << 31;

/// A file of one [`Sources`], or a use of a definition in one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

impl FileId {
    fn file(self) -> Option<usize> {
        (self.0 & EXPANSION == 0).then_some(self.0 as usize)
    }

    fn expansion(self) -> Option<usize> {
        (self.0 & EXPANSION != 0).then_some((self.0 & !EXPANSION) as usize)
    }
}

/// A piece of a file, in bytes of its text.
///
/// While a configuration is read, the span of expanded text names the use of the definition by its file, and
/// the text of the definition by its bytes; [`Sources::resolve`] tells both. Those of a finished
/// [`Diagnostic`](super::Diagnostic) are pieces of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

impl Span {
    /// The start of the first file.
    pub(super) const NOWHERE: Self = Self {
        file: FileId(0),
        start: 0,
        end: 0,
    };

    /// From byte offsets; offsets fit because files are at most [`MAX_FILE_SIZE`] long.
    #[must_use]
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        Self {
            file,
            start: saturate(start),
            end: saturate(end.max(start)),
        }
    }

    /// From the start of `self` to the end of `last`; `self` where they are not of one text.
    #[must_use]
    pub fn to(self, last: Self) -> Self {
        if self.file != last.file {
            return self;
        }
        Self {
            end: last.end.max(self.end),
            ..self
        }
    }

    /// Bytes of the text that `self` is the start of: from `start` to `end` after it. All of `self` where
    /// that is expanded text.
    pub(super) fn within(self, start: usize, end: usize) -> Self {
        if self.file.expansion().is_some() {
            return self;
        }
        let from = self.start as usize;
        Self::new(self.file, from + start, from + end)
    }
}

/// A value and where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spanned<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

impl<T> Spanned<T> {
    pub(super) fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// Maps the value; `None` where there is nothing for it.
    pub(super) fn map<U>(self, f: impl FnOnce(T) -> Option<U>) -> Option<Spanned<U>> {
        Some(Spanned::new(f(self.value)?, self.span))
    }

    /// Converts the value; `None` where the conversion refuses it.
    pub(super) fn convert<U: TryFrom<T>>(self) -> Option<Spanned<U>> {
        let value = U::try_from(self.value).ok()?;
        Some(Spanned::new(value, self.span))
    }
}

/// Where a span starts, as people count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Name of the file as it was asked for.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One file.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    text: String,
    /// Whether bytes that are not UTF-8 were replaced by U+FFFD.
    lossy: bool,
    has_nul: bool,
    has_expansions: bool,
    line_starts: Vec<u32>,
}

impl Source {
    /// From the bytes of a file. Bytes that are not UTF-8 become U+FFFD: comments in old files are often
    /// Latin-1.
    #[must_use]
    pub fn new(name: &str, bytes: Vec<u8>) -> Self {
        let (text, lossy) = match String::from_utf8(bytes) {
            Ok(text) => (text, false),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
        };
        let ends = || memchr::memchr_iter(b'\n', text.as_bytes());
        let mut line_starts = Vec::with_capacity(ends().count() + 1);
        line_starts.push(0);
        line_starts.extend(ends().map(|at| saturate(at + 1)));
        Self {
            name: name.to_owned(),
            has_nul: holds(&text, |byte| byte == 0),
            has_expansions: holds(&text, may_expand),
            text,
            lossy,
            line_starts,
        }
    }

    /// The name it was asked for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the file held bytes that are not UTF-8.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        self.lossy
    }

    /// Whether there is a NUL.
    pub(super) fn has_nul(&self) -> bool {
        self.has_nul
    }

    /// Whether there is a byte that a condition, a definition, a use or a repeated line starts with.
    pub(super) fn has_expansions(&self) -> bool {
        self.has_expansions
    }

    /// The bytes of a line, from 0, without its end; `None` after the last.
    pub(super) fn line(&self, index: usize) -> Option<std::ops::Range<usize>> {
        let mut start = *self.line_starts.get(index)? as usize;
        let next = self.line_starts.get(index + 1);
        let end = next.map_or(self.text.len(), |next| *next as usize - 1);
        if index == 0 && self.text.starts_with(BYTE_ORDER_MARK) {
            start = BYTE_ORDER_MARK.len_utf8();
        }
        let returns = self.text.as_bytes()[start..end].iter().rev();
        let returns = returns.take_while(|byte| **byte == b'\r').count();
        Some(start..end - returns)
    }

    /// The text of a span; empty where the span is not of this text.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }

    /// The line a byte is in, without its end.
    #[must_use]
    pub fn line_around(&self, byte: u32) -> &str {
        let line = self.line_index(byte);
        let start = self.line_starts[line] as usize;
        let end = self
            .line_starts
            .get(line + 1)
            .map_or(self.text.len(), |next| *next as usize - 1);
        self.text.get(start..end).unwrap_or_default()
    }

    /// The empty span at the end of the text.
    #[must_use]
    pub fn end(&self, file: FileId) -> Span {
        Span::new(file, self.text.len(), self.text.len())
    }

    /// Where the first NUL is in a file that has both NUL and bytes that are not UTF-8: no text.
    #[must_use]
    pub fn first_binary_byte(&self) -> Option<usize> {
        self.text.find('\0').filter(|_| self.lossy)
    }

    fn line_index(&self, byte: u32) -> usize {
        self.line_starts.partition_point(|start| *start <= byte) - 1
    }
}

/// Whether a condition, a definition, a use or a repeated line starts with the byte.
pub(super) fn may_expand(byte: u8) -> bool {
    matches!(byte, b'$' | b'~' | b'@')
}

/// One reading of a file.
#[derive(Clone, Debug)]
struct Reading {
    /// Shared by all readings of the file.
    source: Arc<Source>,
    /// The directive that asked for it.
    included_from: Option<Span>,
}

/// Where expanded text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Expansion {
    /// The use in a file.
    at: Span,
    /// The file of the definition.
    definition: FileId,
}

/// All files of one configuration.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    readings: Vec<Reading>,
    expansions: Vec<Expansion>,
    known: BTreeMap<Expansion, u32>,
}

impl Sources {
    /// Adds a file.
    pub fn add(&mut self, source: Source) -> FileId {
        self.add_reading(Arc::new(source), None)
    }

    /// Adds a reading of a file that a directive asked for.
    pub(super) fn add_reading(
        &mut self,
        source: Arc<Source>,
        included_from: Option<Span>,
    ) -> FileId {
        self.readings.push(Reading {
            source,
            included_from,
        });
        FileId(saturate(self.readings.len() - 1))
    }

    /// The span of text that the definition at `definition` gives to the use at `at`.
    pub(super) fn expansion(&mut self, at: Span, definition: Span) -> Span {
        let expansion = Expansion {
            at,
            definition: definition.file,
        };
        let index = *self.known.entry(expansion).or_insert_with(|| {
            self.expansions.push(expansion);
            saturate(self.expansions.len() - 1)
        });
        Span {
            file: FileId(index | EXPANSION),
            ..definition
        }
    }

    /// A span as a piece of a file, and the definition it comes from.
    #[must_use]
    pub fn resolve(&self, span: Span) -> (Span, Option<Span>) {
        let expansion = span.file.expansion().and_then(|at| self.expansions.get(at));
        expansion.map_or((span, None), |expansion| {
            let definition = Span {
                file: expansion.definition,
                ..span
            };
            (expansion.at, Some(definition))
        })
    }

    /// The directives through which the file of a span was included, the nearest first.
    #[must_use]
    pub fn included_from(&self, span: Span) -> Vec<Span> {
        let mut chain = Vec::new();
        let mut file = self.resolve(span).0.file;
        while let Some(directive) = self.reading(file).included_from {
            let (directive, _) = self.resolve(directive);
            chain.push(directive);
            file = directive.file;
        }
        chain
    }

    /// Replaces the text of spans, in all readings of their files; returns what was there, without quotes.
    pub(super) fn hide(&mut self, spans: &[Span]) -> Vec<String> {
        let mut changed: BTreeMap<String, Source> = BTreeMap::new();
        let mut hidden = Vec::new();
        for span in spans {
            let (at, definition) = self.resolve(*span);
            let span = definition.unwrap_or(at);
            let original = self.get(span.file);
            let text = original.slice(span).to_owned();
            let source = changed
                .entry(original.name.clone())
                .or_insert_with(|| original.clone());
            let range = span.start as usize..span.end as usize;
            if source.text.get(range.clone()).is_some() {
                source.text.replace_range(range, &"*".repeat(text.len()));
            }
            hidden.push(text.trim_matches('"').to_owned());
        }
        for source in changed.into_values().map(Arc::new) {
            for reading in &mut self.readings {
                if reading.source.name == source.name {
                    reading.source = Arc::clone(&source);
                }
            }
        }
        hidden
    }

    /// A file added before.
    #[must_use]
    pub fn get(&self, file: FileId) -> &Source {
        &self.reading(file).source
    }

    /// The same, to be kept.
    pub(super) fn share(&self, file: FileId) -> Arc<Source> {
        Arc::clone(&self.reading(file).source)
    }

    fn reading(&self, file: FileId) -> &Reading {
        let file = file.file().unwrap_or_else(|| {
            let expansion = file.expansion().map(|at| self.expansions[at]);
            expansion.and_then(|used| used.at.file.file()).unwrap_or(0)
        });
        &self.readings[file]
    }

    /// All files in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.readings.iter().map(|reading| &*reading.source)
    }

    /// Where a span starts.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        let (span, _) = self.resolve(span);
        let source = self.get(span.file);
        let line = source.line_index(span.start);
        let before = source.line_starts[line] as usize..span.start as usize;
        let column = source
            .text
            .get(before)
            .map_or(0, |text| text.chars().count());
        Place {
            file: source.name.clone(),
            line: line + 1,
            column: column + 1,
        }
    }
}

/// Without an early end this is one pass at the speed of memory.
fn holds(text: &str, wanted: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(false, |holds, byte| holds | wanted(byte))
}

fn saturate(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
