//! Carrying out the core's outputs, strictly in order. Changes of addresses, routes and rules are queued; their
//! acknowledgements come back as inputs.

use std::time::Instant;

use anyhow::Context;

use super::{Vrrp, changes::Changes};
use crate::{
    config::model::VirtualAddress,
    io::{guard::Guards, netlink::Netlink, socket::announce::Announcer},
    observe::log,
    runtime::links::Links,
    vrrp::{
        Instance,
        advert::{self, Advertisement},
        object::{Operation, Step},
        output::{Gate, Guard, InstanceId, Output},
    },
};

/// Everything outputs are carried out with.
pub(super) struct Effects {
    netlink: Netlink,
    /// Changes of addresses, routes and rules.
    pub(super) changes: Changes,
    announcer: Announcer,
    /// `None` where there is no data plane.
    pub(super) guards: Option<Guards>,
}

impl Effects {
    pub(super) fn new(netlink: Netlink) -> anyhow::Result<Self> {
        let announcer = Announcer::open().context("sockets for announcements")?;
        Ok(Self {
            netlink,
            changes: Changes::new()?,
            announcer,
            guards: None,
        })
    }

    /// Links and addresses as they are now.
    pub(super) async fn links(&self) -> anyhow::Result<Links> {
        Ok(Links::new(
            self.netlink.links().await?,
            self.netlink.addresses().await?,
        ))
    }
}

impl Vrrp {
    /// Carries out every output that waits.
    pub(super) fn apply_outputs(&mut self) {
        while let Some(step) = self.statics.poll_output() {
            self.change(None, step);
        }
        while let Some(output) = self.router.poll_output() {
            match output {
                Output::SendAdvert { instance, advert } => {
                    let sent = self.send(instance, &advert);
                    self.router
                        .handle_advert_sent(instance, sent, Instant::now());
                }
                Output::SetGuard {
                    instance,
                    epoch,
                    guard,
                } => {
                    let taken = self.set_guard(instance, epoch, &guard);
                    self.router
                        .handle_guard(instance, epoch, taken, Instant::now());
                }
                Output::SetGate { instance, gate } => self.set_gate(instance, gate),
                Output::Install {
                    instance,
                    object,
                    replace,
                } => self.change(
                    Some(instance),
                    Step {
                        operation: Operation::Install,
                        object,
                        replace,
                    },
                ),
                Output::Remove { instance, object } => self.change(
                    Some(instance),
                    Step {
                        operation: Operation::Remove,
                        object,
                        replace: false,
                    },
                ),
                Output::Announce { instance, address } => self.announce(instance, &address),
                Output::Transition {
                    instance, to, why, ..
                } => {
                    log::transition(self.members.name(instance), to, why);
                }
                Output::Notice(_) => {}
                Output::Removed { instance } => self.removed(instance),
            }
        }
    }

    fn send(&self, id: InstanceId, advert: &Advertisement) -> bool {
        let Some(member) = self.members.get(id) else {
            return false;
        };
        let config = &member.config;
        let Some(source) = self.router.instance(id).and_then(Instance::source) else {
            return false;
        };
        let payload = advert.emit(source, advert::group(config.family));
        let sent = self.sockets.send(&config.interface, source, &payload);
        if let Err(error) = &sent {
            log::send_failed(&config.name, error);
        }
        sent.is_ok()
    }

    fn set_guard(&mut self, id: InstanceId, epoch: u32, guard: &Guard) -> bool {
        let Some((member, subject)) = self.members.get(id).and_then(|m| Some((m, m.subject?)))
        else {
            return false;
        };
        let Some(guards) = &mut self.effects.guards else {
            return false;
        };
        match guards.set(&subject, epoch, guard) {
            Ok(()) => *guard != Guard::Off,
            Err(error) => {
                log::guard_failed(&member.config.name, &error);
                false
            }
        }
    }

    fn set_gate(&mut self, id: InstanceId, state: Gate) {
        let gate = self.members.get(id).and_then(|member| member.gate);
        if let (Some(gate), Some(guards)) = (gate, &mut self.effects.guards)
            && let Err(error) = guards.set_gate(gate, state)
        {
            log::gate_failed(self.members.name(id), &error);
        }
    }

    fn removed(&mut self, id: InstanceId) {
        self.members.remove(id);
        self.effects.changes.forget(id);
        self.own_addresses();
    }

    /// Queues a change of an instance's object, or of a static one.
    pub(super) fn change(&mut self, owner: Option<InstanceId>, step: Step) {
        let message = self.here().encode(&step.object);
        self.effects.changes.queue(owner, step, message);
    }

    fn announce(&self, id: InstanceId, address: &VirtualAddress) {
        let Some(link) = self.links.get(&address.interface) else {
            return;
        };
        if let Err(error) = self
            .effects
            .announcer
            .send(link.index, link.mac, address.address)
        {
            log::announce_failed(self.members.name(id), address, &error);
        }
    }
}
