//! From the sockets into the core: whose a packet is, whether it counts, and who is told when it does not.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{PROMPT, RECEIVE_ALL, Vrrp, buffers, sockets::spell};
use crate::{
    config::model::Family,
    io::{
        machine::mtu,
        socket::vrrp::{Datagram, Place},
    },
    observe::log,
    vrrp::{
        RxMeta,
        output::InstanceId,
        wire::{Opened, Remark, WallClock},
    },
};

/// The clock that routers compare: UTC.
pub(super) fn wall_clock() -> WallClock {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    WallClock::since_epoch(time.unwrap_or_default())
}

impl Vrrp {
    /// Takes in what waits on all sockets.
    pub(super) fn receive_all(&mut self) {
        for place in self.sockets.places() {
            self.receive(&place, RECEIVE_ALL);
            if self.sockets.overflowed(&place) {
                let now = Instant::now();
                for id in self.members.ids_at(&place) {
                    self.router.handle_overflow(id, now);
                }
            }
        }
    }

    /// Takes in what waits on the sockets of one place, up to the budget: a flood cannot keep the timers waiting.
    pub(super) fn receive(&mut self, place: &Place, budget: usize) {
        for datagram in self.sockets.take(place, budget) {
            self.hear(place, &datagram);
        }
    }

    fn hear(&mut self, place: &Place, datagram: &Datagram) {
        let now = Instant::now();
        let packet = datagram.packet();
        let Some((id, member)) = self
            .members
            .meant(place, &packet)
            .and_then(|id| Some((id, self.members.get_mut(id)?)))
        else {
            self.note_unknown(place, datagram);
            return;
        };
        let rx = RxMeta {
            interface: member.config.interface.clone(),
            source: datagram.source,
            ttl: datagram.ttl,
        };
        match member.wire.open(&member.config, &packet, wall_clock()) {
            Ok(Opened { advert, remark }) => {
                if let Some(remark) = remark
                    && member.said.insert(remark.name())
                {
                    log::advert_remarkable(&member.config.name, rx.source, &remark);
                }
                if let Some(counter) = remark.and_then(Remark::counter) {
                    self.router.handle_refusal(id, counter, now);
                }
                if !self.overtaken(id, &rx, datagram.waited, now) {
                    self.router.handle_advert_of(id, &rx, &advert, now);
                }
            }
            Err(refusal) => {
                if member.said.insert(refusal.name()) {
                    log::advert_refused(&member.config.name, rx.source, &refusal);
                }
                self.router.handle_refusal(id, refusal.name(), now);
            }
        }
    }

    /// Each VRID that is not configured is told of once, with `log_unknown_vrids`.
    fn note_unknown(&mut self, place: &Place, datagram: &Datagram) {
        let wanted = self.plan.config.global.vrrp.log_unknown_vrids;
        let family = Family::of(datagram.source);
        // What one socket passes over another may take: several hear what comes to an address.
        if let Some(vrid) = datagram.packet().vrid().filter(|_| wanted)
            && !self.members.know(vrid, family)
            && self.unknown.insert((place.clone(), vrid))
        {
            log::unknown_vrid(&spell(place), vrid, datagram.source);
        }
    }

    /// Whether the kernel absorbed a later advert of the same master while this one waited: a priority 0 from before the
    /// master came back must not be believed.
    fn overtaken(&self, id: InstanceId, rx: &RxMeta, waited: Duration, now: Instant) -> bool {
        let Some(arrival) = now.checked_sub(waited).filter(|_| waited > PROMPT) else {
            return false;
        };
        self.look(id)
            .is_some_and(|heartbeat| heartbeat.overtook(rx.source, arrival))
    }

    /// Keeps the sockets of a place in step with who hears there; false where one cannot be opened.
    pub(super) fn adjust_sockets(&mut self, place: &Place) -> bool {
        let (index, mtu) = match place {
            Place::Interface(name) => {
                let index = self.links.get(name).map(|link| link.index);
                (index, mtu(name.as_str()))
            }
            Place::Address { .. } => (Some(0), None),
        };
        let buffers = &self.plan.config.global.buffers;
        let needs = buffers::needs(self.members.at(place), buffers, mtu);
        let hears = self.sockets.adjust(place, index, &needs);
        if hears || index.is_none() {
            self.deaf.remove(place);
        } else {
            // The audit tries again.
            self.deaf.insert(place.clone());
        }
        hears
    }

    /// The same for all places without an interface, in use or no longer.
    pub(super) fn adjust_routed(&mut self) {
        let mut places = self.sockets.places();
        places.extend(self.members.places().cloned());
        for place in places {
            if matches!(place, Place::Address { .. }) {
                self.adjust_sockets(&place);
            }
        }
    }

    /// Looks again for what keeps instances from taking part though their interfaces are up. What is new is logged.
    pub(super) fn review_faults(&mut self) {
        // It is done when the links are looked at: one that is going may be coming again.
        if self.virtuals.has_news() {
            return;
        }
        let faults = self.members.faults(&self.links, &self.virtuals, &self.deaf);
        for (name, reasons) in &faults {
            let before = self.wire_faults.get(name);
            let new = |reason: &&String| before.is_none_or(|before| !before.contains(*reason));
            for reason in reasons.iter().filter(new) {
                log::cannot_take_part(name, reason);
            }
        }
        let before = std::mem::replace(&mut self.wire_faults, faults);
        let names = before.keys().chain(self.wire_faults.keys());
        let changed = names.filter(|name| before.get(*name) != self.wire_faults.get(*name));
        let changed: BTreeSet<String> = changed.cloned().collect();
        for name in changed {
            self.tell_standing(&name);
        }
    }
}
