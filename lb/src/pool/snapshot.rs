//! What observers see of services and real servers: plain data.

use serde::{Deserialize, Serialize};

/// One virtual server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceSnapshot {
    /// `address:port`, `fwmark N` or `group NAME`.
    pub service: String,
    /// `TCP` or `UDP`.
    pub protocol: String,
    /// Scheduler as in `lb_algo`.
    pub scheduler: String,
    /// What has it: `XDP`, `IPVS` or both.
    #[serde(default)]
    pub planes: Vec<String>,
    /// That of them which takes no new flows, and goes with its last.
    #[serde(default)]
    pub leaving: Option<String>,
    /// Service id in the BPF maps.
    pub id: u32,
    /// The instance that owns the address, if any.
    pub instance: Option<String>,
    /// Whether enough real servers are up.
    #[serde(default)]
    pub has_quorum: bool,
    /// Flow entries alive.
    pub flows: u64,
    /// New flows since load.
    pub connections: u64,
    /// Packets from clients.
    pub packets: u64,
    /// Bytes from clients.
    pub bytes: u64,
    /// Real servers in the order of the file, then the sorry server.
    pub real_servers: Vec<RealServerSnapshot>,
}

/// One real server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RealServerSnapshot {
    /// `address:port`.
    pub real_server: String,
    /// `NAT`, `DR` or `TUN`.
    pub method: String,
    /// Share of new flows, with what checks add.
    pub weight: u32,
    /// During a slow start the weight that it grows to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grows_to: Option<u32>,
    /// Whether an operator empties it (`lb drain`).
    #[serde(default)]
    pub draining: bool,
    /// Whether its checks pass; of a sorry server whether it serves.
    pub up: bool,
    /// The last check's result in words.
    pub why: String,
    /// Next hop as `interface MAC`, or why there is none.
    pub next_hop: String,
    /// Flow entries alive.
    pub flows: u64,
    /// Half open and established connections among them, and datagram flows (`ActiveConn` of ipvsadm).
    #[serde(default)]
    pub active: u32,
    /// Closing connections among them (`InActConn`).
    #[serde(default)]
    pub inactive: u32,
    /// Whether it takes no more connections until some end (`uthreshold`).
    #[serde(default)]
    pub overloaded: bool,
    /// New flows since load.
    pub connections: u64,
    /// Packets from clients.
    pub packets: u64,
    /// Bytes from clients.
    pub bytes: u64,
}
