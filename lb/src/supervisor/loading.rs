//! Children that are taking a configuration in, and who waits for that.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::control::{Reloaded, answer};
use crate::{
    cli::Role,
    config::model::Config,
    io::{control::Reply, service_manager},
};

/// Deaths of a child on its way through one configuration after which nobody waits for it any longer.
const MOST_DEATHS: u32 = 3;

/// Orders to take a configuration in that were not answered yet, by child.
#[derive(Debug, Default)]
pub(super) struct Loading {
    orders: BTreeMap<Role, Order>,
    /// Children that died of it too often.
    lost: BTreeSet<Role>,
    /// Since when who waits.
    waiting: Vec<(Instant, Reply, Reloaded)>,
    /// What the service manager is to be told when all have.
    status: Option<String>,
}

/// What a child was told and has not answered; one that is dead was told nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Order {
    unanswered: u32,
    deaths: u32,
}

impl Loading {
    /// A child was given a configuration.
    pub(super) fn ordered(&mut self, role: Role) {
        self.orders.entry(role).or_default().unanswered += 1;
    }

    /// A child has taken one in.
    pub(super) fn configured(&mut self, role: Role) {
        if let Some(order) = self.orders.get_mut(&role) {
            order.unanswered = order.unanswered.saturating_sub(1);
            if order.unanswered == 0 {
                self.orders.remove(&role);
            }
        }
        self.answer_all();
    }

    /// A child is gone, and another one is about to be given the configuration in force. Who waited for the one waits for the other.
    pub(super) fn died(&mut self, role: Role) {
        let Some(order) = self.orders.get_mut(&role) else {
            return;
        };
        order.unanswered = 0;
        order.deaths += 1;
        if order.deaths >= MOST_DEATHS {
            self.orders.remove(&role);
            self.lost.insert(role);
            self.answer_all();
        }
    }

    /// A child is gone for good.
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
        if !self.orders.is_empty() {
            return;
        }
        let lost = std::mem::take(&mut self.lost);
        let lost: Vec<&str> = lost.into_iter().map(Role::name).collect();
        let why = (!lost.is_empty()).then(|| {
            let names = lost.join(" and ");
            format!("{names} died of it {MOST_DEATHS} times and is started again; see the log")
        });
        if let Some(status) = self.status.take() {
            let parts = [Some(status.as_str()), why.as_deref()];
            let parts: Vec<&str> = parts.into_iter().flatten().collect();
            service_manager::ready(&parts.join("; "));
        }
        for (_, reply, reloaded) in self.waiting.drain(..) {
            let why = why.clone().or(reloaded.why);
            answer(reply, Reloaded { why, ..reloaded });
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

#[cfg(test)]
mod tests;
