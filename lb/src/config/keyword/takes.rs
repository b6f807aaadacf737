//! What may follow a keyword, and the field of the model it means.

use std::{fmt, net::IpAddr, time::Duration};

use crate::config::{
    ast::Statement,
    diagnostic::Report,
    keyword::line::Words,
    lower::value,
    model::InterfaceName,
    show::{self, Page},
    source::Spanned,
};

/// A value that a keyword gives: written into a draft `D` when read, found in a model `M` when shown.
///
/// Where a block has nothing to wait for, draft and model are one type.
pub(in crate::config) struct Field<D: 'static, M: 'static, V: 'static> {
    pub(in crate::config) set: fn(&mut D, Spanned<V>),
    /// `None` where there is nothing to write.
    pub(in crate::config) get: fn(&M) -> Option<V>,
}

/// What follows a keyword.
pub(in crate::config) enum Takes<D: 'static, M: 'static> {
    /// Nothing; the value says whether the word is there.
    Flag(Field<D, M, bool>),
    /// `on off true false yes no`; the bare word is true.
    Bool(Field<D, M, bool>),
    /// A whole number.
    Number {
        min: i64,
        max: i64,
        field: Field<D, M, i64>,
    },
    /// Seconds with up to six decimals.
    Seconds {
        min: Duration,
        max: Duration,
        field: Field<D, M, Duration>,
    },
    /// One of some words, by its place among them.
    Choice {
        words: &'static [&'static str],
        /// Whether letter case does not matter.
        any_case: bool,
        field: Field<D, M, usize>,
    },
    /// Any one word, of at most `max` bytes.
    Text {
        max: usize,
        field: Field<D, M, String>,
    },
    /// An IP address.
    Address(Field<D, M, IpAddr>),
    /// The name of an interface.
    Interface(Field<D, M, InterfaceName>),
    /// Arguments of their own grammar.
    Words {
        usage: &'static str,
        read: fn(&mut D, &Statement, &mut Report),
        /// The arguments of every line that gives the value.
        show: fn(&M) -> Vec<String>,
    },
    /// Arguments and a block, read by their own function.
    Block {
        usage: &'static str,
        read: fn(&mut D, &Statement, &mut Report),
        /// Every such block of the model.
        show: fn(&M, &mut Page),
    },
    /// Milliseconds with up to three decimals.
    Milliseconds {
        min: Duration,
        max: Duration,
        field: Field<D, M, Duration>,
    },
    /// Words of their own grammar among others on a line: as many as `read` takes.
    Next {
        usage: &'static str,
        read: fn(&mut D, &mut Words<'_>, &mut Report),
        /// The arguments that give the value, for each time the keyword is written.
        show: fn(&M) -> Vec<String>,
    },
}

/// The field of a value that is stored as it is written; `some` where the model may have none, `not` where the
/// keyword means the contrary.
macro_rules! field {
    (copy $($path:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| draft.$($path).+ = given.value,
            get: |model| Some(model.$($path).+),
        }
    };
    (not $($path:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| draft.$($path).+ = !given.value,
            get: |model| Some(!model.$($path).+),
        }
    };
    (some copy $($path:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| draft.$($path).+ = Some(given.value),
            get: |model| model.$($path).+,
        }
    };
    (some clone $($path:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| draft.$($path).+ = Some(given.value),
            get: |model| model.$($path).+.clone(),
        }
    };
    (clone $($path:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| draft.$($path).+ = given.value,
            get: |model| Some(model.$($path).+.clone()),
        }
    };
    (number $($path:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| {
                // The range of the keyword fits the type: `every_number_fits_its_field`.
                if let Ok(value) = given.value.try_into() {
                    draft.$($path).+ = value;
                }
            },
            get: |model| i64::try_from(model.$($path).+).ok(),
        }
    };
    (some number $($path:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| draft.$($path).+ = given.value.try_into().ok(),
            get: |model| model.$($path).+.and_then(|value| i64::try_from(value).ok()),
        }
    };
    (spanned copy $($from:ident).+ => $($to:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| draft.$($from).+ = Some(given),
            get: |model| Some(model.$($to).+),
        }
    };
    (spanned not $($from:ident).+ => $($to:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| {
                draft.$($from).+ = given.map(|value: bool| Some(!value));
            },
            get: |model| Some(!model.$($to).+),
        }
    };
    (spanned number $($from:ident).+ => $($to:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| draft.$($from).+ = given.convert(),
            get: |model| i64::try_from(model.$($to).+).ok(),
        }
    };
    (spanned word $($from:ident).+ => $($to:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| {
                draft.$($from).+ = given.map($crate::config::model::Word::at);
            },
            get: |model| $crate::config::model::Word::place(model.$($to).+),
        }
    };
    (some boxed $($path:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| draft.$($path).+ = Some(given.value.into()),
            get: |model| model.$($path).+.as_deref().map(str::to_owned),
        }
    };
    (given copy $($path:ident).+) => { field!(given copy $($path).+ => $($path).+) };
    (given copy $($draft:ident).+ => $($model:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| draft.$($draft).+ = Some(given.value),
            get: |model| Some(model.$($model).+),
        }
    };
    (given number $($path:ident).+) => { field!(given number $($path).+ => $($path).+) };
    (given number $($draft:ident).+ => $($model:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| draft.$($draft).+ = given.value.try_into().ok(),
            get: |model| i64::try_from(model.$($model).+).ok(),
        }
    };
    (word $($path:ident).+) => {
        $crate::config::keyword::takes::Field {
            set: |draft, given| {
                if let Some(value) = $crate::config::model::Word::at(given.value) {
                    draft.$($path).+ = value;
                }
            },
            get: |model| $crate::config::model::Word::place(model.$($path).+),
        }
    };
}
pub(in crate::config) use field;

