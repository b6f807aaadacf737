//! Where log lines go: the console and syslog.

use std::{
    fmt::Write as _,
    io,
    sync::{Mutex, PoisonError},
};

use super::level::{LogLevel, Ours};
use syslog::{Facility, Formatter3164, Logger, LoggerBackend};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};

use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

/// What the command line says about logging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// `-l`.
    pub console: bool,
    /// Not `-G`.
    pub syslog: bool,
    /// Number of `-D`.
    pub detail: u8,
    /// Name of this process in the log: `lb`, `lb-vrrp`, `lb-checkers`.
    pub ident: String,
}

impl Logging {
    /// Sends the process's log where it should go. Call once.
    pub fn start(&self) {
        LogLevel::of_detail(self.detail).take_effect();
        let console = self.console.then(|| Console {
            ident: self.ident.clone(),
        });
        let syslog = self.syslog.then(|| Syslog::new(&self.ident));
        tracing_subscriber::registry()
            .with(console.with_filter(Ours))
            .with(syslog.with_filter(Ours))
            .init();
    }
}

/// Lines on stderr. A terminal that went away must not end the daemon, so failures to write are ignored.
struct Console {
    ident: String,
}

impl<S: Subscriber> Layer<S> for Console {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        use io::Write;
        let time = humantime(std::time::SystemTime::now());
        let text = text(event);
        writeln!(io::stderr().lock(), "{time} {}: {text}", self.ident).ok();
    }
}

/// `HH:MM:SS.mmm` in UTC, enough to order lines of several processes.
fn humantime(now: std::time::SystemTime) -> String {
    let since = now
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let day = since.as_secs() % 86400;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        day / 3600,
        day / 60 % 60,
        day % 60,
        since.subsec_millis()
    )
}

/// RFC 3164 to /dev/log, facility daemon. Nothing here waits: a line that syslog does not take at once is lost, because
/// adverts matter more.
struct Syslog {
    ident: String,
    logger: Mutex<Option<Logger<LoggerBackend, Formatter3164>>>,
}

impl Syslog {
    fn new(ident: &str) -> Self {
        Self {
            ident: ident.to_owned(),
            logger: Mutex::new(connect(ident)),
        }
    }
}

/// `None` where there is no syslog, as in a container.
fn connect(ident: &str) -> Option<Logger<LoggerBackend, Formatter3164>> {
    let formatter = Formatter3164 {
        facility: Facility::LOG_DAEMON,
        hostname: None,
        process: ident.to_owned(),
        pid: std::process::id(),
    };
    let logger = syslog::unix(formatter).ok()?;
    if let LoggerBackend::Unix(socket) = &logger.backend {
        socket.set_nonblocking(true).ok()?;
    }
    Some(logger)
}

impl<S: Subscriber> Layer<S> for Syslog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let text = text(event);
        let mut logger = self.logger.lock().unwrap_or_else(PoisonError::into_inner);
        if logger.is_none() {
            *logger = connect(&self.ident);
        }
        let Some(open) = logger.as_mut() else {
            return;
        };
        let sent = match *event.metadata().level() {
            Level::ERROR => open.err(text),
            Level::WARN => open.warning(text),
            Level::INFO => open.info(text),
            Level::DEBUG | Level::TRACE => open.debug(text),
        };
        if sent.is_err() {
            // Full for now, or restarted: a new connection costs nothing.
            *logger = None;
        }
    }
}

/// The event's message and fields as one line.
fn text(event: &Event<'_>) -> String {
    struct Text(String);
    impl Visit for Text {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            // Writing to a string cannot fail.
            let _written = match field.name() {
                "message" => write!(self.0, "{value:?}"),
                name => write!(self.0, " {name}={value:?}"),
            };
        }
    }
    let mut text = Text(String::new());
    event.record(&mut text);
    text.0
}
