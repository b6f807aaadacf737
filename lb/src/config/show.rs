//! A model as keepalived.conf again: every value in effect, in the order of the tables.

use std::time::Duration;

use super::{keyword::root, model::Config};

/// The configuration as a file that [`load`](super::load) reads to the same model.
///
/// Values that were defaults are written too. A file of keepalived's differs only in what `lb` alone has.
#[must_use]
pub fn show(config: &Config) -> String {
    let mut page = Page::default();
    root::TABLE.show(config, &mut page);
    page.text
}

/// Text with indented blocks.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    depth: usize,
}

impl Page {
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(&"    ".repeat(self.depth));
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub(super) fn block(&mut self, head: &str, body: impl FnOnce(&mut Self)) {
        self.line(&format!("{head} {{"));
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.line("}");
    }

    /// A block of plain lines, unless there are none.
    pub(super) fn lines_of(&mut self, head: &str, lines: impl ExactSizeIterator<Item = String>) {
        if lines.len() == 0 {
            return;
        }
        self.block(head, |page| lines.for_each(|line| page.line(&line)));
    }
}

/// A word as the lexer reads it back: in quotes where it would not stay one word.
pub(super) fn text(word: &str) -> String {
    let plain = !word.is_empty()
        && !word
            .bytes()
            .any(|byte| byte.is_ascii_whitespace() || b"{}\"#!".contains(&byte));
    if plain {
        word.to_owned()
    } else {
        format!("\"{}\"", word.replace('"', "\\\""))
    }
}

/// Seconds with the decimals they have.
pub(super) fn seconds(time: Duration) -> String {
    let micros = time.subsec_micros();
    if micros == 0 {
        return time.as_secs().to_string();
    }
    let decimals = format!("{micros:06}");
    format!("{}.{}", time.as_secs(), decimals.trim_end_matches('0'))
}

/// Milliseconds with the decimals they have.
pub(super) fn milliseconds(time: Duration) -> String {
    let (whole, micros) = (time.as_millis(), time.subsec_micros() % 1000);
    if micros == 0 {
        return whole.to_string();
    }
    let decimals = format!("{micros:03}");
    format!("{whole}.{}", decimals.trim_end_matches('0'))
}
