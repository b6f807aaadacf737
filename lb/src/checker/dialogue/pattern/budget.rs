//! What a search may cost. Whoever writes the answer must not keep everybody else waiting, and with the right bytes a short expression can
//! take minutes. PCRE2's own limits begin anew at each place of the answer and do not count bytes that are passed over, so PCRE2 calls
//! back before each item of the expression (`PCRE2_AUTO_CALLOUT`), which is counted here. Steps and not time, so that the verdict
//! does not depend on what else the machine does.

use std::{
    ffi::{c_int, c_void},
    ptr,
};

use pcre2_sys::{PCRE2_ERROR_CALLOUT, pcre2_match_context_8};

/// Steps at once: some milliseconds.
pub(super) const MOST: u32 = 500_000;
/// Steps that each byte of the answer adds, so that a long answer costs no more than in proportion.
const PER_BYTE: u64 = 8;
/// Bytes between two items that count as much as an item.
const STRIDE: u64 = 16;

/// What is left.
#[derive(Debug)]
pub(super) struct Budget {
    steps: u64,
    /// Where the last item was looked for.
    at: usize,
    /// An item may be bytes that were found before, and be compared with as many without a word.
    may_compare: bool,
}

impl Budget {
    pub(super) const fn new() -> Self {
        Self {
            steps: MOST as u64,
            at: 0,
            may_compare: false,
        }
    }

    /// So many bytes have come.
    pub(super) fn handle_bytes(&mut self, bytes: usize) {
        let more = self.steps.saturating_add(PER_BYTE * bytes as u64);
        self.steps = more.min(MOST.into());
    }

    /// Counts what the next match with this context does, which begins at `first`.
    pub(super) fn begin(
        &mut self,
        context: *mut pcre2_match_context_8,
        first: usize,
        may_compare: bool,
    ) {
        self.at = first;
        self.may_compare = may_compare;
        // SAFETY: the context is whole; what it points to from now on is asked for by a match with it alone, which `find` makes while it
        // has this budget to itself.
        unsafe { pcre2_set_callout_8(context, Some(count), ptr::from_mut(self).cast()) };
    }

    /// Takes the price of looking for an item at this place, with so many bytes behind it of the match and before it of the answer;
    /// whether that could be paid.
    fn pay(&mut self, at: usize, behind: usize, before: usize) -> bool {
        let compared = if self.may_compare {
            behind.min(before)
        } else {
            0
        };
        let price = 1 + (self.at.abs_diff(at) + compared) as u64 / STRIDE;
        self.at = at;
        let left = self.steps.checked_sub(price);
        self.steps = left.unwrap_or(0);
        left.is_some()
    }
}

/// `pcre2_callout_block` as far as it is looked at (pcre2callout(3)).
#[repr(C)]
struct Callout {
    version: u32,
    callout_number: u32,
    capture_top: u32,
    capture_last: u32,
    offset_vector: *const usize,
    mark: *const u8,
    subject: *const u8,
    subject_length: usize,
    start_match: usize,
    current_position: usize,
}

/// Called before each item: 0 goes on, a number below ends the match with it.
type Called = unsafe extern "C" fn(*const Callout, *mut c_void) -> c_int;

unsafe extern "C" {
    // Not among the functions of pcre2-sys.
    fn pcre2_set_callout_8(
        context: *mut pcre2_match_context_8,
        called: Option<Called>,
        data: *mut c_void,
    ) -> c_int;
}

unsafe extern "C" fn count(callout: *const Callout, data: *mut c_void) -> c_int {
    // SAFETY: PCRE2 hands a whole block over, and what `begin` said, which nobody else has during the match.
    let (callout, budget) = unsafe { (&*callout, &mut *data.cast::<Budget>()) };
    // Where a look behind leads to before the first byte, that is no place of the answer.
    let at = callout.current_position.min(callout.subject_length);
    let behind = at.saturating_sub(callout.start_match);
    let before = callout.subject_length.saturating_sub(at);
    if budget.pay(at, behind, before) {
        0
    } else {
        PCRE2_ERROR_CALLOUT
    }
}
