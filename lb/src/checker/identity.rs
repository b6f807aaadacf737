//! Which checks of two configurations are the same.

use crate::config::model::{Check, Connection};

/// Whether a check of the new configuration asks what the old one asked, so that its answers count on: what keepalived's `compare`
/// looks at, and the payload of datagrams, which it forgets. When and how often it runs may be something else.
pub(super) fn asks_same(old: &Check, new: &Check) -> bool {
    let connects_same = match (old.connection(), new.connection()) {
        (Some(old), Some(new)) => connection(old) == connection(new),
        (None, None) => true,
        _ => false,
    };
    connects_same
        && match (old, new) {
            (Check::Tcp(_), Check::Tcp(_)) | (Check::Ping(_), Check::Ping(_)) => true,
            (Check::Http(old), Check::Http(new)) | (Check::Ssl(old), Check::Ssl(new)) => {
                let (old, new) = (&old.settings, &new.settings);
                (&old.urls, old.sni, &old.sni_name) == (&new.urls, new.sni, &new.sni_name)
            }
            (Check::Udp(old), Check::Udp(new)) => old.settings == new.settings,
            (Check::Smtp(old), Check::Smtp(new)) => old.settings == new.settings,
            (Check::Dns(old), Check::Dns(new)) => old.settings == new.settings,
            (Check::Grpc(old), Check::Grpc(new)) => old.settings == new.settings,
            (Check::Keepalive(old), Check::Keepalive(new)) => old.settings == new.settings,
            (Check::Misc(old), Check::Misc(new)) => {
                (&old.command, old.dynamic) == (&new.command, new.dynamic)
            }
            (Check::File(old), Check::File(new)) => old.track_file == new.track_file,
            (Check::Bfd(old), Check::Bfd(new)) => old.instance == new.instance,
            _ => false,
        }
}

fn connection(connection: &Connection) -> impl PartialEq + use<'_> {
    let Connection {
        address,
        port,
        origin,
        ..
    } = connection;
    (address, port, origin)
}
