//! Where an instance sends from.

use std::net::IpAddr;

use super::LinkState;
use crate::config::model::{Family, VrrpInstance, vrrp::Destination};

/// The source of an instance's adverts: the configured one (whether the machine has it is told as a fault, and only with
/// `track_src_ip`, as in keepalived), else the interface's own.
///
/// # Errors
/// When it cannot send, with a phrase for the log.
pub(super) fn choose(
    config: &VrrpInstance,
    link: Option<LinkState>,
) -> Result<IpAddr, &'static str> {
    if let Destination::Unicast(unicast) = &config.adverts.destination
        && unicast.peers.is_empty()
    {
        return Err("no unicast peers");
    }
    let configured = config.adverts.source;
    if config.link.routed {
        return configured.ok_or("no source address");
    }
    let link = link.ok_or("no such interface")?;
    if !link.up && config.link.track_primary {
        return Err("interface down");
    }
    let own = match config.family {
        Family::V4 => link.v4.map(IpAddr::from),
        Family::V6 => link.v6.map(IpAddr::from),
    };
    configured.or(own).ok_or("no source address")
}
