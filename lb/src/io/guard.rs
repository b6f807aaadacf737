//! The kernel's part of VRRP: heartbeats, leases, gates and owned addresses in the BPF maps.

mod addresses;
mod senders;
mod terms;
mod virtual_macs;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use aya::maps::MapError;
use bytemuck::Zeroable;
use lb_common::{
    Address,
    event::Event,
    gate::{GATE_FENCED, GATE_OPEN},
    router::{
        ADVERT_MAX, ROUTER_FLAG_PASS, ROUTER_FLAG_YIELD, ROUTER_LEASE, ROUTER_WATCH, RouterKey,
        RouterValue,
    },
};

pub use self::{
    addresses::{Owned, owned},
    senders::{Sender, Ttls},
    terms::Terms,
    virtual_macs::{Bearer, VirtualMac},
};
use super::{
    clock::{instant, monotonic, nanoseconds},
    xdp::{Pins, Timers, VrrpMaps, gone},
};
use crate::{pool::mapped, vrrp::output::Guard};

/// Writes what the VRRP child owns of the data plane; its only writer.
pub struct Guards {
    maps: VrrpMaps,
    timers: Option<Timers>,
    allowed: Allowed,
    gates: BTreeSet<u32>,
    /// The owned addresses as this process wrote them; it is their only writer. Likewise the next two.
    owned: Option<BTreeMap<IpAddr, Owned>>,
    peers: Option<BTreeMap<Sender, Ttls>>,
    known: Option<BTreeSet<u32>>,
    virtual_macs: virtual_macs::Installed,
    /// Adverts that entries of this process absorbed before they went.
    absorbed: BTreeMap<RouterKey, u64>,
    /// Added to every epoch in the kernel, so that a timer of an earlier process is not taken for ours.
    epoch_base: u32,
}

/// What the configuration lets the kernel do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Judge and absorb adverts (`vrrp_xdp`).
    pub watch: bool,
    /// Keep leases and fence gates (`vrrp_fence`).
    pub fence: bool,
}

impl Default for Allowed {
    fn default() -> Self {
        Self {
            watch: true,
            fence: true,
        }
    }
}

/// What a guard is set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The virtual router; interface 0 where the configuration names none.
    pub key: RouterKey,
    /// Its gate.
    pub gate: u32,
    /// Which adverts count.
    pub terms: Terms,
}

/// The kernel's side of a virtual router's heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The core's epoch of the guard.
    pub epoch: u32,
    /// It watches a master; else it holds a lease.
    pub watches: bool,
    source: Address,
    /// When the last advert was absorbed or sent.
    pub last_seen: Instant,
    at: u64,
    /// The gate is fenced.
    pub fenced: bool,
}

impl Heartbeat {
    /// Whether the watched master was heard after an event of the kernel's.
    #[must_use]
    pub const fn heard_after(&self, event: &Event) -> bool {
        self.watches && self.at > event.at
    }

    /// Whether an advert that came up the socket at `arrival` is older than one that was absorbed since.
    #[must_use]
    pub fn overtook(&self, source: IpAddr, arrival: Instant) -> bool {
        self.watches && self.source == mapped(source) && self.last_seen > arrival
    }
}

impl Guards {
    /// Opens the pinned maps. Without BPF timers gates still work and guards are refused.
    ///
    /// # Errors
    /// When the maps are not pinned there.
    pub fn open(pins: &Pins) -> anyhow::Result<Self> {
        let maps = VrrpMaps::open(pins)?;
        // The parent has said already what is lost without timers.
        let timers = Timers::open(pins).ok();
        Ok(Self {
            maps,
            timers,
            allowed: Allowed::default(),
            gates: BTreeSet::new(),
            owned: None,
            peers: None,
            known: None,
            virtual_macs: virtual_macs::Installed::default(),
            absorbed: BTreeMap::new(),
            epoch_base: std::process::id() << 16,
        })
    }

