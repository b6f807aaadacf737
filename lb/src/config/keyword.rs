//! Keywords as tables: one per block, each line with name, argument, range, default, meaning and the setter
//! that lowers it.

pub(super) mod address;
pub(super) mod bfd;
pub(super) mod check;
pub(super) mod encap;
pub(super) mod global;
pub(super) mod line;
pub(super) mod lvs;
pub(super) mod network;
pub(super) mod root;
pub(super) mod route;
pub(super) mod rule;
pub(super) mod takes;
pub(super) mod track;
pub(super) mod vrrp;

use std::{collections::BTreeSet, fmt};

use smallvec::SmallVec;

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
    repeat: Repeat,
}

/// What a second line with the same keyword does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    /// It replaces the first, with a warning.
    LastCounts,
    /// It is left out, with a warning.
    FirstCounts,
    /// It adds to the first.
    AddsUp,
}

/// What a keyword does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is acted on.
    Acted,
    /// It is understood and part of the model, and nothing acts on it yet.
    Parsed,
    /// It is understood and has no effect, for this reason.
    None(&'static str),
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acted => f.write_str("yes"),
            Self::Parsed => f.write_str("not yet"),
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
            repeat: Repeat::LastCounts,
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

    /// It is acted on, unlike others that are made the same way.
    pub(super) const fn acted(self) -> Self {
        Self {
            effect: Effect::Acted,
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

    /// Of two lines the first counts.
    pub(super) const fn first_counts(self) -> Self {
        Self {
            repeat: Repeat::FirstCounts,
            ..self
        }
    }

    /// Several lines add up.
    pub(super) const fn adds_up(self) -> Self {
        Self {
            repeat: Repeat::AddsUp,
            ..self
        }
    }
}

/// The keywords of one block, read into a draft `D` and shown from a model `M`.
pub(super) struct Table<D: 'static, M: 'static = D> {
    pub(super) block: &'static str,
    /// In groups, as people read them.
    pub(super) groups: &'static [&'static [Keyword<D, M>]],
}

/// The keywords seen in a block so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(SmallVec<[(&'static str, Span); 8]>);

impl Seen {
    /// Whether no keyword was written.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the keyword was written, legal or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(seen, _)| *seen == name)
    }

    /// Where the keyword was written first.
    pub(super) fn place(&self, name: &str) -> Option<Span> {
        let found = self.0.iter().find(|(seen, _)| *seen == name);
        found.map(|(_, at)| *at)
    }
}

