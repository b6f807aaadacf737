//! A Rust file as the house rules read it: code, comments and strings apart.

use std::ops::Range;

/// One file of the tree.
#[derive(Debug)]
pub(super) struct Source {
    /// Path from the root, with `/`.
    pub(super) path: String,
    /// The file as it is.
    pub(super) text: String,
    /// The text with comments and the contents of strings blanked; of the same length and lines.
    pub(super) code: String,
    /// Only the comments, in the same places; the rest is blank.
    pub(super) comments: String,
    /// The contents of the string literals with the offsets of their opening quotes.
    pub(super) strings: Vec<(usize, String)>,
    /// Offsets of the modules under `#[cfg(test)]`.
    tests: Vec<Range<usize>>,
}

impl Source {
    /// Takes the file apart; a file of another language is all text and no code.
    pub(super) fn new(path: &str, text: &str) -> Self {
        let mut source = Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: String::new(),
            comments: String::new(),
            strings: Vec::new(),
            tests: Vec::new(),
        };
        if path.ends_with(".rs") {
            source.split();
            source.tests = test_modules(&source.code);
        }
        source
    }

    /// Returns the line of the byte at `offset`, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        1 + self.text.as_bytes()[..offset]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
    }

    /// Tells whether the whole file is test code.
    pub(super) fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
    }

    /// Tells whether the byte at `offset` is in test code.
    pub(super) fn is_test_at(&self, offset: usize) -> bool {
        self.is_test() || self.tests.iter().any(|range| range.contains(&offset))
    }

    /// Returns the offsets at which `word` stands by itself in the code.
    pub(super) fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        words(&self.code, word)
    }

    /// Fills `code`, `comments` and `strings`.
    fn split(&mut self) {
        let bytes = self.text.as_bytes();
        let mut kinds = vec![Kind::Code; bytes.len()];
        let mut at = 0;
        while at < bytes.len() {
            let (end, kind) = token(&self.text, at);
            match kind {
                Kind::Code => {}
                Kind::Comment => kinds[at..end].fill(kind),
                Kind::Text => {
                    let open = at + self.text[at..end].find('"').unwrap_or(0);
                    let inside = open + 1..(end - 1).max(open + 1);
                    let close = self.text[inside.clone()].trim_end_matches(['#', '"']).len();
                    self.strings
                        .push((open, self.text[inside.start..][..close].to_owned()));
                    kinds[inside].fill(kind);
                }
            }
            at = end;
        }
        let keep = |kind: Kind| -> String {
            let kept = bytes.iter().zip(&kinds).map(|(byte, at)| match byte {
                b'\n' => '\n',
                byte if *at == kind && byte.is_ascii() => char::from(*byte),
                _ => ' ',
            });
            kept.collect()
        };
        self.code = keep(Kind::Code);
        self.comments = keep(Kind::Comment);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    /// A string or a character.
    Text,
}

/// Returns the end and the kind of the token at `at`; code goes byte by byte, names as a whole.
fn token(text: &str, at: usize) -> (usize, Kind) {
    let rest = &text.as_bytes()[at..];
    match rest {
        [b'/', b'/', ..] => (
            text[at..]
                .find('\n')
                .map_or(text.len(), |length| at + length),
            Kind::Comment,
        ),
        [b'/', b'*', ..] => (block_comment(text.as_bytes(), at), Kind::Comment),
        [b'"', ..] => (quoted(text.as_bytes(), at + 1, b'"'), Kind::Text),
        [b'\'', b'\\', ..] => (quoted(text.as_bytes(), at + 1, b'\''), Kind::Code),
        [b'\'', ..] => {
            // A character, or else a lifetime.
            let mut chars = text[at + 1..].char_indices().skip(1);
            match chars.next() {
                Some((length, '\'')) => (at + 1 + length + 1, Kind::Code),
                _ => (at + 1, Kind::Code),
            }
        }
        [b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9', ..] => {
            let length = rest
                .iter()
                .position(|byte| !is_word(*byte))
                .unwrap_or(rest.len());
            let (name, end) = (&text[at..at + length], at + length);
            let after = &text[end..];
            let hashes = after.len() - after.trim_start_matches('#').len();
            if matches!(name, "r" | "br" | "cr") && after[hashes..].starts_with('"') {
                let close = format!("\"{}", "#".repeat(hashes));
                let start = end + hashes + 1;
                let found = text[start..].find(&close);
                return (
                    found.map_or(text.len(), |at| start + at + close.len()),
                    Kind::Text,
                );
            }
            (end, Kind::Code)
        }
        _ => (at + 1, Kind::Code),
    }
}

/// Returns the offset after the closing `quote`, from `at` within the literal.
fn quoted(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn block_comment(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0;
    while at < bytes.len() {
        match bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    bytes.len()
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns the offsets at which `word` stands by itself in `text`.
pub(super) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = text.as_bytes();
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| {
            let end = at + word.len();
            let joined = |neighbour: Option<&u8>| neighbour.is_some_and(|byte| is_word(*byte));
            !joined(at.checked_sub(1).and_then(|before| bytes.get(before)))
                && !joined(bytes.get(end))
        })
}

/// Returns the offset after the brace that closes the first one at or after `from`.
///
/// `None` when a semicolon ends the item before any brace, as in a trait's method.
pub(super) fn block_end(code: &str, from: usize) -> Option<usize> {
    let (mut braces, mut others) = (0_u32, 0_u32);
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => others += 1,
            b')' | b']' => others = others.saturating_sub(1),
            b';' if braces == 0 && others == 0 => return None,
            b'{' => braces += 1,
            b'}' if braces <= 1 => return Some(at + 1),
            b'}' => braces -= 1,
            _ => {}
        }
    }
    None
}

fn test_modules(code: &str) -> Vec<Range<usize>> {
    let marks = code.match_indices("#[cfg(test)]");
    marks
        .filter_map(|(at, mark)| Some(at..block_end(code, at + mark.len())?))
        .collect()
}
