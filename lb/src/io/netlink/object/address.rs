//! Addresses.

use std::net::{IpAddr, Ipv4Addr};

use rtnetlink::packet_route::{
    AddressFamily,
    address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope, CacheInfo},
};

use super::{Here, ObjectError};
use crate::config::{
    NameList,
    model::address::{AddressLine, AddressOptions, Broadcast, Lifetime},
};

/// An address with all its options. IPv6 addresses skip duplicate address detection, unless they are told not to: the
/// election has decided. Flags and lifetimes that the kernel has for IPv6 alone go with IPv6 alone, as in keepalived.
pub(super) fn encode(
    line: &AddressLine,
    here: &mut Here<'_>,
) -> Result<AddressMessage, ObjectError> {
    let (address, options) = (line.address.address, &line.options);
    let prefix = line.address.prefix.get();
    let mut message = AddressMessage::default();
    message.header.index = here.index(&line.address.interface)?;
    message.header.prefix_len = prefix;
    message.header.family = match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    message.header.scope = AddressScope::from(here.number(NameList::Scopes, &options.scope)?);
    let attributes = &mut message.attributes;
    attributes.push(AddressAttribute::Local(address));
    attributes.push(AddressAttribute::Address(options.peer.unwrap_or(address)));
    if let IpAddr::V4(address) = address {
        attributes
            .extend(broadcast(options.broadcast, address, prefix).map(AddressAttribute::Broadcast));
        attributes.extend(options.label.clone().map(AddressAttribute::Label));
    }
    let flags = flags(options, address.is_ipv6());
    if !flags.is_empty() {
        attributes.push(AddressAttribute::Flags(flags));
    }
    if let Lifetime::Seconds(seconds) = options.preferred_lifetime
        && address.is_ipv6()
    {
        let mut times = CacheInfo::default();
        times.ifa_preferred = seconds;
        times.ifa_valid = u32::MAX;
        attributes.push(AddressAttribute::CacheInfo(times));
    }
    Ok(message)
}

/// What the kernel needs to find the address.
pub(super) fn identity(mut message: AddressMessage) -> AddressMessage {
    message.attributes.retain(|attribute| {
        matches!(
            attribute,
            AddressAttribute::Local(_) | AddressAttribute::Address(_)
        )
    });
    message
}

fn broadcast(broadcast: Broadcast, address: Ipv4Addr, prefix: u8) -> Option<Ipv4Addr> {
    let hosts = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
    match broadcast {
        Broadcast::None => None,
        Broadcast::Address(address) => Some(address),
        Broadcast::HostBitsSet => Some((address.to_bits() | hosts).into()),
        Broadcast::HostBitsClear => Some((address.to_bits() & !hosts).into()),
    }
}

fn flags(options: &AddressOptions, is_v6: bool) -> AddressFlags {
    let given = options.flags;
    let flags = [
        (given.home && is_v6, AddressFlags::Homeaddress),
        (!given.detect_duplicates && is_v6, AddressFlags::Nodad),
        (
            given.manage_temporary && is_v6,
            AddressFlags::Managetempaddr,
        ),
        (given.no_prefix_route, AddressFlags::Noprefixroute),
        (given.auto_join, AddressFlags::Mcautojoin),
    ];
    flags
        .into_iter()
        .filter_map(|(is_given, flag)| is_given.then_some(flag))
        .collect()
}
