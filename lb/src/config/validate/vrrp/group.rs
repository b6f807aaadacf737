//! Rules across `vrrp_sync_group` blocks and their members.

use std::collections::BTreeMap;

use crate::config::{
    System,
    diagnostic::{Kind, Report, quote},
    lower::{GroupPlaces, InstancePlaces, Lowered, Placed},
    model::{
        SyncGroup, VrrpInstance,
        vrrp::{Track, TrackedInterface, Tracks},
    },
    source::Span,
    validate::{help_with_name, report_duplicates},
};

/// keepalived skips the second group; here it is an error.
pub(in crate::config::validate) fn names_are_unique(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let names = lowered.sync_groups.iter().map(|placed| {
        let name = &placed.value.name;
        let what = move || format!("vrrp_sync_group {}", quote(name));
        (name, placed.at.name, what)
    });
    report_duplicates(names, report);
}

/// keepalived goes on without a member it does not know; here it is an error.
pub(in crate::config::validate) fn members_exist(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    // An instance with errors is not in the list, and was told of already.
    if lowered.has_refused_instance {
        return;
    }
    let names = || lowered.instances.iter().map(|placed| &*placed.value.name);
    for placed in &lowered.sync_groups {
        for (member, at) in members(placed) {
            if names().any(|name| name == member) {
                continue;
            }
            let finding = report.error(
                Kind::Missing,
                at,
                format!("there is no vrrp_instance {}", quote(member)),
            );
            let help = "write the name of a vrrp_instance of this configuration";
            help_with_name(finding, member, names(), help);
        }
    }
}

pub(in crate::config::validate) fn members_have_one_group(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    let mut first: BTreeMap<&str, Span> = BTreeMap::new();
    for (member, at) in lowered.sync_groups.iter().flat_map(members) {
        if let Some(before) = first.insert(member, at) {
            report
                .error(
                    Kind::Conflict,
                    at,
                    format!("{} is in more than one group", quote(member)),
                )
                .related(before, "first given")
                .help("name each instance in one vrrp_sync_group only");
        }
    }
}

pub(in crate::config::validate) fn groups_have_members(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    for placed in &lowered.sync_groups {
        if placed.value.members.len() == 1 {
            report
                .warning(
                    Kind::Missing,
                    placed.at.name,
                    format!(
                        "vrrp_sync_group {} has one member: there is nothing to keep together",
                        quote(&placed.value.name)
                    ),
                )
                .help("name the other instances, or remove the group");
        }
    }
}

/// What a group tracks counts for its members, whatever they say of it.
pub(in crate::config::validate) fn members_leave_tracking_to_the_group(
    lowered: &mut Lowered,
    _: &dyn System,
    report: &mut Report,
) {
    for group in &lowered.sync_groups {
        for instance in &lowered.instances {
            if !group.value.members.contains(&instance.value.name) {
                continue;
            }
            let at = &instance.at.tracks;
            let ours = objects(&instance.value.tracks);
            let places = [&at.scripts, &at.files, &at.processes, &at.bfds];
            check_interfaces(instance, &group.value, report);
            for ((ours, theirs), places) in
                ours.iter().zip(objects(&group.value.tracks)).zip(places)
            {
                for (track, at) in ours.iter().zip(places) {
                    check_member(track, *at, theirs, &group.value, report);
                }
            }
        }
    }
}

fn check_interfaces(
    instance: &Placed<VrrpInstance, InstancePlaces>,
    group: &SyncGroup,
    report: &mut Report,
) {
    let theirs: Vec<Track> = group.tracks.interfaces.iter().map(as_track).collect();
    let ours = instance.value.tracks.interfaces.iter().map(as_track);
    for (track, at) in ours.zip(&instance.at.tracks.interfaces) {
        check_member(&track, *at, &theirs, group, report);
    }
}

fn as_track(tracked: &TrackedInterface) -> Track {
    Track {
        name: tracked.interface.to_string(),
        weight: Some(tracked.weight),
        reverse: Some(tracked.reverse),
        peer: false,
    }
}

fn objects(tracks: &Tracks) -> [&[Track]; 4] {
    [
        &tracks.scripts,
        &tracks.files,
        &tracks.processes,
        &tracks.bfds,
    ]
}

fn check_member(track: &Track, at: Span, theirs: &[Track], group: &SyncGroup, report: &mut Report) {
    let (name, group_name) = (quote(&track.name), quote(&group.name));
    if theirs.iter().any(|other| other.name == track.name) {
        report
            .warning(
                Kind::Duplicate,
                at,
                format!("{name} is tracked by vrrp_sync_group {group_name} too"),
            )
            .help("remove it from the instance");
    }
}

fn members(placed: &Placed<SyncGroup, GroupPlaces>) -> impl Iterator<Item = (&str, Span)> {
    let names = placed.value.members.iter().map(String::as_str);
    names.zip(placed.at.members.iter().copied())
}
