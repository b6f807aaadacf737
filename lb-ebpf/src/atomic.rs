//! Words of map values that several CPUs and the daemon touch at once.
//!
//! `core`'s atomics have only loads and stores on this target (`atomic-cas` is off in its specification), though
//! the instruction set has the rest since Linux 5.12. Hence the instructions written out here.

use core::cell::UnsafeCell;

/// A 32-bit word.
#[repr(transparent)]
pub struct Word32(UnsafeCell<u32>);

/// A 64-bit word.
#[repr(transparent)]
pub struct Word64(UnsafeCell<u64>);

// SAFETY: every access is one instruction.
unsafe impl Sync for Word32 {}
// SAFETY: as above.
unsafe impl Sync for Word64 {}

impl Word32 {
    /// Reads the word.
    #[inline(always)]
    pub fn load(&self) -> u32 {
        // SAFETY: valid and aligned by the reference; one load.
        unsafe { self.0.get().read_volatile() }
    }

    /// Writes the word.
    #[inline(always)]
    pub fn store(&self, value: u32) {
        // SAFETY: valid and aligned by the reference; one store.
        unsafe { self.0.get().write_volatile(value) }
    }

    /// Adds `value`, wrapping round.
    #[inline(always)]
    pub fn add(&self, value: u32) {
        add(self.0.get(), value);
    }

    /// Sets `bits` and leaves the others as they are.
    #[inline(always)]
    pub fn set(&self, bits: u32) {
        or(self.0.get(), bits);
    }
}

impl Word64 {
    /// Reads the word.
    #[inline(always)]
    pub fn load(&self) -> u64 {
        // SAFETY: valid and aligned by the reference; one load.
        unsafe { self.0.get().read_volatile() }
    }

    /// Writes the word.
    #[inline(always)]
    pub fn store(&self, value: u64) {
        // SAFETY: valid and aligned by the reference; one store.
        unsafe { self.0.get().write_volatile(value) }
    }

    /// The bytes of the word in memory order, as two 32-bit words.
    #[inline(always)]
    pub fn parts(&self) -> &[Word32; 2] {
        // SAFETY: the same memory, half the alignment.
        unsafe { &*core::ptr::from_ref(self).cast() }
    }

    /// Writes `new` if the word is `old`; says whether it did. A full barrier.
    #[inline(always)]
    pub fn replace(&self, old: u64, new: u64) -> bool {
        compare_exchange(self.0.get(), old, new) == old
    }

    /// Writes `new`. A full barrier.
    #[inline(always)]
    pub fn publish(&self, new: u64) {
        self.swap(new);
    }

    /// Writes `new` and says what was there. A full barrier.
    #[inline(always)]
    pub fn swap(&self, new: u64) -> u64 {
        exchange(self.0.get(), new)
    }
}

#[cfg(target_arch = "bpf")]
#[inline(always)]
fn compare_exchange(word: *mut u64, old: u64, new: u64) -> u64 {
    let found;
    // SAFETY: the callers' pointers are valid and aligned; the instruction touches nothing else.
    unsafe {
        core::arch::asm!(
            "r0 = cmpxchg_64({word} + 0, r0, {new})",
            word = in(reg) word,
            new = in(reg) new,
            inout("r0") old => found,
        );
    }
    found
}

#[cfg(target_arch = "bpf")]
#[inline(always)]
fn exchange(word: *mut u64, new: u64) -> u64 {
    let found;
    // SAFETY: as in `compare_exchange`.
    unsafe {
        core::arch::asm!(
            "{new} = xchg_64({word} + 0, {new})",
            word = in(reg) word,
            new = inout(reg) new => found,
        );
    }
    found
}

#[cfg(target_arch = "bpf")]
#[inline(always)]
fn or(word: *mut u32, bits: u32) {
    // SAFETY: as in `compare_exchange`.
    unsafe {
        core::arch::asm!(
            "lock *(u32 *)({word} + 0) |= w0",
            word = in(reg) word,
            in("r0") u64::from(bits),
        );
    }
}

#[cfg(target_arch = "bpf")]
#[inline(always)]
fn add(word: *mut u32, value: u32) {
    // SAFETY: as in `compare_exchange`.
    unsafe {
        core::arch::asm!(
            "lock *(u32 *)({word} + 0) += w0",
            word = in(reg) word,
            in("r0") u64::from(value),
        );
    }
}

#[cfg(not(target_arch = "bpf"))]
fn add(word: *mut u32, value: u32) {
    use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
    // SAFETY: as in `compare_exchange`.
    unsafe { AtomicU32::from_ptr(word) }.fetch_add(value, SeqCst);
}

#[cfg(not(target_arch = "bpf"))]
fn or(word: *mut u32, bits: u32) {
    use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
    // SAFETY: as in `compare_exchange`.
    unsafe { AtomicU32::from_ptr(word) }.fetch_or(bits, SeqCst);
}

#[cfg(not(target_arch = "bpf"))]
fn compare_exchange(word: *mut u64, old: u64, new: u64) -> u64 {
    use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
    // SAFETY: the callers' pointers are valid and aligned.
    let word = unsafe { AtomicU64::from_ptr(word) };
    word.compare_exchange(old, new, SeqCst, SeqCst)
        .unwrap_or_else(|found| found)
}

#[cfg(not(target_arch = "bpf"))]
fn exchange(word: *mut u64, new: u64) -> u64 {
    use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
    // SAFETY: as in `compare_exchange`.
    unsafe { AtomicU64::from_ptr(word) }.swap(new, SeqCst)
}
