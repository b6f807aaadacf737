//! Everything the VRRP core can ask of the world.

use std::{borrow::Cow, collections::BTreeSet, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{advert::Advertisement, object::Object};
use crate::config::model::{VirtualAddress, vrrp::StateNotify};

/// An instance within its [`Router`](super::Router): stable for the life of the process, never reused.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct InstanceId(pub u32);

/// State of an instance (RFC 9568 §6.4; FAULT is keepalived's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Not started yet.
    Init,
    /// Watching a master.
    Backup,
    /// Responsible for the addresses.
    Master,
    /// The interface or its address is not usable, something tracked failed, or a member of the group did.
    Fault,
}

/// What the kernel does for an instance between two wake-ups. The runtime answers every `Guard` with
/// [`Router::handle_guard`](super::Router::handle_guard), saying whether the kernel took it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// Nothing.
    Off,
    /// BACKUP: absorb adverts equal to `advert` from `source`; tell when none came for `down_after`.
    Watch {
        /// The advert as accepted.
        advert: Advertisement,
        /// Its sender.
        source: IpAddr,
        /// Master_Down_Interval.
        down_after: Duration,
        /// Time left of the running master-down timer.
        remaining: Duration,
    },
    /// MASTER: adverts leaving renew a lease of `lease`; when it ends the gate is fenced.
    Lease {
        /// Own priority on the wire.
        priority: u8,
        /// Own source address, for the tie-break.
        source: IpAddr,
        /// Shorter than any peer's Master_Down_Interval.
        lease: Duration,
        /// Whether an advert that beats ours closes the gate at once.
        yields: bool,
    },
}

/// State of a gate (`lb_common::gate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// The kernel may route packets onward.
    Pass,
    /// Forward and answer.
    Open,
    /// Configured here, but may not answer: drop.
    Fenced,
}

/// What tracking adds up to for an instance; an input of [`Router`](super::Router).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Sum of the weights, added to the configured priority and limited to 1 to 254.
    pub adjustment: i32,
    /// Why the instance must be in FAULT, as short phrases; none when it need not.
    pub faults: BTreeSet<String>,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Party {
    /// A `vrrp_instance`.
    Instance,
    /// A `vrrp_sync_group`.
    Group,
}

/// What has happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Happening {
    /// It became MASTER.
    Master,
    /// It became BACKUP.
    Backup,
    /// It went to FAULT.
    Fault,
    /// The daemon stops.
    Stop,
    /// A reload removed it.
    Deleted,
    /// The kernel fenced its gate; ours.
    Fenced,
    /// A MASTER heard an advert of lower priority.
    MasterRxLowerPri,
    /// The priority of a MASTER moved.
    MasterPriority,
    /// The priority of a BACKUP moved.
    BackupPriority,
}

/// What has become of a request to yield (`lb vrrp yield`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Yielding {
    /// It is in force for a time, or until it is withdrawn.
    Begun(Option<Duration>),
    /// It is over, and why.
    Over(Cow<'static, str>),
}

/// News for people and programs: scripts, FIFOs, mail (keepalived's `notify`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about.
    pub party: Party,
    /// Its name in the configuration.
    pub name: String,
    /// What has happened.
    pub happening: Happening,
    /// The effective priority; 0 for a group.
    pub priority: u8,
    /// Who is told, as configured.
    pub notify: StateNotify,
}

/// An effect. Outputs are carried out strictly in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Send one advert by multicast; answered by `handle_advert_sent`.
    SendAdvert {
        /// The sender.
        instance: InstanceId,
        /// What to send.
        advert: Advertisement,
    },
    /// Program the kernel's part of the heartbeat; answered by `handle_guard`.
    SetGuard {
        /// The instance.
        instance: InstanceId,
        /// Given back in `handle_guard`, `handle_master_down` and `handle_lease_lost`; older ones are
        /// ignored.
        epoch: u32,
        /// What to do.
        guard: Guard,
    },
    /// Set the gate of the instance's addresses.
    SetGate {
        /// The instance.
        instance: InstanceId,
        /// The state.
        gate: Gate,
    },
    /// Put one address, route or rule into the kernel; answered by `handle_applied`.
    Install {
        /// The instance.
        instance: InstanceId,
        /// The object.
        object: Object,
        /// Whether it takes the place of what is there.
        replace: bool,
    },
    /// Take one address, route or rule out of the kernel; answered by `handle_applied`.
    Remove {
        /// The instance.
        instance: InstanceId,
        /// The object.
        object: Object,
    },
    /// Send one gratuitous ARP or unsolicited neighbour advertisement.
    Announce {
        /// The instance.
        instance: InstanceId,
        /// The address.
        address: VirtualAddress,
    },
    /// The state changed: log, notify.
    Transition {
        /// The instance.
        instance: InstanceId,
        /// The state before.
        from: State,
        /// The state now.
        to: State,
        /// Why, as a short phrase for the log.
        why: Cow<'static, str>,
    },
    /// A request to yield began, or is over: log.
    Yielding {
        /// The instance.
        instance: InstanceId,
        /// Which of the two.
        yielding: Yielding,
    },
    /// Tell people and programs; boxed, because it is far larger than the others and far rarer.
    Notice(Box<Notice>),
    /// The instance is gone; nothing about it follows.
    Removed {
        /// The instance.
        instance: InstanceId,
    },
}
