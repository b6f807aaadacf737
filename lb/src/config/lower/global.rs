//! `global_defs`.

use super::{Draft, value};
use crate::config::{ast::Statement, diagnostic::Report, keyword::global::TABLE};

/// Several blocks add up, as in keepalived.
pub(in crate::config) fn read(draft: &mut Draft, statement: &Statement, report: &mut Report) {
    value::warn_of_rest(statement, 0, report);
    TABLE.read(statement.statements(), &mut draft.global, report);
}
