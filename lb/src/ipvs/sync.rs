//! The sync daemon: threads of the kernel that tell the other director of connections, or hear of its.
//!
//! `lvs_sync_daemon` and the state of its instance → [`wanted`] → [`changes`] → the kernel. What a thread was started with cannot be changed
//! and not all of it can be read, so a thread that this process has not started itself is started again.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use crate::config::model::global;

/// What a thread does: `IP_VS_STATE_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum SyncState {
    /// It tells.
    Master = 1,
    /// It hears.
    Backup = 2,
}

impl SyncState {
    /// That of a number, where it is one.
    #[must_use]
    pub const fn of_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Master),
            2 => Some(Self::Backup),
            _ => None,
        }
    }

    /// As `ipvsadm --start-daemon` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Backup => "backup",
        }
    }
}

/// A thread as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncDaemon {
    /// What it does.
    pub state: SyncState,
    /// Name of the interface.
    pub interface: String,
    /// Its index: a thread stays with the interface that had the name when it was started.
    pub index: u32,
    /// Tells groups of directors apart.
    pub id: u8,
    /// Longest message in bytes; what the interface carries without.
    pub maxlen: Option<u16>,
    /// Where messages go.
    pub group: IpAddr,
    /// The UDP port.
    pub port: u16,
    /// Time to live of messages.
    pub ttl: u8,
}

/// One change of the kernel's threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncChange {
    /// `IPVS_CMD_NEW_DAEMON`.
    Start(SyncDaemon),
    /// `IPVS_CMD_DEL_DAEMON`.
    Stop(SyncState),
}

/// Prints for people: `start the backup thread on eth0`.
impl fmt::Display for SyncChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(daemon) => {
                let (state, interface) = (daemon.state.name(), &daemon.interface);
                write!(f, "start the {state} thread on {interface}")
            }
            Self::Stop(state) => write!(f, "stop the {} thread", state.name()),
        }
    }
}

/// `IP_VS_SYNC_GROUP`.
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 81));
/// `IP_VS_SYNC_PORT`.
const PORT: u16 = 8848;
/// What the kernel takes for none.
const TTL: u8 = 1;

/// Who decides what a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decider {
    /// The instance that `lvs_sync_daemon` names.
    Instance {
        /// Its VRID, which is the id of the threads where none is given.
        vrid: u8,
        /// Whether it is MASTER.
        is_master: bool,
    },
    /// It names none: connections go both ways.
    Nobody,
}

/// The threads there should be; `index` is that of the interface.
#[must_use]
pub fn wanted(config: &global::SyncDaemon, decider: Decider, index: u32) -> Vec<SyncDaemon> {
    let (id, states) = match decider {
        Decider::Instance { vrid, is_master } => {
            let state = if is_master {
                SyncState::Master
            } else {
                SyncState::Backup
            };
            (vrid, vec![state])
        }
        Decider::Nobody => (0, vec![SyncState::Master, SyncState::Backup]),
    };
    let daemon = |state| SyncDaemon {
        state,
        interface: config.interface.to_string(),
        index,
        id: config.id.unwrap_or(id),
        maxlen: config.maxlen,
        group: config.group.unwrap_or(GROUP),
        port: config.port.unwrap_or(PORT),
        ttl: config.ttl.unwrap_or(TTL),
    };
    states.into_iter().map(daemon).collect()
}

/// The changes that make `wanted` of what is `running`, of which this process has `started` some. What stops comes first: a director never
/// takes its own messages for another's.
#[must_use]
pub fn changes(
    running: &[SyncState],
    started: &[SyncDaemon],
    wanted: &[SyncDaemon],
) -> Vec<SyncChange> {
    let stays = |daemon: &SyncDaemon| running.contains(&daemon.state) && started.contains(daemon);
    let is_wanted = |state: SyncState| {
        let mut wanted = wanted.iter();
        wanted.any(|daemon| daemon.state == state && stays(daemon))
    };
    let stop = running.iter().copied().filter(|state| !is_wanted(*state));
    let start = wanted.iter().filter(|daemon| !stays(daemon)).cloned();
    let stop = stop.map(SyncChange::Stop);
    stop.chain(start.map(SyncChange::Start)).collect()
}

/// Takes note of a change that the kernel made.
pub fn apply(started: &mut Vec<SyncDaemon>, change: SyncChange) {
    let (SyncChange::Start(SyncDaemon { state, .. }) | SyncChange::Stop(state)) = change;
    started.retain(|daemon| daemon.state != state);
    if let SyncChange::Start(daemon) = change {
        started.push(daemon);
    }
}

#[cfg(test)]
mod tests;
