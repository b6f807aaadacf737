//! Processes that are counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, ErrorKind, Read},
    time::{Duration, Instant},
};

use super::{
    connector::{Connector, ProcessEvent},
    matching::{Pattern, Seen, command_line, name},
    observer::{Desk, Gone, Observer},
};
use crate::{
    config::model::{global::Buffer, track::TrackProcess},
    observe::log,
};

/// How long the kernel may take to answer: at once, or never.
const ANSWER: Duration = Duration::from_secs(1);
/// How often processes are counted where the kernel does not tell of them.
const POLL: Duration = Duration::from_secs(1);
/// How often they are counted where it does: the net under a message misread.
const AUDIT: Duration = Duration::from_secs(60);
/// How long after lost messages all are counted again, and so how often at most.
const CALM: Duration = Duration::from_millis(100);
/// Messages taken in one go.
const BUDGET: usize = 1024;
/// Bytes of `/proc/PID/stat` that are read.
const STAT: u64 = 4096;
/// Bytes of `/proc/PID/cmdline` that are read; a longer one is of no process that is meant.
const COMMAND_LINE: u64 = 64 * 1024;
/// Name of the thread.
const THREAD: &str = "lb-track-proc";

/// Blocks, and the receive buffer of the socket that hears of processes.
type Order = (Vec<TrackProcess>, Buffer);

/// Counts processes in a thread of its own.
#[derive(Debug)]
pub struct ProcessWatcher(Observer<Order, (String, u32)>);

impl ProcessWatcher {
    /// Counts nothing yet.
    ///
    /// # Errors
    /// When there can be no other thread.
    pub fn start() -> io::Result<Self> {
        Observer::start(THREAD, |desk| {
            // The only error is that nobody listens any more.
            let _ = Processes::new(desk).run();
        })
        .map(Self)
    }

    /// Counts the processes of these blocks from now on, and no others; tells the count of each at once.
    pub fn watch(&self, blocks: Vec<TrackProcess>, buffer: Buffer) {
        self.0.order((blocks, buffer));
    }

    /// The next block whose processes are more or fewer than before. Safe to cancel.
    pub async fn next(&mut self) -> (String, u32) {
        self.0.next().await
    }
}

/// Where news of processes comes from.
enum News {
    /// From nowhere: nothing is counted.
    None,
    /// From the kernel, if it answers before this time.
    Asked(Connector, Instant),
    /// From the kernel.
    Told(Connector),
    /// From looking at all of them again and again.
    Polled,
}

/// The thread's state.
struct Processes<'a> {
    desk: &'a Desk<Order, (String, u32)>,
    patterns: BTreeMap<String, Pattern>,
    /// Who is meant by each.
    members: BTreeMap<String, BTreeSet<u32>>,
    told: BTreeMap<String, u32>,
    news: News,
    next_scan: Instant,
}

impl<'a> Processes<'a> {
    fn new(desk: &'a Desk<Order, (String, u32)>) -> Self {
        Self {
            desk,
            patterns: BTreeMap::new(),
            members: BTreeMap::new(),
            told: BTreeMap::new(),
            news: News::None,
            next_scan: Instant::now(),
        }
    }

    fn run(mut self) -> Result<(), Gone> {
        loop {
            let next = match &self.news {
                News::None => None,
                News::Asked(_, until) => Some(self.next_scan.min(*until)),
                News::Told(_) | News::Polled => Some(self.next_scan),
            };
            let patience = next.map(|next| next.saturating_duration_since(Instant::now()));
            let socket = match &self.news {
                News::Asked(connector, _) | News::Told(connector) => Some(connector.as_fd()),
                News::None | News::Polled => None,
            };
            if let Err(error) = self.desk.wait(socket, patience) {
                log::tracking_failed("tracked processes", &error);
                return Err(Gone);
            }
            if let Some((blocks, buffer)) = self.desk.order()? {
                self.configure(&blocks, buffer);
            }
            self.receive();
            if !self.patterns.is_empty() && Instant::now() >= self.next_scan {
                self.scan();
            }
            self.tell()?;
        }
    }

