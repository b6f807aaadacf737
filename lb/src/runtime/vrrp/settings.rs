//! Settings of the kernel that the configuration asks for: set while they are wanted, and put back as they were.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use super::Vrrp;
use crate::{
    config::model::{VrrpInstance, global::TcpKeepalive},
    io::sysctl::{self, Setting},
    observe::log,
    tcp_keepalive::sysctl::Wanted,
    vrrp::virtual_interface::{Kind, VirtualInterface},
};

/// `net.ipv4.conf.all.rp_filter` where it asks that a packet comes by the interface its source is reached by: adverts come by
/// a macvlan, and their sources are reached by the interface below.
const STRICT: &str = "1";

/// Nothing comes by it that has not left this machine.
const LOOPBACK: &str = "lo";

/// Settings that were changed here, with the values they had.
#[derive(Debug, Default)]
pub(super) struct Settings {
    before: BTreeMap<Setting, String>,
    /// Where those values are kept for the next process, should this one end in disorder.
    file: Option<PathBuf>,
}

impl Settings {
    /// Takes over what an earlier process changed and did not put back.
    pub(super) fn take_over(&mut self, file: Option<&Path>) {
        let Some(file) = file.filter(|_| self.file.is_none()) else {
            return;
        };
        match sysctl::kept(file) {
            Ok(before) => self.before = before,
            Err(error) => log::settings_lost(file, &error),
        }
        self.file = Some(file.to_owned());
    }

    /// Makes these the settings; those not wanted any more become as they were.
    pub(super) fn adjust(&mut self, wanted: &BTreeMap<Setting, Cow<'static, str>>) {
        let over = |set: &Setting, _: &mut String| !wanted.contains_key(set);
        let over: Vec<_> = self.before.extract_if(.., over).collect();
        for (setting, before) in &over {
            report(setting, setting.write(before));
        }
        let mut other = Vec::new();
        for (setting, value) in wanted {
            if let Ok(before) = setting.read()
                && before != **value
            {
                self.before.entry(setting.clone()).or_insert(before);
                other.push((setting, value));
            }
        }
        // First of all what was, should this process end between two changes.
        if !(over.is_empty() && other.is_empty()) {
            self.keep();
        }
        for (setting, value) in other {
            report(setting, setting.write(value));
        }
    }

    /// The interface is gone, and its settings with it.
    pub(super) fn forget(&mut self, interface: &str) {
        let known = self.before.len();
        self.before
            .retain(|setting, _| setting.interface() != Some(interface));
        if self.before.len() != known {
            self.keep();
        }
    }

    fn keep(&self) {
        if let Some(file) = &self.file
            && let Err(error) = sysctl::keep(file, &self.before)
        {
            log::settings_lost(file, &error);
        }
    }

    /// The value a setting has without us.
    fn original(&self, setting: &Setting) -> Option<String> {
        let before = self.before.get(setting).cloned();
        before.or_else(|| setting.read().ok())
    }
}

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

fn report(setting: &Setting, set: io::Result<()>) {
    match set {
        // It went with its interface.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => log::setting_failed(setting, &error),
        Ok(()) => {}
    }
}
