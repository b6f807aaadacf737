//! What an operator asks of an instance.

use std::time::{Duration, Instant};

use super::Router;
use crate::vrrp::{output::InstanceId, snapshot::InstanceSnapshot};

impl Router {
    /// Hands over the addresses of an instance, with its group if it has one, and leaves them to others for `time`, or
    /// until [`handle_release`](Self::handle_release). A MASTER says priority 0 and answers until its successor speaks;
    /// where nobody takes over it remains, and the request is done with. As BACKUP the instance follows whoever is MASTER,
    /// and takes over last of all. Returns false for a name that is not configured.
    pub fn handle_yield(&mut self, name: &str, time: Option<Duration>, now: Instant) -> bool {
        let ids = self.asked(name);
        for id in &ids {
            self.with(*id, now, |instance, outputs| {
                instance.on_yield(time, now, outputs);
            });
        }
        !ids.is_empty()
    }

    /// Withdraws a request to yield. Returns false for a name that is not configured.
    pub fn handle_release(&mut self, name: &str, now: Instant) -> bool {
        let ids = self.asked(name);
        for id in &ids {
            self.with(*id, now, |instance, outputs| {
                instance.on_release("released", now, outputs);
            });
        }
        !ids.is_empty()
    }

    /// The instance of a name as plain data; none for a name that is not configured.
    #[must_use]
    pub fn instance_snapshot(&self, name: &str, now: Instant) -> Option<InstanceSnapshot> {
        let id = self.instance_id(name)?;
        self.instances
            .get(&id)
            .map(|instance| self.view(id, instance, now))
    }

    /// Names of the instances that are configured.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// The instance of a name, and those that cannot be in another state.
    fn asked(&self, name: &str) -> Vec<InstanceId> {
        let id = self.instance_id(name);
        id.map_or_else(Vec::new, |id| self.bound_to(id))
    }

    /// An instance, and those that cannot be in another state.
    pub(super) fn bound_to(&self, id: InstanceId) -> Vec<InstanceId> {
        match self.groups.name_of(id) {
            Some(group) => self.groups.members(group),
            None => vec![id],
        }
    }
}
