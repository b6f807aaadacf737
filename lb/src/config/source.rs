//! Files as text with places in it.

/// Largest file that is read.
pub const MAX_FILE_SIZE: usize = 64 << 20;

/// A file of one [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(usize);

/// A piece of a file, in bytes of its text.
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
    /// From byte offsets; offsets fit because files are at most [`MAX_FILE_SIZE`] long.
    #[must_use]
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        Self {
            file,
            start: saturate(start),
            end: saturate(end.max(start)),
        }
    }

    /// From the start of `self` to the end of `last`.
    #[must_use]
    pub fn to(self, last: Self) -> Self {
        Self {
            end: last.end.max(self.end),
            ..self
        }
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
    line_starts: Vec<u32>,
}

impl Source {
    /// From the bytes of a file. Bytes that are not UTF-8 become U+FFFD: comments in old files are often
    /// Latin-1.
    #[must_use]
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let lossy = matches!(text, std::borrow::Cow::Owned(_));
        let text = text.into_owned();
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| saturate(at + 1)))
            .collect();
        Self {
            name: name.to_owned(),
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

/// All files of one configuration.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a file.
    pub fn add(&mut self, source: Source) -> FileId {
        self.0.push(source);
        FileId(self.0.len() - 1)
    }

    /// A file added before.
    #[must_use]
    pub fn get(&self, file: FileId) -> &Source {
        &self.0[file.0]
    }

    /// All files in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }

    /// Where a span starts.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
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

fn saturate(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
