//! Telling the neighbours where the addresses are: sets, second sets, refreshes.

use std::{collections::BTreeSet, net::IpAddr, time::Instant};

use super::{Instance, Outputs};
use crate::{
    config::model::{Family, PrefixLength, VirtualAddress},
    vrrp::{
        announce::Set,
        output::{Gate, Output, State},
        timer::Timer,
    },
};

impl Instance {
    /// Announces every address the kernel has, now and once more later.
    pub(super) fn announce_all(&mut self, now: Instant, outputs: &mut Outputs) {
        let addresses = self.objects.settled();
        self.announce_set(&addresses, self.master_set(), now, outputs);
        self.plan_refresh(now);
    }

    /// Announces the addresses the kernel has just got, once none is on its way any more: in rounds, as keepalived does.
    pub(super) fn announce_installed(&mut self, now: Instant, outputs: &mut Outputs) {
        if self.objects.adds_address() {
            return;
        }
        let fresh = self.announcements.take_collected();
        let settled = self.objects.settled().into_iter();
        let addresses: Vec<VirtualAddress> = settled.filter(|a| fresh.contains(a)).collect();
        self.announce_set(&addresses, self.master_set(), now, outputs);
    }

    /// Announces because another MASTER was heard, of this virtual router or of another one of the group; once in half an advert
    /// interval, which is enough against one that is there and spares the segment when somebody floods it.
    pub(in crate::vrrp) fn announce_challenged(&mut self, now: Instant, outputs: &mut Outputs) {
        if self.state != State::Master || self.farewell.is_some() {
            return;
        }
        let span = self.config.advert_interval.get() / 2;
        if !self.announcements.answers(span, now) {
            return;
        }
        let announce = &self.config.announce;
        let set = Set {
            repeat: announce.lower_prio_repeat,
            delay: announce.lower_prio_delay,
        };
        let addresses = self.objects.settled();
        self.announce_set(&addresses, set, now, outputs);
    }

    /// Announces what is due again.
    pub(super) fn announce_again(&mut self, now: Instant, outputs: &mut Outputs) {
        let due = self.announcements.due(now);
        let sets: BTreeSet<Set> = due.values().copied().collect();
        for set in sets {
            let settled = self.objects.settled().into_iter();
            let of_set = settled.filter(|address| due.get(address) == Some(&set));
            let addresses: Vec<VirtualAddress> = of_set.collect();
            self.announce(&addresses, set.rounds(), outputs);
        }
        if let Some(due) = self.announcements.refresh_due(now) {
            let repeat = Set {
                repeat: self.config.announce.refresh_repeat,
                delay: self.config.announce.refresh,
            };
            let addresses = self.objects.settled();
            self.announce(&addresses, repeat.rounds(), outputs);
            let next = due + repeat.delay;
            self.announcements.refresh_at(Some(next.max(now)));
        }
        if let Some((due, extra)) = self
            .announcements
            .extra_due(now)
            .zip(self.config.announce.extra)
        {
            let addresses = self.extra_addresses(extra.all);
            self.announce(&addresses, 1, outputs);
            let next = due + extra.interval;
            self.announcements.extra_at(Some(next.max(now)));
        }
        self.schedule_announcements();
    }

    /// Sets when the addresses are announced next without a reason.
    pub(super) fn plan_refresh(&mut self, now: Instant) {
        let every = self.config.announce.refresh;
        let next = (!every.is_zero()).then(|| now + every);
        self.announcements.refresh_at(next);
        let extra = self.config.announce.extra;
        let next = extra.map(|extra| now + extra.interval);
        self.announcements.extra_at(next);
        self.schedule_announcements();
    }

    /// One address of each interface that no advert leaves by, so that no switch forgets its MAC: of each with a virtual MAC,
    /// or of `all`.
    fn extra_addresses(&self, all: bool) -> Vec<VirtualAddress> {
        let own = self.config.link.device.name();
        let dressed = self.config.all_lines().filter(|line| line.options.use_vmac);
        let dressed: BTreeSet<_> = dressed.map(|line| line.address.interface).collect();
        let mut silent = BTreeSet::from([self.config.transmits_on().clone()]);
        let mut addresses = self.objects.settled();
        addresses.retain(|address| {
            let interface = &address.interface;
            let counts = all || own == Some(interface) || dressed.contains(interface);
            counts && silent.insert(interface.clone())
        });
        addresses
    }

    /// Announces the own address of an interface that is usable again: unicast peers may have forgotten
    /// where it is.
    pub(super) fn announce_source(&self, outputs: &mut Outputs) {
        let Some(address) = self.source else { return };
        if self.config.adverts.destination.unicast().is_none() {
            return;
        }
        let address = VirtualAddress {
            address,
            prefix: PrefixLength::whole(Family::of(address)),
            interface: self.config.interface.clone(),
        };
        self.announce(&[address], 1, outputs);
    }

    /// Whether an announcement that has waited is still true.
    pub(in crate::vrrp) fn may_announce(&self, address: &VirtualAddress) -> bool {
        let own: Option<IpAddr> = self.source;
        let open = self.state == State::Master && self.gate == Some(Gate::Open);
        open && self.objects.is_settled(address) || own == Some(address.address)
    }

    fn announce_set(
        &mut self,
        addresses: &[VirtualAddress],
        set: Set,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        self.announce(addresses, set.rounds(), outputs);
        for address in addresses {
            self.announcements.begin(address, set, now);
        }
        self.schedule_announcements();
    }

    /// In rounds, as keepalived: each address once, then all of them again.
    fn announce(&self, addresses: &[VirtualAddress], rounds: u32, outputs: &mut Outputs) {
        for _ in 0..rounds {
            outputs.extend(addresses.iter().map(|address| Output::Announce {
                instance: self.id,
                address: address.clone(),
            }));
        }
    }

    fn master_set(&self) -> Set {
        Set {
            repeat: self.config.announce.repeat,
            delay: self.config.announce.delay,
        }
    }

    fn schedule_announcements(&mut self) {
        match self.announcements.next() {
            Some(when) => self.timers.set(Timer::Announce, when),
            None => self.timers.stop(Timer::Announce),
        }
    }
}
