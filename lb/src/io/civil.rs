//! Times of day as calendars and clocks show them, here and in UTC.

use std::{mem::MaybeUninit, ptr::from_ref};

use libc::{time_t, tm};

use crate::observe::dump::Civil;

/// What the clocks here show so many seconds after 1970 began in UTC.
#[must_use]
pub fn local(seconds: i64) -> Civil {
    shown(seconds, libc::localtime_r)
}

/// What the clocks in UTC show then.
#[must_use]
pub fn utc(seconds: i64) -> Civil {
    shown(seconds, libc::gmtime_r)
}

/// What one of these two calls has for it.
fn shown(
    seconds: i64,
    break_down: unsafe extern "C" fn(*const time_t, *mut tm) -> *mut tm,
) -> Civil {
    let mut time = MaybeUninit::<tm>::zeroed();
    // SAFETY: both pointers are to what lives here. Nothing else changes, and all zeroes, which is what is left where the call fails, is a `tm`.
    let time = unsafe {
        break_down(from_ref::<time_t>(&seconds), time.as_mut_ptr());
        time.assume_init()
    };
    civil(&time)
}

/// When the clocks here show this, in seconds since 1970 began in UTC. What they never show stands for the day after, and so on.
#[must_use]
pub fn of_local(shown: Civil) -> i64 {
    let mut time = broken_down(shown);
    // Whether the clocks are ahead then, the system knows.
    time.tm_isdst = -1;
    // SAFETY: the pointer is to what lives here.
    unsafe { libc::mktime(&raw mut time) }
}

/// When the clocks in UTC show this.
#[must_use]
pub fn of_utc(shown: Civil) -> i64 {
    let mut time = broken_down(shown);
    // SAFETY: the pointer is to what lives here.
    unsafe { libc::timegm(&raw mut time) }
}

fn civil(time: &tm) -> Civil {
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

fn broken_down(shown: Civil) -> tm {
    // SAFETY: all zeroes is a `tm`.
    let mut time: tm = unsafe { MaybeUninit::zeroed().assume_init() };
    time.tm_year = shown.year - 1900;
    time.tm_mon = i32::from(shown.month) - 1;
    time.tm_mday = i32::from(shown.day);
    time.tm_hour = i32::from(shown.hour);
    time.tm_min = i32::from(shown.minute);
    time.tm_sec = i32::from(shown.second);
    time
}
