//! Whether a process runs on this node.

use std::collections::BTreeMap;

use super::{
    input::Role,
    registration::{MovePolicy, Registration, RunOn},
};

/// This node, and what virtual routers are here.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// Its name.
    pub(super) name: String,
    /// Roles that are known.
    pub(super) roles: BTreeMap<String, Role>,
}

impl Node {
    /// Why a process does not run here; `None` when it does.
    pub(super) fn excludes(&self, registration: &Registration) -> Option<&'static str> {
        if !self.is_listed(registration) {
            return Some("it runs on other nodes");
        }
        let role = registration
            .run_on
            .instance()
            .map(|instance| self.roles.get(instance));
        match (&registration.run_on, role.flatten()) {
            (RunOn::Always, _)
            | (RunOn::Master(_), Some(Role::Master))
            | (RunOn::Backup(_), Some(Role::Backup)) => None,
            (RunOn::Master(_), Some(_)) => Some("its virtual router is not MASTER here"),
            (RunOn::Backup(_), Some(_)) => Some("its virtual router is not BACKUP here"),
            (_, None) => Some("nothing is known of its virtual router"),
        }
    }

    fn is_listed(&self, registration: &Registration) -> bool {
        let mut listed = registration
            .nodes
            .iter()
            .chain(&registration.favored_node)
            .chain(&registration.backup_nodes)
            .peekable();
        listed.peek().is_none() || listed.any(|node| *node == self.name)
    }

    /// Whether a process that died leaves this node.
    pub(super) fn moves_away(&self, registration: &Registration) -> bool {
        match registration.move_policy {
            MovePolicy::Last => false,
            MovePolicy::RoundRobin => true,
            MovePolicy::Favored => registration
                .favored_node
                .as_ref()
                .is_some_and(|favored| *favored != self.name),
        }
    }

    /// What the process's virtual router is here, for scripts.
    pub(super) fn role_of(&self, registration: &Registration) -> &'static str {
        let instance = registration.run_on.instance();
        let role = instance.and_then(|instance| self.roles.get(instance));
        role.map_or("", |role| role.name())
    }
}
