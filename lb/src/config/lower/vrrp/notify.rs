//! Who is told of changes of state.

use crate::config::{
    ast::Statement,
    diagnostic::Report,
    lower::command,
    model::{
        Command, GlobalDefs,
        vrrp::{OnDelete, StateNotify},
    },
    source::Spanned,
};

/// Who is told, as written.
#[derive(Debug, Default)]
pub(in crate::config) struct NotifyDraft {
    pub(in crate::config) master: Option<Command>,
    pub(in crate::config) backup: Option<Command>,
    pub(in crate::config) fault: Option<Command>,
    pub(in crate::config) stop: Option<Command>,
    pub(in crate::config) deleted: OnDelete,
    pub(in crate::config) any: Option<Command>,
    pub(in crate::config) lower_priority: Option<Command>,
    pub(in crate::config) priority_changes: Option<Spanned<bool>>,
    pub(in crate::config) mail: Option<Spanned<bool>>,
}

/// `notify_deleted [COMMAND [USER [GROUP]]]`.
pub(in crate::config) fn read_deleted(
    draft: &mut NotifyDraft,
    statement: &Statement,
    report: &mut Report,
) {
    if statement.arguments.is_empty() {
        draft.deleted = OnDelete::Deleted;
        return;
    }
    if let Some(command) = command::with_owner(statement, report) {
        draft.deleted = OnDelete::Run(command);
    }
}

pub(in crate::config) fn show_deleted(notify: &StateNotify) -> Vec<String> {
    match &notify.deleted {
        OnDelete::Fault => Vec::new(),
        OnDelete::Deleted => vec![String::new()],
        OnDelete::Run(run) => vec![command::show(run)],
    }
}

pub(super) fn finish(draft: &NotifyDraft, global: &GlobalDefs) -> StateNotify {
    let mail = draft.mail.map(|mail| mail.value);
    let changes = draft.priority_changes.map(|given| given.value);
    StateNotify {
        master: draft.master.clone(),
        backup: draft.backup.clone(),
        fault: draft.fault.clone(),
        stop: draft.stop.clone(),
        deleted: draft.deleted.clone(),
        any: draft.any.clone(),
        lower_priority: draft.lower_priority.clone(),
        priority_changes: changes.unwrap_or(global.notify.priority_changes),
        mail: mail
            .or(global.mail.alert_vrrp)
            .or(global.mail.alert)
            .unwrap_or(false),
    }
}
