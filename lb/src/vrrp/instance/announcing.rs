//! Telling the neighbours where the addresses are: sets, second sets, refreshes.

use std::{net::IpAddr, time::Instant};

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
        self.announce_set(self.master_set(), now, outputs);
        self.plan_refresh(now);
    }

    /// Announces an address the kernel has just got.
    pub(super) fn announce_installed(
        &mut self,
        address: &VirtualAddress,
        now: Instant,
        outputs: &mut Outputs,
    ) {
        let set = self.master_set();
        self.announce(std::slice::from_ref(address), set.rounds(), outputs);
        self.announcements.begin(address, set, now);
        self.schedule_announcements();
    }

    /// Announces because another MASTER was heard, of this virtual router or of another one of the group.
    pub(in crate::vrrp) fn announce_challenged(&mut self, now: Instant, outputs: &mut Outputs) {
        if self.state != State::Master || self.farewell.is_some() {
            return;
        }
        let announce = &self.config.announce;
        let set = Set {
            repeat: announce.lower_prio_repeat,
            delay: announce.lower_prio_delay,
        };
        self.announce_set(set, now, outputs);
    }

    /// Announces what is due again.
    pub(super) fn announce_again(&mut self, now: Instant, outputs: &mut Outputs) {
        for (address, set) in self.announcements.due(now) {
            if self.objects.is_settled(&address) {
                self.announce(&[address], set.rounds(), outputs);
            }
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
        self.schedule_announcements();
    }

    /// Sets when the addresses are announced next without a reason.
    pub(super) fn plan_refresh(&mut self, now: Instant) {
        let every = self.config.announce.refresh;
        let next = (!every.is_zero()).then(|| now + every);
        self.announcements.refresh_at(next);
        self.schedule_announcements();
    }

    /// Announces the own address of an interface that is usable again: unicast peers may have forgotten
    /// where it is.
    pub(super) fn announce_source(&self, outputs: &mut Outputs) {
        let Some(address) = self.source else { return };
        if self.config.adverts.destination.unicast().is_none() {
            return;
        }
        let length = match Family::of(address) {
            Family::V4 => 32,
            Family::V6 => 128,
        };
        let Ok(prefix) = PrefixLength::try_from(length) else {
            return;
        };
        let interface = self.config.interface.clone();
        let address = VirtualAddress {
            address,
            prefix,
            interface,
        };
        self.announce(&[address], 1, outputs);
    }

    /// Whether an announcement that has waited is still true.
    pub(in crate::vrrp) fn may_announce(&self, address: &VirtualAddress) -> bool {
        let own: Option<IpAddr> = self.source;
        let open = self.state == State::Master && self.gate == Some(Gate::Open);
        open && self.objects.is_settled(address) || own == Some(address.address)
    }

    fn announce_set(&mut self, set: Set, now: Instant, outputs: &mut Outputs) {
        let addresses = self.objects.settled();
        self.announce(&addresses, set.rounds(), outputs);
        for address in &addresses {
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
