//! Where log lines go: the console, a file, and the journal or syslog; and how often the same kind of line goes there.

#[cfg(test)]
pub(super) mod capture;
mod file;
mod journal;
mod line;
mod name;
mod syslog;
#[cfg(test)]
mod tests;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

use self::{
    file::LogFile,
    journal::Journal,
    line::{Line, text_and_fields},
    syslog::Syslog,
};
pub use self::{
    line::Format,
    name::{Facility, file_of, ident},
};
use super::{
    level::{LogLevel, Ours},
    pace::{Pace, Said},
};

/// Lines of one cause that are said in [`TIME`].
const LINES: u32 = 100;
/// Time after which a cause may speak again.
const TIME: Duration = Duration::from_secs(10);
/// Targets of lines that somebody asked for, all of which are said.
const ASKED: [&str; 2] = ["lb::config", "lb::addresses"];

/// What the command line says about logging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// `-l`.
    pub console: bool,
    /// Not `-G`.
    pub syslog: bool,
    /// `-S`.
    pub facility: Facility,
    /// `-g`, of this process.
    pub file: Option<PathBuf>,
    /// `--log-format`, of console and file.
    pub format: Format,
    /// Number of `-D`.
    pub detail: u8,
    /// `--debug`: targets whose lines for programmers are logged too.
    pub debug: Vec<&'static str>,
    /// Name of this process in the log.
    pub ident: String,
}

impl Logging {
    /// Sends the process's log where it should go. Call once.
    pub fn start(self) {
        LogLevel::of_detail(self.detail).take_effect();
        let ours = Ours::new(self.debug.clone());
        let log = Log::new(self);
        tracing_subscriber::registry()
            .with(log.with_filter(ours))
            .init();
    }
}

/// Who takes lines.
#[derive(Debug)]
enum Sink {
    /// stderr. A terminal that went away must not end the daemon, so failures to write are ignored.
    Console(Format),
    File(LogFile, Format),
    System(System),
}

/// The journal where it is, else syslog. Nothing here waits: a line that is not taken at once is lost, because adverts
/// matter more.
#[derive(Debug)]
struct System {
    journal: Journal,
    syslog: Syslog,
}

/// What makes a line one of a kind: its place in the program, and whom it is about.
type Cause = (Option<&'static str>, Option<u32>, String);

/// The log of this process.
#[derive(Debug)]
struct Log {
    ident: String,
    out: Mutex<Out>,
}

#[derive(Debug)]
struct Out {
    sinks: Vec<Sink>,
    pace: Pace<Cause>,
}

impl Log {
    fn new(logging: Logging) -> Self {
        let Logging {
            facility,
            format,
            ident,
            ..
        } = logging;
        let console = logging.console.then_some(Sink::Console(format));
        let file = logging
            .file
            .map(|path| Sink::File(LogFile::new(path), format));
        let system = logging.syslog.then(|| {
            Sink::System(System {
                journal: Journal::new(facility),
                syslog: Syslog::new(&ident, facility),
            })
        });
        let out = Out {
            sinks: console.into_iter().chain(file).chain(system).collect(),
            pace: Pace::new(LINES, TIME),
        };
        Self {
            ident,
            out: Mutex::new(out),
        }
    }

    fn take(&self, event: &Event<'_>, now: Instant) {
        let metadata = event.metadata();
        let (text, fields) = text_and_fields(event);
        let mut line = Line {
            level: *metadata.level(),
            ident: &self.ident,
            text,
            fields,
        };
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.tell_left_out(&self.ident, now);
        let is_asked = ASKED.contains(&metadata.target()) || line.level > Level::INFO;
        if !is_asked {
            let subject = line.fields.first().map(|(_, value)| value.clone());
            let cause = (
                metadata.file(),
                metadata.line(),
                subject.unwrap_or_default(),
            );
            match out.pace.turn(cause, now) {
                Said::Say => {}
                Said::SayLast => {
                    line.text += " [more lines like this are left out for up to 10 s]";
                }
                Said::LeaveOut => return,
            }
        }
        out.write(&line);
    }
}

impl Out {
    /// Says how many lines were left out, where the time of that is over.
    fn tell_left_out(&mut self, ident: &str, now: Instant) {
        while let Some(((_, _, subject), left_out)) = self.pace.over(now) {
            let about = if subject.is_empty() {
                String::new()
            } else {
                format!(" about {subject}")
            };
            let line = Line {
                level: Level::WARN,
                ident,
                text: format!("{left_out} lines of one kind{about} were left out of the log"),
                fields: Vec::new(),
            };
            self.write(&line);
        }
    }

    fn write(&mut self, line: &Line<'_>) {
        for sink in &mut self.sinks {
            match sink {
                Sink::Console(format) => {
                    writeln!(io::stderr().lock(), "{}", format.console(line)).ok();
                }
                Sink::File(file, format) => file.write(&format.file(line)),
                Sink::System(system) => {
                    if !system.journal.send(line) {
                        system.syslog.send(line);
                    }
                }
            }
        }
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.take(event, Instant::now());
    }
}
