//! Speaks for every virtual router, as their masters would, and counts what it says: it may be slower than they would be, where
//! what its adverts cost on their way leaves no time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tests::packet::advert_every;
use xtask::lab::{Namespace, probe::Frames};

use super::routers::{Router, Routers, SECOND, interface};

/// Above that of every daemon.
const PRIORITY: u8 = 254;
/// What is due within it leaves together.
const TICK: Duration = Duration::from_millis(1);
/// What is later than that is left out.
const LATEST: Duration = Duration::from_millis(500);

/// Sends until stopped.
#[derive(Debug)]
pub(super) struct Herald {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Herald {
    /// Starts to speak from the second director's place.
    pub(super) fn start(namespace: &Namespace, routers: Routers) -> anyhow::Result<Self> {
        let out = routers
            .links()
            .map(|link| Ok((link, Frames::open(namespace, &interface(link))?)))
            .collect::<anyhow::Result<BTreeMap<_, _>>>()?;
        let frames: Vec<(u8, Vec<u8>)> = routers
            .all()
            .map(|router| (router.link, frame(router, routers.centiseconds)))
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU64::new(0));
        let (told, counted) = (Arc::clone(&stop), Arc::clone(&sent));
        let interval = routers.interval();
        let thread = thread::Builder::new()
            .name("herald".to_owned())
            .spawn(move || speak(&out, &frames, interval, &told, &counted))?;
        Ok(Self { stop, sent, thread })
    }

    /// Adverts sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Falls silent.
    ///
    /// # Errors
    /// When it could not send.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn frame(router: Router, centiseconds: u16) -> Vec<u8> {
    let source = Routers::source(SECOND, router.link).to_string();
    let address = router.address.to_string();
    let mut packet = advert_every(centiseconds, 3, router.vrid, PRIORITY, &source, &[&address]);
    packet.to_mac = [0x01, 0, 0x5e, 0, 0, 18];
    packet.from_mac = [0, 0, 0x5e, 0, 1, router.vrid];
    packet.bytes()
}

/// The n-th frame of a round is due n/N of the interval after its start.
fn speak(
    out: &BTreeMap<u8, Frames>,
    frames: &[(u8, Vec<u8>)],
    interval: Duration,
    stop: &AtomicBool,
    sent: &AtomicU64,
) -> anyhow::Result<()> {
    let gap = interval / u32::try_from(frames.len())?;
    let mut due = Instant::now();
    for (link, frame) in frames.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        while due > Instant::now() {
            thread::sleep(TICK.min(due.saturating_duration_since(Instant::now())));
        }
        if due.elapsed() > LATEST {
            due = Instant::now();
        }
        let out = out.get(link).context("no such link")?;
        out.send(frame).context("send an advert")?;
        sent.fetch_add(1, Ordering::Relaxed);
        due += gap;
    }
    Ok(())
}
