//! Carrying out the core's outputs, strictly in order. Changes of addresses, routes and rules are queued; their
//! acknowledgements come back as inputs.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Instant,
};

use anyhow::Context;

use super::{Vrrp, changes::Changes, hear::wall_clock};
use crate::{
    config::model::VirtualAddress,
    io::{
        guard::Guards,
        netlink::Netlink,
        socket::{
            announce::Announcer,
            vrrp::{Kind, Outgoing, Place},
        },
    },
    observe::log,
    runtime::links::Links,
    vrrp::{
        Instance,
        advert::Advertisement,
        object::{Operation, Step},
        output::{Gate, Guard, InstanceId, Output},
        wire::Packet,
    },
};

/// The kind of error under which the log tells of adverts that could not be sent.
const SEND_FAILED: &str = "send_failed";

/// An advert on its way out.
struct Due {
    instance: InstanceId,
    source: Option<IpAddr>,
    packets: Arc<[Packet]>,
}

/// What leaves by one socket.
#[derive(Default)]
struct Call<'a> {
    /// The place in the list of what is due of the advert that each packet is of.
    adverts: Vec<usize>,
    packets: Vec<Outgoing<'a>>,
}

/// Everything outputs are carried out with.
pub(super) struct Effects {
    netlink: Netlink,
    /// Changes of addresses, routes and rules.
    pub(super) changes: Changes,
    announcer: Announcer,
    /// `None` where there is no data plane.
    pub(super) guards: Option<Guards>,
    /// Whose guards the kernel had no memory for: it takes a timer's without waiting, and in a burst finds none.
    pub(super) unguarded: BTreeSet<InstanceId>,
}

impl Effects {
    pub(super) fn new(netlink: Netlink) -> anyhow::Result<Self> {
        let announcer = Announcer::open().context("sockets for announcements")?;
        Ok(Self {
            netlink,
            changes: Changes::new()?,
            announcer,
            guards: None,
            unguarded: BTreeSet::new(),
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

/// Whether the kernel may take later what it refuses now.
fn is_passing(error: &anyhow::Error) -> bool {
    let mut causes = error.chain();
    causes.any(|cause| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|error| error.kind() == io::ErrorKind::OutOfMemory)
    })
}

impl Vrrp {
    /// Carries out every output that waits. Adverts that follow each other leave together, before anything else is done.
    pub(super) fn apply_outputs(&mut self) {
        self.drain_outputs();
        if std::mem::take(&mut self.owners_changed) {
            self.tell_guards();
        }
    }

    fn drain_outputs(&mut self) {
        while let Some(step) = self.statics.poll_output() {
            self.change(None, step);
        }
        let mut due = Vec::new();
        loop {
            match self.router.poll_output() {
                Some(Output::SendAdvert { instance, advert }) => {
                    due.push(self.seal(instance, &advert));
                }
                Some(output) => {
                    self.send(&mut due);
                    self.apply(output);
                }
                None if due.is_empty() => return,
                None => self.send(&mut due),
            }
        }
    }

    fn apply(&mut self, output: Output) {
        match output {
            Output::SendAdvert { instance, advert } => {
                let mut due = vec![self.seal(instance, &advert)];
                self.send(&mut due);
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
                self.transitions += 1;
                if let Some(member) = self.members.get_mut(instance) {
                    member.said.clear();
                }
                let name = self.members.name(instance);
                self.states_due |= self.followed.contains(name);
                log::transition(name, to, &why);
                self.adjust_sync_daemon();
            }
            Output::Yielding { instance, yielding } => {
                log::yielding(self.members.name(instance), &yielding);
            }
            Output::Notice(notice) => self.notifications.tell(&notice),
            Output::Removed { instance } => self.removed(instance),
        }
    }

    /// Makes the packets of an advert; none where it cannot be sent.
    fn seal(&mut self, instance: InstanceId, advert: &Advertisement) -> Due {
        let source = self.router.instance(instance).and_then(Instance::source);
        let packets = match (self.members.get_mut(instance), source) {
            (Some(member), Some(source)) => {
                member
                    .wire
                    .seal(&member.config, advert, source, wall_clock())
            }
            _ => Arc::default(),
        };
        Due {
            instance,
            source,
            packets,
        }
    }

    /// Sends what is due, in one system call per socket and source, and tells the core of each advert whether it left: to
    /// one peer at least.
    fn send(&mut self, due: &mut Vec<Due>) {
        let mut calls: BTreeMap<(&Place, Kind), Call<'_>> = BTreeMap::new();
        for (at, advert) in due.iter().enumerate() {
            let Some((member, source)) = self.members.get(advert.instance).zip(advert.source)
            else {
                continue;
            };
            let call = calls.entry((member.place(), member.kind())).or_default();
            for packet in &*advert.packets {
                call.adverts.push(at);
                call.packets.push(Outgoing { source, packet });
            }
        }
        let mut left = vec![false; due.len()];
        let mut failed = Vec::new();
        for ((place, kind), call) in calls {
            let results = self.sockets.send(place, kind, &call.packets);
            for (at, result) in call.adverts.into_iter().zip(results) {
                match result {
                    Ok(()) => left[at] = true,
                    Err(error) => failed.push((due[at].instance, error)),
                }
            }
        }
        for (instance, error) in failed {
            if let Some(member) = self.members.get_mut(instance)
                && member.said.insert(SEND_FAILED)
            {
                log::send_failed(&member.config.name, &error);
            }
        }
        let now = Instant::now();
        for (advert, sent) in due.drain(..).zip(left) {
            self.router.handle_advert_sent(advert.instance, sent, now);
        }
    }

    fn set_guard(&mut self, id: InstanceId, epoch: u32, guard: &Guard) -> bool {
        let Some((member, subject)) = self.members.get(id).and_then(|m| Some((m, m.subject?)))
        else {
            return false;
        };
        let Some(guards) = &mut self.effects.guards else {
            return false;
        };
        // An instance without a source has no guard to lose: an interface without an address is in FAULT.
        let source = self.router.instance(id).and_then(Instance::source);
        let own = source.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let set = guards.set(&subject, own, epoch, guard);
        let unguarded = &mut self.effects.unguarded;
        match set {
            Ok(taken) => {
                unguarded.remove(&id);
                taken
            }
            Err(error) if is_passing(&error) => {
                if unguarded.insert(id) {
                    log::guard_postponed(&member.config.name, &error);
                }
                false
            }
            Err(error) => {
                unguarded.remove(&id);
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
        let subject = self.members.get(id).and_then(|member| member.subject);
        if let (Some(subject), Some(guards)) = (subject, &mut self.effects.guards) {
            guards.forget_absorbed(&subject.key);
        }
        self.counting.forget(id);
        if let Some(place) = self.members.remove(id) {
            self.adjust_sockets(&place);
        }
        self.effects.changes.forget(id);
        self.effects.unguarded.remove(&id);
        // Many are removed at once when the daemon stops.
        self.owners_changed = true;
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
