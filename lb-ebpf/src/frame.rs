//! The one way to touch a packet.

use core::mem::{align_of, size_of};

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

    /// True when the frame has at least `len` bytes.
    #[inline(always)]
    pub const fn holds(&self, len: usize) -> bool {
        self.start + len <= self.end
    }

    /// Pointer to a whole `T` within the packet. Any bytes are a `T`, and no address is misaligned for it.
    #[inline(always)]
    fn at<T: Pod>(&self, offset: usize) -> Option<*mut T> {
        const { assert!(align_of::<T>() == 1) };
        if self.holds(offset + size_of::<T>()) {
            Some((self.start + offset) as *mut T)
        } else {
            None
        }
    }
}
