//! Signals as events of a loop.

use anyhow::Context as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// What a signal asks of the daemon, as keepalived(8) has it. Signals go to the parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To stop.
    Stop,
    /// To reload.
    Reload,
    /// For configuration and state in files.
    Data,
    /// For counters in a file.
    Stats,
    /// The same, and to begin them anew.
    StatsClear,
    /// For state in a file for programs.
    Json,
    /// For what its processes wait for.
    Waits,
}

impl Asked {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Stop,
        Self::Reload,
        Self::Data,
        Self::Stats,
        Self::StatsClear,
        Self::Json,
        Self::Waits,
    ];

    /// That of keepalived's word for it (`--signum`).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|asked| asked.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Reload => "RELOAD",
            Self::Data => "DATA",
            Self::Stats => "STATS",
            Self::StatsClear => "STATS_CLEAR",
            Self::Json => "JSON",
            Self::Waits => "TDUMP",
        }
    }

    /// The signal's number; the C library numbers the real-time ones.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::Stop => libc::SIGTERM,
            Self::Reload => libc::SIGHUP,
            Self::Data => libc::SIGUSR1,
            Self::Stats => libc::SIGUSR2,
            Self::StatsClear => libc::SIGRTMAX() - 1,
            Self::Json => libc::SIGRTMIN() + 2,
            Self::Waits => libc::SIGRTMAX(),
        }
    }

    /// The signal, to be listened to.
    #[must_use]
    pub fn kind(self) -> SignalKind {
        SignalKind::from_raw(self.number())
    }
}

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
