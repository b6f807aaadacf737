//! What forbids to act on an instance, and what an instance says of the whole node.

use super::{InstanceDraft, group::GroupDraft};
use crate::config::{
    diagnostic::{Kind, Report, Withheld, quote},
    keyword::vrrp::TABLE,
    model::{GlobalDefs, VrrpInstance, global::SyncDaemon},
};

/// The words that forbid to act on the instance: those that were written, those whose values, written or inherited,
/// are others than what is done, and its group, because nothing keeps groups together yet.
pub(super) fn words(
    draft: &InstanceDraft,
    instance: &VrrpInstance,
    groups: &[GroupDraft],
) -> Withheld {
    let mut plain = VrrpInstance::new(
        &instance.name,
        instance.interface.clone(),
        instance.vrid,
        instance.family,
    );
    plain.election.owner_ignore_adverts = instance.priority.is_owner();
    let mut differences = TABLE.differences(instance, &plain);
    if instance.addresses.is_empty() {
        differences.push("no_virtual_ipaddress");
    }
    // What was written comes first: what follows from it goes with it.
    let (written, inherited): (Vec<_>, Vec<_>) = differences
        .into_iter()
        .map(|name| (name, draft.seen.place(name)))
        .partition(|(_, place)| place.is_some());
    let differences = written.into_iter().chain(inherited);
    let differences =
        differences.map(|(name, place)| (quote(name), place.unwrap_or(draft.name.span)));
    let members = groups.iter().filter_map(|group| {
        let member = group
            .members
            .iter()
            .find(|member| member.value == draft.name.value)?;
        let name = quote(&format!("vrrp_sync_group {}", group.name.value));
        Some((name, member.span))
    });
    let nested = draft.withheld.iter().cloned();
    nested.chain(differences).chain(members).collect()
}

/// `lvs_sync_daemon_interface` says what `lvs_sync_daemon` of `global_defs` does; of several the first counts, as in
/// keepalived.
pub(in crate::config::lower) fn take_sync_daemon(
    instances: &[InstanceDraft],
    global: &mut GlobalDefs,
    report: &mut Report,
) {
    for draft in instances {
        let Some(interface) = &draft.lvs_sync else {
            continue;
        };
        if global.lvs.sync_daemon.is_some() {
            report.warning(
                Kind::Duplicate,
                interface.span,
                "`lvs_sync_daemon_interface` is ignored, as in keepalived: there is a sync daemon already"
                    .to_owned(),
            );
            continue;
        }
        global.lvs.sync_daemon = Some(SyncDaemon {
            interface: interface.value.clone(),
            instance: Some(draft.name.value.clone()),
            id: None,
            maxlen: None,
            port: None,
            ttl: None,
            group: None,
        });
    }
}
