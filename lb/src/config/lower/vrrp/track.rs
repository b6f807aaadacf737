//! `track_interface`, `track_script`, `track_file`, `track_process`, `track_bfd`.

use crate::config::{
    ast::{Statement, Word},
    diagnostic::{Kind, Report, quote},
    keyword::Table,
    lower::{line, value},
    model::{
        VrrpInstance,
        vrrp::{Track, TrackedInterface, Tracks},
    },
    source::{Span, Spanned},
};

/// What an instance or a group tracks, as written.
#[derive(Debug, Default)]
pub(in crate::config) struct TracksDraft {
    pub(in crate::config) interfaces: Vec<TrackLine>,
    pub(in crate::config) scripts: Vec<TrackLine>,
    pub(in crate::config) files: Vec<TrackLine>,
    pub(in crate::config) processes: Vec<TrackLine>,
    pub(in crate::config) bfds: Vec<TrackLine>,
}

/// `NAME [weight N] [reverse]`.
#[derive(Clone, Debug)]
pub(in crate::config) struct TrackLine {
    name: Spanned<Word>,
    pub(in crate::config) options: Options,
}

/// What may follow the name.
#[derive(Clone, Debug, Default)]
pub(in crate::config) struct Options {
    pub(in crate::config) weight: Option<Spanned<i16>>,
    pub(in crate::config) reverse: Option<Spanned<bool>>,
    pub(in crate::config) peer: Option<Spanned<bool>>,
}

/// Where the names of tracked things are.
#[derive(Clone, Debug, Default)]
pub(in crate::config) struct TrackPlaces {
    pub(in crate::config) interfaces: Vec<Span>,
    pub(in crate::config) scripts: Vec<Span>,
    pub(in crate::config) files: Vec<Span>,
    pub(in crate::config) processes: Vec<Span>,
    pub(in crate::config) bfds: Vec<Span>,
}

/// Reads a block of such lines.
pub(in crate::config) fn read(
    into: &mut Vec<TrackLine>,
    table: &'static Table<Options, Track>,
    statement: &Statement,
    report: &mut Report,
) {
    line::read_each(statement, report, |line, report| {
        let mut options = Options::default();
        let name = &line.keyword;
        if !table.read_words(&line.arguments, &mut options, report) {
            return;
        }
        drop_bare_reverse(&mut options, report);
        if let Some(first) = into.iter().find(|known| known.name.value.text == name.text) {
            report
                .warning(
                    Kind::Duplicate,
                    name.span,
                    format!(
                        "{} is tracked twice; the first one counts, as in keepalived",
                        quote(&name.text)
                    ),
                )
                .related(first.name.span, "first given");
            return;
        }
        into.push(TrackLine {
            name: Spanned::new(name.clone(), name.span),
            options,
        });
    });
}

/// Only a weight has a direction.
fn drop_bare_reverse(options: &mut Options, report: &mut Report) {
    if options.weight.is_some() {
        return;
    }
    if let Some(reverse) = options.reverse.take() {
        report
            .warning(
                Kind::Conflict,
                reverse.span,
                "`reverse` and `noreverse` are ignored without `weight`, as in keepalived"
                    .to_owned(),
            )
            .help("write `weight N` before it; `weight 0 reverse` is FAULT while the object is up");
    }
}

/// Applies the defaults of interfaces; objects with blocks of their own have theirs there.
pub(super) fn finish(draft: &TracksDraft, report: &mut Report) -> (Tracks, TrackPlaces) {
    let mut places = TrackPlaces::default();
    let mut interfaces = Vec::new();
    for line in &draft.interfaces {
        let Some(name) = value::interface(&line.name.value, report) else {
            continue;
        };
        places.interfaces.push(name.span);
        interfaces.push(TrackedInterface {
            interface: name.value,
            weight: line.options.weight.map_or(0, |weight| weight.value),
            reverse: line.options.reverse.is_some_and(|reverse| reverse.value),
        });
    }
    let objects = |lines: &[TrackLine], places: &mut Vec<Span>| {
        let track = |line: &TrackLine| {
            places.push(line.name.span);
            Track {
                name: line.name.value.text.to_string(),
                weight: line.options.weight.map(|weight| weight.value),
                reverse: line.options.reverse.map(|reverse| reverse.value),
                peer: line.options.peer.is_some_and(|peer| peer.value),
            }
        };
        lines.iter().map(track).collect()
    };
    let tracks = Tracks {
        interfaces,
        scripts: objects(&draft.scripts, &mut places.scripts),
        files: objects(&draft.files, &mut places.files),
        processes: objects(&draft.processes, &mut places.processes),
        bfds: objects(&draft.bfds, &mut places.bfds),
    };
    (tracks, places)
}

/// The state of its own interface counts for an instance in any case: keepalived ignores such a line, with a message.
pub(super) fn drop_own(instance: &mut VrrpInstance, places: &mut TrackPlaces, report: &mut Report) {
    let own = &instance.interface;
    let tracks = &mut instance.tracks.interfaces;
    let Some(index) = tracks.iter().position(|tracked| tracked.interface == *own) else {
        return;
    };
    tracks.remove(index);
    let at = places.interfaces.remove(index);
    report
        .warning(
            Kind::Conflict,
            at,
            format!(
                "{} is ignored, as in keepalived: it is the interface of the instance itself",
                quote(own.as_str())
            ),
        )
        .help("remove it from `track_interface`");
}
