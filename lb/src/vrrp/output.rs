//! Everything the VRRP core can ask of the world.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::advert::Advertisement;
use crate::config::model::VirtualAddress;

/// An instance within its [`Router`](super::Router): stable for the life of the process, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// The interface or its address is not usable.
    Fault,
}

/// What the kernel does for an instance between two wake-ups. The runtime answers every `Guard` with
/// [`Router::handle_guard`](super::Router::handle_guard), saying whether the kernel took it.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// An effect. Outputs are carried out strictly in order.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Add one address to the kernel; answered by `handle_address_applied`.
    AddAddress {
        /// The instance.
        instance: InstanceId,
        /// The address.
        address: VirtualAddress,
    },
    /// Remove one address from the kernel; answered by `handle_address_applied`.
    RemoveAddress {
        /// The instance.
        instance: InstanceId,
        /// The address.
        address: VirtualAddress,
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
        why: &'static str,
    },
    /// The instance is gone; nothing about it follows.
    Removed {
        /// The instance.
        instance: InstanceId,
    },
}
