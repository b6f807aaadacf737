//! The words of scripts, paths of programs and regular expressions: joined as a shell does it.
//!
//! `'…'` and `"…"` keep blanks, pieces without a blank in between are one word, and a backslash starts an
//! escape: `\a \b \E \f \n \r \t \v`, `\nnn` in octal, `\xXX`, `\cC` for a control character; before any other
//! character it is that character.

use std::{iter::Peekable, str::CharIndices};

use super::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report},
    source::Span,
};

impl Statement {
    /// The arguments, joined as a shell does it.
    pub(super) fn quoted_arguments(&self, report: &mut Report) -> Vec<Word> {
        let Some(rest) = &self.rest else {
            return self.arguments.to_vec();
        };
        if rest.is_cut {
            report
                .warning(
                    Kind::Syntax,
                    rest.span,
                    "`#` or `!` starts a comment behind these words, as in keepalived".to_owned(),
                )
                .help("write `\\#` or `\\!` where it belongs to a word, or a blank before the comment");
        }
        let place = |start, end| rest.span.within(start, end);
        split_after(rest.is_open, &rest.text, place, report)
    }
}

/// The words of a text, joined as a shell does it; `place` gives the span of some of its bytes.
pub(super) fn split(
    text: &str,
    place: impl Fn(usize, usize) -> Span,
    report: &mut Report,
) -> Vec<Word> {
    split_after(false, text, place, report)
}

/// The same, where it may be told already that a quote is not closed.
fn split_after(
    is_told: bool,
    text: &str,
    place: impl Fn(usize, usize) -> Span,
    report: &mut Report,
) -> Vec<Word> {
    let mut words = Vec::new();
    let mut reader = Reader {
        chars: text.char_indices().peekable(),
        length: text.len(),
    };
    while let Some(read) = reader.next() {
        let span = place(read.start, read.end);
        if !read.is_closed && !is_told {
            report
                .error(Kind::Syntax, span, "the quote is not closed".to_owned())
                .help(
                    "close it on the same line; `#` and `!` start a comment unless in double quotes or after `\\`",
                );
        }
        match String::from_utf8(read.bytes) {
            Ok(text) if !text.contains('\0') => words.push(Word {
                text: text.into(),
                span,
            }),
            _ => {
                report
                    .error(Kind::Value, span, "the escapes make no text".to_owned())
                    .expected("UTF-8 without NUL");
            }
        }
    }
    words
}

/// Words as one text that [`split`] makes the same words of.
pub(super) fn join<'w>(words: impl IntoIterator<Item = &'w String>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| join_one(word)).collect();
    words.join(" ")
}

fn join_one(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"'\"\\".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    let mut joined = "'".to_owned();
    for c in word.chars() {
        match c {
            '\'' | '\\' | '"' => joined.extend(['\\', c]),
            c if c.is_ascii_control() => joined.push_str(&format!("\\{:03o}", u32::from(c))),
            c => joined.push(c),
        }
    }
    joined.push('\'');
    joined
}

/// A text as one word in double quotes that [`split`] makes it of.
pub(super) fn in_quotes(text: &str) -> String {
    let mut word = String::from('"');
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let starts_name = |c: char| c == '{' || c == '_' || c.is_ascii_alphanumeric();
        match c {
            '"' | '\\' => word.extend(['\\', c]),
            // A definition would be replaced here too.
            '$' if rest.as_str().starts_with(starts_name) => word.push_str("\\x24"),
            c if c.is_ascii_control() => word.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => word.push(c),
        }
    }
    word.push('"');
    word
}

/// One word.
struct Read {
    /// Escapes make bytes; together they may be no text.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    is_closed: bool,
}

struct Reader<'t> {
    chars: Peekable<CharIndices<'t>>,
    length: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<Read> {
        while self.chars.next_if(|(_, c)| is_blank(*c)).is_some() {}
        let start = self.at();
        self.chars.peek()?;
        let mut bytes = Vec::new();
        let mut quote = None;
        while let Some((_, c)) = self
            .chars
            .next_if(|(_, c)| quote.is_some() || !is_blank(*c))
        {
            match c {
                '\\' => self.escape(&mut bytes),
                '"' | '\'' if quote.is_none() => quote = Some(c),
                c if quote == Some(c) => quote = None,
                c => push(&mut bytes, c),
            }
        }
        Some(Read {
            bytes,
            start,
            end: self.at(),
            is_closed: quote.is_none(),
        })
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) {
        let Some((_, c)) = self.chars.next() else {
            bytes.push(b'\\');
            return;
        };
        match c {
            'a' => bytes.push(0x07),
            'b' => bytes.push(0x08),
            'E' => bytes.push(0x1b),
            'f' => bytes.push(0x0c),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(0x0b),
            '0'..='7' => {
                let first = c.to_digit(8).unwrap_or(0);
                bytes.push(self.digits(first, 8, 2).0);
            }
            'x' => match self.digits(0, 16, 2) {
                (_, 0) => bytes.push(b'x'),
                (byte, _) => bytes.push(byte),
            },
            'c' => match self.chars.next_if(|(_, c)| c.is_ascii()) {
                Some((_, c)) => bytes.push(c.to_ascii_uppercase() as u8 & 0x1f),
                None => bytes.push(b'c'),
            },
            c => push(bytes, c),
        }
    }

    /// Up to `most` more digits; the byte they make and how many there were.
    fn digits(&mut self, first: u32, radix: u32, most: usize) -> (u8, usize) {
        let mut value = first;
        let mut count = 0;
        while count < most
            && let Some((_, c)) = self.chars.next_if(|(_, c)| c.is_digit(radix))
        {
            value = value * radix + c.to_digit(radix).unwrap_or(0);
            count += 1;
        }
        let [byte, ..] = value.to_le_bytes();
        (byte, count)
    }

    fn at(&mut self) -> usize {
        self.chars.peek().map_or(self.length, |(at, _)| *at)
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r')
}

fn push(bytes: &mut Vec<u8>, c: char) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
