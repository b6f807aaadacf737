//! How much is logged, which may change while the daemon runs.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicU8, Ordering},
};

use serde::{Deserialize, Serialize};
use tracing::{Level, Metadata, Subscriber, level_filters::LevelFilter, subscriber::Interest};
use tracing_subscriber::layer::{Context, Filter};

/// The level in force in this process, as an index of [`LogLevel::ALL`].
static IN_FORCE: AtomicU8 = AtomicU8::new(LogLevel::Info as u8);

/// From which weight on lines are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what keeps something from being done.
    Error,
    /// And what an operator should look at.
    Warning,
    /// And what happens: the usual level.
    Info,
    /// And why, as with `-D -D`.
    Debug,
}

impl LogLevel {
    /// Every level, the quietest first.
    pub const ALL: [Self; 4] = [Self::Error, Self::Warning, Self::Info, Self::Debug];

    /// What so many `-D` ask for: keepalived logs state changes always and the rest with `-D`.
    #[must_use]
    pub const fn of_detail(detail: u8) -> Self {
        if detail >= 2 { Self::Debug } else { Self::Info }
    }

    /// The level in force in this process.
    #[must_use]
    pub fn in_force() -> Self {
        let level = usize::from(IN_FORCE.load(Ordering::Relaxed));
        Self::ALL.get(level).copied().unwrap_or(Self::Info)
    }

    /// Makes it the level in force in this process.
    pub fn take_effect(self) {
        IN_FORCE.store(self as u8, Ordering::Relaxed);
        // What was found to be of no interest is asked again.
        tracing::callsite::rebuild_interest_cache();
    }

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    const fn most(self) -> Level {
        match self {
            Self::Error => Level::ERROR,
            Self::Warning => Level::WARN,
            Self::Info => Level::INFO,
            Self::Debug => Level::DEBUG,
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        all.find(|level| level.name() == word)
            .ok_or_else(|| "one of error, warning, info, debug".to_owned())
    }
}

/// Lets through what `lb` says from the level in force on. Libraries speak to programmers; only what lb says is for operators.
#[derive(Clone, Debug)]
pub(super) struct Ours {
    /// Targets from which lines for programmers are let through too.
    debug: Vec<&'static str>,
}

impl Ours {
    pub(super) const fn new(debug: Vec<&'static str>) -> Self {
        Self { debug }
    }

    fn lets_through(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let level = if self.debug.iter().any(|of| is_within(target, of)) {
            LogLevel::Debug
        } else {
            LogLevel::in_force()
        };
        is_within(target, "lb") && *metadata.level() <= level.most()
    }
}

fn is_within(target: &str, of: &str) -> bool {
    let rest = target.strip_prefix(of);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

impl<S: Subscriber> Filter<S> for Ours {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.lets_through(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.lets_through(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let most = if self.debug.is_empty() {
            LogLevel::in_force()
        } else {
            LogLevel::Debug
        };
        Some(most.most().into())
    }
}
