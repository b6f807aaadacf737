//! Keywords as tables: one per block, each line with name, argument, range, default, meaning and the setter
//! that lowers it. The tables also name every keyword of keepalived's that is not carried yet.

pub(super) mod check;
pub(super) mod global;
pub(super) mod root;
pub(super) mod vrrp;

use std::{collections::BTreeSet, fmt, net::IpAddr, time::Duration};

use super::{
    ast::Statement,
    diagnostic::{Kind, Report, quote},
    expand::{condition::Condition, definition::Head, sequence::Clause},
    include::Checks,
    lower::value,
    model::InterfaceName,
    source::{Span, Spanned},
    suggest::nearest,
};

/// What follows a keyword, with the setter for it.
pub(super) enum Takes<T: 'static> {
    /// Nothing.
    Flag(fn(&mut T, Span)),
    /// A whole number.
    Number {
        min: u64,
        max: u64,
        set: fn(&mut T, Spanned<u64>),
    },
    /// Seconds with up to six decimals.
    Seconds {
        min: Duration,
        max: Duration,
        set: fn(&mut T, Spanned<Duration>),
    },
    /// One of some words; those in `later` are keepalived's and not carried yet.
    Choice {
        now: &'static [Choice<T>],
        later: &'static [&'static str],
    },
    /// Any one word.
    Text(fn(&mut T, Spanned<String>)),
    /// An IP address.
    Address(fn(&mut T, Spanned<IpAddr>)),
    /// The name of an interface.
    Interface(fn(&mut T, Spanned<InterfaceName>)),
    /// Arguments and a block, read by their own function.
    Block {
        usage: &'static str,
        read: fn(&mut T, &Statement, &mut Report),
    },
}

/// One word of a [`Takes::Choice`].
pub(super) struct Choice<T: 'static> {
    pub(super) word: &'static str,
    pub(super) set: fn(&mut T, Span),
}

impl<T> fmt::Display for Takes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(_) => f.write_str("nothing"),
            Self::Number { min, max, .. } => write!(f, "a whole number from {min} to {max}"),
            Self::Seconds { min, max, .. } => write!(
                f,
                "seconds from {} to {}, with up to 6 decimals",
                min.as_secs_f64(),
                max.as_secs_f64()
            ),
            Self::Choice { now, .. } => {
                for (index, choice) in now.iter().enumerate() {
                    let between = if index == 0 { "" } else { " or " };
                    write!(f, "{between}{}", choice.word)?;
                }
                Ok(())
            }
            Self::Text(_) => f.write_str("a word"),
            Self::Address(_) => f.write_str("an IP address"),
            Self::Interface(_) => f.write_str("the name of an interface"),
            Self::Block { usage: "", .. } => f.write_str("a block"),
            Self::Block { usage, .. } => write!(f, "{usage} and a block"),
        }
    }
}

/// A keyword that is acted on.
pub(super) struct Keyword<T: 'static> {
    /// Its names; the first is used in sentences.
    pub(super) names: &'static [&'static str],
    pub(super) takes: Takes<T>,
    /// In words; empty where there is none.
    pub(super) default: &'static str,
    pub(super) meaning: &'static str,
}

/// The keywords of one block.
pub(super) struct Table<T: 'static> {
    pub(super) block: &'static str,
    pub(super) now: &'static [Keyword<T>],
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

impl<T> Table<T> {
    /// Reads the statements of a block.
    pub(super) fn read(&self, statements: &[Statement], into: &mut T, report: &mut Report) -> Seen {
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
        into: &mut T,
        seen: &mut Seen,
        report: &mut Report,
    ) {
        if refuse_directive(statement, report) {
            return;
        }
        let word = &statement.keyword;
        let keyword = self
            .now
            .iter()
            .find(|keyword| keyword.names.contains(&&*word.text));
        let Some(keyword) = keyword else {
            self.report_unknown(statement, report);
            return;
        };
        let name = keyword.names[0];
        if !matches!(keyword.takes, Takes::Block { .. })
            && let Some((_, first)) = seen.0.iter().find(|(seen, _)| *seen == name)
        {
            report
                .warning(
                    Kind::Duplicate,
                    word.span,
                    format!(
                        "{} is given twice; the last one counts, as in keepalived",
                        quote(name)
                    ),
                )
                .related(*first, "first given");
        }
        seen.0.push((name, word.span));
        keyword.read(statement, into, report);
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.now
            .iter()
            .flat_map(|keyword| keyword.names)
            .chain(self.later)
            .copied()
    }