    /// Takes up what the configuration lets the kernel do. What it did and may not any more ends: returned are the virtual
    /// routers whose guards are gone, with the core's epochs. What it may now begins with the next guard.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn allow(&mut self, allowed: Allowed) -> anyhow::Result<Vec<(RouterKey, u32)>> {
        let before = std::mem::replace(&mut self.allowed, allowed);
        let mut ended = Vec::new();
        for entry in self.maps.routers.iter() {
            let (key, value) = entry.context("routers")?;
            let ends = match value.role {
                ROUTER_WATCH => before.watch && !allowed.watch,
                // Also where the kernel may not fence at once any more.
                _ => before.fence && !allowed.fence || before.watch && !allowed.watch,
            };
            if ends {
                ended.push((key, self.epoch(value.epoch)));
            }
        }
        for (key, _) in &ended {
            self.clear(key)?;
        }
        Ok(ended)
    }

    /// Ends whatever the kernel does for a virtual router; returns the core's epoch of the guard that was set.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn end(&mut self, key: &RouterKey) -> anyhow::Result<Option<u32>> {
        let value = self.router(key)?;
        self.clear(key)?;
        Ok(value.map(|value| self.epoch(value.epoch)))
    }

    /// Programs the heartbeat of a virtual router whose own source is `own`. False when the kernel does nothing for it:
    /// nothing is asked of it, or not allowed, or adverts are signed.
    ///
    /// # Errors
    /// When the kernel cannot carry it; nothing is left half set then.
    pub fn set(
        &mut self,
        subject: &Subject,
        own: IpAddr,
        epoch: u32,
        guard: &Guard,
    ) -> anyhow::Result<bool> {
        let installed = self.install(subject, own, epoch, guard);
        if !installed.as_ref().is_ok_and(|installed| *installed) {
            self.clear(&subject.key)?;
        }
        installed
    }

    fn install(
        &mut self,
        subject: &Subject,
        own: IpAddr,
        epoch: u32,
        guard: &Guard,
    ) -> anyhow::Result<bool> {
        let Some((mut value, after)) = self.entry(subject, own, guard)? else {
            return Ok(false);
        };
        value.epoch = self.epoch_base.wrapping_add(epoch);
        value.gate = subject.gate;
        value.own = mapped(own);
        value.destination = mapped(subject.terms.destination(own));
        value.last_seen = monotonic().context("clock")?;
        if !self.allowed.watch {
            value.flags = ROUTER_FLAG_PASS;
        }
        // Before the timers, which are borrowed from then on.
        self.fold_absorbed(&subject.key);
        let timers = self.timers.as_ref().context("no BPF timers")?;
        let routers = &mut self.maps.routers;
        routers.insert(subject.key, value, 0).context("routers")?;
        self.absorbed.entry(subject.key).or_default();
        timers
            .start(&subject.key, after)
            .context("routers: timer")?;
        Ok(true)
    }

    /// The entry for a guard, and when its timer ends; `None` where the kernel has no part in it.
    fn entry(
        &self,
        subject: &Subject,
        own: IpAddr,
        guard: &Guard,
    ) -> anyhow::Result<Option<(RouterValue, Duration)>> {
        let terms = &subject.terms;
        let mut value = RouterValue::zeroed();
        terms.write(&mut value);
        match guard {
            Guard::Watch {
                advert,
                source,
                down_after,
                remaining,
            } if self.allowed.watch && !terms.are_signed() => {
                expect(&mut value, &advert.emit(*source, terms.destination(own)))?;
                value.source = mapped(*source);
                value.interval = nanoseconds(*down_after);
                let ttls = self.peer(&(subject.key, *source));
                if let Some(ttls) = ttls.filter(|_| terms.are_peers_only()) {
                    (value.min_ttl, value.max_ttl) = (ttls.min, ttls.max);
                }
                Ok(Some((value, *remaining)))
            }
            Guard::Lease {
                priority,
                source: _,
                lease,
                yields,
            } if self.allowed.fence => {
                value.role = ROUTER_LEASE;
                value.priority = *priority;
                // Else anybody could fence us with an advert that is not signed.
                if *yields && !terms.are_signed() {
                    value.flags |= ROUTER_FLAG_YIELD;
                }
                value.interval = nanoseconds(*lease);
                Ok(Some((value, *lease)))
            }
            Guard::Off | Guard::Watch { .. } | Guard::Lease { .. } => Ok(None),
        }
    }

    fn peer(&self, sender: &Sender) -> Option<Ttls> {
        self.peers.as_ref()?.get(sender).copied()
    }

    /// Adverts that the kernel absorbed for a virtual router since this process has to do with it.
    #[must_use]
    pub fn absorbed(&self, key: &RouterKey) -> u64 {
        let before = self.absorbed.get(key);
        before.map_or(0, |before| before + self.absorbed_now(key))
    }

    /// Forgets what it absorbed: the virtual router is gone, and the next one begins anew.
    pub fn forget_absorbed(&mut self, key: &RouterKey) {
        self.absorbed.remove(key);
    }

    /// An entry is about to go, and its count with it.
    fn fold_absorbed(&mut self, key: &RouterKey) {
        if self.absorbed.contains_key(key) {
            let now = self.absorbed_now(key);
            *self.absorbed.entry(*key).or_default() += now;
        }
    }

    /// What the entry there is counts; nothing where it cannot be read, which whoever writes it will say.
    fn absorbed_now(&self, key: &RouterKey) -> u64 {
        let value = self.router(key).ok().flatten();
        let watch = value.filter(|value| value.role == ROUTER_WATCH);
        watch.map_or(0, |value| value.heartbeats)
    }

    fn clear(&mut self, key: &RouterKey) -> anyhow::Result<()> {
        self.fold_absorbed(key);
        gone(self.maps.routers.remove(key)).context("routers")
    }

    /// Takes up what an earlier process left: heartbeats of routers that are not in `keys` end, and the gates in use are
    /// known. Returns the addresses that process owned.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn take_over(&mut self, keys: &BTreeSet<RouterKey>) -> anyhow::Result<BTreeSet<IpAddr>> {
        let left: Vec<RouterKey> = self
            .maps
            .routers
            .keys()
            .collect::<Result<_, _>>()
            .context("routers")?;
        for key in left.iter().filter(|key| !keys.contains(*key)) {
            self.clear(key)?;
        }
        let owned = owned(&self.maps)?;
        self.gates.extend(owned.values());
        Ok(owned.into_keys().collect())
    }

    /// Whether an earlier daemon's lease on this virtual router is alive: the gate is open and the lease runs.
    ///
    /// # Errors
    /// When the kernel refuses a read.
    pub fn lease_alive(&self, subject: &Subject) -> anyhow::Result<bool> {
        let Some(value) = self.router(&subject.key)? else {
            return Ok(false);
        };
        let open = self
            .maps
            .gates
            .get(&subject.gate, 0)
            .context("gates")?
            .state
            == GATE_OPEN;
        let runs = value.last_seen.wrapping_add(value.interval) > monotonic().context("clock")?;
        Ok(value.role == ROUTER_LEASE && value.gate == subject.gate && open && runs)
    }

    /// What the kernel does for a virtual router now; `None` when nothing.
    ///
    /// # Errors
    /// When the kernel refuses a read.
    pub fn look(&self, subject: &Subject) -> anyhow::Result<Option<Heartbeat>> {
        let Some(value) = self.router(&subject.key)? else {
            return Ok(None);
        };
        let gate = self.maps.gates.get(&subject.gate, 0).context("gates")?;
        Ok(Some(Heartbeat {
            epoch: self.epoch(value.epoch),
            watches: value.role == ROUTER_WATCH,
            source: value.source,
            last_seen: instant(value.last_seen).context("clock")?,
            at: value.last_seen,
            fenced: gate.state == GATE_FENCED,
        }))
    }

    /// The core's epoch for one that comes from the kernel.
    #[must_use]
    pub const fn epoch(&self, in_kernel: u32) -> u32 {
        in_kernel.wrapping_sub(self.epoch_base)
    }

    fn router(&self, key: &RouterKey) -> anyhow::Result<Option<RouterValue>> {
        match self.maps.routers.get(key, 0) {
            Ok(value) => Ok(Some(value)),
            Err(MapError::KeyNotFound) => Ok(None),
            Err(error) => Err(error).context("routers"),
        }
    }
}

/// Makes the entry watch for adverts with this payload.
fn expect(value: &mut RouterValue, payload: &[u8]) -> anyhow::Result<()> {
    let Some(start) = value.advert.get_mut(..payload.len()) else {
        bail!(
            "the advert has {} bytes, the fast path compares {ADVERT_MAX}",
            payload.len()
        );
    };
    start.copy_from_slice(payload);
    value.role = ROUTER_WATCH;
    value.advert_len = u32::try_from(payload.len()).context("advert length")?;
    Ok(())
}
