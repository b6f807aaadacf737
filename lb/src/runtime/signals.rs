//! Signals to a child.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a child does with signals: it stops for those that end a process, and none of those that mean something to the parent harms it,
/// because `kill $(pidof lb)` and terminals send them to all.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Caught and left: to have a listener is enough.
    _parents: Vec<Signal>,
}

impl Signals {
    /// # Errors
    /// When a signal cannot be caught.
    pub(super) fn new() -> anyhow::Result<Self> {
        let catch = |kind| signal(kind).context("signals");
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
            _parents: parents().into_iter().map(catch).collect::<Result<_, _>>()?,
        })
    }

    /// Waits for one that ends a process.
    pub(super) async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Reload, hand-over, and keepalived's dumps: DATA, STATS, JSON, STATS_CLEAR, TDUMP.
fn parents() -> [SignalKind; 7] {
    [
        SignalKind::hangup(),
        SignalKind::quit(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
        SignalKind::from_raw(libc::SIGRTMIN() + 2),
        SignalKind::from_raw(libc::SIGRTMAX() - 1),
        SignalKind::from_raw(libc::SIGRTMAX()),
    ]
}
