//! What observers see of an instance.

use std::{net::IpAddr, time::Instant};

use super::Instance;
use crate::{
    config::model::VirtualAddress,
    vrrp::{
        output::{Gate, State},
        snapshot::{Counts, InstanceSnapshot},
        timer::Timer,
    },
};

impl Instance {
    /// The instance as plain data.
    pub(in crate::vrrp) fn snapshot(&self, now: Instant) -> InstanceSnapshot {
        let (master, master_priority) = self.known_master();
        let addresses = self.config.addresses.iter();
        InstanceSnapshot {
            id: self.id,
            name: self.config.name.clone(),
            interface: self.config.interface.to_string(),
            vrid: self.config.vrid.get(),
            version: self.config.version.number(),
            family: self.config.family.number(),
            state: self.state,
            why: self.explanation(),
            priority: self.priority.get(),
            base_priority: self.config.priority.get(),
            faults: self.faults.all(),
            group: None,
            yielding: self.preemption.yields(),
            yields_for: self
                .timers
                .when(Timer::Yield)
                .map(|end| end.saturating_duration_since(now).as_secs_f64()),
            source: self.source,
            master,
            master_priority,
            advert_interval: self.master_interval().as_secs_f64(),
            since: now.saturating_duration_since(self.since).as_secs_f64(),
            gate: self.gate.unwrap_or(Gate::Pass),
            kernel_heartbeat: match self.state {
                State::Backup => self.heartbeat.watches(),
                State::Init | State::Master | State::Fault => self.heartbeat.carried(),
            },
            addresses: addresses.map(spell).collect(),
            installed: self.objects.installed().map(spell).collect(),
            objects: self.objects.snapshot(),
            counts: self.counts(),
        }
    }

    /// What has happened to it so far, as far as userspace knows.
    pub(in crate::vrrp) fn counts(&self) -> Counts {
        let counts = &self.counts;
        let refused = counts.refused.iter();
        Counts {
            adverts_received: counts.received,
            adverts_absorbed: 0,
            adverts_sent: counts.sent,
            zero_received: counts.zero_received,
            zero_sent: counts.zero_sent,
            became_master: counts.became_master,
            released_master: counts.released_master,
            fenced: counts.fenced,
            refused: refused
                .map(|(name, count)| (name.to_string(), *count))
                .collect(),
        }
    }

    /// The timers that run, and when each is due.
    pub(in crate::vrrp) fn waits(&self) -> impl Iterator<Item = (&'static str, Instant)> {
        self.timers.all().map(|(due, timer)| (timer.name(), due))
    }

    fn known_master(&self) -> (Option<IpAddr>, u8) {
        match (self.state, self.heard) {
            (State::Master, _) => (self.source, self.priority.get()),
            (State::Init | State::Backup | State::Fault, Some(heard)) => {
                (Some(heard.source), heard.priority)
            }
            (State::Init | State::Backup | State::Fault, None) => (None, 0),
        }
    }

    /// Why the state is as it is, and what the kernel refuses meanwhile.
    fn explanation(&self) -> String {
        match self.objects.refusal() {
            Some((object, error)) => format!("{}; {object}: {error}", self.why),
            None => self.why.clone().into_owned(),
        }
    }
}

fn spell(address: &VirtualAddress) -> String {
    format!("{}/{}", address.address, address.prefix)
}
