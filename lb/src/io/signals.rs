//! Signals as events of a loop.

use anyhow::Context as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// Lets signals of this kind change nothing, here and not in what is started from here.
///
/// # Errors
/// When the signal cannot be caught.
pub fn ignore(kind: SignalKind) -> anyhow::Result<()> {
    let mut stream = signal(kind).context("signals")?;
    tokio::spawn(async move { while stream.recv().await.is_some() {} });
    Ok(())
}

/// Puts an event into the queue for each signal of this kind, as long as somebody takes them.
///
/// # Errors
/// When the signal cannot be caught.
pub fn listen<E: Send + 'static>(
    kind: SignalKind,
    event: fn() -> E,
    events: &mpsc::Sender<E>,
) -> anyhow::Result<()> {
    let mut stream = signal(kind).context("signals")?;
    let events = events.clone();
    tokio::spawn(async move {
        while stream.recv().await.is_some() && events.send(event()).await.is_ok() {}
    });
    Ok(())
}