impl<D, M> fmt::Display for Takes<D, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(_) => f.write_str("nothing"),
            Self::Bool(_) => f.write_str("nothing, or one of on off true false yes no"),
            Self::Number { min, max, .. } => write!(f, "a whole number from {min} to {max}"),
            Self::Seconds { min, max, .. } => write!(
                f,
                "seconds from {} to {}, with up to 6 decimals",
                show::seconds(*min),
                show::seconds(*max)
            ),
            Self::Choice { words, .. } => f.write_str(&words.join(" or ")),
            Self::Text { max, .. } if *max < usize::MAX => {
                write!(f, "a word of at most {max} bytes")
            }
            Self::Text { .. } => f.write_str("a word"),
            Self::Address(_) => f.write_str("an IP address"),
            Self::Interface(_) => f.write_str("the name of an interface"),
            Self::Words { usage, .. } => f.write_str(usage),
            Self::Block { usage: "", .. } => f.write_str("a block"),
            Self::Block { usage, .. } => write!(f, "{usage} and a block"),
            Self::Milliseconds { min, max, .. } => write!(
                f,
                "milliseconds from {} to {}, with up to 3 decimals",
                show::milliseconds(*min),
                show::milliseconds(*max)
            ),
            Self::Next { usage: "", .. } => f.write_str("nothing"),
            Self::Next { usage, .. } => f.write_str(usage),
        }
    }
}

impl<D, M> Takes<D, M> {
    /// How many words may follow; `None` where the keyword counts itself.
    pub(super) const fn most_words(&self) -> Option<usize> {
        match self {
            Self::Flag(_) => Some(0),
            Self::Words { .. } | Self::Block { .. } | Self::Next { .. } => None,
            _ => Some(1),
        }
    }

    /// Whether the bare keyword is legal.
    pub(super) const fn may_be_bare(&self) -> bool {
        matches!(self, Self::Flag(_) | Self::Bool(_) | Self::Words { .. })
    }

    /// Sets the value that `statement` gives, or reports why it cannot be.
    pub(super) fn read(
        &self,
        name: &'static str,
        statement: &Statement,
        into: &mut D,
        report: &mut Report,
    ) {
        let bare = statement.keyword.span;
        if let Self::Words { read, .. } | Self::Block { read, .. } = self {
            read(into, statement, report);
            return;
        }
        let Some(word) = statement.arguments.first() else {
            if let Self::Flag(field) | Self::Bool(field) = self {
                (field.set)(into, Spanned::new(true, bare));
            }
            return;
        };
        match self {
            Self::Flag(field) => (field.set)(into, Spanned::new(true, bare)),
            Self::Bool(field) => field.write(into, value::boolean(word, name, report)),
            Self::Number { min, max, field } => {
                field.write(into, value::number(word, name, *min..=*max, report));
            }
            Self::Seconds { min, max, field } => {
                field.write(
                    into,
                    value::time(word, name, &value::SECONDS, *min..=*max, report),
                );
            }
            Self::Choice {
                words,
                any_case,
                field,
            } => {
                let is_meant = |known: &str| {
                    known == word.text || (*any_case && known.eq_ignore_ascii_case(&word.text))
                };
                let place = words.iter().position(|known| is_meant(known));
                let Some(place) = place else {
                    value::report_illegal(word, name, report).expected(self);
                    return;
                };
                (field.set)(into, Spanned::new(place, word.span));
            }
            Self::Text { max, field } => {
                field.write(into, value::text(word, name, *max, report));
            }
            Self::Address(field) => field.write(into, value::address(word, name, report)),
            Self::Interface(field) => field.write(into, value::interface(word, report)),
            Self::Milliseconds { min, max, field } => {
                field.write(
                    into,
                    value::time(word, name, &value::MILLISECONDS, *min..=*max, report),
                );
            }
            Self::Words { .. } | Self::Block { .. } | Self::Next { .. } => {}
        }
    }

    /// The arguments that give the value of `model`, one string for each line; none where there is nothing to
    /// write.
    pub(super) fn show(&self, model: &M) -> Vec<String> {
        let one = |text: Option<String>| text.into_iter().collect();
        match self {
            Self::Flag(field) => one((field.get)(model)
                .filter(|given| *given)
                .map(|_| String::new())),
            Self::Bool(field) => one((field.get)(model).map(|given| given.to_string())),
            Self::Number { field, .. } => one((field.get)(model).map(|number| number.to_string())),
            Self::Seconds { field, .. } => one((field.get)(model).map(show::seconds)),
            Self::Choice { words, field, .. } => one((field.get)(model)
                .and_then(|place| words.get(place))
                .map(ToString::to_string)),
            Self::Text { field, .. } => one((field.get)(model).map(|text| show::text(&text))),
            Self::Address(field) => one((field.get)(model).map(|address| address.to_string())),
            Self::Interface(field) => one((field.get)(model).map(|name| name.to_string())),
            Self::Words { show, .. } | Self::Next { show, .. } => show(model),
            Self::Block { .. } => Vec::new(),
            Self::Milliseconds { field, .. } => one((field.get)(model).map(show::milliseconds)),
        }
    }
}

impl<D, M, V> Field<D, M, V> {
    fn write(&self, into: &mut D, given: Option<Spanned<V>>) {
        if let Some(given) = given {
            (self.set)(into, given);
        }
    }
}
