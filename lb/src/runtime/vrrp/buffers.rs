//! What the sockets of a place need: groups, and buffers by `kernel_rx_buf_size` or `vrrp_rx_bufs_policy`.

use std::collections::BTreeMap;

use super::members::Member;
use crate::{
    config::model::{
        VrrpInstance,
        global::{AdvertBuffer, Buffers},
    },
    io::socket::vrrp::{Kind, Needs},
};

/// `vrrp_rx_bufs_multiplier` where it is not given.
const MULTIPLIER: u32 = 3;
/// So many members of one socket share what the kernel gives, about 200 adverts. More would fill it while the daemon is at
/// work elsewhere, and those heard last would seem silent.
const CROWD: u32 = 32;
/// What each member of a crowd adds: four adverts by the kernel's account, which doubles it.
const SHARE: u32 = 2048;

/// The sockets that the members of one place need; buffers add up, as in keepalived.
pub(super) fn needs<'a>(
    members: impl Iterator<Item = &'a Member>,
    buffers: &Buffers,
    mtu: Option<u32>,
) -> BTreeMap<Kind, Needs> {
    let mut needs: BTreeMap<Kind, Needs> = BTreeMap::new();
    let mut counts: BTreeMap<Kind, u32> = BTreeMap::new();
    for member in members {
        let config = &member.config;
        let socket = needs.entry(member.kind()).or_default();
        *counts.entry(member.kind()).or_default() += 1;
        socket.groups.extend(config.adverts.destination.group());
        socket.any_source |= config.adverts.source.is_some();
        if let Some(bytes) = receive_buffer(config, buffers, mtu) {
            let sum = socket.receive_buffer.unwrap_or_default();
            socket.receive_buffer = Some(sum.saturating_add(bytes));
        }
    }
    for (kind, socket) in &mut needs {
        let count = counts.get(kind).copied().unwrap_or_default();
        if socket.receive_buffer.is_none() && count > CROWD {
            socket.receive_buffer = Some(count.next_power_of_two().saturating_mul(SHARE));
        }
    }
    needs
}

/// The share of one instance in bytes; `None` leaves it to the kernel.
fn receive_buffer(config: &VrrpInstance, buffers: &Buffers, mtu: Option<u32>) -> Option<u32> {
    let times = buffers.advert_multiplier.unwrap_or(MULTIPLIER);
    config.link.receive_buffer.or(match buffers.adverts {
        AdvertBuffer::System => None,
        AdvertBuffer::Mtu => mtu.map(|mtu| mtu.saturating_mul(times)),
        AdvertBuffer::Advert => Some(packet(config).saturating_mul(times)),
        AdvertBuffer::Bytes(bytes) => Some(bytes),
    })
}

/// Bytes of a packet with an advert of this instance.
fn packet(config: &VrrpInstance) -> u32 {
    let count = config.addresses.len().min(u8::MAX.into());
    let bytes = config.bare_packet() + count * config.family.address_len();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
