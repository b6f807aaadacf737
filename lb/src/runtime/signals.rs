//! Signals to a child.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::io::signals::Asked;

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
            _parents: parents().map(catch).collect::<Result<_, _>>()?,
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

/// Everything but a stop, and the hand-over.
fn parents() -> impl Iterator<Item = SignalKind> {
    let asked = Asked::ALL.into_iter().filter(|asked| *asked != Asked::Stop);
    asked.map(Asked::kind).chain([SignalKind::quit()])
}
