//! Rules about what instances and groups track.

use std::collections::BTreeMap;

use crate::config::{
    System,
    diagnostic::{Kind, Report, quote},
    lower::{Lowered, Placed, vrrp::track::TrackPlaces},
    model::{
        InterfaceName, SyncGroup, VrrpInstance,
        track::TrackWeight,
        vrrp::{Track, Tracks},
    },
    source::Span,
    validate::{names, report_no_interface, report_unknown, sessions},
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
    let bfds = sessions(&node.bfd_instances, |bfd| bfd.for_vrrp);
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

/// The priority of the address owner never moves, and those of a group move together: keepalived drops what they track with
/// a weight, but a file, whose weight it drops.
pub(in crate::config::validate) fn weights_mean_something(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let node = &lowered.node;
    let scripts = weights(&node.scripts, |it| (&it.name, it.weight));
    let files = weights(&node.track_files, |it| (&it.name, it.weight));
    let processes = weights(&node.track_processes, |it| (&it.name, it.weight));
    let bfds = weights(&node.bfd_instances, |it| (&it.name, it.weight));
    for placed in &lowered.instances {
        let mut groups = lowered.sync_groups.iter().map(|group| &group.value);
        let group = groups.find(|group| group.members.contains(&placed.value.name));
        let Some((place, help)) = without_weights(&placed.value, group) else {
            continue;
        };
        let none = Tracks::default();
        let theirs = group.map_or(&none, |group| &group.tracks);
        let (ours, at) = (&placed.value.tracks, &placed.at.tracks);
        for (line, at) in ours.interfaces.iter().zip(&at.interfaces) {
            let is_theirs = theirs
                .interfaces
                .iter()
                .any(|other| other.interface == line.interface);
            if line.weight != 0 && !is_theirs {
                report_dropped(line.interface.as_str(), *at, place, help, report);
            }
        }
        for (ours, theirs, at, own, is_file) in [
            (&ours.scripts, &theirs.scripts, &at.scripts, &scripts, false),
            (&ours.files, &theirs.files, &at.files, &files, true),
            (
                &ours.processes,
                &theirs.processes,
                &at.processes,
                &processes,
                false,
            ),
            (&ours.bfds, &theirs.bfds, &at.bfds, &bfds, false),
        ] {
            let own = |line: &Track| own.get(line.name.as_str()).copied().unwrap_or(0);
            for (line, at) in ours.iter().zip(at) {
                let is_theirs = theirs.iter().any(|other| other.name == line.name);
                if line.weight.unwrap_or_else(|| own(line)) == 0 || is_theirs {
                    continue;
                }
                if is_file {
                    report_weight_dropped(&line.name, *at, place, help, report);
                } else {
                    report_dropped(&line.name, *at, place, help, report);
                }
            }
        }
    }
}

/// A MASTER that answers no advert of lower priority leaves a BACKUP that is wrong about its silence MASTER for an interval.
pub(in crate::config::validate) fn peers_are_answered(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    for placed in &lowered.instances {
        let (tracks, at) = (&placed.value.tracks.bfds, &placed.at.tracks.bfds);
        if !placed.value.election.lower_prio_no_advert {
            continue;
        }
        for (_, at) in tracks.iter().zip(at).filter(|(track, _)| track.peer) {
            let message = "`peer` beside `lower_prio_no_advert` or `vrrp_strict`: where BFD is wrong about a MASTER, both \
                           stay MASTER until its next advert"
                .to_owned();
            report
                .warning(Kind::Conflict, *at, message)
                .help("remove one of them");
        }
    }
}

/// Where weights mean nothing for an instance, and what to do about it.
fn without_weights(
    instance: &VrrpInstance,
    group: Option<&SyncGroup>,
) -> Option<(&'static str, &'static str)> {
    if instance.priority.is_owner() {
        return Some(("with `priority 255`", "write `weight 0`"));
    }
    group.filter(|group| !group.tracking_weight).map(|_| {
        let help = "write `weight 0`, or `sync_group_tracking_weight` in the group";
        ("in a vrrp_sync_group", help)
    })
}

fn report_dropped(name: &str, at: Span, place: &str, help: &'static str, report: &mut Report) {
    let name = quote(name);
    let message = format!("{name} has a weight, and is not tracked {place}, as in keepalived");
    report.warning(Kind::Conflict, at, message).help(help);
}

fn report_weight_dropped(
    name: &str,
    at: Span,
    place: &str,
    help: &'static str,
    report: &mut Report,
) {
    let name = quote(name);
    let message = format!(
        "the weight of {name} counts as 0 {place}, as in keepalived: any number but 0 is FAULT"
    );
    report.warning(Kind::Conflict, at, message).help(help);
}

fn weights<'a, T>(
    blocks: &'a [Placed<T, Span>],
    weight: impl Fn(&'a T) -> (&'a String, TrackWeight),
) -> BTreeMap<&'a str, i16> {
    let weights = blocks.iter().map(|placed| weight(&placed.value));
    weights
        .map(|(name, weight)| (name.as_str(), weight.value))
        .collect()
}

/// What is tracked, and where that is written, in every instance and group.
fn tracks(lowered: &Lowered) -> impl Iterator<Item = (&Tracks, &TrackPlaces)> {
    let instances = lowered.instances.iter();
    let instances = instances.map(|placed| (&placed.value.tracks, &placed.at.tracks));
    let groups = lowered.sync_groups.iter();
    instances.chain(groups.map(|placed| (&placed.value.tracks, &placed.at.tracks)))
}
