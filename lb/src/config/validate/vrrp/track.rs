//! Rules about what instances and groups track.

use crate::config::{
    System,
    diagnostic::Report,
    lower::{Lowered, vrrp::track::TrackPlaces},
    model::{InterfaceName, vrrp::Tracks},
    validate::{names, report_no_interface, report_unknown},
};

pub(in crate::config::validate) fn tracked_interfaces_exist(
    lowered: &mut Lowered,
    system: &dyn System,
    report: &mut Report,
) {
    if lowered.global.network.interfaces_may_come_later() {
        return;
    }
    for (tracks, places) in tracks(lowered) {
        for (tracked, at) in tracks.interfaces.iter().zip(&places.interfaces) {
            let name: &InterfaceName = &tracked.interface;
            if system.interface(name).is_none() {
                report_no_interface(name, *at, system, report);
            }
        }
    }
}

/// keepalived leaves such a line out.
pub(in crate::config::validate) fn tracked_objects_exist(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let node = &lowered.node;
    let scripts = names(&node.scripts, |script| &script.name);
    let files = names(&node.track_files, |file| &file.name);
    let processes = names(&node.track_processes, |process| &process.name);
    let bfds = names(&node.bfd_instances, |bfd| &bfd.name);
    for (tracks, places) in tracks(lowered) {
        for (what, tracks, places, known) in [
            ("vrrp_script", &tracks.scripts, &places.scripts, &scripts),
            ("track_file", &tracks.files, &places.files, &files),
            (
                "vrrp_track_process",
                &tracks.processes,
                &places.processes,
                &processes,
            ),
            ("bfd_instance", &tracks.bfds, &places.bfds, &bfds),
        ] {
            for (track, at) in tracks.iter().zip(places) {
                report_unknown(what, &track.name, *at, known, report);
            }
        }
    }
}

/// What is tracked, and where that is written, in every instance and group.
fn tracks(lowered: &Lowered) -> impl Iterator<Item = (&Tracks, &TrackPlaces)> {
    let instances = lowered.instances.iter();
    let instances = instances.map(|placed| (&placed.value.tracks, &placed.at.tracks));
    let groups = lowered.sync_groups.iter();
    instances.chain(groups.map(|placed| (&placed.value.tracks, &placed.at.tracks)))
}
