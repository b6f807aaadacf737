//! Carrying out the core's outputs, strictly in order. Changes of addresses are queued: one is under way at a time, and
//! its acknowledgement comes back as an input.

use std::{
    collections::{BTreeSet, VecDeque},
    future::Future,
    net::IpAddr,
    pin::Pin,
    time::Instant,
};

use anyhow::Context;

use super::Vrrp;
use crate::{
    config::model::VirtualAddress,
    io::{guard::Guards, netlink::Netlink, socket::announce::Announcer},
    observe::log,
    runtime::links::Links,
    vrrp::{
        Instance,
        advert::{self, Advertisement},
        output::{Gate, Guard, InstanceId, Output},
    },
};

/// The kernel's word on one address: whose, which, added or removed, and how it went.
pub(super) type Acknowledgement = (InstanceId, VirtualAddress, bool, Result<(), String>);

/// Everything outputs are carried out with.
pub(super) struct Effects {
    netlink: Netlink,
    announcer: Announcer,
    /// `None` where there is no data plane.
    pub(super) guards: Option<Guards>,
    queue: VecDeque<(InstanceId, VirtualAddress, Option<u32>, bool)>,
    under_way: Option<Pin<Box<dyn Future<Output = Acknowledgement>>>>,
}

impl Effects {
    pub(super) fn new(netlink: Netlink) -> anyhow::Result<Self> {
        let announcer = Announcer::open().context("sockets for announcements")?;
        Ok(Self {
            netlink,
            announcer,
            guards: None,
            queue: VecDeque::new(),
            under_way: None,
        })
    }

    /// Links and addresses as they are now.
    pub(super) async fn links(&self) -> anyhow::Result<Links> {
        Ok(Links::new(
            self.netlink.links().await?,
            self.netlink.addresses().await?,
        ))
    }

    /// Removes addresses that no instance has any more from whatever interface has them.
    pub(super) async fn remove_left(&self, left: &BTreeSet<IpAddr>, links: &Links) {
        for (address, index) in links.holders(left) {
            let removed = self.netlink.remove_address(index, &address).await;
            log::address_applied("an earlier daemon", &address, false, &removed);
        }
    }

    /// Whether every change was acknowledged.
    pub(super) fn idle(&self) -> bool {
        self.under_way.is_none() && self.queue.is_empty()
    }

    /// Waits for the next acknowledgement; for ever when nothing is under way. Safe to cancel.
    pub(super) async fn acknowledged(&mut self) -> Acknowledgement {
        if self.under_way.is_none()
            && let Some((id, address, index, add)) = self.queue.pop_front()
        {
            self.under_way = Some(Box::pin(change(
                self.netlink.clone(),
                id,
                address,
                index,
                add,
            )));
        }
        match &mut self.under_way {
            None => std::future::pending().await,
            Some(change) => {
                let acknowledgement = change.await;
                self.under_way = None;
                acknowledgement
            }
        }
    }
}

async fn change(
    netlink: Netlink,
    id: InstanceId,
    address: VirtualAddress,
    index: Option<u32>,
    add: bool,
) -> Acknowledgement {
    let result = match (index, add) {
        (Some(index), true) => netlink.add_address(index, &address).await,
        (Some(index), false) => netlink.remove_address(index, &address).await,
        (None, true) => Err(format!("no interface {}", address.interface)),
        // The address went with its interface.
        (None, false) => Ok(()),
    };
    (id, address, add, result)
}

impl Vrrp {
    /// Carries out every output that waits.
    pub(super) fn apply_outputs(&mut self) {
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
                Output::AddAddress { instance, address } => self.queue(instance, address, true),
                Output::RemoveAddress { instance, address } => self.queue(instance, address, false),
                Output::Announce { instance, address } => self.announce(instance, &address),
                Output::Transition {
                    instance, to, why, ..
                } => {
                    log::transition(self.members.name(instance), to, &why);
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
        self.own_addresses();
    }

    fn queue(&mut self, id: InstanceId, address: VirtualAddress, add: bool) {
        let index = self.links.get(&address.interface).map(|link| link.index);
        self.effects.queue.push_back((id, address, index, add));
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
