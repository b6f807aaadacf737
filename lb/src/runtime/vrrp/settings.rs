//! Settings of the kernel that virtual routers and `global_defs` ask for.

use std::{borrow::Cow, collections::BTreeMap};

use super::Vrrp;
use crate::{
    config::model::{VrrpInstance, global::TcpKeepalive},
    io::sysctl::Setting,
    tcp_keepalive::sysctl::Wanted,
    vrrp::virtual_interface::{Kind, VirtualInterface},
};

/// `net.ipv4.conf.all.rp_filter` where it asks that a packet comes by the interface its source is reached by: adverts come by
/// a macvlan, and their sources are reached by the interface below.
const STRICT: &str = "1";

/// Nothing comes by it that has not left this machine.
const LOOPBACK: &str = "lo";

impl Vrrp {
    /// Sets what the plan asks for on the interfaces that are there.
    pub(super) fn adjust_settings(&mut self) {
        let mut wanted = BTreeMap::new();
        if self.plan.config.global.network.disable_local_igmp {
            let reports = Setting::of_node_v4("igmp_link_local_mcast_reports");
            wanted.insert(reports, "0".into());
        }
        wanted.extend(keepalive(&self.plan.config.global.network.tcp_keepalive));
        let is_there = |instance: &&VrrpInstance| self.links.get(&instance.interface).is_some();
        let instances = self.plan.config.vrrp_instances.iter().filter(is_there);
        for instance in instances.filter(|instance| instance.link.promote_secondaries) {
            let interface = &instance.interface;
            wanted.insert(Setting::of_v4(interface, "promote_secondaries"), "1".into());
        }
        let macvlans = self.virtuals.wanted().filter(|of| is_v4_macvlan(of));
        let bases = macvlans.map(|of| &of.base);
        let mut bases = bases
            .filter(|base| self.links.get(base).is_some())
            .peekable();
        if bases.peek().is_some() {
            let loose = self.loose().into_iter();
            wanted.extend(loose.map(|(setting, value)| (setting, value.into())));
        }
        for base in bases {
            // The address of a macvlan is not answered for by the interface below, nor the other way round.
            wanted.insert(Setting::of_v4(base, "arp_ignore"), "1".into());
            wanted.insert(Setting::of_v4(base, "arp_filter"), "1".into());
            // Nor does the interface below ask in its name, which would tell of the wrong MAC.
            wanted.insert(Setting::of_v4(base, "arp_announce"), "2".into());
        }
        self.settings.adjust(&wanted);
    }

    /// Where sources are checked strictly for all interfaces, each but the macvlans checks its own instead.
    fn loose(&self) -> Vec<(Setting, &'static str)> {
        const NAME: &str = "rp_filter";
        let all = Setting::of_all_v4(NAME);
        if self.settings.original(&all).as_deref() != Some(STRICT) {
            return Vec::new();
        }
        let others = self.links.names();
        let others = others.filter(|name| name.as_str() != LOOPBACK);
        let others = others.filter(|name| self.virtuals.wanted().all(|of| of.name != **name));
        let others = others.map(|name| Setting::of_v4(name, NAME));
        let others = others.chain([Setting::of_new_v4(NAME)]);
        let lax = others.filter(|own| self.settings.original(own).as_deref() == Some("0"));
        let mut moved: Vec<_> = lax.map(|own| (own, STRICT)).collect();
        moved.push((all, "0"));
        moved
    }
}

/// The settings of TCP keepalive that the configuration has.
fn keepalive(given: &TcpKeepalive) -> impl Iterator<Item = (Setting, Cow<'static, str>)> + use<> {
    let wanted = Wanted {
        time: given.time,
        interval: given.interval,
        probes: given.probes,
        retries: None,
    };
    let settings: Vec<_> = wanted.settings().collect();
    let settings = settings.into_iter();
    settings.map(|(name, value)| (Setting::of_node_v4(name), value.to_string().into()))
}

fn is_v4_macvlan(of: &VirtualInterface) -> bool {
    of.families.v4 && matches!(of.kind, Kind::Macvlan(_))
}
