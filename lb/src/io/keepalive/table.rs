//! The table in its file, mapped into memory.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use memmap2::{MmapMut, MmapOptions};
use nix::fcntl::{FallocateFlags, OFlag, fallocate};
use thiserror::Error;

use crate::{
    keepalive::{
        record::{Record, SlotNumber},
        table::{self, BootId, Damage, Entry, PAGE, WRITING},
    },
    observe::keepalive as say,
};

/// How often a reader looks again at a table that is being written.
const LOOKS: u32 = 20;
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(2);

/// A table that cannot be used.
#[derive(Debug, Error)]
pub enum TableError {
    /// The system does not let us.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// The system's word.
        error: io::Error,
    },
    /// It is not what a daemon wrote.
    #[error("{path}: {damage}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        damage: Damage,
    },
}

impl TableError {
    fn io(path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self::Io {
            path: path.clone(),
            error,
        }
    }

    /// There is no such file.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Io { error, .. } if error.kind() == io::ErrorKind::NotFound)
    }
}

/// The table of the daemon, which alone writes it.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    map: MmapMut,
    /// Of each slot: the number of the latest change, and the copy that has it.
    latest: Vec<(u64, usize)>,
}

/// What is in a table that nobody may be writing, or somebody may.
///
/// # Errors
/// When there is none, or it cannot be trusted.
pub fn read(path: &Path) -> Result<Vec<Entry>, TableError> {
    let boot = boot_id().map_err(TableError::io(path))?;
    let mut looks = 0;
    loop {
        let bytes = fs::read(path).map_err(TableError::io(path))?;
        match table::read(&bytes, boot) {
            Err(Damage::Record(_)) if looks < LOOKS => {
                looks += 1;
                thread::sleep(LOOK);
            }
            Ok(entries) => return Ok(entries),
            Err(damage) => {
                let path = path.display().to_string();
                return Err(TableError::Damaged { path, damage });
            }
        }
    }
}

impl Table {
    /// Opens the table that an earlier daemon left.
    ///
    /// # Errors
    /// When there is none, or it cannot be trusted.
    pub fn open(path: &Path) -> Result<(Self, Vec<Entry>), TableError> {
        let entries = read(path)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(path)
            .map_err(TableError::io(path))?;
        let map = map(&file).map_err(TableError::io(path))?;
        let latest = entries.iter().map(|entry| (entry.sequence, entry.copy));
        let table = Self {
            path: path.to_owned(),
            map,
            latest: latest.collect(),
        };
        Ok((table, entries))
    }

    /// Makes a table with these records in place of any other.
    ///
    /// # Errors
    /// When the file system has no room for it.
    pub fn create<'r>(
        path: &Path,
        slots: u32,
        records: impl Iterator<Item = (SlotNumber, &'r Record)>,
    ) -> Result<Self, TableError> {
        let boot = boot_id().map_err(TableError::io(path))?;
        let fresh = path.with_extension("new");
        let make = || {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .custom_flags(OFlag::O_NOFOLLOW.bits())
                .open(&fresh)?;
            let length = table::length(slots);
            // A hole would end the daemon with SIGBUS when the file system is full.
            let room = libc::off_t::try_from(length).map_err(io::Error::other)?;
            fallocate(&file, FallocateFlags::empty(), 0, room)?;
            map(&file)
        };
        let mut map = make().map_err(TableError::io(&fresh))?;
        if let Some(page) = map.get_mut(..PAGE) {
            page.copy_from_slice(&table::header(slots, boot));
        }
        let mut table = Self {
            path: path.to_owned(),
            map,
            // The first change goes into copy A.
            latest: vec![(0, 1); slots as usize],
        };
        for (slot, record) in records {
            table.write(slot, Some(record));
        }
        fs::rename(&fresh, path).map_err(TableError::io(path))?;
        Ok(table)
    }

    /// Slots there are.
    #[must_use]
    pub fn slots(&self) -> u32 {
        u32::try_from(self.latest.len()).unwrap_or(u32::MAX)
    }

    /// Makes this the record of a slot, or the slot free. A daemon killed meanwhile leaves what was there before.
    pub fn write(&mut self, slot: SlotNumber, record: Option<&Record>) {
        let Some((sequence, copy)) = self.latest.get_mut(slot.0 as usize) else {
            return;
        };
        let (next, other) = (*sequence + 1, 1 - *copy);
        let Some(page) = table::copy(slot, next, record) else {
            return say::record_lost(slot);
        };
        let from = table::offset(slot, other);
        let Some(to) = self.map.get_mut(from..from + PAGE) else {
            return;
        };
        let (sequence_bytes, rest) = to.split_at_mut(size_of::<u64>());
        let mark = atomic(sequence_bytes);
        mark.store(WRITING.to_le(), Ordering::SeqCst);
        rest.copy_from_slice(&page[size_of::<u64>()..]);
        mark.store(next.to_le(), Ordering::SeqCst);
        (*sequence, *copy) = (next, other);
    }

    /// Changes the number of slots.
    ///
    /// # Errors
    /// When there is no room; then nothing has changed.
    pub fn resize<'r>(
        &mut self,
        slots: u32,
        records: impl Iterator<Item = (SlotNumber, &'r Record)>,
    ) -> Result<(), TableError> {
        *self = Self::create(&self.path, slots, records)?;
        Ok(())
    }

    /// Removes the file.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn remove(self) -> Result<(), TableError> {
        fs::remove_file(&self.path).map_err(TableError::io(&self.path))
    }
}

/// Puts a table that is not trusted aside; returns where it is.
///
/// # Errors
/// When it cannot be renamed.
pub fn set_aside(path: &Path) -> Result<PathBuf, TableError> {
    let numbered = |number: u32| path.with_extension(format!("bad.{number}"));
    let free = (1..u32::MAX).map(numbered).find(|place| !place.exists());
    let place = free.unwrap_or_else(|| numbered(0));
    fs::rename(path, &place).map_err(TableError::io(path))?;
    Ok(place)
}

fn map(file: &File) -> io::Result<MmapMut> {
    // SAFETY: the file is ours and root's alone, and the pid file's lock keeps other daemons from it; readers only read.
    unsafe { MmapOptions::new().map_mut(file) }
}

/// The sequence of a copy, which readers may look at while we write.
fn atomic(bytes: &mut [u8]) -> &AtomicU64 {
    let place = bytes.as_mut_ptr().cast::<u64>();
    // SAFETY: copies begin at multiples of a page of a map, which begins at one; the eight bytes are lent to us alone.
    unsafe { AtomicU64::from_ptr(place) }
}

fn boot_id() -> io::Result<BootId> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let number = u128::from_str_radix(&digits, 16).map_err(io::Error::other)?;
    Ok(number.to_be_bytes())
}
