//! Text to tokens by keepalived's line rules.
//!
//! Blanks separate words, `"…"` groups and ends the word before it, `{` and `}` outside quotes stand alone,
//! `#` and `!` outside quotes start a comment unless escaped by `\`.

use super::{
    ast::{RestOfLine, Word},
    diagnostic::{Kind, Report, quote},
    lines::{Line, Lines, comment::quote_end},
    source::Span,
};

/// A token. Lines matter: a keyword ends with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    Open(Span),
    Close(Span),
    LineEnd,
}

/// Reads the lines of a configuration.
pub(super) struct Lexer<'l> {
    lines: Lines<'l>,
    /// The line being read.
    line: Option<Line>,
    at: usize,
    /// End of the line, or of what of it is no comment once that is known.
    end: usize,
    /// Where the rest of the statement starts, once its keyword is read.
    rest: Option<usize>,
    /// Whether there are quotes or backslashes in the statement.
    has_quotes: bool,
    /// Where a comment starts that may have been meant as a part of the statement.
    comment: Option<usize>,
    /// The rest of the statement that just ended.
    finished_rest: Option<Box<RestOfLine>>,
}

impl<'l> Lexer<'l> {
    pub(super) fn new(lines: Lines<'l>) -> Self {
        Self {
            lines,
            line: None,
            at: 0,
            end: 0,
            rest: None,
            has_quotes: false,
            comment: None,
            finished_rest: None,
        }
    }

    pub(super) fn lines(&mut self) -> &mut Lines<'l> {
        &mut self.lines
    }

    pub(super) fn into_lines(self) -> Lines<'l> {
        self.lines
    }

    /// The rest of the statement that the last token ended, where it holds quotes or backslashes.
    pub(super) fn take_rest(&mut self) -> Option<Box<RestOfLine>> {
        self.finished_rest.take()
    }

    /// The next token; `None` at the end of the configuration, after the last `LineEnd`.
    pub(super) fn next(&mut self, report: &mut Report) -> Option<Token> {
        if self.line.is_none() {
            self.enter_line(report)?;
        }
        self.skip_blanks();
        let Some(byte) = self.rest_of_line().bytes().next() else {
            self.end_statement();
            self.line = None;
            return Some(Token::LineEnd);
        };
        Some(match byte {
            b'{' => Token::Open(self.brace()),
            b'}' => Token::Close(self.brace()),
            b'"' => Token::Word(self.quoted(report)),
            _ => Token::Word(self.bare(report)),
        })
    }

    fn brace(&mut self) -> Span {
        self.end_statement();
        self.at += 1;
        self.span(self.at - 1, self.at)
    }

    fn enter_line(&mut self, report: &mut Report) -> Option<()> {
        let line = self.lines.next(report)?;
        (self.at, self.end) = match &line {
            Line::Written { start, end, .. } => (*start, *end),
            Line::Made { made, start } => (*start, made.text().len()),
        };
        self.line = Some(line);
        Some(())
    }

    /// What is between the keyword and here belongs to the statement that ends here.
    fn end_statement(&mut self) {
        let rest = self.rest.take();
        let has_quotes = std::mem::take(&mut self.has_quotes);
        let comment = self.comment.take();
        let Some(start) = rest.filter(|_| has_quotes || comment.is_some()) else {
            return;
        };
        let text = self.text()[start..self.at].trim_end();
        let leading = text.len() - text.trim_start().len();
        let (text, end) = (Box::from(text.trim_start()), start + text.len());
        let span = self.span(start + leading, end);
        let comment = comment.map(|at| self.span(at, at + 1));
        self.finished_rest = Some(Box::new(RestOfLine {
            text,
            span,
            comment,
        }));
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest_of_line();
        let text = rest.trim_start_matches([' ', '\t', '\r']);
        let blanks = rest.len() - text.len();
        let is_comment = text.starts_with(['#', '!']);
        // `a #1` and `a#b` look like words, `a # b` does not.
        let mut after = text.chars().skip(1);
        let is_spaced = blanks > 0 && after.next().is_none_or(char::is_whitespace);
        self.at += blanks;
        if is_comment {
            self.end = self.at;
            self.comment = self.rest.map(|_| self.at).filter(|_| !is_spaced);
        }
    }

    fn quoted(&mut self, report: &mut Report) -> Word {
        let start = self.at;
        let text = &self.rest_of_line()[1..];
        let length = quote_end(text);
        let inner: Box<str> = text[..length.unwrap_or(text.len())].into();
        self.at = start + 1 + inner.len() + usize::from(length.is_some());
        self.has_quotes = true;
        if length.is_none() {
            let span = self.span(start, start + 1);
            report
                .error(
                    Kind::Syntax,
                    span,
                    format!("the quote before {} is not closed", quote(&inner)),
                )
                .help("close it on the same line");
        }
        let inner = if inner.contains("\\\"") {
            inner.replace("\\\"", "\"").into()
        } else {
            inner
        };
        self.word(start, inner, report)
    }

    fn bare(&mut self, report: &mut Report) -> Word {
        let start = self.at;
        let rest = self.rest_of_line();
        let bytes = rest.as_bytes();
        let mut text = String::new();
        let (mut copied, mut at) = (0, 0);
        let mut has_quotes = false;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\\' if matches!(bytes.get(at + 1), Some(b'#' | b'!')) => {
                    has_quotes = true;
                    text.push_str(&rest[copied..at]);
                    copied = at + 1;
                    at += 2;
                }
                b' ' | b'\t' | b'\r' | b'"' | b'{' | b'}' | b'#' | b'!' => break,
                _ => {
                    has_quotes |= matches!(byte, b'\\' | b'\'');
                    at += 1;
                }
            }
        }
        let text: Box<str> = if copied == 0 {
            rest[..at].into()
        } else {
            text.push_str(&rest[copied..at]);
            text.into()
        };
        self.at = start + at;
        self.has_quotes |= has_quotes;
        self.word(start, text, report)
    }

    fn word(&mut self, start: usize, text: Box<str>, report: &mut Report) -> Word {
        let span = self.span(start, self.at);
        if self.rest.is_none() {
            self.rest = Some(self.at);
            self.has_quotes = false;
            self.finished_rest = None;
        }
        let is_lossy = self.lines.sources().get(span.file).is_lossy();
        if is_lossy && text.contains(char::REPLACEMENT_CHARACTER) {
            report.error(
                Kind::Syntax,
                span,
                format!("{} holds bytes that are not UTF-8", quote(&text)),
            );
        }
        Word { text, span }
    }

    fn text(&self) -> &str {
        match &self.line {
            None => "",
            Some(Line::Written { file, .. }) => self.lines.sources().get(*file).text(),
            Some(Line::Made { made, .. }) => made.text(),
        }
    }

    fn rest_of_line(&self) -> &str {
        self.text().get(self.at..self.end).unwrap_or_default()
    }

    fn span(&mut self, start: usize, end: usize) -> Span {
        match &self.line {
            Some(Line::Made { made, .. }) => made.span(start, end, self.lines.sources_mut()),
            Some(Line::Written { file, .. }) => Span::new(*file, start, end),
            // No token is outside a line.
            None => Span::NOWHERE,
        }
    }
}
