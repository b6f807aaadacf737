//! What observers see of the VRRP core: plain data.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::output::{Gate, InstanceId, State};

/// An address, a route or a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectSnapshot {
    /// Its line of the configuration.
    pub line: String,
    /// Whether the kernel has it.
    pub installed: bool,
    /// Why the kernel refused the last change, in words.
    pub refused: Option<String>,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceSnapshot {
    /// What it is called in inputs and outputs, and in recordings.
    #[serde(default)]
    pub id: InstanceId,
    /// Name of the `vrrp_instance`.
    pub name: String,
    /// Interface name.
    pub interface: String,
    /// Virtual router identifier.
    pub vrid: u8,
    /// 2 or 3.
    pub version: u8,
    /// 4 or 6.
    pub family: u8,
    /// State.
    pub state: State,
    /// Why the instance is in this state.
    pub why: String,
    /// Priority in force: the configured one and what tracking makes of it.
    pub priority: u8,
    /// Priority as configured.
    pub base_priority: u8,
    /// Why it is in FAULT, or would be; none when nothing is wrong.
    pub faults: Vec<String>,
    /// The `vrrp_sync_group` it belongs to.
    pub group: Option<String>,
    /// It hands over or stays BACKUP by request (`lb vrrp yield`).
    pub yielding: bool,
    /// Seconds for which it yields still; none until it is released.
    pub yields_for: Option<f64>,
    /// The address that adverts are sent from; none while the interface is not usable.
    #[serde(default)]
    pub source: Option<IpAddr>,
    /// The master's address as far as known; ours when MASTER.
    pub master: Option<IpAddr>,
    /// The master's priority.
    pub master_priority: u8,
    /// The advert interval in force, in seconds.
    pub advert_interval: f64,
    /// Seconds since the last transition.
    pub since: f64,
    /// Gate last asked for.
    pub gate: Gate,
    /// Whether the kernel carries the heartbeat now.
    pub kernel_heartbeat: bool,
    /// Virtual addresses with prefix length.
    pub addresses: Vec<String>,
    /// Those the kernel acknowledged.
    pub installed: Vec<String>,
    /// Everything that goes with being MASTER, and what is on its way out: addresses, routes, rules.
    pub objects: Vec<ObjectSnapshot>,
    /// What has happened so far.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What has happened to an instance since it began, or since its counters were cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Adverts received by userspace and accepted.
    pub adverts_received: u64,
    /// Adverts that the kernel absorbed; whoever knows the kernel's part adds them.
    pub adverts_absorbed: u64,
    /// Adverts sent.
    pub adverts_sent: u64,
    /// Accepted ones that said priority 0.
    pub zero_received: u64,
    /// Sent ones that said priority 0.
    pub zero_sent: u64,
    /// Times MASTER.
    pub became_master: u64,
    /// Times MASTER no longer.
    pub released_master: u64,
    /// Times the kernel fenced the gate of this MASTER.
    pub fenced: u64,
    /// Adverts refused, by reason.
    pub refused: BTreeMap<String, u64>,
}

impl Counts {
    /// What has happened since these were as in `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let refused = self.refused.iter().map(|(reason, count)| {
            let before = before.refused.get(reason).copied().unwrap_or(0);
            (reason.clone(), count.saturating_sub(before))
        });
        Self {
            adverts_received: self
                .adverts_received
                .saturating_sub(before.adverts_received),
            adverts_absorbed: self
                .adverts_absorbed
                .saturating_sub(before.adverts_absorbed),
            adverts_sent: self.adverts_sent.saturating_sub(before.adverts_sent),
            zero_received: self.zero_received.saturating_sub(before.zero_received),
            zero_sent: self.zero_sent.saturating_sub(before.zero_sent),
            became_master: self.became_master.saturating_sub(before.became_master),
            released_master: self.released_master.saturating_sub(before.released_master),
            fenced: self.fenced.saturating_sub(before.fenced),
            refused: refused.filter(|(_, count)| *count > 0).collect(),
        }
    }

    /// Adverts refused for this reason.
    #[must_use]
    pub fn refused(&self, reason: &str) -> u64 {
        self.refused.get(reason).copied().unwrap_or(0)
    }
}

/// One `vrrp_sync_group`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSnapshot {
    /// Its name.
    pub name: String,
    /// The state of its members, INIT until all have begun.
    pub state: State,
    /// Names of its members.
    pub members: Vec<String>,
}
