//! What an instance says of the whole node.

use super::InstanceDraft;
use crate::config::{
    diagnostic::{Kind, Report},
    model::{GlobalDefs, global::SyncDaemon},
    need::Need,
};

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
