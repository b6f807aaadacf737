//! RFC 3164 to /dev/log.

use ::syslog::{Formatter3164, Logger, LoggerBackend};
use tracing::Level;

use super::{Facility, line::Line};

/// A connection to syslog, as long as there is one.
pub(super) struct Syslog {
    ident: String,
    facility: Facility,
    logger: Option<Logger<LoggerBackend, Formatter3164>>,
}

impl std::fmt::Debug for Syslog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Syslog")
            .field("ident", &self.ident)
            .finish_non_exhaustive()
    }
}

impl Syslog {
    pub(super) fn new(ident: &str, facility: Facility) -> Self {
        Self {
            ident: ident.to_owned(),
            facility,
            logger: connect(ident, facility),
        }
    }

    pub(super) fn send(&mut self, line: &Line<'_>) {
        if self.logger.is_none() {
            self.logger = connect(&self.ident, self.facility);
        }
        let Some(open) = self.logger.as_mut() else {
            return;
        };
        let sent = match line.level {
            Level::ERROR => open.err(&line.text),
            Level::WARN => open.warning(&line.text),
            Level::INFO => open.info(&line.text),
            Level::DEBUG | Level::TRACE => open.debug(&line.text),
        };
        if sent.is_err() {
            // Full for now, or restarted: a new connection costs nothing.
            self.logger = None;
        }
    }
}

/// `None` where there is no syslog, as in a container.
fn connect(ident: &str, facility: Facility) -> Option<Logger<LoggerBackend, Formatter3164>> {
    use ::syslog::Facility as F;
    let locals = [
        F::LOG_LOCAL0,
        F::LOG_LOCAL1,
        F::LOG_LOCAL2,
        F::LOG_LOCAL3,
        F::LOG_LOCAL4,
        F::LOG_LOCAL5,
        F::LOG_LOCAL6,
        F::LOG_LOCAL7,
    ];
    let formatter = Formatter3164 {
        facility: match facility {
            Facility::User => F::LOG_USER,
            Facility::Daemon => F::LOG_DAEMON,
            Facility::Local(number) => *locals.get(usize::from(number))?,
        },
        hostname: None,
        process: ident.to_owned(),
        pid: std::process::id(),
    };
    let logger = ::syslog::unix(formatter).ok()?;
    if let LoggerBackend::Unix(socket) = &logger.backend {
        socket.set_nonblocking(true).ok()?;
    }
    Some(logger)
}
