//! Who is told of changes of state.

use super::{Instance, group::Group};
use crate::config::{
    keyword::takes::{Field, Takes, field},
    lower::{command, vrrp::notify},
};

/// `COMMAND [USER [GROUP]]`, alike in instances and groups.
macro_rules! run {
    ($keyword:ident, $name:literal, $field:ident, $means:literal) => {
        $keyword::new(
            &[$name],
            Takes::Words {
                usage: "COMMAND [USER [GROUP]]",
                read: |draft, line, report| {
                    if let Some(command) = command::with_owner(line, report) {
                        draft.notify.$field = Some(command);
                    }
                },
                show: |model| model.notify.$field.iter().map(command::show).collect(),
            },
        )
        .first_counts()
        .default("run with the rights of script_user")
        .means($means)
    };
}

macro_rules! keywords {
    ($keyword:ident) => {
        &[
            run!($keyword, "notify_master", master, "runs on becoming MASTER"),
            run!($keyword, "notify_backup", backup, "runs on becoming BACKUP"),
            run!($keyword, "notify_fault", fault, "runs on becoming FAULT"),
            run!($keyword, "notify_stop", stop, "runs on stopping"),
            $keyword::new(
                &["notify_deleted"],
                Takes::Words {
                    usage: "[COMMAND [USER [GROUP]]]",
                    read: |draft, line, report| {
                        notify::read_deleted(&mut draft.notify, line, report);
                    },
                    show: |model| notify::show_deleted(&model.notify),
                },
            )
            .first_counts()
            .default("FAULT is told")
            .means("DELETED is told when a reload removes it, and the command runs"),
            run!(
                $keyword,
                "notify",
                any,
                "runs after those and on FENCED, with kind, name, state and priority as arguments"
            ),
            $keyword::new(
                &["notify_priority_changes"],
                Takes::Bool(
                    field!(spanned copy notify.priority_changes => notify.priority_changes),
                ),
            )
            .default("vrrp_notify_priority_changes")
            .means("FIFOs are told of changes of priority too"),
            $keyword::new(
                &["smtp_alert"],
                Takes::Bool(field!(spanned copy notify.mail => notify.mail)),
            )
            .default("smtp_alert_vrrp, smtp_alert, false")
            .means("mail about changes of state"),
        ]
    };
}

pub(super) const INSTANCE: &[Instance] = keywords!(Instance);
pub(super) const GROUP: &[Group] = keywords!(Group);

pub(super) const INSTANCE_ONLY: &[Instance] = &[
    run!(
        Instance,
        "notify_master_rx_lower_pri",
        lower_priority,
        "runs when a MASTER hears an advert of lower priority"
    ),
    Instance::new(
        &["debug"],
        Takes::Number {
            min: 0,
            max: 4,
            field: Field {
                set: |_, _| {},
                get: |_| None,
            },
        },
    )
    .without_effect("nothing reads it, in keepalived neither")
    .means("a level of debugging"),
];
