//! The kernel's part of the heartbeat: which guard is set, and whether it does its work.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::output::{Guard, InstanceId, Output};

/// Identical adverts in a row that show the kernel does not absorb them.
const STRAYS: u8 = 3;

/// Which guard was last set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// None by this process; an earlier one may have left any.
    #[default]
    Unknown,
    /// [`Guard::Off`].
    Off,
    /// [`Guard::Watch`].
    Watch,
    /// [`Guard::Lease`].
    Lease,
}

/// The guard of one instance.
#[derive(Clone, Debug, Default)]
pub(super) struct Heartbeat {
    kind: Kind,
    epoch: u32,
    /// Epoch of the first of the leases that follow each other up to now.
    first_lease: u32,
    taken: bool,
    strays: u8,
    last_stray: Option<Instant>,
    given_up: bool,
}

impl Heartbeat {
    /// Sets a guard under a new epoch; nobody has taken it yet.
    pub(super) fn set(
        &mut self,
        instance: InstanceId,
        guard: Guard,
        outputs: &mut VecDeque<Output>,
    ) {
        self.epoch = self.epoch.wrapping_add(1);
        if matches!(guard, Guard::Lease { .. }) && self.kind != Kind::Lease {
            self.first_lease = self.epoch;
        }
        self.kind = match guard {
            Guard::Off => Kind::Off,
            Guard::Watch { .. } => Kind::Watch,
            Guard::Lease { .. } => Kind::Lease,
        };
        self.taken = false;
        self.strays = 0;
        self.last_stray = None;
        outputs.push_back(Output::SetGuard {
            instance,
            epoch: self.epoch,
            guard,
        });
    }

    /// Notes the kernel's answer. Returns whether it is about the guard now set.
    pub(super) fn answer(&mut self, epoch: u32, taken: bool) -> bool {
        let current = self.epoch == epoch && self.kind != Kind::Unknown;
        if current {
            self.taken = taken && self.kind != Kind::Off;
        }
        current
    }

    /// Whether news under `epoch` is about the watch now set.
    pub(super) fn is_watch(&self, epoch: u32) -> bool {
        self.kind == Kind::Watch && self.epoch == epoch
    }

    /// Whether news under `epoch` is about a lease of this term. A gate fenced for want of an older one of
    /// them is fenced still: setting the next lease has not opened it.
    pub(super) fn is_lease(&self, epoch: u32) -> bool {
        self.kind == Kind::Lease && (self.first_lease..=self.epoch).contains(&epoch)
    }

    /// Which guard is set.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the kernel carries the heartbeat.
    pub(super) fn carried(&self) -> bool {
        self.taken
    }

    /// Whether the kernel watches a master.
    pub(super) fn watches(&self) -> bool {
        self.taken && self.kind == Kind::Watch
    }

    /// Counts an advert the kernel should have absorbed; true when that makes it plain that it does not.
    /// Adverts closer together than `spacing` waited in the socket's queue together, and count as one.
    pub(super) fn stray(&mut self, now: Instant, spacing: Duration) -> bool {
        if self.last_stray.is_none_or(|last| now >= last + spacing) {
            self.last_stray = Some(now);
            self.strays += 1;
        }
        self.strays >= STRAYS
    }

    /// Notes that the kernel judges adverts otherwise than we do: until the state changes it neither watches
    /// nor yields for us.
    pub(super) fn give_up(&mut self) {
        self.given_up = true;
    }

    /// Trusts the kernel again.
    pub(super) fn hope(&mut self) {
        self.given_up = false;
    }

    /// Whether the kernel has shown that it judges otherwise.
    pub(super) fn has_given_up(&self) -> bool {
        self.given_up
    }
}
