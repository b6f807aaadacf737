//! `global_defs`.

use super::{Draft, value};
use crate::config::{
    ast::Statement,
    diagnostic::Report,
    keyword::global::TABLE,
    model::{DataPlane, GlobalDefs},
};

/// `global_defs` as written; several blocks add up, as in keepalived.
#[derive(Debug, Default)]
pub(in crate::config) struct GlobalDraft {
    pub(in crate::config) router_id: Option<String>,
    pub(in crate::config) data_plane: Option<DataPlane>,
    pub(super) is_given: bool,
}

pub(in crate::config) fn read(draft: &mut Draft, statement: &Statement, report: &mut Report) {
    value::warn_of_rest(statement, 0, report);
    draft.global.is_given = true;
    TABLE.read(statement.statements(), &mut draft.global, report);
}

pub(super) fn finish(draft: GlobalDraft) -> GlobalDefs {
    GlobalDefs {
        router_id: draft.router_id.unwrap_or_default(),
        data_plane: draft.data_plane.unwrap_or_default(),
    }
}
