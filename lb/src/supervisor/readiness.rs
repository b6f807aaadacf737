//! When a start or a reload is over: every child has taken its plan in, or is gone.

use std::collections::BTreeSet;

use crate::{cli::Role, config::model::Config, io::service_manager};

/// Whom the service manager waits for.
#[derive(Debug, Default)]
pub(super) struct Readiness {
    awaited: BTreeSet<Role>,
    is_due: bool,
}

impl Readiness {
    /// A start or a reload has given `roles` their plans.
    pub(super) fn begin(&mut self, roles: impl IntoIterator<Item = Role>, config: &Config) {
        self.awaited = roles.into_iter().collect();
        self.is_due = true;
        self.tell(config);
    }

    /// A reload changes nothing.
    pub(super) fn refused(&mut self, config: &Config) {
        self.is_due = true;
        self.tell(config);
    }

    /// A child has taken its plan in, or is gone: what is started again takes it in then.
    pub(super) fn done(&mut self, role: Role, config: &Config) {
        self.awaited.remove(&role);
        self.tell(config);
    }

    fn tell(&mut self, config: &Config) {
        if self.is_due && self.awaited.is_empty() {
            self.is_due = false;
            service_manager::ready(&status(config));
        }
    }
}

/// What `systemctl status` shows.
fn status(config: &Config) -> String {
    let count =
        |number: usize, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
    [
        count(config.vrrp_instances.len(), "virtual router"),
        count(config.virtual_servers.len(), "virtual server"),
        count(config.bfd_instances.len(), "BFD session"),
    ]
    .join(", ")
}
