//! Children that are taking a configuration in, and who waits for that.

use std::collections::BTreeMap;

use super::control::{Reloaded, answer};
use crate::{cli::Role, io::control::Reply};

/// Orders to take a configuration in that were not answered yet, by child.
#[derive(Debug, Default)]
pub(super) struct Loading {
    orders: BTreeMap<Role, u32>,
    waiting: Vec<(Reply, Reloaded)>,
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
        self.waiting.push((reply, reloaded));
        self.answer_all();
    }

    /// The children that have not.
    pub(super) fn awaited(&self) -> impl Iterator<Item = Role> {
        self.orders.keys().copied()
    }

    /// Who waits has waited long enough.
    pub(super) fn give_up(&mut self) {
        let names: Vec<&str> = self.awaited().map(Role::name).collect();
        let why = format!("{} is still taking it in", names.join(" and "));
        for (reply, reloaded) in self.waiting.drain(..) {
            let why = Some(why.clone());
            answer(reply, Reloaded { why, ..reloaded });
        }
    }

    fn answer_all(&mut self) {
        if self.orders.is_empty() {
            for (reply, reloaded) in self.waiting.drain(..) {
                answer(reply, reloaded);
            }
        }
    }
}
