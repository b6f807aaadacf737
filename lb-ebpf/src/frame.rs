//! The one way to touch a packet.

use core::mem::{align_of, size_of};

use aya_ebpf::programs::TcContext;
use bytemuck::Pod;

/// A packet: the bytes between two pointers the kernel gave us.
pub struct Frame {
    start: usize,
    end: usize,
}

impl Frame {
    /// `start` and `end` must be the context's `data` and `data_end`, read after the last helper call that
    /// may move the packet.
    #[inline(always)]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The `T` at `offset`, if the frame holds it whole.
    #[inline(always)]
    pub fn get<T: Pod>(&self, offset: usize) -> Option<&T> {
        // SAFETY: see `at`; the borrow of `self` keeps writers out.
        self.at(offset).map(|at| unsafe { &*at })
    }

    /// The `T` at `offset`, to be changed.
    #[inline(always)]
    pub fn get_mut<T: Pod>(&mut self, offset: usize) -> Option<&mut T> {
        // SAFETY: see `at`; the mutable borrow of `self` makes this the only reference.
        self.at(offset).map(|at| unsafe { &mut *at })
    }

    /// True when the whole words of the first `len` bytes at `offset` are those of `expected`.
    #[inline(always)]
    pub fn has_words(&self, offset: usize, expected: &[u8], len: usize) -> bool {
        // One way out of the loop, and nothing of its state used after: the verifier walks what follows once, not
        // once for every length.
        let mut different = 0;
        let (words, _) = expected.as_chunks::<4>();
        for (index, expected) in words.iter().enumerate() {
            let at = index * 4;
            if at + 4 > len {
                break;
            }
            let Some(word) = self.get(offset + at) else {
                different = 1;
                break;
            };
            different |= u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(*expected);
        }
        different == 0
    }

    /// True when the frame has at least `len` bytes.
    #[inline(always)]
    pub const fn holds(&self, len: usize) -> bool {
        self.start + len <= self.end
    }

    /// Pointer to a whole `T` within the packet. Any bytes are a `T`, and no address is misaligned for it.
    #[inline(always)]
    fn at<T: Pod>(&self, offset: usize) -> Option<*mut T> {
        const { assert!(align_of::<T>() == 1) };
        let at = if is_known(offset) {
            self.start + offset
        } else {
            // One register for the check and for the access: the verifier does not see that two sums are the same.
            opaque(self.start + offset)
        };
        (at + size_of::<T>() <= self.end).then_some(at as *mut T)
    }
}

/// Writes `value` at `offset` of a packet that leaves, whose frames are void after.
///
/// Through the kernel's helper: writing through a pointer would make every packet that leaves pay, because the kernel looks
/// before the program runs whether somebody else has the packet too, and copies it then.
#[inline(always)]
pub fn put<T: Pod>(context: &TcContext, offset: usize, value: &T) -> Option<()> {
    context.skb.store(offset, value, 0).ok()
}

/// True when the compiler knows `offset`.
#[cfg(target_arch = "bpf")]
#[inline(always)]
const fn is_known(offset: usize) -> bool {
    core::intrinsics::is_val_statically_known(offset)
}

/// Nobody asks.
#[cfg(not(target_arch = "bpf"))]
const fn is_known(_offset: usize) -> bool {
    true
}

/// A length on the wire. The mask is for the verifier before Linux 6.6, to which the bytes it has turned may be any number.
#[inline(always)]
pub fn length(bytes: [u8; 2]) -> usize {
    opaque(usize::from(u16::from_be_bytes(bytes))) & 0xffff
}

/// `value`, of which the compiler knows nothing any more.
#[cfg(target_arch = "bpf")]
#[inline(always)]
pub fn opaque(value: usize) -> usize {
    let mut value = value;
    // SAFETY: changes nothing. One instruction, because the kernel wants no two lines of source at the same one.
    unsafe { core::arch::asm!("{0} += 0", inout(reg) value, options(pure, nomem, nostack)) };
    value
}

/// `value`.
#[cfg(not(target_arch = "bpf"))]
pub const fn opaque(value: usize) -> usize {
    value
}
