//! What moves the priority, or ends in FAULT.

use super::{Instance, group::Group};
use crate::config::{
    keyword::{
        Keyword, Table,
        takes::{Field, Takes},
    },
    lower::vrrp::track::{self, Options},
    model::vrrp::{Track, TrackedInterface, Tracks},
    show::{Page, text},
    source::Spanned,
};

/// The blocks of an instance or a group, alike in both.
macro_rules! blocks {
    ($keyword:ident) => {
        &[
            blocks!(
                $keyword, "track_interface", interfaces, LINES, show_interfaces,
                "lines of INTERFACE [weight N] [reverse]: FAULT while one is down, or with a weight another priority"
            ),
            blocks!(
                $keyword, "track_script", scripts, LINES,
                |tracks, page| show("track_script", &LINES, &tracks.scripts, page),
                "lines of NAME [weight N] [reverse]: the same while the vrrp_script of that name fails"
            ),
            blocks!(
                $keyword, "track_file", files, WIDE_LINES,
                |tracks, page| show("track_file", &WIDE_LINES, &tracks.files, page),
                "lines of NAME [weight N] [reverse]: the number in the track_file of that name, times the \
                 weight, is added to the priority"
            ),
            blocks!(
                $keyword, "track_process", processes, WIDE_LINES,
                |tracks, page| show("track_process", &WIDE_LINES, &tracks.processes, page),
                "lines of NAME [weight N] [reverse]: the same while the vrrp_track_process of that name has \
                 no quorum"
            ),
            blocks!(
                $keyword, "track_bfd", bfds, BFD_LINES,
                |tracks, page| show("track_bfd", &BFD_LINES, &tracks.bfds, page),
                "lines of NAME [weight N] [reverse] [peer]: the same while the bfd_instance of that name is down"
            ),
        ]
    };
    ($keyword:ident, $name:literal, $list:ident, $lines:ident, $show:expr, $means:literal) => {
        $keyword::new(
            &[$name],
            Takes::Block {
                usage: "",
                read: |draft, block, report| {
                    track::read(&mut draft.tracks.$list, &$lines, block, report);
                },
                show: |model, page| {
                    let show: fn(&Tracks, &mut Page) = $show;
                    show(&model.tracks, page);
                },
            },
        )
        .means($means)
    };
}

pub(super) const INSTANCE: &[Instance] = blocks!(Instance);
pub(super) const GROUP: &[Group] = blocks!(Group);

type TrackOption = Keyword<Options, Track>;

/// What follows the name of an interface or a script.
pub(in crate::config) static LINES: Table<Options, Track> = Table {
    block: "track_interface, track_script",
    groups: &[&[weight(253), REVERSE, NO_REVERSE]],
};

/// What follows the name of a BFD session.
pub(in crate::config) static BFD_LINES: Table<Options, Track> = Table {
    block: "track_bfd",
    groups: &[&[weight(253), REVERSE, NO_REVERSE, PEER]],
};

/// What follows the name of a file or a process.
pub(in crate::config) static WIDE_LINES: Table<Options, Track> = Table {
    block: "track_file, track_process",
    groups: &[&[weight(254), REVERSE, NO_REVERSE]],
};

const fn weight(most: i64) -> TrackOption {
    let takes = Takes::Number {
        min: -most,
        max: most,
        field: Field {
            set: |draft: &mut Options, given| draft.weight = given.convert(),
            get: |model: &Track| model.weight.map(i64::from),
        },
    };
    TrackOption::new(&["weight"], takes)
        .default("the object's own; 0, which is FAULT, for interfaces")
        .means("what the priority changes by")
}

const REVERSE: TrackOption = TrackOption::new(
    &["reverse"],
    Takes::Flag(Field {
        set: |draft, given| draft.reverse = Some(given),
        get: |model| model.reverse,
    }),
)
.means("the weight counts the other way; with 0 it is FAULT while the object is up");

const NO_REVERSE: TrackOption = TrackOption::new(
    &["noreverse", "no_reverse"],
    Takes::Flag(Field {
        set: |draft, given| draft.reverse = Some(Spanned::new(false, given.span)),
        get: |model| model.reverse.map(|reverse| !reverse),
    }),
)
.means("it does not, whatever the object says");

const PEER: TrackOption = TrackOption::new(
    &["peer"],
    Takes::Flag(Field {
        set: |draft, given| draft.peer = Some(given),
        get: |model| model.peer.then_some(true),
    }),
)
.means(
    "the neighbor is another router of the virtual router: where it is the MASTER, its silence ends the master-down \
     timer, and without a weight the session is no FAULT (of lb, not of keepalived)",
);

fn show(name: &str, table: &Table<Options, Track>, tracks: &[Track], page: &mut Page) {
    if tracks.is_empty() {
        return;
    }
    page.block(name, |page| {
        for track in tracks {
            page.line(&format!("{}{}", text(&track.name), table.show_words(track)));
        }
    });
}

fn show_interfaces(tracks: &Tracks, page: &mut Page) {
    let line = |tracked: &TrackedInterface| Track {
        name: tracked.interface.to_string(),
        weight: Some(tracked.weight),
        reverse: tracked.reverse.then_some(true),
        peer: false,
    };
    let lines: Vec<Track> = tracks.interfaces.iter().map(line).collect();
    show("track_interface", &LINES, &lines, page);
}
