//! Virtual servers, their groups and their real servers.

pub(in crate::config) mod real_server;
pub(super) mod timing;
pub(in crate::config) mod tunnel;
pub(in crate::config) mod virtual_server;

use crate::config::keyword::{
    Keyword,
    takes::{Field, Takes},
};

/// The largest that `unsigned` holds.
const UNSIGNED: i64 = 0xffff_ffff;
const MAX_WEIGHT: i64 = 0x7fff_ffff;
/// Grammar of `lvs_method` and its kin.
const METHOD: &str =
    "NAT or FULLNAT or DR or TUN [type ipip|gue port PORT|gre] [nocsum|csum|remcsum]";

/// Keywords by what they take.
impl<D, M> Keyword<D, M> {
    pub(super) const fn flag(names: &'static [&'static str], field: Field<D, M, bool>) -> Self {
        Self::new(names, Takes::Flag(field))
    }

    pub(super) const fn boolean(names: &'static [&'static str], field: Field<D, M, bool>) -> Self {
        Self::new(names, Takes::Bool(field))
    }

    pub(super) const fn number(
        names: &'static [&'static str],
        min: i64,
        max: i64,
        field: Field<D, M, i64>,
    ) -> Self {
        Self::new(names, Takes::Number { min, max, field })
    }

    pub(super) const fn text(names: &'static [&'static str], field: Field<D, M, String>) -> Self {
        let max = usize::MAX;
        Self::new(names, Takes::Text { max, field })
    }
}

/// `COMMAND [USER [GROUP]]`, of which nothing is run yet.
macro_rules! notify {
    ($of:ident $name:literal, $($path:ident).+, $means:literal) => {
        notify!($of $name, $($path).+ => $($path).+, $means)
    };
    ($of:ident $name:literal, $($draft:ident).+ => $($model:ident).+, $means:literal) => {
        $of::new(
            &[$name],
            Takes::Words {
                usage: "COMMAND [USER [GROUP]]; several words of a command are in double quotes",
                read: |draft, line, report| $crate::config::lower::command::notify(&mut draft.$($draft).+, line, report),
                show: |model| model.$($model).+.as_deref().map($crate::config::lower::command::show).into_iter().collect(),
            },
        )
        .means($means)
    };
}
use notify;
