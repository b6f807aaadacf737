//! What a `virtual_server_group` stands for: the services of its members.

use std::net::IpAddr;

use crate::{
    config::model::{Config, Family, Protocol, lvs::GroupMember},
    pool::{Front, Mark},
};

/// One of the services of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Member {
    /// Of an address.
    Address(Front),
    /// Of a firewall mark.
    Mark(Mark),
}

impl Member {
    /// The virtual port; 0 for every port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        match self {
            Self::Address(front) => front.port,
            Self::Mark(_) => 0,
        }
    }
}

/// The services of the group of this name, in the order of the file.
pub(super) fn members<'a>(
    config: &'a Config,
    name: &'a str,
    protocol: Protocol,
    family: Family,
) -> impl Iterator<Item = Member> + 'a {
    let groups = config.virtual_server_groups.iter();
    let members = groups
        .filter(move |group| group.name == name)
        .flat_map(|group| &group.members);
    members.flat_map(move |member| {
        let mark = match member {
            GroupMember::Fwmark { mark, family: own } => Some(Member::Mark(Mark {
                mark: *mark,
                family: own.unwrap_or(family),
            })),
            _ => None,
        };
        let port = member.port().unwrap_or_default();
        let addresses = addresses(member).map(move |address| {
            Member::Address(Front {
                address,
                port,
                protocol,
            })
        });
        mark.into_iter().chain(addresses)
    })
}

fn addresses(member: &GroupMember) -> impl Iterator<Item = IpAddr> + use<> {
    let (first, count) = match member {
        GroupMember::Fwmark { .. } => (IpAddr::from([0; 4]), 0),
        GroupMember::Address { address, .. } => (*address, 1),
        GroupMember::Range { first, .. } => (*first, member.count()),
        GroupMember::Prefix { address, .. } => (*address, member.count()),
    };
    (0..count).map(move |n| match first {
        IpAddr::V4(first) => {
            let bits = first
                .to_bits()
                .wrapping_add(u32::try_from(n).unwrap_or(u32::MAX));
            std::net::Ipv4Addr::from_bits(bits).into()
        }
        IpAddr::V6(first) => std::net::Ipv6Addr::from_bits(first.to_bits().wrapping_add(n)).into(),
    })
}
