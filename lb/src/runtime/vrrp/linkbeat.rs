//! `linkbeat_interfaces`, `linkbeat_use_polling`: links that are asked for their state, besides what netlink tells.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    time::{Duration, Instant},
};

use super::Vrrp;
use crate::{
    config::model::{Config, InterfaceName, network::LinkbeatMethod},
    io::linkbeat::LinkProbe,
    observe::log,
};

/// How often links are asked, as in keepalived.
const INTERVAL: Duration = Duration::from_secs(1);

/// The links that are asked.
#[derive(Debug, Default)]
pub(super) struct Linkbeat {
    asked: BTreeMap<InterfaceName, LinkbeatMethod>,
    /// Those without a carrier when they were last asked.
    dead: BTreeSet<InterfaceName>,
    /// Those that do not answer; netlink's word counts for them.
    mute: BTreeSet<InterfaceName>,
    next: Option<Instant>,
}

impl Linkbeat {
    /// Asks the links that a configuration names from now on, at once for the first time.
    pub(super) fn configure(&mut self, config: &Config, now: Instant) {
        let instances = config.vrrp_instances.iter();
        let all = config.process.linkbeat_use_polling;
        let polled = instances.filter(|instance| all || instance.link.linkbeat_polling);
        let polled = polled.map(|instance| (instance.interface.clone(), LinkbeatMethod::Any));
        let named = config.linkbeat.iter();
        let named = named.map(|line| (line.interface.clone(), line.method));
        self.asked = polled.chain(named).collect();
        self.dead.retain(|link| self.asked.contains_key(link));
        self.mute.clear();
        self.next = (!self.asked.is_empty()).then_some(now);
    }

    /// When links are to be asked.
    pub(super) const fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Whether a link said that it has no carrier.
    pub(super) fn is_dead(&self, link: &InterfaceName) -> bool {
        self.dead.contains(link)
    }

    /// Asks what is due; returns the links that say something else than before.
    fn ask(
        &mut self,
        now: Instant,
        has_carrier: impl Fn(&InterfaceName, LinkbeatMethod) -> io::Result<bool>,
    ) -> Vec<InterfaceName> {
        if self.next.take_if(|at| *at <= now).is_none() {
            return Vec::new();
        }
        self.next = Some(now + INTERVAL);
        let mut changed = Vec::new();
        for (link, method) in &self.asked {
            let is_dead = match has_carrier(link, *method) {
                Ok(carrier) => {
                    self.mute.remove(link);
                    !carrier
                }
                Err(error) => {
                    if self.mute.insert(link.clone()) {
                        log::link_mute(link, &error);
                    }
                    false
                }
            };
            let is_news = match is_dead {
                true => self.dead.insert(link.clone()),
                false => self.dead.remove(link),
            };
            if is_news {
                changed.push(link.clone());
            }
        }
        changed
    }
}

impl Vrrp {
    /// Asks the links that are to be asked; returns those that say something else than before.
    pub(super) fn ask_links(&mut self, now: Instant) -> Vec<InterfaceName> {
        if self.linkbeat.next().is_none_or(|at| at > now) {
            return Vec::new();
        }
        match LinkProbe::open() {
            Ok(probe) => self
                .linkbeat
                .ask(now, |link, method| probe.has_carrier(link, method)),
            Err(error) => {
                log::linkbeat_failed(&error);
                self.linkbeat.next = Some(now + INTERVAL);
                Vec::new()
            }
        }
    }

    /// Asks what is due, and tells what is new.
    pub(super) fn handle_linkbeat(&mut self, now: Instant) {
        for link in self.ask_links(now) {
            self.tell_link(&link, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::{Family, VrrpInstance, network};

    fn name(text: &str) -> InterfaceName {
        text.to_owned().try_into().unwrap()
    }

    /// eth0 and eth1 with instances, eth2 and eth1 named, eth1 by MII.
    fn config(all: bool, by_instance: bool) -> Config {
        let mut config = Config::default();
        config.process.linkbeat_use_polling = all;
        config.vrrp_instances = ["eth0", "eth1"]
            .map(|link| {
                let vrid = 1.try_into().unwrap();
                let mut instance = VrrpInstance::new(link, name(link), vrid, Family::V4);
                instance.link.linkbeat_polling = by_instance && link == "eth0";
                instance
            })
            .to_vec();
        let line = |link, method| network::Linkbeat {
            interface: name(link),
            method,
        };
        config.linkbeat = vec![
            line("eth1", LinkbeatMethod::Mii),
            line("eth2", LinkbeatMethod::Any),
        ];
        config
    }

    #[test]
    fn links_are_asked_that_are_named_or_all_with_instances() {
        let rows = [
            ((false, false), "eth1 Mii, eth2 Any"),
            ((false, true), "eth0 Any, eth1 Mii, eth2 Any"),
            ((true, false), "eth0 Any, eth1 Mii, eth2 Any"),
        ];
        for ((all, by_instance), wanted) in rows {
            let mut linkbeat = Linkbeat::default();
            linkbeat.configure(&config(all, by_instance), Instant::now());
            let asked = linkbeat.asked.iter();
            let asked: Vec<String> = asked.map(|(link, how)| format!("{link} {how:?}")).collect();
            assert_eq!(asked.join(", "), wanted);
        }
    }

    #[test]
    fn a_link_is_down_while_it_says_so_and_one_that_does_not_answer_is_not() {
        let mut now = Instant::now();
        let mut linkbeat = Linkbeat::default();
        linkbeat.configure(&config(false, false), now);
        let dead = |link: &InterfaceName, _| Ok(*link != name("eth1"));
        let alive = |_: &InterfaceName, _| Ok(true);
        let silent = |_: &InterfaceName, _| Err(io::ErrorKind::Unsupported.into());
        assert_eq!(linkbeat.ask(now, dead), [name("eth1")]);
        assert!(linkbeat.is_dead(&name("eth1")) && !linkbeat.is_dead(&name("eth2")));
        assert_eq!(linkbeat.ask(now, alive), [], "not due");
        now += INTERVAL;
        assert_eq!(linkbeat.ask(now, dead), [], "no news");
        now += INTERVAL;
        assert_eq!(linkbeat.ask(now, silent), [name("eth1")]);
        assert!(!linkbeat.is_dead(&name("eth1")));
        now += INTERVAL;
        linkbeat.ask(now, dead);
        linkbeat.configure(&Config::default(), now);
        assert_eq!(linkbeat.next(), None);
        assert!(!linkbeat.is_dead(&name("eth1")), "nobody asks any more");
    }
}
