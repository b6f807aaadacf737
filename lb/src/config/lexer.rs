//! Text to tokens by keepalived's line rules.
//!
//! Blanks separate words, `"…"` groups and ends the word before it, `{` and `}` outside quotes stand alone,
//! `#` and `!` outside quotes start a comment unless escaped by `\`.

use smol_str::SmolStr;

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
    /// Whether a comment follows the statement without a blank.
    is_cut: bool,
    /// Whether a quote of the statement is not closed.
    is_open: bool,
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
            is_cut: false,
            is_open: false,
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
        let rest = self.rest_of_line().as_bytes();
        let blanks = rest.iter().take_while(|byte| is_blank(**byte)).count();
        let byte = rest.get(blanks).copied();
        self.at += blanks;
        Some(match byte {
            None | Some(b'#' | b'!') => {
                self.is_cut =
                    byte.is_some() && blanks == 0 && self.rest.is_some_and(|start| start < self.at);
                self.end_statement();
                self.line = None;
                Token::LineEnd
            }
            Some(b'{') => Token::Open(self.brace()),
            Some(b'}') => Token::Close(self.brace()),
            Some(b'"') => Token::Word(self.quoted(report)),
            Some(_) => Token::Word(self.bare(report)),
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
        let is_cut = std::mem::take(&mut self.is_cut);
        let is_open = std::mem::take(&mut self.is_open);
        let Some(start) = rest.filter(|_| has_quotes || is_cut) else {
            return;
        };
        let text = self.text()[start..self.at].trim_end();
        let leading = text.len() - text.trim_start().len();
        let (text, end) = (Box::from(text.trim_start()), start + text.len());
        let span = self.span(start + leading, end);
        self.finished_rest = Some(Box::new(RestOfLine {
            text,
            span,
            is_cut,
            is_open,
        }));
    }

    fn quoted(&mut self, report: &mut Report) -> Word {
        let start = self.at;
        let text = &self.rest_of_line()[1..];
        let length = quote_end(text);
        let inner = SmolStr::new(&text[..length.unwrap_or(text.len())]);
        self.at = start + 1 + inner.len() + usize::from(length.is_some());
        self.has_quotes = true;
        if length.is_none() {
            self.is_open = true;
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
        let plain = rest.bytes().position(|byte| !is_plain(byte));
        let plain = plain.unwrap_or(rest.len());
        let text = match rest.as_bytes().get(plain) {
            Some(b'\\' | b'\'') => {
                let (text, length) = unescape(rest);
                self.at += length;
                self.has_quotes = true;
                text
            }
            _ => {
                let text = SmolStr::new(&rest[..plain]);
                self.at += plain;
                text
            }
        };
        self.word(start, text, report)
    }

    fn word(&mut self, start: usize, text: SmolStr, report: &mut Report) -> Word {
        let span = self.span(start, self.at);
        if self.rest.is_none() {
            self.rest = Some(self.at);
            self.has_quotes = false;
            self.is_open = false;
            self.finished_rest = None;
        }
        let is_lossy = match &self.line {
            Some(Line::Written { source, .. }) => source.is_lossy(),
            _ => self.lines.sources().get(span.file).is_lossy(),
        };
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
            Some(Line::Written { source, .. }) => source.text(),
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

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// Whether the byte is of a word and nothing else.
const fn is_plain(byte: u8) -> bool {
    !is_blank(byte) && !matches!(byte, b'"' | b'{' | b'}' | b'#' | b'!' | b'\\' | b'\'')
}

/// The word at the start of `rest` without the backslashes before `#` and `!`, and how long it is with them.
fn unescape(rest: &str) -> (SmolStr, usize) {
    let bytes = rest.as_bytes();
    let mut text = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if matches!(bytes.get(at + 1), Some(b'#' | b'!')) => {
                text.push_str(&rest[copied..at]);
                copied = at + 1;
                at += 2;
            }
            b'\\' | b'\'' => at += 1,
            byte if is_plain(*byte) => at += 1,
            _ => break,
        }
    }
    text.push_str(&rest[copied..at]);
    (text.into(), at)
}
