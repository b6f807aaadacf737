//! What a daemon uses: processor, memory, messages.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use nix::unistd::Pid;
use xtask::lab::{Director, process};

use crate::duel::Metrics;

/// What a daemon has used since its start.
pub(crate) struct Usage {
    cpu: Duration,
    switches: u64,
    memory: u64,
    /// Adverts sent.
    sent: u64,
}

impl Usage {
    /// What its processes have used until now.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn of(director: &Director) -> anyhow::Result<Self> {
        let parent = director.pid().context("no daemon runs")?;
        let mut usage = Self {
            cpu: Duration::ZERO,
            switches: 0,
            memory: 0,
            sent: process::multicast_sent(parent)?,
        };
        for pid in processes(parent) {
            usage.cpu += process::cpu_time(pid)?;
            usage.switches += process::context_switches(pid)?;
            usage.memory += process::resident(pid)?;
        }
        Ok(usage)
    }

    /// What it used within a window.
    pub(crate) fn since(&self, before: &Self, window: Duration) -> Metrics {
        let seconds = window.as_secs_f64();
        let cpu = self.cpu.saturating_sub(before.cpu).as_secs_f64();
        let switches = self.switches.saturating_sub(before.switches) as f64;
        let mut metrics = BTreeMap::from([
            ("cpu_percent", cpu / seconds * 100.0),
            ("context_switches_per_s", switches / seconds),
            ("rss_mb", self.memory as f64 / 1e6),
        ]);
        let sent = self.sent.saturating_sub(before.sent) as f64;
        if sent > 0.0 {
            metrics.insert("adverts_per_s", sent / seconds);
            metrics.insert("cpu_us_per_advert", cpu * 1e6 / sent);
        }
        metrics
    }
}

/// The daemon's parent and its children.
pub(crate) fn processes(parent: Pid) -> Vec<Pid> {
    let children = process::children(parent);
    std::iter::once(parent).chain(children).collect()
}
