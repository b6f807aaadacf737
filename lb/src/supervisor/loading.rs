//! Children that are taking a configuration in, and who waits for that.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::control::{Reloaded, answer};
use crate::{
    cli::Role,
    config::model::Config,
    io::{control::Reply, service_manager},
};

/// Orders to take a configuration in that were not answered yet, by child.
#[derive(Debug, Default)]
pub(super) struct Loading {
    orders: BTreeMap<Role, u32>,
    /// Since when who waits.
    waiting: Vec<(Instant, Reply, Reloaded)>,
    /// What the service manager is to be told when all have.
    status: Option<String>,
}

impl Loading {
    /// A child was given a configuration.
    pub(super) fn ordered(&mut self, role: Role) {
        *self.orders.entry(role).or_default() += 1;
    }

    /// A child has taken one in.
    pub(super) fn configured(&mut self, role: Role) {
        if let Some(orders) = self.orders.get_mut(&role) {
            *orders = orders.saturating_sub(1);
        }
        self.orders.retain(|_, orders| *orders > 0);
        self.answer_all();
    }

    /// A child is gone: its successor begins with the configuration in force.
    pub(super) fn absent(&mut self, role: Role) {
        self.orders.remove(&role);
        self.answer_all();
    }

    /// Somebody wants to hear when all have.
    pub(super) fn tell(&mut self, reply: Reply, reloaded: Reloaded) {
        self.waiting.push((Instant::now(), reply, reloaded));
        self.answer_all();
    }

    /// The service manager wants to hear it too, after the start and each reload, be it refused.
    pub(super) fn announce(&mut self, config: &Config) {
        self.status = Some(status(config));
        self.answer_all();
    }

    /// The children that have not.
    pub(super) fn awaited(&self) -> impl Iterator<Item = Role> {
        self.orders.keys().copied()
    }

    /// Who has waited for so long has waited long enough.
    pub(super) fn give_up(&mut self, patience: Duration) {
        let names: Vec<&str> = self.awaited().map(Role::name).collect();
        let why = format!("{} is still taking it in", names.join(" and "));
        let is_over = |(since, ..): &mut (Instant, _, _)| since.elapsed() >= patience;
        for (_, reply, reloaded) in self.waiting.extract_if(.., is_over) {
            let why = Some(why.clone());
            answer(reply, Reloaded { why, ..reloaded });
        }
    }

    fn answer_all(&mut self) {
        if self.orders.is_empty() {
            if let Some(status) = self.status.take() {
                service_manager::ready(&status);
            }
            for (_, reply, reloaded) in self.waiting.drain(..) {
                answer(reply, reloaded);
            }
        }
    }
}

/// What `systemctl status` shows.
fn status(config: &Config) -> String {
    let count = |number: usize, one: &str| {
        let plural = if number == 1 { "" } else { "s" };
        format!("{number} {one}{plural}")
    };
    let counts = [
        count(config.vrrp_instances.len(), "virtual router"),
        count(config.virtual_servers.len(), "virtual server"),
        count(config.bfd_instances.len(), "BFD session"),
    ];
    counts.join(", ")
}
