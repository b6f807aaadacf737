//! Times of day as the calendar and the clocks of this machine's time zone show them.

use std::{mem::MaybeUninit, ptr::from_ref};

use libc::{time_t, tm};

use crate::observe::dump::Civil;

/// What the clocks here show so many seconds after 1970 began in UTC.
#[must_use]
pub fn local(seconds: i64) -> Civil {
    let time = broken_down(seconds);
    let small = |number: i32| u8::try_from(number).unwrap_or_default();
    Civil {
        year: time.tm_year + 1900,
        month: small(time.tm_mon + 1),
        day: small(time.tm_mday),
        weekday: small(time.tm_wday),
        hour: small(time.tm_hour),
        minute: small(time.tm_min),
        second: small(time.tm_sec),
    }
}

fn broken_down(seconds: time_t) -> tm {
    let mut time = MaybeUninit::<tm>::zeroed();
    // SAFETY: both pointers are to what lives here. The function changes nothing else, and all zeroes, which is what is left where it
    // fails, is a `tm`.
    unsafe {
        libc::localtime_r(from_ref(&seconds), time.as_mut_ptr());
        time.assume_init()
    }
}
