//! Keywords as tables: one per block, each line with name, argument, range, default, meaning and the setter
//! that lowers it. The tables also name every keyword of keepalived's that is not carried yet.

pub(super) mod address;
pub(super) mod bfd;
pub(super) mod check;
pub(super) mod encap;
pub(super) mod global;
pub(super) mod line;
pub(super) mod network;
pub(super) mod root;
pub(super) mod route;
pub(super) mod rule;
pub(super) mod takes;
pub(super) mod track;
pub(super) mod vrrp;

use std::{collections::BTreeSet, fmt};

use self::takes::Takes;
use super::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, quote},
    expand::{condition::Condition, definition::Head, sequence::Clause},
    include::Checks,
    lower::value,
    show::Page,
    source::Span,
    suggest::nearest,
};

/// A keyword of the language.
pub(super) struct Keyword<D: 'static, M: 'static> {
    /// Its names; the first is used in sentences.
    names: &'static [&'static str],
    takes: Takes<D, M>,
    /// In words; empty where there is none.
    default: &'static str,
    meaning: &'static str,
    effect: Effect,
    /// The keyword to write in place of a deprecated one.
    instead: Option<&'static str>,
    /// Whether the first one counts, not the last, where it is written twice.
    first_counts: bool,
}

/// What a keyword does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is acted on.
    Acted,
    /// It is understood and part of the model, and nothing acts on it yet.
    Parsed,
    /// The same, and the instance or virtual server that has it is left out: without it the rest means
    /// something else.
    Withheld,
    /// It is understood and has no effect, for this reason.
    None(&'static str),
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acted => f.write_str("yes"),
            Self::Parsed => f.write_str("not yet"),
            Self::Withheld => f.write_str("not yet: what has it is left out"),
            Self::None(reason) => write!(f, "no: {reason}"),
        }
    }
}

impl<D, M> Keyword<D, M> {
    pub(super) const fn new(names: &'static [&'static str], takes: Takes<D, M>) -> Self {
        Self {
            names,
            takes,
            default: "",
            meaning: "",
            effect: Effect::Acted,
            instead: None,
            first_counts: false,
        }
    }

    /// Where it is written twice the first one counts.
    pub(super) const fn first_counts(self) -> Self {
        Self {
            first_counts: true,
            ..self
        }
    }

    pub(super) const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    pub(super) const fn means(self, meaning: &'static str) -> Self {
        Self { meaning, ..self }
    }

    /// It has no effect, for this reason.
    pub(super) const fn without_effect(self, reason: &'static str) -> Self {
        Self {
            effect: Effect::None(reason),
            ..self
        }
    }

    /// Another keyword says the same.
    pub(super) const fn deprecated(self, instead: &'static str) -> Self {
        Self {
            instead: Some(instead),
            ..self
        }
    }

    /// Nothing acts on it yet.
    pub(super) const fn parsed(self) -> Self {
        Self {
            effect: Effect::Parsed,
            ..self
        }
    }

    /// Nothing acts on it yet, and what has it is left out.
    pub(super) const fn withheld(self) -> Self {
        Self {
            effect: Effect::Withheld,
            ..self
        }
    }
}

/// The keywords of one block, read into a draft `D` and shown from a model `M`.
pub(super) struct Table<D: 'static, M: 'static = D> {
    pub(super) block: &'static str,
    /// In groups, as people read them.
    pub(super) now: &'static [&'static [Keyword<D, M>]],
    /// keepalived's keywords that are not carried yet.
    pub(super) later: &'static [&'static str],
}

/// The keywords seen in a block so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Vec<(&'static str, Span)>);

impl Seen {
    /// Whether the keyword was written, legal or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(seen, _)| *seen == name)
    }
}

