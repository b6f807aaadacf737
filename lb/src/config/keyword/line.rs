//! Options that stand behind each other on one line, each taking as many words as it wants.

use super::{Keyword, Table, Takes};
use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Finding, Kind, Report, quote},
    source::Span,
};

/// The words of a line, read from left to right.
#[derive(Clone, Debug)]
pub(in crate::config) struct Words<'w> {
    rest: &'w [Word],
    /// The one read last: what is missing is missing after it.
    last: Option<&'w Word>,
}

impl<'w> Words<'w> {
    pub(in crate::config) const fn new(words: &'w [Word]) -> Self {
        Self {
            rest: words,
            last: None,
        }
    }

    pub(in crate::config) fn peek(&self) -> Option<&'w Word> {
        self.rest.first()
    }

    pub(in crate::config) fn next(&mut self) -> Option<&'w Word> {
        let (word, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.last = Some(word);
        Some(word)
    }

    /// Reads the next word if it is this one.
    pub(in crate::config) fn skip(&mut self, text: &str) -> bool {
        let is_next = self.peek().is_some_and(|word| &*word.text == text);
        if is_next {
            self.next();
        }
        is_next
    }

    /// The next word, which must be there.
    pub(in crate::config) fn required(
        &mut self,
        what: &str,
        report: &mut Report,
    ) -> Option<&'w Word> {
        let next = self.next();
        if next.is_none() {
            self.report_missing(what, report);
        }
        next
    }

    /// Where the word is that was read last.
    pub(in crate::config) fn place(&self) -> Span {
        self.last.map_or(Span::NOWHERE, |last| last.span)
    }

    fn report_missing<'r>(&self, what: &str, report: &'r mut Report) -> &'r mut Finding {
        let text = self.last.map_or("", |last| &*last.text);
        report
            .error(
                Kind::Missing,
                self.place(),
                format!("{} needs a value", quote(text)),
            )
            .expected(what)
    }

    fn take(&mut self, most: Option<usize>) -> &'w [Word] {
        let most = most.unwrap_or(self.rest.len()).min(self.rest.len());
        let (taken, rest) = self.rest.split_at(most);
        self.rest = rest;
        taken
    }
}

impl<D, M> Table<D, M> {
    /// Reads options that stand behind each other on one line; false where one was refused.
    pub(in crate::config) fn read_words(
        &self,
        words: &[Word],
        into: &mut D,
        report: &mut Report,
    ) -> bool {
        self.read_words_or(words, into, report, |_, _, _| false)
    }

    /// The same; a word that is no option goes to `other`, which says whether it took it.
    pub(in crate::config) fn read_words_or(
        &self,
        words: &[Word],
        into: &mut D,
        report: &mut Report,
        other: fn(&mut D, &Word, &mut Report) -> bool,
    ) -> bool {
        let errors = report.errors();
        let mut words = Words::new(words);
        let mut seen = Vec::new();
        loop {
            self.read_known(&mut words, into, &mut seen, report);
            let Some(word) = words.next() else { break };
            if !other(into, word, report) {
                self.report_unknown_word(word, report);
                return false;
            }
        }
        report.errors() == errors
    }

    /// Reads options up to a word that is none.
    pub(in crate::config) fn read_known(
        &self,
        words: &mut Words<'_>,
        into: &mut D,
        seen: &mut Vec<(&'static str, Span)>,
        report: &mut Report,
    ) {
        while let Some(word) = words.peek() {
            let Some(keyword) = self.keyword(&word.text) else {
                return;
            };
            let name = keyword.names[0];
            if let Some((_, first)) = seen.iter().find(|(seen, _)| *seen == name) {
                keyword.is_replaced(*first, word, report);
            }
            seen.push((name, word.span));
            self.read_option(keyword, word, words, into, report);
        }
    }

    /// Reads one option; false where the next word is none.
    pub(in crate::config) fn read_first(
        &self,
        words: &mut Words<'_>,
        into: &mut D,
        report: &mut Report,
    ) -> bool {
        let next = words.peek();
        let found = next.and_then(|word| Some((word, self.keyword(&word.text)?)));
        if let Some((word, keyword)) = found {
            self.read_option(keyword, word, words, into, report);
        }
        found.is_some()
    }

    fn read_option(
        &self,
        keyword: &Keyword<D, M>,
        word: &Word,
        words: &mut Words<'_>,
        into: &mut D,
        report: &mut Report,
    ) {
        words.next();
        let next = match &keyword.takes {
            Takes::Next { read, .. } => Some(read),
            _ => None,
        };
        let own = if next.is_some() {
            &[]
        } else {
            words.take(keyword.takes.most_words())
        };
        let statement = Statement {
            keyword: word.clone(),
            arguments: own.into(),
            rest: None,
            block: None,
        };
        keyword.report_effect(self.block, &statement, report);
        match next {
            Some(read) => read(into, words, report),
            None => keyword.read(&statement, into, report),
        }
    }
}
