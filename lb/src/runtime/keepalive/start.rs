//! How a keepalive daemon begins: what an earlier one left is taken over.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use fastrand::Rng;
use nix::{
    sys::stat::Mode,
    unistd::{geteuid, mkfifo},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::unix::pipe,
    sync::{Semaphore, mpsc},
    time::sleep,
};

use super::{Daemon, Event, Leaving, Settings, follow::Following, listen_to_signals};
use crate::{
    io::{
        control::{Control, Reply},
        file,
        keepalive::{
            cgroup::Cgroups,
            launch::Surroundings,
            notify::Notices,
            now,
            table::{self, Table, TableError},
        },
        process::Process,
        scheduling::raise_files,
    },
    keepalive::{Monitor, record::Ending, request::Request, table::Entry},
    observe::keepalive as say,
    supervisor::RunDir,
};

/// Slots of a table that nobody gave another size.
const SLOTS: u32 = 256;
/// Longest request, in bytes: a group of some hundred members.
const REQUEST_MAX: u64 = 1 << 20;
/// How often a start tries to get what another daemon has, and the time between.
const TRIES: u32 = 50;
/// See [`TRIES`].
const BETWEEN: Duration = Duration::from_millis(20);
/// Events that wait for the loop.
const BACKLOG: usize = 256;

/// What lives as long as the daemon: its lock and its socket.
#[derive(Debug)]
pub(super) struct Held {
    _lock: crate::supervisor::Tenure,
    _control: Control,
}

/// Starts: takes the lock, the table, the sockets, and the processes that run.
pub(super) async fn start(settings: Settings) -> anyhow::Result<(Daemon, mpsc::Receiver<Event>)> {
    let run_dir = RunDir::at(&settings.places.run);
    run_dir.create()?;
    let lock = again(|| run_dir.lock_keepalive()).await?;
    say::starting(&settings.node);
    // A descriptor for each process, and some for each start; what is refused costs a slot its process, which is told then.
    raise_files().ok();
    if !settings.preferred.is_empty() && !settings.preferred.contains(&settings.node) {
        say::other_node(&settings.node, &settings.preferred);
    }
    let (table, entries) = open_table(&settings)?;
    let (events, queue) = mpsc::channel(BACKLOG);
    listen_to_signals(&events)?;
    let control = serve(&settings, &events)?;
    if let Some(path) = &settings.fifo {
        serve_fifo(path, &events).with_context(|| path.display().to_string())?;
    }
    let around = Surroundings {
        cgroups: open_cgroups(&settings),
        notify: listen_to_notices(&settings, &events).await,
        places: settings.places.clone(),
    };
    around.places.remove_unused_output();
    let monitor = Monitor::new(&settings.node, table.slots(), settings.interval, Rng::new());
    let mut daemon = Daemon {
        monitor,
        table,
        around: Arc::new(around),
        launching: Arc::new(Semaphore::new(1)),
        releases: BTreeMap::new(),
        opened: BTreeMap::new(),
        watched: BTreeMap::new(),
        probes: BTreeMap::new(),
        following: Following::default(),
        leaving: Leaving::No,
        answered: None,
        held: Held {
            _lock: lock,
            _control: control,
        },
        settings,
        events,
    };
    daemon.take_over(entries)?;
    Ok((daemon, queue))
}

/// Tries again for a while: a process that a killed daemon had made and not released has its descriptors until it sees that.
async fn again<T, E>(mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    for _ in 0..TRIES {
        if let Ok(done) = attempt() {
            return Ok(done);
        }
        sleep(BETWEEN).await;
    }
    attempt()
}

/// The table that is there, unless it is to be empty or is not trusted.
fn open_table(settings: &Settings) -> anyhow::Result<(Table, Vec<Entry>)> {
    let path = settings.places.table();
    if settings.empty {
        file::remove(&path).with_context(|| path.display().to_string())?;
    }
    match Table::open(&path) {
        Ok(opened) => return Ok(opened),
        Err(error) if error.is_absent() => {}
        Err(TableError::Damaged { damage, .. }) => {
            say::table_set_aside(&damage, &table::set_aside(&path)?);
        }
        Err(error) => return Err(error.into()),
    }
    let table = Table::create(&path, SLOTS, std::iter::empty())?;
    Ok((table, Vec::new()))
}

fn serve(settings: &Settings, events: &mpsc::Sender<Event>) -> anyhow::Result<Control> {
    let events = events.clone();
    let handle = move |request: Result<Request, String>, reply: Reply| {
        let events = events.clone();
        async move {
            // The daemon is ending when nobody listens.
            drop(events.send(Event::Request(request, Some(reply))).await);
        }
    };
    let parse = |line: &str| serde_json::from_str(line).map_err(|error| error.to_string());
    Control::serve(settings.places.control_socket(), REQUEST_MAX, parse, handle)
}

/// A named pipe, as the original's `/dev/keepalivecfg`: a request of the control socket in each line, without answers.
fn serve_fifo(path: &Path, events: &mpsc::Sender<Event>) -> io::Result<()> {
    match mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR) {
        Err(nix::Error::EEXIST) => {
            let found = fs::symlink_metadata(path)?;
            let is_ours = found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0;
            if !found.file_type().is_fifo() || !is_ours {
                return Err(io::Error::other(say::FOREIGN_FIFO));
            }
        }
        made => made?,
    }
    // Also open for writing, so that it has no end.
    let receiver = pipe::OpenOptions::new()
        .read_write(true)
        .open_receiver(path)?;
    let mut lines = BufReader::new(receiver).lines();
    let events = events.clone();
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            let request = serde_json::from_str(&line).map_err(|error| error.to_string());
            if events.send(Event::Request(request, None)).await.is_err() {
                return;
            }
        }
    });
    Ok(())
}

fn open_cgroups(settings: &Settings) -> Option<Cgroups> {
    match Cgroups::open(&settings.places.tag()) {
        Ok(cgroups) => Some(cgroups),
        Err(error) => {
            say::no_cgroups(&error);
            None
        }
    }
}

/// Has what processes say of themselves come as events; returns where they may say it.
async fn listen_to_notices(settings: &Settings, events: &mpsc::Sender<Event>) -> Option<String> {
    let tag = settings.places.tag();
    let notices = match again(|| Notices::listen(&tag)).await {
        Ok(notices) => notices,
        Err(error) => {
            say::no_notices(&error);
            return None;
        }
    };
    let (address, events) = (notices.address(), events.clone());
    tokio::spawn(async move {
        loop {
            match notices.next().await {
                Ok((sender, said)) => {
                    if events.send(Event::Said(sender, said)).await.is_err() {
                        return;
                    }
                }
                Err(error) => return say::no_notices(&error),
            }
        }
    });
    Some(address)
}

impl Daemon {
    fn take_over(&mut self, entries: Vec<Entry>) -> anyhow::Result<()> {
        for entry in entries {
            let Some(record) = entry.record else {
                continue;
            };
            let ending = match record.phase.process().map(Process::open_recorded) {
                None => None,
                Some(Ok(process)) => {
                    self.opened.insert(entry.slot, process);
                    None
                }
                Some(Err(_)) => Some(Ending::Unknown),
            };
            self.monitor.take_over(entry.slot, record, ending, now()?);
        }
        self.monitor.taken_over(now()?);
        self.carry_out();
        self.keep_following();
        Ok(())
    }
}
