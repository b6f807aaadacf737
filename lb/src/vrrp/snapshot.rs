//! What observers see of the VRRP core: plain data.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::output::{Gate, State};

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
    /// Adverts received by userspace and accepted.
    pub adverts_received: u64,
    /// Adverts sent.
    pub adverts_sent: u64,
    /// Times MASTER.
    pub became_master: u64,
    /// Times the kernel fenced the gate of this MASTER.
    pub fenced: u64,
    /// Adverts refused, by reason.
    pub refused: std::collections::BTreeMap<String, u64>,
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
