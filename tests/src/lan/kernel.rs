//! A model of what the kernel does for a virtual router: the guard, the gate, the addresses.

use std::{collections::BTreeSet, net::IpAddr, time::Instant};

use lb::{
    config::model::{Family, VirtualAddress, vrrp::Adverts},
    vrrp::{
        advert::Advertisement,
        output::{Gate, Guard},
    },
};

use super::{Epoch, network::Frame};

/// What a kernel can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelKind {
    /// Watches and leases.
    Able,
    /// Takes no guard at all: userspace timers carry the heartbeat, and no lease fences.
    Unable,
    /// Takes guards, but adverts received do not pass its program.
    Blind,
}

/// What the kernel tells the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The master-down timer expired at this time.
    MasterDown(Epoch, Instant),
    LeaseLost(Epoch),
    Yielded(Epoch),
}

/// The kernel of one node.
#[derive(Debug)]
pub(super) struct Kernel {
    kind: KernelKind,
    guard: Guard,
    epoch: Option<Epoch>,
    /// The payload a watch absorbs.
    expected: Vec<u8>,
    /// When an advert was last absorbed.
    pub(super) last_seen: Option<Instant>,
    /// When the guard was set.
    set: Option<Instant>,
    /// When the guard's timer expires.
    pub(super) deadline: Option<Instant>,
    pub(super) gate: Gate,
    pub(super) addresses: BTreeSet<VirtualAddress>,
}

impl Kernel {
    pub(super) fn new(kind: KernelKind) -> Self {
        Self {
            kind,
            guard: Guard::Off,
            epoch: None,
            expected: Vec::new(),
            last_seen: None,
            set: None,
            deadline: None,
            gate: Gate::Pass,
            addresses: BTreeSet::new(),
        }
    }

    /// What a reboot leaves.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.kind);
    }

    /// Sets a guard; returns whether the kernel takes it.
    pub(super) fn set_guard(&mut self, epoch: Epoch, guard: Guard, now: Instant) -> bool {
        if self.kind == KernelKind::Unable {
            return false;
        }
        self.epoch = Some(epoch);
        self.set = Some(now);
        self.deadline = match &guard {
            Guard::Off => None,
            Guard::Watch {
                advert,
                source,
                remaining,
                ..
            } => {
                self.expected = advert.emit(*source, Adverts::group(Family::of(*source)));
                Some(now + *remaining)
            }
            Guard::Lease { lease, .. } => Some(now + *lease),
        };
        self.guard = guard;
        true
    }

    /// Whether a daemon that starts now finds the lease of its predecessor alive.
    pub(super) fn has_live_lease(&self, now: Instant) -> bool {
        matches!(self.guard, Guard::Lease { .. })
            && self.gate == Gate::Open
            && self.deadline.is_some_and(|end| end > now)
    }

    /// The watch that runs, and when it last saw an advert, or was set.
    pub(super) fn watch(&self) -> Option<(Epoch, Instant)> {
        let watches = matches!(self.guard, Guard::Watch { .. });
        Some((self.epoch?, self.last_seen.max(self.set)?)).filter(|_| watches)
    }

    /// Whether an advert was absorbed later than one of the same sender that came up the socket at `at`.
    pub(super) fn has_seen_since(&self, source: IpAddr, at: Instant) -> bool {
        let watched =
            matches!(&self.guard, Guard::Watch { source: master, .. } if *master == source);
        watched && self.last_seen > Some(at)
    }

    /// An advert leaves.
    pub(super) fn sends(&mut self, now: Instant) {
        if let Guard::Lease { lease, .. } = self.guard {
            self.deadline = Some(now + lease);
        }
    }

    /// An advert arrives: whether it goes up the socket, and what else there is to tell.
    pub(super) fn receives(&mut self, frame: &Frame, now: Instant) -> (bool, Option<Told>) {
        if self.kind != KernelKind::Able {
            return (true, None);
        }
        match &self.guard {
            Guard::Off => (true, None),
            Guard::Watch {
                source, down_after, ..
            } => {
                let same = frame.source == *source && frame.payload == self.expected;
                if same {
                    self.last_seen = Some(now);
                    self.deadline = Some(now + *down_after);
                }
                (!same, None)
            }
            Guard::Lease {
                priority,
                source,
                yields,
                ..
            } => {
                let better = (frame.payload[2], frame.source) > (*priority, *source);
                if *yields && better && self.gate == Gate::Open {
                    self.gate = Gate::Fenced;
                    return (true, self.epoch.map(Told::Yielded));
                }
                (true, None)
            }
        }
    }

    /// The guard's timer expires.
    pub(super) fn expires(&mut self, now: Instant) -> Option<Told> {
        self.deadline = None;
        match self.guard {
            Guard::Off => None,
            Guard::Watch { .. } => self.epoch.map(|epoch| Told::MasterDown(epoch, now)),
            Guard::Lease { .. } => {
                self.gate = Gate::Fenced;
                self.epoch.map(Told::LeaseLost)
            }
        }
    }
}

/// Reads what came up the socket.
pub(super) fn read(frame: &Frame) -> Advertisement {
    let destination: IpAddr = Adverts::group(Family::of(frame.source));
    Advertisement::parse(&frame.payload, frame.source, destination)
        .unwrap_or_else(|error| panic!("a router of ours sent {frame:?}: {error}"))
}