    fn configure(&mut self, blocks: &[TrackProcess], buffer: Buffer) {
        let patterns = blocks.iter();
        self.patterns = patterns
            .map(|block| (block.name.clone(), Pattern::new(block)))
            .collect();
        // Each is told anew: the block may mean others now.
        self.told.clear();
        self.members.clear();
        if self.patterns.is_empty() {
            self.news = News::None;
            return;
        }
        if matches!(self.news, News::None) {
            match Connector::open(buffer) {
                Ok(connector) => self.news = News::Asked(connector, Instant::now() + ANSWER),
                Err(error) => self.poll(&error),
            }
        }
        // After the socket is open, so that nothing is missed in between.
        self.next_scan = Instant::now();
    }

    /// Takes in what the kernel tells: the last word of each process, and then how it is now.
    fn receive(&mut self) {
        let mut touched = BTreeMap::new();
        for _ in 0..BUDGET {
            let (News::Asked(connector, _) | News::Told(connector)) = &self.news else {
                break;
            };
            match connector.receive() {
                Ok(Some(events)) => {
                    for event in events {
                        match event {
                            ProcessEvent::Answered { wish, error } => {
                                self.handle_answer(wish, error);
                            }
                            ProcessEvent::Changed(pid) => {
                                touched.insert(pid, true);
                            }
                            ProcessEvent::Ended(pid) => {
                                touched.insert(pid, false);
                            }
                        }
                    }
                }
                Ok(None) => break,
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    if let Some(size) = connector.grow() {
                        log::processes_overrun(size);
                    }
                    self.next_scan = self.next_scan.min(Instant::now() + CALM);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.poll(&error),
            }
        }
        if let News::Asked(_, until) = &self.news
            && Instant::now() >= *until
        {
            let why = "the kernel does not answer outside of the initial namespaces";
            self.poll(&io::Error::other(why));
        }
        for (pid, runs) in touched {
            let seen = if runs { self.see(pid) } else { None };
            self.sort(pid, seen.as_ref());
        }
    }

    fn handle_answer(&mut self, wish: u32, error: i32) {
        match std::mem::replace(&mut self.news, News::None) {
            News::Asked(connector, _) if connector.wish() == wish => {
                if error == 0 {
                    self.news = News::Told(connector);
                } else {
                    self.poll(&io::Error::from_raw_os_error(error));
                }
            }
            news => self.news = news,
        }
    }

    /// Looks at all processes from now on.
    fn poll(&mut self, why: &io::Error) {
        log::processes_polled(why);
        self.news = News::Polled;
        self.next_scan = Instant::now();
    }

    /// Looks at all processes.
    fn scan(&mut self) {
        let interval = if matches!(self.news, News::Polled) {
            POLL
        } else {
            AUDIT
        };
        self.next_scan = Instant::now() + interval;
        self.members.clear();
        let entries = match fs::read_dir("/proc") {
            Ok(entries) => entries,
            Err(error) => return log::tracking_failed("tracked processes", &error),
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        for pid in names.filter_map(|name| name.parse().ok()) {
            let seen = self.see(pid);
            self.sort(pid, seen.as_ref());
        }
    }

    /// A process as it is now, if it runs.
    fn see(&self, pid: u32) -> Option<Seen> {
        let name = name(&read(pid, "stat", STAT)?)?;
        let asks = self.patterns.values().any(Pattern::needs_command_line);
        let words = if asks {
            read(pid, "cmdline", COMMAND_LINE)
        } else {
            None
        };
        Some(Seen {
            name,
            words: words.as_deref().map(command_line),
        })
    }

    fn sort(&mut self, pid: u32, seen: Option<&Seen>) {
        for (name, pattern) in &self.patterns {
            let members = self.members.entry(name.clone()).or_default();
            if seen.is_some_and(|seen| pattern.matches(seen)) {
                members.insert(pid);
            } else {
                members.remove(&pid);
            }
        }
    }

    /// Tells the counts that are others than before.
    fn tell(&mut self) -> Result<(), Gone> {
        for name in self.patterns.keys() {
            let count = self.members.get(name).map_or(0, BTreeSet::len);
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            if self.told.get(name) != Some(&count) {
                self.told.insert(name.clone(), count);
                self.desk.tell((name.clone(), count))?;
            }
        }
        Ok(())
    }
}

/// A file of a process, if the process is there and the file no longer than this.
fn read(pid: u32, file: &str, limit: u64) -> Option<Vec<u8>> {
    let file = File::open(format!("/proc/{pid}/{file}")).ok()?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).ok()?;
    (u64::try_from(bytes.len()).ok()? < limit).then_some(bytes)
}
