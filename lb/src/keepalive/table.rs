//! The monitored process table: how it lies in its file, which outlives the daemon.
//!
//! ```text
//! offset            bytes
//! 0                 4096   header: magic (8), version u32, slots u32, boot ID (16), CRC-32 of these 32 bytes u32
//! 4096 + 8192·slot  4096   copy A of a record
//!            + 4096 4096   copy B
//!
//! copy: sequence u64, length u32, CRC-32 of slot, sequence, length and body u32, body
//! ```
//!
//! Numbers are little-endian; all other bytes are zero. The body is the [`Record`] as JSON, and empty for a free slot.
//! A change goes into the copy that is not the latest: its sequence becomes [`WRITING`], then the rest is written, then
//! the new sequence. So a daemon killed at any time leaves one whole copy, and no copy is ever damaged otherwise: a table
//! with a damaged one is trusted in nothing.

use thiserror::Error;

use super::record::{Record, SlotNumber};

/// Bytes of the header, and of each copy.
pub const PAGE: usize = 4096;
/// The sequence of a copy that is being written; many bits away from any that counts.
pub const WRITING: u64 = u64::from_le_bytes(*b"WRITING!");
/// Slots at most.
pub const SLOTS_MAX: u32 = 65_536;

const MAGIC: [u8; 8] = *b"lb-keepa";
const VERSION: u32 = 1;
const HEADER: usize = 36;
const COPY_HEADER: usize = 16;

/// What names one run of the host (`/proc/sys/kernel/random/boot_id`).
pub type BootId = [u8; 16];

/// Why a table is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Damage {
    /// Its length is not that of its slots.
    #[error("it has {0} bytes, which is not the length of a table")]
    Length(usize),
    /// It begins otherwise.
    #[error("it is not a table of keepalive's")]
    Foreign,
    /// Another version wrote it.
    #[error("it is of format {0}, and this is keepalive with format {VERSION}")]
    Version(u32),
    /// The header is not what was written.
    #[error("its header is damaged")]
    Header,
    /// What it tells of processes is over.
    #[error("it is from before the last start of this host")]
    OtherBoot,
    /// A record is not what was written.
    #[error("the record of slot {0} is damaged")]
    Record(SlotNumber),
}

/// A slot as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Which.
    pub slot: SlotNumber,
    /// Number of the latest change; 0 before the first.
    pub sequence: u64,
    /// The copy that has it, 0 or 1.
    pub copy: usize,
    /// What is registered, if anything.
    pub record: Option<Record>,
}

/// Bytes of a table.
#[must_use]
pub const fn length(slots: u32) -> usize {
    PAGE + slots as usize * 2 * PAGE
}

/// Where a copy begins.
#[must_use]
pub const fn offset(slot: SlotNumber, copy: usize) -> usize {
    PAGE + (slot.0 as usize * 2 + copy) * PAGE
}

/// The header of a table.
#[must_use]
pub fn header(slots: u32, boot: BootId) -> [u8; PAGE] {
    let mut page = [0; PAGE];
    let head = [
        &MAGIC[..],
        &VERSION.to_le_bytes(),
        &slots.to_le_bytes(),
        &boot,
    ]
    .concat();
    let checksum = crc32fast::hash(&head).to_le_bytes();
    for (to, from) in page.iter_mut().zip(head.into_iter().chain(checksum)) {
        *to = from;
    }
    page
}

/// A copy with this change; `None` when the record does not fit, which [`Registration::checked`] sees to.
///
/// [`Registration::checked`]: super::registration::Registration::checked
#[must_use]
pub fn copy(slot: SlotNumber, sequence: u64, record: Option<&Record>) -> Option<Box<[u8; PAGE]>> {
    let body = match record {
        Some(record) => serde_json::to_vec(record).ok()?,
        None => Vec::new(),
    };
    let mut page = Box::new([0; PAGE]);
    page.get_mut(COPY_HEADER..COPY_HEADER + body.len())?
        .copy_from_slice(&body);
    let length = u32::try_from(body.len()).ok()?;
    let checksum = checksum(slot, sequence, length, &body);
    let head = [
        &sequence.to_le_bytes()[..],
        &length.to_le_bytes(),
        &checksum.to_le_bytes(),
    ]
    .concat();
    page[..COPY_HEADER].copy_from_slice(&head);
    Some(page)
}

fn checksum(slot: SlotNumber, sequence: u64, length: u32, body: &[u8]) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&slot.0.to_le_bytes());
    hash.update(&sequence.to_le_bytes());
    hash.update(&length.to_le_bytes());
    hash.update(body);
    hash.finalize()
}

