//! VRRP: instances, elections, and what must be true of the kernel because of them.
//!
//! [`Router`] is a state machine without input or output of its own: it takes parsed [adverts](advert),
//! facts of the kernel and the time, and gives [effects](output) and [snapshots](snapshot).
#![deny(clippy::disallowed_methods)]

mod accept;
pub mod advert;
mod announce;
mod heartbeat;
pub mod input;
mod instance;
pub mod interval;
mod link;
pub mod object;
mod objects;
pub mod output;
mod pacing;
pub mod record;
mod recorded;
mod redaction;
pub mod replay;
mod router;
pub mod snapshot;
mod source;
mod statics;
#[cfg(test)]
mod tests;
mod timer;
pub mod virtual_interface;
pub mod virtual_interfaces;
pub mod wire;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

pub use self::{instance::Instance, recorded::Recorded, router::Router, statics::Statics};
use crate::config::model::InterfaceName;

/// What adverts need of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkState {
    /// Up and running.
    pub up: bool,
    /// The primary IPv4 address; never a virtual one.
    pub v4: Option<Ipv4Addr>,
    /// A link-local IPv6 address that may be used (not tentative); never a virtual one.
    pub v6: Option<Ipv6Addr>,
    /// There are neighbours to tell of addresses: neither loopback nor `NOARP`.
    pub arp: bool,
}

/// Where an advert came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RxMeta {
    /// Interface it arrived on.
    pub interface: InterfaceName,
    /// Source address.
    pub source: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
}
