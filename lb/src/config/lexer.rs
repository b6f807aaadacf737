//! Text to tokens by keepalived's line rules.
//!
//! Blanks separate words, `"…"` groups and ends the word before it, `{` and `}` outside quotes stand alone,
//! `#` and `!` outside quotes start a comment unless escaped by `\`. A line with a NUL is refused whole.

use super::{
    ast::Word,
    diagnostic::{Kind, Report, quote},
    source::{FileId, Source, Span},
};

/// A token. Lines matter: a keyword ends with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    Open(Span),
    Close(Span),
    LineEnd,
    /// `$NAME=…` with its continuation lines.
    Definition(Span),
}

/// Reads one file.
#[derive(Debug)]
pub(super) struct Lexer<'s> {
    file: FileId,
    source: &'s Source,
    at: usize,
    /// End of the current line without its line end.
    line_end: usize,
    /// Start of the next line; `None` in the last one.
    next_line: Option<usize>,
    in_line: bool,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(file: FileId, source: &'s Source) -> Self {
        let byte_order_mark = if source.text().starts_with('\u{feff}') {
            '\u{feff}'.len_utf8()
        } else {
            0
        };
        Self {
            file,
            source,
            at: byte_order_mark,
            line_end: 0,
            next_line: Some(byte_order_mark),
            in_line: false,
        }
    }

    /// The next token; `None` at the end of the file, after the last `LineEnd`.
    pub(super) fn next(&mut self, report: &mut Report) -> Option<Token> {
        if !self.in_line {
            self.enter_line(report)?;
            if self.source.text()[self.at..self.line_end]
                .trim_start()
                .starts_with('$')
            {
                return Some(self.definition());
            }
        }
        self.skip_blanks();
        let Some(byte) = self.byte() else {
            self.in_line = false;
            return Some(Token::LineEnd);
        };
        Some(match byte {
            b'{' => Token::Open(self.take(1)),
            b'}' => Token::Close(self.take(1)),
            b'"' => Token::Word(self.quoted(report)),
            _ => Token::Word(self.bare(report)),
        })
    }

    /// Moves to the next line that may be read.
    fn enter_line(&mut self, report: &mut Report) -> Option<()> {
        loop {
            let start = self.next_line?;
            let text = &self.source.text()[start..];
            let length = text.find('\n');
            self.next_line = length.map(|length| start + length + 1);
            let line = &text[..length.unwrap_or(text.len())];
            self.at = start;
            self.line_end = start + line.trim_end_matches('\r').len();
            self.in_line = true;
            let Some(nul) = line.find('\0') else {
                return Some(());
            };
            report.error(
                Kind::Syntax,
                Span::new(self.file, start + nul, start + nul + 1),
                "the line holds a NUL byte and cannot be read".to_owned(),
            );
            if report.is_full() {
                return None;
            }
        }
    }

    fn definition(&mut self) -> Token {
        let text = self.source.text();
        let start = self.line_end - text[self.at..self.line_end].trim_start().len();
        let first_end = self.line_end;
        while text[..self.line_end].ends_with('\\') {
            let Some(next) = self.next_line else { break };
            let length = text[next..].find('\n');
            self.next_line = length.map(|length| next + length + 1);
            self.line_end = length.map_or(text.len(), |length| next + length);
            self.line_end = next + text[next..self.line_end].trim_end_matches('\r').len();
        }
        self.at = self.line_end;
        Token::Definition(Span::new(self.file, start, first_end))
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.byte() {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'#' | b'!' => self.at = self.line_end,
                _ => return,
            }
        }
    }

    fn quoted(&mut self, report: &mut Report) -> Word {
        let start = self.at;
        let text = &self.source.text()[start + 1..self.line_end];
        let length = text.find('"');
        let inner = &text[..length.unwrap_or(text.len())];
        self.at = start + 1 + inner.len() + usize::from(length.is_some());
        let word = self.word(start, inner.into(), report);
        if length.is_none() {
            report
                .error(
                    Kind::Syntax,
                    Span::new(self.file, start, start + 1),
                    format!("the quote before {} is not closed", quote(inner)),
                )
                .help("close it on the same line");
        }
        word
    }

    fn bare(&mut self, report: &mut Report) -> Word {
        let start = self.at;
        let mut text = String::new();
        let mut copied = start;
        while let Some(byte) = self.byte() {
            match byte {
                b'\\' if matches!(self.byte_after(), Some(b'#' | b'!')) => {
                    text.push_str(&self.source.text()[copied..self.at]);
                    copied = self.at + 1;
                    self.at += 2;
                }
                b' ' | b'\t' | b'\r' | b'"' | b'{' | b'}' | b'#' | b'!' => break,
                _ => self.at += 1,
            }
        }
        text.push_str(&self.source.text()[copied..self.at]);
        self.word(start, text.into_boxed_str(), report)
    }

    fn word(&self, start: usize, text: Box<str>, report: &mut Report) -> Word {
        let span = Span::new(self.file, start, self.at);
        if self.source.is_lossy() && text.contains(char::REPLACEMENT_CHARACTER) {
            report.error(
                Kind::Syntax,
                span,
                format!("{} holds bytes that are not UTF-8", quote(&text)),
            );
        }
        Word { text, span }
    }

    fn take(&mut self, length: usize) -> Span {
        let start = self.at;
        self.at += length;
        Span::new(self.file, start, self.at)
    }

    fn byte(&self) -> Option<u8> {
        self.source.text().as_bytes()[..self.line_end]
            .get(self.at)
            .copied()
    }

    fn byte_after(&self) -> Option<u8> {
        self.source.text().as_bytes()[..self.line_end]
            .get(self.at + 1)
            .copied()
    }
}