impl<D, M> Table<D, M> {
    fn keywords(&self) -> impl Iterator<Item = &'static Keyword<D, M>> {
        self.groups.iter().copied().flatten()
    }

    /// The lines and blocks that give the values of `model`.
    pub(super) fn show(&self, model: &M, page: &mut Page) {
        for keyword in self.shown() {
            keyword.show(model, page);
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
            && let Some(first) = seen.place(name)
            && keyword.is_replaced(first, word, report)
        {
            return;
        }
        seen.0.push((name, word.span));
        keyword.report_effect(self.block, statement, report);
        keyword.read(statement, into, report);
    }

    fn keyword(&self, text: &str) -> Option<&'static Keyword<D, M>> {
        self.keywords()
            .find(|keyword| keyword.names.contains(&text))
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keywords().flat_map(|keyword| keyword.names).copied()
    }

    /// Reports a word that no line of the block starts with.
    fn report_unknown(&self, word: &Word, report: &mut Report) {
        let text = &*word.text;
        let homes = TABLES.iter().filter(|table| table.has(text));
        let homes: BTreeSet<&str> = homes.map(|table| table.block()).collect();
        if homes.is_empty() {
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
    fn show(&self, model: &M, page: &mut Page) {
        if let Takes::Block { show, .. } = &self.takes {
            show(model, page);
        }
        for arguments in self.takes.show(model) {
            page.line(&with_arguments(self.names[0], &arguments));
        }
    }

    /// Whether an earlier line makes this one count for nothing.
    fn is_replaced(&self, first: Span, word: &Word, report: &mut Report) -> bool {
        let counts = match self.repeat {
            Repeat::AddsUp => return false,
            Repeat::FirstCounts => "first",
            Repeat::LastCounts => "last",
        };
        report
            .warning(
                Kind::Duplicate,
                word.span,
                format!(
                    "{} is given twice; the {counts} one counts, as in keepalived",
                    quote(self.names[0])
                ),
            )
            .related(first, "first given");
        self.repeat == Repeat::FirstCounts
    }

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
        if self.effect == Effect::Parsed {
            report.as_a_whole(|report| self.takes.read(name, statement, into, report));
        } else {
            self.takes.read(name, statement, into, report);
        }
    }

    /// No keyword is silently without effect.
    fn report_effect(&self, block: &'static str, statement: &Statement, report: &mut Report) {
        if self.effect == Effect::Acted && self.instead.is_none() {
            return;
        }
        let at = statement.keyword.span;
        let name = quote(self.names[0]);
        if let Some(instead) = self.instead {
            report
                .warning(Kind::Deprecated, at, format!("{name} is deprecated"))
                .help(format!("write {}", quote(instead)));
        }
        match self.effect {
            Effect::Acted => {}
            Effect::Parsed if report.is_told_as_a_whole() => {}
            Effect::Parsed => report.parsed(block, self.names[0], at),
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
    if !text.starts_with(['i', '@', '~', '$']) {
        return false;
    }
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
    /// What follows it, in words.
    pub takes: String,
    /// Its default in words; empty where there is none.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Whether anything acts on it.
    pub effect: Effect,
    /// The keyword to write in its place, if it is deprecated.
    pub instead: Option<&'static str>,
}

/// The tables of blocks, in the order of the documentation.
static TABLES: &[&dyn Block] = &[
    &root::TABLE,
    &global::TABLE,
    &vrrp::TABLE,
    &vrrp::authentication::AUTHENTICATION,
    &vrrp::authentication::HMAC,
    &vrrp::group::TABLE,
    &lvs::virtual_server::TABLE,
    &lvs::real_server::TABLE,
    &check::network::TCP,
    &check::http::HTTP,
    &check::http::HTTP_URL,
    &check::http::SSL,
    &check::http::SSL_URL,
    &check::network::PING,
    &check::network::UDP,
    &check::network::SMTP,
    &check::network::HOST,
    &check::network::DNS,
    &check::network::GRPC,
    &check::network::KEEPALIVE,
    &check::program::TABLE,
    &check::track::FILE,
    &check::track::BFD,
    &track::GROUP,
    &track::SCRIPT,
    &track::PROCESS,
    &track::FILE,
    &network::GARP_GROUP,
    &network::SSL,
    &bfd::TABLE,
];

/// The tables of words that stand behind each other on a line.
static LINES: &[&dyn Block] = &[
    &vrrp::tracking::LINES,
    &vrrp::tracking::BFD_LINES,
    &vrrp::tracking::WIDE_LINES,
    &vrrp::adverts::PEER,
    &lvs::tunnel::TABLE,
    &address::STATIC,
    &address::VIRTUAL,
    &route::ROUTE,
    &route::NEXTHOP,
    &encap::ENCAP,
    &encap::IP,
    &encap::IP6,
    &rule::TABLE,
];

/// A [`Table`] of any draft and model.
trait Block: Sync {
    fn block(&self) -> &'static str;
    fn has(&self, name: &str) -> bool;
    fn entries(&self) -> Vec<Entry>;
}

impl<D, M> Block for Table<D, M> {
    fn block(&self) -> &'static str {
        self.block
    }

    fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    fn entries(&self) -> Vec<Entry> {
        let entries = self.keywords().map(|keyword| Entry {
            block: self.block,
            names: keyword.names.to_vec(),
            takes: keyword.takes.to_string(),
            default: keyword.default,
            meaning: keyword.meaning,
            effect: keyword.effect,
            instead: keyword.instead,
        });
        entries.collect()
    }
}

/// Every keyword `lb` knows, block by block.
pub fn reference() -> impl Iterator<Item = Entry> {
    let tables = TABLES.iter().chain(LINES);
    tables.flat_map(|table| table.entries())
}

#[cfg(test)]
mod tests;