    fn report_unknown(&self, statement: &Statement, report: &mut Report) {
        let word = &statement.keyword;
        let text = &*word.text;
        if self.later.contains(&text) {
            report.not_carried(word.span, &quote(text));
            return;
        }
        let finding = report.error(
            Kind::UnknownKeyword,
            word.span,
            format!("unknown keyword {} in {}", quote(text), self.block),
        );
        let homes: BTreeSet<&str> = reference()
            .filter(|entry| entry.names.contains(&text))
            .map(|entry| entry.block)
            .collect();
        if !homes.is_empty() {
            let homes: Vec<&str> = homes.into_iter().collect();
            finding.help(format!("it belongs in {}", homes.join(" or ")));
        } else if let Some(meant) = nearest(text, self.names()) {
            finding.help(format!("did you mean {}?", quote(meant)));
        }
    }
}

impl<T> Keyword<T> {
    fn read(&self, statement: &Statement, into: &mut T, report: &mut Report) {
        if let Takes::Block { read, .. } = &self.takes {
            if statement.block.is_none() {
                self.report_missing(statement, "block", report);
            } else {
                read(into, statement, report);
            }
            return;
        }
        if statement.block.is_some() {
            report
                .error(
                    Kind::Syntax,
                    statement.keyword.span,
                    format!("{} takes no block", quote(self.names[0])),
                )
                .help("remove the braces and what is between them");
            return;
        }
        let takes = usize::from(!matches!(self.takes, Takes::Flag(_)));
        value::warn_of_rest(statement, takes, report);
        if takes > 0 && statement.arguments.is_empty() {
            self.report_missing(statement, "value", report);
            return;
        }
        self.set(statement, into, report);
    }

    fn set(&self, statement: &Statement, into: &mut T, report: &mut Report) {
        let Some(word) = statement.arguments.first() else {
            if let Takes::Flag(set) = self.takes {
                set(into, statement.keyword.span);
            }
            return;
        };
        let name = self.names[0];
        match &self.takes {
            Takes::Flag(set) => set(into, statement.keyword.span),
            Takes::Number { min, max, set } => {
                if let Some(number) = value::number(word, name, *min..=*max, report) {
                    set(into, number);
                }
            }
            Takes::Seconds { min, max, set } => {
                if let Some(seconds) = value::seconds(word, name, *min..=*max, report) {
                    set(into, seconds);
                }
            }
            Takes::Choice { now, later } => {
                if let Some(choice) = now.iter().find(|choice| *choice.word == *word.text) {
                    (choice.set)(into, word.span);
                } else if later.contains(&&*word.text) {
                    report
                        .not_carried(word.span, &quote(&format!("{name} {}", word.text)))
                        .expected(&self.takes)
                        .help(
                            "write that, or stay with keepalived on this node until lb carries it",
                        );
                } else {
                    value::report_illegal(word, name, report).expected(&self.takes);
                }
            }
            Takes::Text(set) => set(into, Spanned::new(word.text.to_string(), word.span)),
            Takes::Address(set) => {
                if let Some(address) = value::address(word, name, report) {
                    set(into, address);
                }
            }
            Takes::Interface(set) => {
                if let Some(interface) = value::interface(word, report) {
                    set(into, interface);
                }
            }
            Takes::Block { .. } => {}
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
}

/// Every keyword `lb` knows, block by block.
pub fn reference() -> impl Iterator<Item = Entry> {
    entries(&root::TABLE)
        .chain(entries(&global::TABLE))
        .chain(entries(&vrrp::TABLE))
        .chain(entries(&check::VIRTUAL_SERVER))
        .chain(entries(&check::REAL_SERVER))
        .chain(entries(&check::TCP_CHECK))
}

fn entries<T>(table: &'static Table<T>) -> impl Iterator<Item = Entry> {
    let now = table.now.iter().map(|keyword| Entry {
        block: table.block,
        names: keyword.names.to_vec(),
        carried: Some(Carried {
            takes: keyword.takes.to_string(),
            default: keyword.default,
            meaning: keyword.meaning,
        }),
    });
    let later = table.later.iter().map(|name| Entry {
        block: table.block,
        names: vec![name],
        carried: None,
    });
    now.chain(later)
}
