//! Text that definitions made, with the place that each of its bytes comes from.

use crate::config::source::{Sources, Span};

/// Where a piece of text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The place in a file that the operator wrote the line or the use at.
    pub(super) at: Span,
    /// The place in a definition.
    pub(super) definition: Option<Span>,
    /// Whether the innermost of the two is this text byte for byte.
    pub(super) is_exact: bool,
}

impl Origin {
    fn part(self, start: usize, end: usize) -> (Span, Option<Span>) {
        match (self.is_exact, self.definition) {
            (false, definition) => (self.at, definition),
            (true, None) => (self.at.within(start, end), None),
            (true, Some(definition)) => (self.at, Some(definition.within(start, end))),
        }
    }
}

/// A line after replacement.
#[derive(Clone, Debug)]
pub(in crate::config) struct Made {
    text: String,
    /// Where each piece starts in the text, and what it is.
    pieces: Vec<(usize, Origin)>,
    /// What to point at where there is no text.
    whole: Span,
    /// Whether it is a line of a definition of several lines.
    is_of_definition: bool,
}

impl Made {
    pub(super) fn new(whole: Span, is_of_definition: bool) -> Self {
        Self {
            text: String::new(),
            pieces: Vec::new(),
            whole,
            is_of_definition,
        }
    }

    pub(in crate::config) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn push(&mut self, text: &str, origin: Origin) {
        if self
            .pieces
            .last()
            .is_none_or(|(_, last)| *last != origin || origin.is_exact)
        {
            self.pieces.push((self.text.len(), origin));
        }
        self.text.push_str(text);
    }

    /// A character that would start a comment, so that it starts none at the end of the text so far: quotes
    /// protect it, or a backslash.
    pub(super) fn protected(&self, c: char) -> String {
        let is_quoted = self.text.matches('"').count() % 2 == 1;
        if is_quoted {
            c.to_string()
        } else {
            format!("\\{c}")
        }
    }

    /// Where the bytes from `start` to `end` come from.
    pub(in crate::config) fn span(&self, start: usize, end: usize, sources: &mut Sources) -> Span {
        let first = self.pieces.partition_point(|(at, _)| *at <= start);
        let first = first.saturating_sub(1);
        let (mut place, mut definition): (Option<Span>, Option<Span>) = (None, None);
        for (index, (at, origin)) in self.pieces.iter().enumerate().skip(first) {
            if index > first && *at >= end {
                break;
            }
            let next = self.pieces.get(index + 1);
            let piece_end = next.map_or(self.text.len(), |(next, _)| *next);
            let (here, defined) = origin.part(start.max(*at) - at, end.min(piece_end) - at);
            place = Some(place.map_or(here, |place| place.to(here)));
            definition = match (definition, defined) {
                (Some(before), Some(defined)) if self.is_of_definition => Some(before.to(defined)),
                (before, defined) => before.or(defined),
            };
        }
        let place = place.unwrap_or(self.whole);
        match definition {
            Some(definition) => sources.expansion(place, definition),
            None => place,
        }
    }
}
