use fastrand::Rng;

use super::*;
use crate::keepalive::{
    Moment,
    record::{Phase, ProcessId, State},
    registration,
};

const BOOT: BootId = *b"0123456789abcdef";
const SLOTS: u32 = 4;

fn record(pid: u32) -> Record {
    let mut all = registration::read("f", "path /bin/sleep\nargs 1000").unwrap();
    let mut record = Record::new(all.remove(0), 1, 1);
    record.state = State::Ok;
    record.last_started = Some(Moment::from(1_000_000));
    record.phase = Phase::Running(ProcessId {
        pid,
        start_time: 77,
        inode: Some(5),
    });
    record
}

fn write(bytes: &mut [u8], slot: u32, sequence: u64, record: Option<&Record>) {
    let slot = SlotNumber(slot);
    let page = copy(slot, sequence, record).unwrap();
    // The first change goes into copy A.
    let from = offset(slot, usize::from(sequence.is_multiple_of(2)));
    bytes[from..from + PAGE].copy_from_slice(&page[..]);
}

/// Slot 0 was changed three times, slot 1 once, slot 2 was freed again, slot 3 never used.
fn table() -> Vec<u8> {
    let mut bytes = vec![0; length(SLOTS)];
    bytes[..PAGE].copy_from_slice(&header(SLOTS, BOOT));
    for sequence in 1..=3 {
        write(
            &mut bytes,
            0,
            sequence,
            Some(&record(100 + sequence as u32)),
        );
    }
    write(&mut bytes, 1, 1, Some(&record(200)));
    write(&mut bytes, 2, 1, Some(&record(300)));
    write(&mut bytes, 2, 2, None);
    bytes
}

fn pids(bytes: &[u8]) -> Vec<Option<u32>> {
    let entries = read(bytes, BOOT).unwrap();
    let pid = |entry: Entry| Some(entry.record?.phase.process()?.pid);
    entries.into_iter().map(pid).collect()
}

#[test]
fn the_latest_change_of_each_slot_is_read() {
    assert_eq!(pids(&table()), [Some(103), Some(200), None, None]);
}

#[test]
fn a_change_that_was_not_finished_is_as_if_it_had_not_begun() {
    let mut rng = Rng::with_seed(1);
    for slot in 0..SLOTS {
        let before = table();
        let entry = read(&before, BOOT).unwrap().remove(slot as usize);
        let from = offset(entry.slot, 1 - entry.copy);
        let new = copy(entry.slot, entry.sequence + 1, Some(&record(999))).unwrap();
        for _ in 0..200 {
            let mut bytes = before.clone();
            bytes[from..from + 8].copy_from_slice(&WRITING.to_le_bytes());
            let end = rng.usize(8..PAGE);
            bytes[from + 8..from + end].copy_from_slice(&new[8..end]);
            assert_eq!(pids(&bytes), pids(&before), "slot {slot}, {end} bytes");
        }
        let mut bytes = before;
        bytes[from..from + PAGE].copy_from_slice(&new[..]);
        assert_eq!(pids(&bytes)[slot as usize], Some(999));
    }
}

#[test]
fn of_ten_thousand_damaged_tables_none_is_trusted() {
    let whole = table();
    let mut rng = Rng::with_seed(8);
    for round in 0..10_000 {
        let mut bytes = whole.clone();
        match round % 3 {
            0 => bytes.truncate(rng.usize(..whole.len())),
            1 => bytes[rng.usize(..whole.len())] ^= 1 << rng.u8(..8),
            _ => {
                // Torn: a run of bytes is that of another time, or of nothing.
                let from = rng.usize(..whole.len());
                let to = (from + rng.usize(1..3 * PAGE)).min(whole.len());
                bytes[from..to].rotate_left(1);
                bytes[from] ^= 0x55;
            }
        }
        assert!(read(&bytes, BOOT).is_err(), "round {round} was trusted");
    }
}

#[test]
fn a_table_of_another_boot_program_or_version_is_told_apart() {
    let whole = table();
    assert_eq!(read(&whole, [0; 16]), Err(Damage::OtherBoot));
    assert_eq!(read(&[], BOOT), Err(Damage::Length(0)));
    assert_eq!(read(&[b'x'; PAGE], BOOT), Err(Damage::Foreign));
    let mut newer = whole.clone();
    newer[8] = 2;
    let checksum = crc32fast::hash(&newer[..HEADER - 4]).to_le_bytes();
    newer[HEADER - 4..HEADER].copy_from_slice(&checksum);
    assert_eq!(read(&newer, BOOT), Err(Damage::Version(2)));
    let mut longer = whole;
    longer.extend([0; PAGE]);
    assert_eq!(
        read(&longer, BOOT),
        Err(Damage::Length(length(SLOTS) + PAGE))
    );
}

#[test]
fn the_largest_registration_fits_with_all_that_can_happen_to_it() {
    let spare = registration::BYTES_MAX - 400;
    let text = format!("path /bin/a\nerror_limit 32\nargs {}", "x".repeat(spare));
    let mut record = record(u32::MAX);
    record.registration = registration::read("f", &text).unwrap().remove(0);
    let late = Moment::from(u64::MAX / 1000);
    record.failures = [late; 32].into();
    record.sequence = u64::MAX;
    record.starts = u64::MAX;
    (record.first_died, record.last_died) = (Some(late), Some(late));
    assert!(copy(SlotNumber(0), u64::MAX, Some(&record)).is_some());
}
