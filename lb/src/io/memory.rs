//! What only a start or a reload needs of memory goes back to the kernel.

use std::{ffi::c_void, fs, ptr::with_exposed_provenance_mut};

/// Gives back what a configuration needed to be read and taken in, and the result does not: the free pages of the allocator,
/// which keeps them otherwise, and the code that ran. What runs again comes back from the page cache, a microsecond per
/// 64 KiB. Locked memory stays.
pub fn give_back() {
    // SAFETY: it takes no pointer, and touches only memory that nobody has.
    unsafe {
        libc::malloc_trim(0);
    }
    release_program();
}

fn release_program() {
    let Ok(maps) = fs::read_to_string("/proc/self/maps") else {
        return;
    };
    let program = std::env::current_exe().unwrap_or_default();
    let program = program.to_string_lossy();
    for line in maps.lines().filter(|line| line.ends_with(&*program)) {
        if let Some((start, end)) = constant(line) {
            let_go(start, end);
        }
    }
}

/// Where a mapping is, from its line in `/proc/PID/maps`; `None` where it may have been written to. Code and what is at the
/// start of the file are constant; other data that cannot be written was, when it was relocated.
fn constant(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    let range = (number(start)?, number(end)?);
    let (permissions, offset) = (words.next()?, number(words.next()?)?);
    (permissions == "r-xp" || permissions == "r--p" && offset == 0).then_some(range)
}

/// Drops the pages of a mapping of a file that was never written to.
fn let_go(start: usize, end: usize) {
    let place = with_exposed_provenance_mut::<c_void>(start);
    // SAFETY: a private mapping of a file that is not writable has nothing but what the file has, so every access finds
    // the same bytes afterwards.
    unsafe {
        libc::madvise(place, end.saturating_sub(start), libc::MADV_DONTNEED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_relocated_is_not_taken_for_constant() {
        for (line, expected) in [
            (
                "7f00-8f00 r-xp 00001000 fe:00 12 /usr/sbin/lb",
                Some((0x7f00, 0x8f00)),
            ),
            (
                "7f00-8f00 r--p 00000000 fe:00 12 /usr/sbin/lb",
                Some((0x7f00, 0x8f00)),
            ),
            ("7f00-8f00 r--p 00001000 fe:00 12 /usr/sbin/lb", None),
            ("7f00-8f00 rw-p 00001000 fe:00 12 /usr/sbin/lb", None),
            ("7f00 r-xp", None),
            ("", None),
        ] {
            assert_eq!(constant(line), expected, "{line}");
        }
    }

    #[test]
    fn a_program_goes_on_without_the_code_it_has_run() {
        give_back();
        let numbers: Vec<u32> = (0..1000).rev().collect();
        assert_eq!(numbers.iter().max(), Some(&999));
    }
}
