//! The kernel's part of BFD: packets that change nothing, and their absence, in the BPF maps.

use std::{collections::BTreeMap, time::Instant};

use anyhow::Context;
use bytemuck::Zeroable;
use lb_common::bfd::{CONTROL_MAX, MULTIHOP_PORT, SINGLE_HOP_PORT, SessionValue, Silence};

use super::{
    clock::{instant, monotonic, nanoseconds},
    xdp::{Pins, SessionMap, SessionTimers, gone, sessions},
};
use crate::{
    bfd::output::{SessionId, Watch},
    pool::mapped,
};

/// Writes what the BFD child owns of the data plane; its only writer.
pub struct Watches {
    map: SessionMap,
    timers: SessionTimers,
    installed: BTreeMap<SessionId, Installed>,
    /// Of the entry written last.
    epoch: u32,
}

#[derive(Clone, Copy)]
struct Installed {
    /// The discriminator as it is in packets.
    key: u32,
    epoch: u32,
    /// Packets that were told of.
    told: u64,
}

/// What the kernel heard of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When it did last.
    pub at: Instant,
    /// How many packets it took in since it was asked before.
    pub more: u64,
    /// The timer runs: silence will be told.
    pub is_watching: bool,
}

impl Watches {
    /// Opens the pinned maps. What an earlier process watched is forgotten, so that this one hears of it.
    ///
    /// # Errors
    /// When they are not pinned there, or the kernel has no BPF timers.
    pub fn open(pins: &Pins) -> anyhow::Result<Self> {
        let mut map = sessions(pins)?;
        let left: Result<Vec<u32>, _> = map.keys().collect();
        for key in left.context("bfd_sessions")? {
            gone(map.remove(&key)).context("bfd_sessions")?;
        }
        Ok(Self {
            map,
            timers: SessionTimers::open(pins)?,
            installed: BTreeMap::new(),
            epoch: std::process::id() << 16,
        })
    }

    /// Has the kernel take in what `watch` says of a session that was heard last at `heard`, and nothing else.
    ///
    /// # Errors
    /// When the kernel cannot; it takes in nothing then.
    pub fn set(&mut self, id: SessionId, watch: &Watch, heard: Instant) -> anyhow::Result<()> {
        self.end(id)?;
        let key = watch.discriminator.get().to_be();
        self.epoch = self.epoch.wrapping_add(1);
        let silence = nanoseconds(heard.elapsed());
        let mut value = entry(watch)?;
        value.epoch = self.epoch;
        value.last_seen = monotonic().context("clock")?.saturating_sub(silence);
        self.map.insert(key, value, 0).context("bfd_sessions")?;
        let installed = Installed {
            key,
            epoch: self.epoch,
            told: 0,
        };
        self.installed.insert(id, installed);
        let left = value.interval.saturating_sub(silence).max(1);
        let started = self.timers.start(key, left);
        if started.is_err() {
            self.end(id)?;
        }
        started.context("bfd_sessions")
    }

    /// Has the kernel take in nothing of a session. What it did last is in [`Self::look`] until then.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn end(&mut self, id: SessionId) -> anyhow::Result<()> {
        match self.installed.remove(&id) {
            Some(installed) => gone(self.map.remove(&installed.key)).context("bfd_sessions"),
            None => Ok(()),
        }
    }

    /// What the kernel heard of a session that it watches.
    ///
    /// # Errors
    /// When the kernel refuses a read.
    pub fn look(&mut self, id: SessionId) -> anyhow::Result<Option<Heard>> {
        let Some(installed) = self.installed.get_mut(&id) else {
            return Ok(None);
        };
        let value = self.map.get(&installed.key, 0).context("bfd_sessions")?;
        let more = value.heartbeats.saturating_sub(installed.told);
        installed.told += more;
        Ok(Some(Heard {
            at: instant(value.last_seen).context("clock")?,
            more,
            is_watching: value.deadline != 0,
        }))
    }

    /// The session that an event is about; `None` where that is of an earlier entry.
    #[must_use]
    pub fn whose(&self, silence: &Silence) -> Option<SessionId> {
        let is_it = |installed: &Installed| {
            installed.key == silence.discriminator && installed.epoch == silence.epoch
        };
        let mut all = self.installed.iter();
        all.find_map(|(id, installed)| is_it(installed).then_some(*id))
    }

    /// The sessions that the kernel watches.
    pub fn ids(&self) -> impl Iterator<Item = SessionId> {
        self.installed.keys().copied()
    }
}

fn entry(watch: &Watch) -> anyhow::Result<SessionValue> {
    let mut value = SessionValue::zeroed();
    let room = value.packet.get_mut(..watch.payload.len());
    let room = room.with_context(|| format!("the packet has over {CONTROL_MAX} bytes"))?;
    room.copy_from_slice(&watch.payload);
    value.len = u32::try_from(watch.payload.len()).context("packet length")?;
    value.interval = nanoseconds(watch.detection);
    value.source = mapped(watch.source);
    value.destination = mapped(watch.destination);
    let port = if watch.is_multihop {
        MULTIHOP_PORT
    } else {
        SINGLE_HOP_PORT
    };
    value.port = port.to_be_bytes();
    value.min_ttl = watch.min_ttl;
    value.family = if watch.source.is_ipv4() { 4 } else { 6 };
    Ok(value)
}
