//! The kernel's half of the heartbeat: its events, and the audit under them.

use std::time::Instant;

use lb_common::event::{EVENT_LEASE_LOST, EVENT_MASTER_DOWN, EVENT_YIELDED, Event};

use super::Vrrp;
use crate::{
    io::{guard::Heartbeat, memory, socket::vrrp::Place},
    observe::log,
    vrrp::output::{InstanceId, State},
};

/// Changes of state from one audit to the next that leave much memory behind.
const MANY: usize = 100;

impl Vrrp {
    /// Takes an event of the kernel.
    pub(super) fn handle_event(&mut self, event: &Event) {
        // What the segment says counts before what the clock says.
        self.receive_all();
        let now = Instant::now();
        let (Some(id), Some(guards)) = (self.members.find(&event.key), &self.effects.guards) else {
            return;
        };
        let epoch = guards.epoch(event.epoch);
        let master = self
            .router
            .instance(id)
            .is_some_and(|instance| instance.state() == State::Master);
        match event.kind {
            EVENT_MASTER_DOWN => {
                // The master may have been heard between the timer's end and now.
                let heard = self
                    .look(id)
                    .is_some_and(|heartbeat| heartbeat.heard_after(event));
                if !heard {
                    self.router.handle_master_down(id, epoch, now);
                }
            }
            EVENT_LEASE_LOST => {
                if master {
                    log::lease_lost(self.members.name(id));
                }
                self.router.handle_lease_lost(id, epoch, now);
            }
            EVENT_YIELDED => {
                log::yielded(self.members.name(id));
                self.router.handle_yielded(id, epoch, now);
            }
            _ => {}
        }
    }

    /// Looks for heartbeats that stopped, and leases that ended, without an event.
    pub(super) fn audit(&mut self, now: Instant) {
        for place in self.deaf.clone() {
            match place {
                Place::Interface(interface) => self.tell_link(&interface, now),
                Place::Address { .. } => drop(self.adjust_sockets(&place)),
            }
        }
        self.review_faults();
        self.flush_recording();
        if std::mem::take(&mut self.transitions) > MANY {
            self.router.give_back();
            memory::give_back();
        }
        if let Some(guards) = &mut self.effects.guards
            && let Err(error) = guards.review_hint()
        {
            log::hint_failed(&error);
        }
        for id in self.effects.unguarded.clone() {
            self.router.handle_guard_possible(id, now);
        }
        let ids: Vec<InstanceId> = self.members.subjects().map(|(id, _)| id).collect();
        for id in ids {
            match self.look(id) {
                Some(beat) if beat.watches => {
                    self.router
                        .handle_heartbeat(id, beat.epoch, beat.last_seen, now);
                }
                // Patience first: the advert that fenced us may still wait in the socket.
                Some(beat) if beat.fenced => self.router.handle_yielded(id, beat.epoch, now),
                Some(_) | None => {}
            }
        }
    }

    /// What the kernel does for an instance now.
    pub(super) fn look(&self, id: InstanceId) -> Option<Heartbeat> {
        let subject = self.members.get(id)?.subject?;
        let looked = self.effects.guards.as_ref()?.look(&subject);
        looked.unwrap_or_else(|error| {
            log::guard_failed(self.members.name(id), &error);
            None
        })
    }
}
