//! `vrrp_sync_group`.

use super::{
    notify::{self, NotifyDraft},
    track::{self, TrackPlaces, TracksDraft},
};
use crate::config::{
    ast::Statement,
    diagnostic::{Kind, Report, quote},
    keyword::{Seen, vrrp::group::TABLE},
    lower::{Draft, GroupPlaces, Placed, line},
    model::{GlobalDefs, SyncGroup},
    source::Spanned,
};

/// A `vrrp_sync_group` as written.
#[derive(Debug)]
pub(in crate::config) struct GroupDraft {
    pub(in crate::config) name: Spanned<String>,
    pub(in crate::config) members: Vec<Spanned<String>>,
    pub(in crate::config) tracks: TracksDraft,
    pub(in crate::config) notify: NotifyDraft,
    pub(in crate::config) tracking_weight: bool,
}

pub(in crate::config) fn read(draft: &mut Draft, statement: &Statement, report: &mut Report) {
    let Some(name) = line::name(statement, report) else {
        return;
    };
    let mut group = GroupDraft {
        name,
        members: Vec::new(),
        tracks: TracksDraft::default(),
        notify: NotifyDraft::default(),
        tracking_weight: false,
    };
    let seen: Seen = TABLE.read(statement.statements(), &mut group, report);
    if group.members.is_empty() {
        let finding = report.error(
            Kind::Missing,
            seen.place("group").unwrap_or(group.name.span),
            format!(
                "vrrp_sync_group {} has no members",
                quote(&group.name.value)
            ),
        );
        finding.help("write the names of its instances in `group { … }`, one a line");
    }
    draft.sync_groups.push(group);
}

/// Names of instances, one or more a line.
pub(in crate::config) fn read_members(
    draft: &mut GroupDraft,
    statement: &Statement,
    report: &mut Report,
) {
    line::read_each(statement, report, |line, report| {
        for word in std::iter::once(&line.keyword).chain(&line.arguments) {
            let member = Spanned::new(word.text.to_string(), word.span);
            match draft
                .members
                .iter()
                .find(|known| known.value == member.value)
            {
                Some(first) => {
                    report
                        .warning(
                            Kind::Duplicate,
                            word.span,
                            format!("{} is in the group twice", quote(&word.text)),
                        )
                        .related(first.span, "first given");
                }
                None => draft.members.push(member),
            }
        }
    });
}

pub(in crate::config) fn finish(
    draft: GroupDraft,
    global: &GlobalDefs,
    report: &mut Report,
) -> Placed<SyncGroup, GroupPlaces> {
    let (tracks, places): (_, TrackPlaces) = track::finish(&draft.tracks, report);
    let (members, members_at) = draft
        .members
        .into_iter()
        .map(|member| (member.value, member.span))
        .unzip();
    Placed {
        at: GroupPlaces {
            name: draft.name.span,
            members: members_at,
            tracks: places,
        },
        value: SyncGroup {
            members,
            tracks,
            notify: notify::finish(&draft.notify, global),
            tracking_weight: draft.tracking_weight,
            name: draft.name.value,
        },
    }
}
