//! `$NAME=VALUE`, of one line or several.

use std::rc::Rc;

use super::usage::leading_name;
use crate::config::source::Span;

/// One line of a definition.
#[derive(Clone, Debug)]
pub(in crate::config) struct Value {
    /// Without comment, outer blanks and the `\` that continues it.
    pub(in crate::config) text: Rc<str>,
    /// Where it was written; `None` where the language defines it.
    pub(in crate::config) written: Option<Span>,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(in crate::config) struct Definition {
    pub(in crate::config) name: String,
    first: Value,
    /// The lines after the first.
    more: Vec<Value>,
}

impl Definition {
    pub(in crate::config) fn new(name: &str, first: Value, more: Vec<Value>) -> Self {
        Self {
            name: name.to_owned(),
            first,
            more,
        }
    }

    /// One line that is not in a file as it is.
    pub(in crate::config) fn computed(name: &str, text: &str, written: Option<Span>) -> Self {
        let text = text.into();
        Self::new(name, Value { text, written }, Vec::new())
    }

    pub(super) fn first(&self) -> &Value {
        &self.first
    }

    pub(super) fn has_more(&self) -> bool {
        !self.more.is_empty()
    }

    /// A line after the first, from 0.
    pub(in crate::config) fn line_after_first(&self, index: usize) -> Option<&Value> {
        self.more.get(index)
    }
}

/// The start of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Head<'t> {
    pub(in crate::config) name: &'t str,
    /// Where the value starts, in bytes of the line.
    pub(in crate::config) value: usize,
}

impl<'t> Head<'t> {
    /// The definition that a line starts with.
    pub(in crate::config) fn read(line: &'t str) -> Option<Self> {
        let after = line.trim_start_matches([' ', '\t']).strip_prefix('$')?;
        let name = leading_name(after)?;
        let value = after[name.len()..].strip_prefix('=')?;
        let value = value.trim_start_matches([' ', '\t']);
        Some(Self {
            name,
            value: line.len() - value.len(),
        })
    }
}

/// A line without the `\` that continues it and the blanks before; whether there was one.
pub(in crate::config) fn continued(line: &str) -> (&str, bool) {
    let line = line.trim_end();
    match line.strip_suffix('\\') {
        Some(line) => (line.trim_end(), true),
        None => (line, false),
    }
}
