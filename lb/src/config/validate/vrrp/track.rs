//! Rules about what instances and groups track.

use crate::config::{
    System,
    diagnostic::{Kind, Report, quote},
    lower::{Lowered, vrrp::track::TrackPlaces},
    model::{
        InterfaceName,
        vrrp::{Track, Tracks},
    },
    source::Span,
    suggest::nearest,
    validate::report_no_interface,
};

pub(in crate::config::validate) fn tracked_interfaces_exist(
    lowered: &mut Lowered,
    system: &dyn System,
    report: &mut Report,
) {
    for (tracks, places) in tracks(lowered) {
        for (tracked, at) in tracks.interfaces.iter().zip(&places.interfaces) {
            let name: &InterfaceName = &tracked.interface;
            if system.interface(name).is_none() {
                report_no_interface(name, *at, system, report);
            }
        }
    }
}

/// Reports what is tracked and has no block: `kind` is the keyword of such blocks, `known` their names.
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "its blocks are not carried yet: the rules that use it come with them"
    )
)]
pub(in crate::config) fn tracked_exist(
    kind: &str,
    tracks: &[Track],
    places: &[Span],
    known: &[&str],
    report: &mut Report,
) {
    for (track, at) in tracks.iter().zip(places) {
        let name = &*track.name;
        if known.contains(&name) {
            continue;
        }
        let message = format!("there is no {kind} {}", quote(name));
        let finding = report.error(Kind::Missing, *at, message);
        match nearest(name, known.iter().copied()) {
            Some(meant) => finding.help(format!("did you mean {}?", quote(meant))),
            None => finding.help(format!("write a `{kind} {name}` block")),
        };
    }
}

/// What is tracked, and where that is written, in every instance and group.
fn tracks(lowered: &Lowered) -> impl Iterator<Item = (&Tracks, &TrackPlaces)> {
    let instances = lowered.instances.iter();
    let instances = instances.map(|placed| (&placed.value.tracks, &placed.at.tracks));
    let groups = lowered.sync_groups.iter();
    instances.chain(groups.map(|placed| (&placed.value.tracks, &placed.at.tracks)))
}