impl<D, M> Table<D, M> {
    fn keywords(&self) -> impl Iterator<Item = &'static Keyword<D, M>> {
        self.now.iter().copied().flatten()
    }

    /// The lines and blocks that give the values of `model`.
    pub(super) fn show(&self, model: &M, page: &mut Page) {
        for keyword in self.shown() {
            if let Takes::Block { show, .. } = &keyword.takes {
                show(model, page);
            }
            for arguments in keyword.takes.show(model) {
                page.line(&with_arguments(keyword.names[0], &arguments));
            }
        }
    }

    /// The words that give the values of `model` on one line, each after a space.
    pub(super) fn show_words(&self, model: &M) -> String {
        let words = self.shown().flat_map(|keyword| {
            let arguments = keyword.takes.show(model).into_iter();
            arguments.map(|arguments| with_arguments(keyword.names[0], &arguments))
        });
        words.map(|word| format!(" {word}")).collect()
    }

    fn shown(&self) -> impl Iterator<Item = &'static Keyword<D, M>> {
        self.keywords().filter(|keyword| keyword.instead.is_none())
    }

    /// Reads the statements of a block.
    pub(super) fn read(&self, statements: &[Statement], into: &mut D, report: &mut Report) -> Seen {
        let mut seen = Seen::default();
        for statement in statements {
            if report.is_full() {
                break;
            }
            self.read_statement(statement, into, &mut seen, report);
        }
        seen
    }

    /// Reads one statement.
    pub(super) fn read_statement(
        &self,
        statement: &Statement,
        into: &mut D,
        seen: &mut Seen,
        report: &mut Report,
    ) {
        if refuse_directive(statement, report) {
            return;
        }
        let word = &statement.keyword;
        let Some(keyword) = self.keyword(&word.text) else {
            self.report_unknown(word, report);
            return;
        };
        let name = keyword.names[0];
        if !matches!(keyword.takes, Takes::Block { .. })
            && let Some((_, first)) = seen.0.iter().find(|(seen, _)| *seen == name)
        {
            warn_of_second(keyword, word.span, *first, report);
            if keyword.first_counts {
                return;
            }
        }
        seen.0.push((name, word.span));
        keyword.report_effect(self.block, word.span, report);
        keyword.read(statement, into, report);
    }

    fn keyword(&self, text: &str) -> Option<&'static Keyword<D, M>> {
        self.keywords()
            .find(|keyword| keyword.names.contains(&text))
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keywords()
            .flat_map(|keyword| keyword.names)
            .chain(self.later)
            .copied()
    }

    /// Reports a word that no line of the block starts with.
    fn report_unknown(&self, word: &Word, report: &mut Report) {
        let text = &*word.text;
        let homes: BTreeSet<&str> = lines()
            .filter(|entry| entry.names.contains(&text))
            .map(|entry| entry.block)
            .collect();
        if self.later.contains(&text) || homes.is_empty() {
            self.report_unknown_word(word, report);
            return;
        }
        let homes: Vec<&str> = homes.into_iter().collect();
        report
            .error(Kind::UnknownKeyword, word.span, self.unknown(text))
            .help(format!("it belongs in {}", homes.join(" or ")));
    }

    /// Reports a word within a line that is none of the block's.
    fn report_unknown_word(&self, word: &Word, report: &mut Report) {
        let text = &*word.text;
        if self.later.contains(&text) {
            report.not_carried(word.span, &quote(text));
            return;
        }
        let finding = report.error(Kind::UnknownKeyword, word.span, self.unknown(text));
        if let Some(meant) = nearest(text, self.names()) {
            finding.help(format!("did you mean {}?", quote(meant)));
        }
    }

    fn unknown(&self, text: &str) -> String {
        format!("unknown keyword {} in {}", quote(text), self.block)
    }
}

impl<D, M> Keyword<D, M> {
    fn read(&self, statement: &Statement, into: &mut D, report: &mut Report) {
        let name = self.names[0];
        if matches!(self.takes, Takes::Block { .. }) {
            if statement.block.is_none() {
                self.report_missing(statement, "block", report);
                return;
            }
        } else if statement.block.is_some() {
            report
                .error(
                    Kind::Syntax,
                    statement.keyword.span,
                    format!("{} takes no block", quote(name)),
                )
                .help("remove the braces and what is between them");
            return;
        }
        if let Some(most) = self.takes.most_words() {
            value::warn_of_rest(statement, most, report);
            if statement.arguments.is_empty() && !self.takes.may_be_bare() {
                self.report_missing(statement, "value", report);
                return;
            }
        }
        if matches!(self.effect, Effect::Parsed | Effect::Withheld) {
            report.as_a_whole(|report| self.takes.read(name, statement, into, report));
        } else {
            self.takes.read(name, statement, into, report);
        }
    }

    /// No keyword is silently without effect.
    fn report_effect(&self, block: &'static str, at: Span, report: &mut Report) {
        if self.effect == Effect::Acted && self.instead.is_none() {
            return;
        }
        let name = quote(self.names[0]);
        if let Some(instead) = self.instead {
            report
                .warning(Kind::Deprecated, at, format!("{name} is deprecated"))
                .help(format!("write {}", quote(instead)));
        }
        match self.effect {
            Effect::Acted => {}
            Effect::Parsed if report.is_told_as_a_whole() => {}
            Effect::Parsed if report.is_first(block, self.names[0]) => {
                report.note(
                    Kind::NotCarried,
                    at,
                    format!("lb understands {name} in {block}, but does not act on it yet"),
                );
            }
            Effect::Parsed => {}
            Effect::Withheld => report.withhold(name, at),
            Effect::None(reason) => {
                report.note(Kind::Value, at, format!("{name} has no effect: {reason}"));
            }
        }
    }

