//! Interfaces: how announcements are paced, how links are watched.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::InterfaceName;

/// `garp_group`: announcements paced together, for a switch that loses them otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GarpGroup {
    /// `garp_interval`: time between two gratuitous ARPs.
    pub garp_interval: Duration,
    /// `gna_interval`: time between two unsolicited neighbour advertisements.
    pub gna_interval: Duration,
    /// `interface` or `interfaces`.
    pub interfaces: Vec<InterfaceName>,
}

/// How the state of a link is polled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkbeatMethod {
    /// The first of the others that the driver has.
    #[default]
    Any,
    /// `MII`.
    Mii,
    /// `ETHTOOL`.
    Ethtool,
    /// `IOCTL`.
    Ioctl,
}

/// A line of `linkbeat_interfaces`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linkbeat {
    /// The interface that is polled.
    pub interface: InterfaceName,
    /// How.
    pub method: LinkbeatMethod,
}

/// A line of `interface_up_down_delays`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceDelay {
    /// The interface.
    pub interface: InterfaceName,
    /// How long it is taken to be up once it is down.
    pub down: Duration,
    /// How long it is taken to be down once it is up.
    pub up: Duration,
}
