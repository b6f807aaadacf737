//! Files that hold a number, read when they change. Not only for VRRP: any name can stand for any path.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};

use super::{
    content::{self, Stamp},
    observer::{Desk, Gone, Observer},
};
use crate::{config::model::track::InitialContent, observe::log, track::output::Reading};

/// How often files are looked at whose changes the kernel does not tell: in directories that are not there yet, behind
/// symbolic links, on network file systems.
const LOOK: Duration = Duration::from_secs(1);
/// Reads of the kernel's queue in one go, so that a directory in turmoil does not keep the files waiting.
const BUDGET: usize = 64;
/// Name of the thread.
const THREAD: &str = "lb-track-file";

/// Paths by name, with what is written there first.
pub type Wanted = BTreeMap<String, (PathBuf, Option<InitialContent>)>;

/// Watches files in a thread of its own.
#[derive(Debug)]
pub struct FileWatcher(Observer<Wanted, (String, Reading)>);

impl FileWatcher {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// When there can be no other thread.
    pub fn start() -> io::Result<Self> {
        Observer::start(THREAD, |desk| {
            // The only error is that nobody listens any more.
            let _ = Files::new(desk).run();
        })
        .map(Self)
    }

    /// Watches these files from now on, and no others. Those that are new are given their first content and read at once.
    pub fn watch(&self, wanted: Wanted) {
        self.0.order(wanted);
    }

    /// The next file that was read with another result than before. Safe to cancel.
    pub async fn next(&mut self) -> (String, Reading) {
        self.0.next().await
    }
}

/// A file that is watched.
#[derive(Debug)]
struct File {
    path: PathBuf,
    told: Option<Reading>,
    /// The state it was read in.
    read: Stamp,
    /// The state it was in at the last look.
    seen: Stamp,
}

/// The thread's state.
struct Files<'a> {
    desk: &'a Desk<Wanted, (String, Reading)>,
    inotify: Option<Inotify>,
    directories: BTreeMap<PathBuf, WatchDescriptor>,
    files: BTreeMap<String, File>,
}

impl<'a> Files<'a> {
    fn new(desk: &'a Desk<Wanted, (String, Reading)>) -> Self {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC);
        Self {
            desk,
            inotify: inotify
                .inspect_err(|error| log::track_files_polled(error))
                .ok(),
            directories: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    fn run(mut self) -> Result<(), Gone> {
        let mut next_look = Instant::now();
        loop {
            let patience = next_look.saturating_duration_since(Instant::now());
            let patience = (!self.files.is_empty()).then_some(patience);
            let inotify = self.inotify.as_ref().map(AsFd::as_fd);
            if let Err(error) = self.desk.wait(inotify, patience) {
                log::tracking_failed("tracked files", &error);
                return Err(Gone);
            }
            if let Some(wanted) = self.desk.order()? {
                self.configure(wanted)?;
            }
            let touched = self.touched();
            for name in &touched {
                self.read(name)?;
            }
            let now = Instant::now();
            if now >= next_look {
                next_look = now + LOOK;
                self.look()?;
            }
        }
    }

    fn configure(&mut self, wanted: Wanted) -> Result<(), Gone> {
        let mut before = std::mem::take(&mut self.files);
        let mut new = Vec::new();
        for (name, (path, init)) in wanted {
            let file = before.remove(&name).filter(|file| file.path == path);
            let file = file.unwrap_or_else(|| {
                if let Some(init) = init
                    && let Err(error) = content::initialise(&path, init)
                {
                    log::track_file_not_written(&name, &error);
                }
                new.push(name.clone());
                File {
                    path,
                    told: None,
                    read: None,
                    seen: None,
                }
            });
            self.files.insert(name, file);
        }
        self.forget_directories();
        self.watch_directories();
        for name in &new {
            self.read(name)?;
        }
        Ok(())
    }

    fn forget_directories(&mut self) {
        let wanted: BTreeSet<&Path> = self.files.values().map(File::directory).collect();
        let inotify = self.inotify.as_ref();
        self.directories.retain(|path, watch| {
            let keep = wanted.contains(path.as_path());
            if !keep && let Some(inotify) = inotify {
                // Where the directory is gone, so is the watch.
                let _ = inotify.rm_watch(*watch);
            }
            keep
        });
    }

    /// Asks again each time: a directory of the same name may be another one.
    fn watch_directories(&mut self) {
        let Some(inotify) = &self.inotify else {
            return;
        };
        let flags = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_ONLYDIR;
        let wanted: BTreeSet<&Path> = self.files.values().map(File::directory).collect();
        for directory in wanted {
            // Files of a directory that cannot be watched are looked at.
            match inotify.add_watch(directory, flags) {
                Ok(watch) => self.directories.insert(directory.to_owned(), watch),
                Err(_) => self.directories.remove(directory),
            };
        }
    }

    /// The files that the kernel tells of.
    fn touched(&mut self) -> BTreeSet<String> {
        let mut touched = BTreeSet::new();
        let Some(inotify) = &self.inotify else {
            return touched;
        };
        for _ in 0..BUDGET {
            let Ok(events) = inotify.read_events() else {
                break;
            };
            for event in &events {
                let files = self.files.iter();
                let meant = files.filter(|(_, file)| file.is_meant(event, &self.directories));
                touched.extend(meant.map(|(name, _)| name.clone()));
            }
        }
        touched
    }

    /// Reads a file, and tells of it if the result is another one.
    fn read(&mut self, name: &str) -> Result<(), Gone> {
        let Some(file) = self.files.get_mut(name) else {
            return Ok(());
        };
        file.read = content::stamp(&file.path);
        file.seen = file.read;
        let reading = content::read(&file.path);
        if file.told.as_ref() == Some(&reading) {
            return Ok(());
        }
        file.told = Some(reading.clone());
        self.desk.tell((name.to_owned(), reading))
    }

    /// Reads the files that changed without a word and have stayed as they are since the last look, so that none is read
    /// while it is written.
    fn look(&mut self) -> Result<(), Gone> {
        self.watch_directories();
        let mut settled = Vec::new();
        for (name, file) in &mut self.files {
            let now = content::stamp(&file.path);
            if now != file.read && now == file.seen {
                settled.push(name.clone());
            }
            file.seen = now;
        }
        for name in &settled {
            self.read(name)?;
        }
        Ok(())
    }
}

impl File {
    fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        }
    }

    /// Whether an event is about it. After an overflow it may be.
    fn is_meant(
        &self,
        event: &InotifyEvent,
        directories: &BTreeMap<PathBuf, WatchDescriptor>,
    ) -> bool {
        event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW)
            || (directories.get(self.directory()) == Some(&event.wd)
                && event.name.as_deref() == self.path.file_name())
    }
}
