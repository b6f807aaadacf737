//! Virtual MACs: what the programs are to know of those that macvlans have, and of those that they write themselves
//! (`vrrp_vmac_mode bpf`).

use std::collections::{BTreeMap, BTreeSet};

use lb_common::{Mac, gate::ALWAYS_OPEN, router::RouterKey};

use super::{Vrrp, members::Member};
use crate::{
    config::model::{
        Family, VrrpInstance,
        address::AddressLine,
        global::VmacMode,
        vrrp::{Device, MacAddress},
    },
    io::guard::{Bearer, VirtualMac},
    observe::log,
    vrrp::virtual_interface::Kind,
};

/// MACs that no link has and that interfaces are to take packets for.
pub(super) type Filters = BTreeSet<VirtualMac>;

/// The MAC that an address answers with where the programs write it.
pub(super) fn worn(config: &VrrpInstance, line: &AddressLine) -> Option<MacAddress> {
    let link = &config.link;
    let is_own = line.address.interface == config.interface;
    let own = match &link.device {
        Device::Vmac(vmac) => Some(vmac.mac),
        Device::Interface | Device::Ipvlan(_) => None,
    };
    let wears = line.options.use_vmac
        || if is_own {
            own.is_some()
        } else {
            link.vmac_for_addresses
        };
    let is_carried = Family::of(line.address.address) == config.family;
    let of_router = || MacAddress::of_router(config.family, config.vrid);
    (wears && is_carried).then(|| own.unwrap_or_else(of_router))
}

/// The MAC that the adverts of an instance leave with where the programs write it.
fn worn_by_adverts(config: &VrrpInstance) -> Option<MacAddress> {
    match &config.link.device {
        Device::Vmac(vmac) if !config.link.transmit_on_base => Some(vmac.mac),
        Device::Interface | Device::Vmac(_) | Device::Ipvlan(_) => None,
    }
}

impl Vrrp {
    /// Whether the programs write virtual MACs.
    pub(super) fn writes_macs(&self) -> bool {
        self.plan.config.global.vrrp.vmac_mode == VmacMode::Bpf
    }

    /// Every virtual MAC of this node.
    pub(super) fn virtual_macs(&self) -> BTreeMap<VirtualMac, Bearer> {
        let linked = self.virtuals.wanted().filter_map(|of| {
            let Kind::Macvlan(mac) = of.kind else {
                return None;
            };
            let base = self.links.get(&of.base)?;
            // A macvlan on a macvlan is on what that is on.
            let ifindex = base.stacked.map_or(base.index, |stacked| stacked.lower);
            let bearer = Bearer {
                gate: ALWAYS_OPEN,
                own: base.mac,
                has_link: true,
            };
            let mac = mac.octets();
            Some((VirtualMac { ifindex, mac }, bearer))
        });
        let written = self.members.all().filter(|_| self.writes_macs());
        let written = written.filter_map(|member| Some((member, member.gate?)));
        let written = written.flat_map(|(member, gate)| self.written(member, gate));
        linked.chain(written).collect()
    }

    fn written(&self, member: &Member, gate: u32) -> impl Iterator<Item = (VirtualMac, Bearer)> {
        let lines = member.config.all_lines();
        lines.filter_map(move |line| {
            let mac = worn(&member.config, &line)?.octets();
            let link = self.links.get(&line.address.interface)?;
            let bearer = Bearer {
                gate,
                own: link.mac,
                has_link: false,
            };
            let ifindex = link.index;
            Some((VirtualMac { ifindex, mac }, bearer))
        })
    }

    /// The virtual routers whose adverts leave with MACs that the programs write.
    pub(super) fn router_macs(&self) -> BTreeMap<RouterKey, Mac> {
        let members = self.members.all().filter(|_| self.writes_macs());
        let macs = members.filter_map(|member| {
            let mac = worn_by_adverts(&member.config)?;
            Some((member.subject?.key, mac.octets()))
        });
        macs.collect()
    }

    /// Lets interfaces take packets for the MACs that no link has, and for no others.
    pub(super) fn adjust_filters(&mut self, macs: &BTreeMap<VirtualMac, Bearer>) {
        let wanted = macs.iter().filter(|(_, bearer)| !bearer.has_link);
        let wanted: Filters = wanted.map(|(mac, _)| *mac).collect();
        let before = std::mem::replace(&mut self.filters, wanted);
        for mac in before.difference(&self.filters) {
            self.effects.changes.queue_filter(*mac, false);
        }
        for mac in self.filters.difference(&before) {
            self.effects.changes.queue_filter(*mac, true);
        }
    }

    /// Takes the kernel's word on one of them.
    pub(super) fn acknowledge_filter(&self, mac: VirtualMac, result: &Result<(), String>) {
        if let Err(error) = result
            && let Some(link) = self.links.name(mac.ifindex)
        {
            log::filter_failed(link, &MacAddress::from(mac.mac), error);
        }
    }
}

#[cfg(test)]
mod tests;
