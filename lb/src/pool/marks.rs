//! The marks that virtual servers of groups have in IPVS (`nftables_ipvs`): one for all addresses of the group.

use std::collections::{BTreeMap, BTreeSet};

use super::{Mark, VirtualServerId};
use crate::config::model::{Config, VirtualServerGroup, VirtualService, lvs::GroupMember};

/// Marks by virtual server, see [`key`].
pub type Marks = BTreeMap<String, u32>;

/// A virtual server as a key of [`Marks`]: group, protocol and family; `None` for one that is not of a group.
#[must_use]
pub fn key(id: &VirtualServerId) -> Option<String> {
    let VirtualServerId::Group {
        name,
        protocol,
        family,
    } = id
    else {
        return None;
    };
    Some(format!("{name} {} {family:?}", protocol.name()))
}

/// The mark of each virtual server of a group of addresses, where the configuration wants that. One that had a mark `before` keeps it; a mark
/// that becomes free is not handed on in the same step.
#[must_use]
pub fn assign(config: &Config, before: &Marks) -> Marks {
    let firewall = &config.global.firewall;
    if firewall.nftables_ipvs.is_none() {
        return Marks::new();
    }
    let mut taken: BTreeSet<u32> = before.values().copied().collect();
    taken.extend(told(config));
    let mut marks = Marks::new();
    for server in &config.virtual_servers {
        let id = VirtualServerId::of(server);
        let Some(key) = key(&id).filter(|_| has_addresses_alone(config, &id)) else {
            continue;
        };
        let fresh = || (firewall.nftables_ipvs_start_fwmark..).find(|mark| !taken.contains(mark));
        if let Some(mark) = before.get(&key).copied().or_else(fresh) {
            taken.insert(mark);
            marks.insert(key, mark);
        }
    }
    marks
}

/// The marks that the file names.
fn told(config: &Config) -> impl Iterator<Item = u32> {
    let servers = config.virtual_servers.iter();
    let own = servers.filter_map(|server| match server.service {
        VirtualService::Fwmark { mark, .. } => Some(mark),
        _ => None,
    });
    let groups = config.virtual_server_groups.iter();
    let members = groups.flat_map(|group| &group.members);
    own.chain(members.filter_map(|member| match member {
        GroupMember::Fwmark { mark, .. } => Some(*mark),
        _ => None,
    }))
}

fn has_addresses_alone(config: &Config, id: &VirtualServerId) -> bool {
    let VirtualServerId::Group { name, .. } = id else {
        return false;
    };
    let has_name = |group: &&VirtualServerGroup| group.name == *name;
    let group = config.virtual_server_groups.iter().find(has_name);
    group.is_some_and(|group| {
        let mut members = group.members.iter();
        !members.any(|member| matches!(member, GroupMember::Fwmark { .. }))
    })
}

/// The mark that a virtual server has among these.
#[must_use]
pub fn mark_of(marks: &Marks, id: &VirtualServerId) -> Option<Mark> {
    let VirtualServerId::Group { family, .. } = id else {
        return None;
    };
    let mark = *marks.get(&key(id)?)?;
    Some(Mark {
        mark,
        family: *family,
    })
}

#[cfg(test)]
mod tests;
