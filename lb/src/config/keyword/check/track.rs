//! `FILE_CHECK` and `BFD_CHECK`, which wait for what others tell.

use crate::config::{
    keyword::{
        Keyword, Table,
        takes::{Field, Takes, field},
    },
    lower::check::track::{self as lower, BfdDraft, FileDraft},
    model::check::{BfdCheck, FileCheck},
};

type File = Keyword<FileDraft, FileCheck>;
type Bfd = Keyword<BfdDraft, BfdCheck>;

pub(in crate::config) static FILE: Table<FileDraft, FileCheck> = Table {
    block: "FILE_CHECK",
    groups: &[&[
        File::new(
            &["track_file"],
            Takes::Text {
                max: usize::MAX,
                field: Field {
                    set: |draft, given| draft.name = Some(given),
                    get: |model| Some(model.track_file.clone()),
                },
            },
        )
        .means("name of the track_file block; required"),
        File::new(
            &["weight"],
            Takes::Words {
                usage: "a whole number from -2147483647 to 2147483647, [reverse]",
                read: lower::read_weight,
                show: lower::show_weight,
            },
        )
        .default("the track_file's")
        .means("what the number in the file is multiplied by; with 0 any but 0 is a failure"),
    ]],
};

pub(in crate::config) static BFD: Table<BfdDraft, BfdCheck> = Table {
    block: "BFD_CHECK",
    groups: &[&[
        Bfd::new(
            &["name"],
            Takes::Text {
                max: usize::MAX,
                field: Field {
                    set: |draft, given| draft.name = Some(given),
                    get: |model| Some(model.instance.clone()),
                },
            },
        )
        .means("name of the bfd_instance; required"),
        Bfd::boolean(&["alpha"], field!(given copy alpha))
            .default("the real server's")
            .means("failed until the session is up"),
    ]],
};
