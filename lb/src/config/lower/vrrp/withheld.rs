//! What forbids to act on an instance, and what an instance says of the whole node.

use super::InstanceDraft;
use crate::config::{
    diagnostic::{Kind, Report, Withheld, quote},
    keyword::vrrp::TABLE,
    model::{GlobalDefs, VrrpInstance, global::SyncDaemon},
    need::Need,
};

/// The words that forbid to act on the instance: those that were written, and those whose values, written or
/// inherited, are others than what is done.
pub(super) fn words(draft: &InstanceDraft, instance: &VrrpInstance) -> Withheld {
    let plain = VrrpInstance::new(
        &instance.name,
        instance.interface.clone(),
        instance.vrid,
        instance.family,
    );
    // What was written comes first: what follows from it goes with it.
    let (written, inherited): (Vec<_>, Vec<_>) = TABLE
        .differences(instance, &plain)
        .into_iter()
        .map(|name| (name, draft.seen.place(name)))
        .partition(|(_, place)| place.is_some());
    let differences = written.into_iter().chain(inherited);
    let differences =
        differences.map(|(name, place)| (quote(name), place.unwrap_or(draft.name.span)));
    let nested = draft.withheld.iter().cloned();
    nested.chain(differences).collect()
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
        report.needs(Need::SyncDaemon, interface.span);
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
