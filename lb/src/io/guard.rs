//! The kernel's part of VRRP: heartbeats, leases, gates and owned addresses in the BPF maps.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use aya::maps::MapError;
use bytemuck::Zeroable;
use lb_common::{
    Address,
    event::Event,
    gate::{GATE_FENCED, GATE_OPEN, GATE_PASS, GateValue, OwnedKey, OwnedValue},
    mapped,
    router::{ADVERT_MAX, ROUTER_FLAG_YIELD, ROUTER_LEASE, ROUTER_WATCH, RouterKey, RouterValue},
};
use nix::time::{ClockId, clock_gettime};

use super::xdp::{Pins, Timers, VrrpMaps};
use crate::vrrp::output::{Gate, Guard};

/// Writes what the VRRP child owns of the data plane; its only writer.
pub struct Guards {
    maps: VrrpMaps,
    timers: Option<Timers>,
    gates: BTreeSet<u32>,
    /// The owned addresses as this process wrote them; it is their only writer.
    owned: Option<BTreeMap<IpAddr, u32>>,
    /// Added to every epoch in the kernel, so that a timer of an earlier process is not taken for ours.
    epoch_base: u32,
}

/// What a guard is set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The virtual router.
    pub key: RouterKey,
    /// Its gate.
    pub gate: u32,
    /// VRRP version, 2 or 3.
    pub version: u8,
    /// Destination of its adverts.
    pub group: IpAddr,
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
        self.watches && self.source == address(source) && self.last_seen > arrival
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
            gates: BTreeSet::new(),
            owned: None,
            epoch_base: std::process::id() << 16,
        })
    }

    /// Programs the heartbeat of a virtual router.
    ///
    /// # Errors
    /// When the kernel cannot carry it; nothing is left half set then.
    pub fn set(&mut self, subject: &Subject, epoch: u32, guard: &Guard) -> anyhow::Result<()> {
        let installed = self.install(subject, epoch, guard);
        if installed.is_err() {
            self.clear(&subject.key)?;
        }
        installed
    }

    fn install(&mut self, subject: &Subject, epoch: u32, guard: &Guard) -> anyhow::Result<()> {
        let Some(timers) = &self.timers else {
            bail!("no BPF timers");
        };
        let (value, after) = match guard {
            Guard::Off => return self.clear(&subject.key),
            Guard::Watch {
                advert,
                source,
                down_after,
                remaining,
            } => {
                let payload = advert.emit(*source, subject.group);
                let mut value = watch(&payload)?;
                value.source = address(*source);
                value.interval = nanoseconds(*down_after);
                (value, *remaining)
            }
            Guard::Lease {
                priority,
                source,
                lease,
                yields,
            } => {
                let value = RouterValue {
                    role: ROUTER_LEASE,
                    priority: *priority,
                    flags: if *yields { ROUTER_FLAG_YIELD } else { 0 },
                    source: address(*source),
                    interval: nanoseconds(*lease),
                    ..RouterValue::zeroed()
                };
                (value, *lease)
            }
        };
        let value = RouterValue {
            epoch: self.epoch_base.wrapping_add(epoch),
            gate: subject.gate,
            version: subject.version,
            last_seen: monotonic()?,
            ..value
        };
        self.maps
            .routers
            .insert(subject.key, value, 0)
            .context("routers")?;
        timers.start(&subject.key, after).context("routers: timer")
    }

    fn clear(&mut self, key: &RouterKey) -> anyhow::Result<()> {
        match self.maps.routers.remove(key) {
            Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
            Err(MapError::SyscallError(error))
                if error.io_error.raw_os_error() == Some(libc::ENOENT) =>
            {
                Ok(())
            }
            Err(error) => Err(error).context("routers"),
        }
    }

    /// Sets a gate.
    ///
    /// # Errors
    /// When the kernel refuses the write.
    pub fn set_gate(&mut self, gate: u32, state: Gate) -> anyhow::Result<()> {
        let state = match state {
            Gate::Pass => GATE_PASS,
            Gate::Open => GATE_OPEN,
            Gate::Fenced => GATE_FENCED,
        };
        if state == GATE_FENCED {
            self.hint(1)?;
        }
        self.gates.insert(gate);
        self.maps
            .gates
            .set(gate, GateValue { state }, 0)
            .context("gates")
    }

    /// Clears `fence_hint` when no gate is fenced any more. Until then packets pay one look-up more, so this is done
    /// now and then, not at each gate of a mass take-over.
    ///
    /// # Errors
    /// When the kernel refuses a read or a write.
    pub fn review_hint(&mut self) -> anyhow::Result<()> {
        let hinted = self.maps.fence_hint.get(&0, 0).context("fence_hint")? != 0;
        if hinted && !self.any_fenced()? {
            self.hint(0)?;
            // The programs may have fenced a gate between the look and the write.
            if self.any_fenced()? {
                self.hint(1)?;
            }
        }
        Ok(())
    }

    fn any_fenced(&self) -> anyhow::Result<bool> {
        for gate in &self.gates {
            if self.maps.gates.get(gate, 0).context("gates")?.state == GATE_FENCED {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn hint(&mut self, value: u32) -> anyhow::Result<()> {
        self.maps.fence_hint.set(0, value, 0).context("fence_hint")
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

    /// Makes the owned addresses exactly these.
    ///
    /// # Errors
    /// When the kernel refuses a write.
    pub fn own(&mut self, wanted: &BTreeMap<IpAddr, u32>) -> anyhow::Result<()> {
        // Forgotten on failure, so that the next call looks again.
        let installed = match self.owned.take() {
            Some(installed) => installed,
            None => owned(&self.maps)?,
        };
        let key = |ip: &IpAddr| OwnedKey {
            address: address(*ip),
        };
        for (ip, gate) in wanted {
            if installed.get(ip) != Some(gate) {
                self.maps
                    .owned
                    .insert(key(ip), OwnedValue { gate: *gate }, 0)
                    .context("owned")?;
            }
        }
        for ip in installed.keys().filter(|ip| !wanted.contains_key(*ip)) {
            self.maps.owned.remove(&key(ip)).context("owned")?;
        }
        self.owned = Some(wanted.clone());
        Ok(())
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
        let runs = value.last_seen.saturating_add(value.interval) > monotonic()?;
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
        let age = Duration::from_nanos(monotonic()?.saturating_sub(value.last_seen));
        Ok(Some(Heartbeat {
            epoch: self.epoch(value.epoch),
            watches: value.role == ROUTER_WATCH,
            source: value.source,
            last_seen: Instant::now().checked_sub(age).context("clock")?,
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

/// Which address belongs to which gate, as an earlier process of this node left it.
///
/// # Errors
/// When the kernel refuses a read.
pub fn owned(maps: &VrrpMaps) -> anyhow::Result<BTreeMap<IpAddr, u32>> {
    let entries = maps.owned.iter().map(|entry| {
        let (key, value) = entry.context("owned")?;
        Ok((Ipv6Addr::from(key.address).to_canonical(), value.gate))
    });
    entries.collect()
}

fn watch(payload: &[u8]) -> anyhow::Result<RouterValue> {
    let mut value = RouterValue {
        role: ROUTER_WATCH,
        ..RouterValue::zeroed()
    };
    let Some(start) = value.advert.get_mut(..payload.len()) else {
        bail!(
            "the advert has {} bytes, the fast path compares {ADVERT_MAX}",
            payload.len()
        );
    };
    start.copy_from_slice(payload);
    value.advert_len = u32::try_from(payload.len()).context("advert length")?;
    Ok(value)
}

fn address(ip: IpAddr) -> Address {
    match ip {
        IpAddr::V4(v4) => mapped(v4.octets()),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// 584 years at most.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The programs' clock, `bpf_ktime_get_ns`.
fn monotonic() -> anyhow::Result<u64> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).context("clock")?;
    Ok(nanoseconds(Duration::from(now)))
}
