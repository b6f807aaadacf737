//! What can be tracked: `vrrp_script`, `vrrp_track_process`, `track_file`; and `track_group`.

use std::time::Duration;

use super::{
    Keyword, Table,
    takes::{Field, Takes, field},
};
use crate::config::{
    lower::{
        command,
        track::{self as lower, GroupDraft},
        words,
    },
    model::track::{TrackFile, TrackGroup, TrackProcess, TrackWeight, VrrpScript},
};

const MICROSECOND: Duration = Duration::from_micros(1);
/// The longest that keepalived's timers take.
const LONGEST: Duration = Duration::from_micros(0xffff_ffff);

const fn script(
    name: &'static [&'static str],
    takes: Takes<VrrpScript, VrrpScript>,
) -> Keyword<VrrpScript, VrrpScript> {
    Keyword::new(name, takes)
}

const fn process(
    name: &'static [&'static str],
    takes: Takes<TrackProcess, TrackProcess>,
) -> Keyword<TrackProcess, TrackProcess> {
    Keyword::new(name, takes)
}

const fn file(
    name: &'static [&'static str],
    takes: Takes<TrackFile, TrackFile>,
) -> Keyword<TrackFile, TrackFile> {
    Keyword::new(name, takes)
}

/// `weight NUMBER [reverse]`, up to `limit` either way.
macro_rules! weight {
    ($usage:literal, $limit:literal) => {
        Takes::Words {
            usage: $usage,
            read: |draft, line, report| {
                if let Some(weight) = lower::weight(line, $limit, report) {
                    draft.weight = weight;
                }
            },
            show: |model| shown_weight(model.weight),
        }
    };
}
pub(super) use weight;

pub(super) fn shown_weight(weight: TrackWeight) -> Vec<String> {
    vec![weight.to_string()]
}

pub(in crate::config) static GROUP: Table<GroupDraft, TrackGroup> = Table {
    block: "track_group",
    groups: &[&[Keyword::<GroupDraft, TrackGroup>::new(
        &["group"],
        Takes::Block {
            usage: "",
            read: lower::members,
            show: |group, page| {
                let names = group.instances.iter();
                page.lines_of("group", names.map(|name| crate::config::show::text(name)));
            },
        },
    )
    .parsed()
    .means("names of vrrp_instances; required")]],
};

pub(in crate::config) static SCRIPT: Table<VrrpScript> = Table {
    block: "vrrp_script",
    groups: &[&[
        script(
            &["script"],
            Takes::Words {
                usage: "COMMAND",
                read: lower::script,
                show: |script| vec![command::show_script(&script.command)],
            },
        )
        .means("the program that is run; one that cannot be started has failed; required"),
        script(
            &["interval"],
            Takes::Seconds {
                min: Duration::from_millis(1),
                max: LONGEST,
                field: field!(copy interval),
            },
        )
        .default("1")
        .means("time between two starts"),
        script(
            &["timeout"],
            Takes::Seconds {
                min: MICROSECOND,
                max: LONGEST,
                field: field!(copy timeout),
            },
        )
        .default("interval")
        .means("the longest it may take; after that it has failed"),
        script(&["weight"], weight!("-253 to 253 [reverse]", 253))
            .default("0")
            .means("added to the priority on success, or on failure where negative; 0 is FAULT"),
        script(
            &["rise"],
            Takes::Number {
                min: 1,
                max: 0x7fff_ffff,
                field: field!(number rise),
            },
        )
        .default("1")
        .means("successes in a row that end a failure"),
        script(
            &["fall"],
            Takes::Number {
                min: 1,
                max: 0x7fff_ffff,
                field: field!(number fall),
            },
        )
        .default("1")
        .means("failures in a row that are one"),
        script(
            &["user"],
            Takes::Words {
                usage: "USER [GROUP]",
                read: lower::user,
                show: |script| words::show_owner(script.user.as_ref()),
            },
        )
        .default("script_user")
        .means("whose rights it runs with"),
        script(&["init_fail"], Takes::Flag(field!(copy init_fail)))
            .means("failed until the first success"),
    ]],
};

/// A delay of a process.
const fn delay(
    name: &'static [&'static str],
    field: Field<TrackProcess, TrackProcess, Duration>,
) -> Keyword<TrackProcess, TrackProcess> {
    let takes = Takes::Seconds {
        min: MICROSECOND,
        max: Duration::from_secs(3600),
        field,
    };
    process(name, takes).default("0")
}

/// A delay of none is not written: the language has no word for it.
macro_rules! shown_delay {
    ($field:ident) => {
        Field {
            set: |process, given| process.$field = given.value,
            get: |process| Some(process.$field).filter(|delay| !delay.is_zero()),
        }
    };
}

pub(in crate::config) static PROCESS: Table<TrackProcess> = Table {
    block: "vrrp_track_process",
    groups: &[&[
        process(
            &["process"],
            Takes::Words {
                usage: "NAME or PATH [PARAMETER…]",
                read: lower::process,
                show: lower::show_process,
            },
        )
        .means("the process that must run; required"),
        process(
            &["param_match"],
            Takes::Words {
                usage: "[initial|partial]",
                read: lower::parameter_match,
                show: lower::show_parameter_match,
            },
        )
        .default("exact where there are parameters")
        .means("the last parameter may go on, or there may be more; alone, there is none"),
        process(&["full_command"], Takes::Flag(field!(copy full_command)))
            .means("the command line is compared, not the name"),
        process(&["weight"], weight!("-254 to 254 [reverse]", 254))
            .default("0")
            .means("added to the priority while it runs, or while it does not where negative; 0 is FAULT"),
        process(
            &["quorum"],
            Takes::Number {
                min: 1,
                max: 65_535,
                field: Field {
                    set: |process, given| process.quorum = given.value.try_into().unwrap_or(1),
                    get: |process| Some(process.quorum.into()).filter(|quorum| *quorum > 0),
                },
            },
        )
        .default("1")
        .means("the fewest that must run"),
        process(
            &["quorum_max"],
            Takes::Number {
                min: 0,
                max: 65_535,
                field: field!(number quorum_max),
            },
        )
        .default("65535")
        .means("the most that may run; with 0 none may"),
        delay(
            &["delay"],
            Field {
                set: |process, given| {
                    process.fork_delay = given.value;
                    process.terminate_delay = given.value;
                },
                get: |_| None,
            },
        )
        .means("both of the other delays"),
        delay(&["terminate_delay"], shown_delay!(terminate_delay))
            .means("how long an end is not believed"),
        delay(&["fork_delay"], shown_delay!(fork_delay)).means("how long a start is not believed"),
    ]],
};

pub(in crate::config) static FILE: Table<TrackFile> = Table {
    block: "track_file",
    groups: &[&[
        file(
            &["file"],
            Takes::Text {
                max: usize::MAX,
                field: field!(clone path),
            },
        )
        .means("the file that holds a number; required"),
        file(&["weight"], weight!("-254 to 254 [reverse]", 254))
            .default("1")
            .means("times the number is added to the priority; with 0 a number but 0 is FAULT"),
        file(
            &["init_file"],
            Takes::Words {
                usage: "[NUMBER] [overwrite]",
                read: lower::init_file,
                show: lower::show_init_file,
            },
        )
        .means("the file is written at the start where there is none, with overwrite in any case"),
    ]],
};
