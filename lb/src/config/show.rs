//! A model as keepalived.conf again: every value in effect, in the order of the tables.

mod line;

use std::{collections::BTreeMap, time::Duration};

use super::{keyword::root, model::Config, origin::Origins};

/// Where comments start, in columns.
const NOTE_COLUMN: usize = 48;

/// The configuration as a file that [`load`](super::load) reads to the same model.
///
/// Values that were defaults are written too. A file of keepalived's differs only in what `lb` alone has.
#[must_use]
pub fn show(config: &Config) -> String {
    Page::of(config).text(&|_| None)
}

/// The same, with a comment behind each line: where its value was written, or that it is a default.
#[must_use]
pub fn show_origins(config: &Config, origins: &Origins) -> String {
    Page::of(config).text(&|path| origins.note(path))
}

/// Lines and blocks in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) items: Vec<Item>,
}

/// A line, or a block with its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Line(String),
    Block(String, Page),
}

/// One of the things on a page: its head, or the first word of its line, and how many like it stand before it.
pub(super) type Step = (String, usize);

impl Item {
    /// What it is found by.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Line(line) => line.split(' ').next().unwrap_or_default(),
            Self::Block(head, _) => head,
        }
    }
}

impl Page {
    /// A whole configuration.
    pub(super) fn of(config: &Config) -> Self {
        let mut page = Self::default();
        root::TABLE.show(config, &mut page);
        page
    }

    pub(super) fn line(&mut self, line: &str) {
        self.items.push(Item::Line(line.to_owned()));
    }

    pub(super) fn block(&mut self, head: &str, body: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        body(&mut inner);
        self.items.push(Item::Block(head.to_owned(), inner));
    }

    /// The items with what each is found by.
    pub(super) fn steps(&self) -> impl Iterator<Item = (Step, &Item)> {
        let mut before: BTreeMap<&str, usize> = BTreeMap::new();
        self.items.iter().map(move |item| {
            let like = before.entry(item.name()).or_default();
            *like += 1;
            ((item.name().to_owned(), *like - 1), item)
        })
    }

    /// As text, with the comment that `note` has for each line.
    pub(super) fn text(&self, note: &dyn Fn(&[Step]) -> Option<String>) -> String {
        let mut text = String::new();
        self.write(&mut Vec::new(), note, &mut text);
        text
    }

    fn write(
        &self,
        path: &mut Vec<Step>,
        note: &dyn Fn(&[Step]) -> Option<String>,
        text: &mut String,
    ) {
        let indent = "    ".repeat(path.len());
        for (step, item) in self.steps() {
            path.push(step);
            let mut line = match item {
                Item::Line(line) => format!("{indent}{line}"),
                Item::Block(head, _) => format!("{indent}{head} {{"),
            };
            if let Some(note) = note(path) {
                line = format!("{line:<NOTE_COLUMN$}  # {note}");
            }
            text.push_str(&line);
            text.push('\n');
            if let Item::Block(_, inner) = item {
                inner.write(path, note, text);
                text.push_str(&format!("{indent}}}\n"));
            }
            path.pop();
        }
    }

    /// A block of plain lines, unless there are none.
    pub(super) fn lines_of(&mut self, head: &str, lines: impl ExactSizeIterator<Item = String>) {
        if lines.len() == 0 {
            return;
        }
        self.block(head, |page| lines.for_each(|line| page.line(&line)));
    }
}

/// A word as the lexer reads it back: in quotes where it would not stay one word, or would be a directive at the
/// start of a line. Only a backslash right before a quote has no spelling.
pub(super) fn text(word: &str) -> String {
    let starts_plain =
        word.starts_with(|c: char| c.is_ascii_alphanumeric() || "/.:-+_".contains(c));
    let is_plain = starts_plain
        && !word.starts_with("include")
        && !word
            .bytes()
            .any(|byte| byte.is_ascii_whitespace() || b"{}\"#!\\'".contains(&byte));
    if is_plain {
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
