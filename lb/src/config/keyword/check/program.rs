//! `MISC_CHECK`.

use super::schedule;
use crate::config::{
    keyword::{
        Keyword, Table,
        takes::{Takes, field},
    },
    lower::{check::program::MiscDraft, command, words},
    model::check::Misc,
};

use std::time::Duration;

type MiscKeyword = Keyword<MiscDraft, Misc>;

pub(in crate::config) static TABLE: Table<MiscDraft, Misc> = Table {
    block: "MISC_CHECK",
    groups: &[
        PROGRAM,
        &schedule("the real server's, 0", "the real server's, 1"),
    ],
};

const PROGRAM: &[MiscKeyword] = &[
    MiscKeyword::new(
        &["misc_path"],
        Takes::Words {
            usage: "COMMAND; several words are in double quotes",
            read: |draft, line, report| {
                draft.words = command::script(line, report).or(draft.words.take());
            },
            show: |misc| vec![command::show_script(&misc.command.words)],
        },
    )
    .means("the program; required"),
    MiscKeyword::new(
        &["misc_timeout"],
        Takes::Seconds {
            min: Duration::ZERO,
            max: super::super::lvs::timing::LONGEST,
            field: field!(given copy timeout),
        },
    )
    .default("0: the check's delay_loop")
    .means("how long the program may run"),
    MiscKeyword::flag(&["misc_dynamic"], field!(copy dynamic))
        .means("exit codes from 2 on are weights"),
    MiscKeyword::new(
        &["user"],
        Takes::Words {
            usage: "USER [GROUP]",
            read: |draft, line, report| {
                draft.owner = command::owner(line, report).or(draft.owner.take());
            },
            show: |misc| words::show_owner(misc.command.owner.as_ref()),
        },
    )
    .default("script_user")
    .means("whose the program runs as"),
];