    fn report_missing(&self, statement: &Statement, what: &str, report: &mut Report) {
        report
            .error(
                Kind::Missing,
                statement.span(),
                format!("{} needs a {what}", quote(self.names[0])),
            )
            .expected(&self.takes);
    }
}

/// Tells which of two counts in keepalived, which says nothing.
fn warn_of_second<D, M>(keyword: &Keyword<D, M>, second: Span, first: Span, report: &mut Report) {
    let counts = if keyword.first_counts {
        "first"
    } else {
        "last"
    };
    report
        .warning(
            Kind::Duplicate,
            second,
            format!(
                "{} is given twice; the {counts} one counts, as in keepalived",
                quote(keyword.names[0])
            ),
        )
        .related(first, "first given");
}

fn with_arguments(name: &str, arguments: &str) -> String {
    if arguments.is_empty() {
        name.to_owned()
    } else {
        format!("{name} {arguments}")
    }
}

/// Reports what only counts at the start of a line in place of a keyword: includes, conditions, definitions
/// and repeated lines.
pub(super) fn refuse_directive(statement: &Statement, report: &mut Report) -> bool {
    let word = &statement.keyword;
    let text = &*word.text;
    let what = if Checks::of_keyword(text).is_some() {
        "an include"
    } else if Condition::read(text).is_some() {
        "a condition"
    } else if Clause::read(text).is_some() {
        "a repeated line"
    } else if Head::read(text).is_some() {
        "a definition"
    } else {
        return false;
    };
    report
        .error(
            Kind::Syntax,
            word.span,
            format!("{} is not at the start of its line", quote(text)),
        )
        .expected(format_args!("{what} to be the first thing on its line"));
    true
}

/// One keyword of the language, for manuals and compatibility tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The block it stands in.
    pub block: &'static str,
    /// Its names, synonyms last.
    pub names: Vec<&'static str>,
    /// Argument, default and meaning; `None` where `lb` does not act on it yet.
    pub carried: Option<Carried>,
}

/// What a keyword that is acted on takes and means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// What follows it, in words.
    pub takes: String,
    /// Its default in words; empty where there is none.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Whether anything acts on it.
    pub effect: Effect,
}

/// Every keyword `lb` knows, block by block.
pub fn reference() -> impl Iterator<Item = Entry> {
    lines().chain(words())
}

/// The keywords that lines start with.
fn lines() -> impl Iterator<Item = Entry> {
    entries(&root::TABLE)
        .chain(entries(&global::TABLE))
        .chain(entries(&vrrp::TABLE))
        .chain(entries(&check::VIRTUAL_SERVER))
        .chain(entries(&check::REAL_SERVER))
        .chain(entries(&check::TCP_CHECK))
        .chain(entries(&track::GROUP))
        .chain(entries(&track::SCRIPT))
        .chain(entries(&track::PROCESS))
        .chain(entries(&track::FILE))
        .chain(entries(&network::GARP_GROUP))
        .chain(entries(&network::SSL))
        .chain(entries(&bfd::TABLE))
}

/// The words that stand behind each other on lines.
fn words() -> impl Iterator<Item = Entry> {
    entries(&address::STATIC)
        .chain(entries(&address::VIRTUAL))
        .chain(entries(&route::ROUTE))
        .chain(entries(&route::NEXTHOP))
        .chain(entries(&encap::ENCAP))
        .chain(entries(&encap::IP))
        .chain(entries(&encap::IP6))
        .chain(entries(&rule::TABLE))
}

fn entries<D, M>(table: &'static Table<D, M>) -> impl Iterator<Item = Entry> {
    let now = table.keywords().map(|keyword| Entry {
        block: table.block,
        names: keyword.names.to_vec(),
        carried: Some(Carried {
            takes: keyword.takes.to_string(),
            default: keyword.default,
            meaning: keyword.meaning,
            effect: keyword.effect,
        }),
    });
    let later = table.later.iter().map(|name| Entry {
        block: table.block,
        names: vec![name],
        carried: None,
    });
    now.chain(later)
}

#[cfg(test)]
mod tests;
