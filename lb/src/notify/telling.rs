//! What of an event goes to whom.

use crate::{
    config::model::{Command, vrrp::OnDelete},
    pool::state,
    vrrp::output::{Happening, Notice, Party},
};

/// What is told of a notice.
#[derive(Debug)]
pub(super) struct Telling {
    /// The word for it.
    pub(super) state: &'static str,
    /// Scripts in their order: that of the state, then `notify`.
    pub(super) scripts: Vec<Command>,
    /// Whether FIFOs are told.
    pub(super) in_fifos: bool,
}

impl Telling {
    pub(super) fn of(notice: &Notice) -> Self {
        let notify = &notice.notify;
        // What changes no state is not told to `notify`. A MASTER that is FENCED answers no longer: that is one.
        let (own, any, in_fifos) = match notice.happening {
            Happening::Master => (notify.master.as_ref(), true, true),
            Happening::Backup => (notify.backup.as_ref(), true, true),
            Happening::Fault => (notify.fault.as_ref(), true, true),
            Happening::Stop => (notify.stop.as_ref(), true, true),
            Happening::Deleted => match &notify.deleted {
                OnDelete::Fault => (notify.fault.as_ref(), true, true),
                OnDelete::Deleted => (None, true, true),
                OnDelete::Run(command) => (Some(command), true, true),
            },
            Happening::MasterRxLowerPri => (notify.lower_priority.as_ref(), false, true),
            Happening::Fenced => (None, true, true),
            Happening::MasterPriority | Happening::BackupPriority => {
                (None, false, notify.priority_changes)
            }
        };
        let any = notify.any.as_ref().filter(|_| any);
        let any = any.map(|command| with_arguments(command, notice));
        Self {
            state: state(notice),
            scripts: own.cloned().into_iter().chain(any).collect(),
            in_fifos,
        }
    }
}

/// The word for what has happened, as keepalived has it; FENCED is ours.
pub(super) fn state(notice: &Notice) -> &'static str {
    match (notice.happening, &notice.notify.deleted) {
        (Happening::Master, _) => "MASTER",
        (Happening::Backup, _) => "BACKUP",
        (Happening::Fault, _) | (Happening::Deleted, OnDelete::Fault) => "FAULT",
        (Happening::Stop, _) => "STOP",
        (Happening::Deleted, OnDelete::Deleted | OnDelete::Run(_)) => "DELETED",
        (Happening::Fenced, _) => "FENCED",
        (Happening::MasterRxLowerPri, _) => "MASTER_RX_LOWER_PRI",
        (Happening::MasterPriority, _) => "MASTER_PRIORITY",
        (Happening::BackupPriority, _) => "BACKUP_PRIORITY",
    }
}

/// A line for FIFOs: `INSTANCE "NAME" STATE PRIORITY`.
pub(super) fn line(notice: &Notice) -> String {
    let (party, priority) = party(notice);
    format!("{party} \"{}\" {} {priority}\n", notice.name, state(notice))
}

/// What `notify` is run with: its own arguments, then kind, name, state and priority.
fn with_arguments(command: &Command, notice: &Notice) -> Command {
    let (party, priority) = party(notice);
    let mut command = command.clone();
    command.words.extend([
        party.to_owned(),
        notice.name.clone(),
        state(notice).to_owned(),
        priority.to_string(),
    ]);
    command
}

/// The word for the party, and the priority, which a group does not have.
const fn party(notice: &Notice) -> (&'static str, u8) {
    match notice.party {
        Party::Instance => ("INSTANCE", notice.priority),
        Party::Group => ("GROUP", 0),
    }
}

/// A line for FIFOs: `VS VIRTUAL UP` or `RS REAL VIRTUAL DOWN`, with the NUL after it that keepalived writes where that is wanted.
pub(super) fn pool_line(notice: &state::Notice, ends_in_nul: bool) -> String {
    let state = up_or_down(notice.is_up);
    let end = if ends_in_nul { "\n\0" } else { "\n" };
    match &notice.subject {
        state::Subject::VirtualServer(server) => format!("VS {server} {state}{end}"),
        state::Subject::RealServer(real) => format!("RS {real} {} {state}{end}", real.server),
    }
}

/// The word for a state.
pub(super) const fn up_or_down(is_up: bool) -> &'static str {
    if is_up { "UP" } else { "DOWN" }
}
