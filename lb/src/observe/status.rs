//! The status of a running daemon, as JSON and as tables.

mod counters;
mod table;

pub use self::counters::counters;

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    bfd::snapshot::SessionSnapshot,
    ipvs::About,
    pool::snapshot::ServiceSnapshot,
    track::snapshot::TrackedSnapshot,
    vrrp::{
        output::InstanceId,
        snapshot::{Counts, GroupSnapshot, InstanceSnapshot, ObjectSnapshot},
    },
};

/// Everything `lb status` shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the daemon.
    pub version: String,
    /// `router_id`, or the host name.
    pub router_id: String,
    /// Pid of the parent.
    pub pid: u32,
    /// What forwards.
    pub data_plane: DataPlaneStatus,
    /// The vrrp child's part; `None` when it runs and does not answer.
    pub instances: Option<Vec<InstanceSnapshot>>,
    /// Its groups.
    #[serde(default)]
    pub groups: Vec<GroupSnapshot>,
    /// Addresses, routes and rules that the node has for good.
    #[serde(default)]
    pub statics: Vec<ObjectSnapshot>,
    /// What virtual routers track.
    #[serde(default)]
    pub tracked: Vec<TrackedSnapshot>,
    /// The checker child's part; `None` when it runs and does not answer.
    pub services: Option<Vec<ServiceSnapshot>>,
    /// What IPVS says of itself; `None` where it has no part.
    #[serde(default)]
    pub ipvs: Option<IpvsStatus>,
    /// The bfd child's part; `None` when it runs and does not answer.
    #[serde(default)]
    pub sessions: Option<SessionsStatus>,
    /// What is registered with keepalive, as its table has it; `None` without a table. The daemon leaves it to who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<Vec<serde_json::Value>>,
    /// The time of day of the vrrp child's part, since 1970.
    #[serde(default)]
    pub time: Duration,
    /// What the configuration in force took, by child.
    #[serde(default)]
    pub loops: BTreeMap<String, LoopStatus>,
}

/// What an event loop has done since its configuration came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoopStatus {
    /// Seconds by which a timer ran too late at most.
    pub longest_delay: f64,
    /// Changes of the IPVS table.
    pub ipvs_operations: u64,
    /// Writes to the maps of services and real servers.
    pub map_operations: u64,
}

/// The vrrp child's part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VrrpStatus {
    /// Its virtual routers.
    pub instances: Vec<InstanceSnapshot>,
    /// Their groups.
    pub groups: Vec<GroupSnapshot>,
    /// What the node has for good.
    pub statics: Vec<ObjectSnapshot>,
    /// What virtual routers track.
    pub tracked: Vec<TrackedSnapshot>,
    /// Its event loop.
    pub event_loop: LoopStatus,
    /// The time of day of these figures, since 1970, by the clock as it was when the child began.
    #[serde(default)]
    pub time: Duration,
    /// What has happened to instances however often their counters were cleared.
    #[serde(default)]
    pub totals: Vec<(InstanceId, Counts)>,
    /// What it waits for, where that was asked.
    #[serde(default)]
    pub waits: Vec<Wait>,
    /// What it knows of links, where that was asked.
    #[serde(default)]
    pub links: Vec<LinkSnapshot>,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSnapshot {
    /// Its name.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// Up and with carrier.
    pub up: bool,
    /// Its hardware address; none where it has none.
    pub mac: Option<String>,
    /// Its addresses, the primary ones first.
    pub addresses: Vec<IpAddr>,
}

/// Something that a process waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// What, for people.
    pub what: String,
    /// Seconds until it is due, less than none when it is late; none where it is no question of time.
    pub due_in: Option<f64>,
}

impl Wait {
    /// For a deadline.
    #[must_use]
    pub fn until(what: String, due: Instant, now: Instant) -> Self {
        let late = now.saturating_duration_since(due).as_secs_f64();
        let early = due.saturating_duration_since(now).as_secs_f64();
        Self {
            what,
            due_in: Some(early - late),
        }
    }

    /// For something that comes when it comes.
    #[must_use]
    pub const fn for_event(what: String) -> Self {
        Self { what, due_in: None }
    }
}

/// The checker child's part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CheckersStatus {
    /// Its services.
    pub services: Vec<ServiceSnapshot>,
    /// What IPVS says of itself; `None` where it has no part.
    #[serde(default)]
    pub ipvs: Option<IpvsStatus>,
    /// Its event loop.
    pub event_loop: LoopStatus,
    /// What it waits for, where that was asked.
    #[serde(default)]
    pub waits: Vec<Wait>,
}

/// The kernel's IPVS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpvsStatus {
    /// Its version.
    pub version: String,
    /// Buckets of its table of connections.
    pub connection_buckets: u32,
    /// Seconds that TCP connections without packets last.
    pub timeout_tcp: u32,
    /// The same after a FIN.
    pub timeout_tcp_fin: u32,
    /// The same of UDP.
    pub timeout_udp: u32,
}

/// Prints as `1.2.1, 4096 buckets of connections, which last 900 s (TCP), 120 s (TCP after a FIN), 300 s (UDP)`.
impl fmt::Display for IpvsStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} buckets of connections, which last {} s (TCP), {} s (TCP after a FIN), {} s (UDP)",
            self.version,
            self.connection_buckets,
            self.timeout_tcp,
            self.timeout_tcp_fin,
            self.timeout_udp
        )
    }
}

impl From<About> for IpvsStatus {
    fn from(about: About) -> Self {
        let [major, minor, patch] = about.version;
        let [timeout_tcp, timeout_tcp_fin, timeout_udp] = about.timeouts;
        Self {
            version: format!("{major}.{minor}.{patch}"),
            connection_buckets: about.buckets,
            timeout_tcp,
            timeout_tcp_fin,
            timeout_udp,
        }
    }
}

/// The bfd child's part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BfdStatus {
    /// Its sessions.
    pub sessions: SessionsStatus,
    /// Its event loop.
    pub event_loop: LoopStatus,
    /// What it waits for, where that was asked.
    #[serde(default)]
    pub waits: Vec<Wait>,
}

/// BFD sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionsStatus {
    /// Each, by name.
    pub sessions: Vec<SessionSnapshot>,
    /// Packets of no session, by reason.
    pub refused: BTreeMap<String, u64>,
}

/// The data plane as the parent sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPlaneStatus {
    /// Whether the programs are loaded.
    pub loaded: bool,
    /// Whether adverts are absorbed and leases kept in the kernel.
    pub kernel_heartbeat: bool,
    /// Pin directory.
    pub pins: String,
    /// Why there is no data plane, or what it lacks.
    pub lacks: Vec<String>,
    /// Interfaces with programs, and how they are attached.
    pub interfaces: BTreeMap<String, String>,
    /// Global counters by name.
    pub counters: BTreeMap<String, u64>,
}

impl Status {
    /// The status for people.
    #[must_use]
    pub fn table(&self) -> String {
        table::render(self)
    }
}

#[cfg(test)]
mod tests;