/// Reads a table that was written since this start of the host; one entry for each slot.
///
/// # Errors
/// When anything in it is not as it was written.
pub fn read(bytes: &[u8], boot: BootId) -> Result<Vec<Entry>, Damage> {
    let slots = read_header(bytes, boot)?;
    if bytes.len() != length(slots) {
        return Err(Damage::Length(bytes.len()));
    }
    (0..slots)
        .map(|slot| read_slot(SlotNumber(slot), bytes))
        .collect()
}

fn read_header(bytes: &[u8], boot: BootId) -> Result<u32, Damage> {
    let page = bytes
        .first_chunk::<PAGE>()
        .ok_or(Damage::Length(bytes.len()))?;
    let mut rest = &page[..];
    if take(&mut rest) != MAGIC {
        return Err(Damage::Foreign);
    }
    let version = u32::from_le_bytes(take(&mut rest));
    let slots = u32::from_le_bytes(take(&mut rest));
    let written: BootId = take(&mut rest);
    let checksum = u32::from_le_bytes(take(&mut rest));
    let is_sound = crc32fast::hash(&page[..HEADER - 4]) == checksum && is_zero(rest);
    if !is_sound {
        return Err(Damage::Header);
    }
    if version != VERSION {
        return Err(Damage::Version(version));
    }
    if slots > SLOTS_MAX {
        return Err(Damage::Header);
    }
    if written != boot {
        return Err(Damage::OtherBoot);
    }
    Ok(slots)
}

/// Takes bytes off the front of a page, which is never too short for what it has.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    match rest.split_first_chunk() {
        Some((taken, others)) => {
            *rest = others;
            *taken
        }
        None => [0; N],
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// What a copy is.
enum Copy<'a> {
    /// Never written.
    Empty,
    /// A change that was not finished.
    Interrupted,
    /// A change.
    Whole { sequence: u64, body: &'a [u8] },
    /// Not what anybody wrote.
    Damaged,
}

fn read_copy(slot: SlotNumber, page: &[u8]) -> Copy<'_> {
    let mut rest = page;
    let sequence = u64::from_le_bytes(take(&mut rest));
    let length = u32::from_le_bytes(take(&mut rest));
    let expected = u32::from_le_bytes(take(&mut rest));
    if sequence == WRITING {
        return Copy::Interrupted;
    }
    if sequence == 0 {
        return if is_zero(page) {
            Copy::Empty
        } else {
            Copy::Damaged
        };
    }
    match rest.split_at_checked(length as usize) {
        Some((body, unused))
            if checksum(slot, sequence, length, body) == expected && is_zero(unused) =>
        {
            Copy::Whole { sequence, body }
        }
        _ => Copy::Damaged,
    }
}

fn read_slot(slot: SlotNumber, bytes: &[u8]) -> Result<Entry, Damage> {
    let page = |copy| {
        let from = offset(slot, copy);
        bytes.get(from..from + PAGE).unwrap_or_default()
    };
    let (copy, sequence, body) = match (read_copy(slot, page(0)), read_copy(slot, page(1))) {
        (Copy::Empty, Copy::Empty) => (1, 0, &[][..]),
        (Copy::Interrupted, Copy::Empty) => (1, 0, &[][..]),
        (
            Copy::Whole { sequence, body },
            Copy::Whole {
                sequence: other, ..
            },
        ) if sequence == other.wrapping_add(1) => (0, sequence, body),
        (
            Copy::Whole {
                sequence: other, ..
            },
            Copy::Whole { sequence, body },
        ) if sequence == other.wrapping_add(1) => (1, sequence, body),
        (Copy::Whole { sequence: 1, body }, Copy::Empty) => (0, 1, body),
        (Copy::Whole { sequence, body }, Copy::Interrupted) => (0, sequence, body),
        (Copy::Interrupted, Copy::Whole { sequence, body }) => (1, sequence, body),
        _ => return Err(Damage::Record(slot)),
    };
    let record = if body.is_empty() {
        None
    } else {
        let record: Record = serde_json::from_slice(body).map_err(|_| Damage::Record(slot))?;
        let registration = record.registration.clone().checked();
        Some(Record {
            registration: registration.map_err(|_| Damage::Record(slot))?,
            ..record
        })
    };
    Ok(Entry {
        slot,
        sequence,
        copy,
        record,
    })
}

#[cfg(test)]
mod tests;
