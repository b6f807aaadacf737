//! Timers of virtual routers: armed by `lb_timer` for the daemon, restarted by `lb_xdp` and `lb_tc`.
//!
//! Only `lb_timer` has the callback. A timer keeps it, and the program it is in, through restarts by other
//! programs, so those need neither the callback nor the map.

use core::ffi::c_void;

use aya_ebpf::helpers::{
    bpf_timer_cancel, bpf_timer_init, bpf_timer_set_callback, bpf_timer_start,
};
use lb_common::{
    counter::Counter,
    event::{EVENT_LEASE_LOST, EVENT_MASTER_DOWN, Event},
    gate::ALWAYS_OPEN,
    router::{
        ROUTER_LEASE, ROUTER_WATCH, RouterKey, RouterValue, TIMER_CANCEL, TIMER_START, TimerRequest,
    },
};

use crate::{clock::now, frame::Frame, maps, outcome::TimerOutcome};

/// `CLOCK_MONOTONIC`.
const CLOCK_MONOTONIC: u64 = 1;
/// `-EBUSY`: the timer has been started before.
const INITIALISED: i64 = -16;

/// Does what the request in `frame` asks.
#[inline(always)]
pub fn serve(frame: &Frame) -> TimerOutcome {
    let Some(request) = frame.get::<[u8; size_of::<TimerRequest>()]>(0) else {
        return TimerOutcome::Invalid;
    };
    let request: TimerRequest = bytemuck::cast(*request);
    let Some(router) = maps::router(&request.key) else {
        return TimerOutcome::Unknown;
    };
    // SAFETY: `router` is an entry of `routers`, so `timer` is a timer of that map.
    let answer = unsafe {
        let timer = (&raw mut (*router).timer).cast();
        match request.operation {
            TIMER_START => match bpf_timer_init(timer, maps::routers_map(), CLOCK_MONOTONIC) {
                0 | INITIALISED => match bpf_timer_set_callback(timer, expired as *mut c_void) {
                    0 => start(router, request.after),
                    refused => refused,
                },
                refused => refused,
            },
            TIMER_CANCEL => {
                (*router).deadline = 0;
                bpf_timer_cancel(timer)
            }
            _ => return TimerOutcome::Invalid,
        }
    };
    // Cancelling answers 1 where the timer was running.
    if answer < 0 {
        TimerOutcome::Refused(answer)
    } else {
        TimerOutcome::Done
    }
}

/// Starts the timer of `router`, which has its callback, to end `after` nanoseconds from now; answers as the kernel does.
///
/// # Safety
/// `router` is an entry of `routers`.
#[inline(always)]
pub unsafe fn start(router: *mut RouterValue, after: u64) -> i64 {
    // SAFETY: the caller's; its words are read by programs on other CPUs as old or new.
    unsafe {
        (*router).deadline = now().saturating_add(after);
        let answer = bpf_timer_start((&raw mut (*router).timer).cast(), after, 0);
        if answer != 0 {
            (*router).deadline = 0;
        }
        answer
    }
}

/// The timer of `value` ran out: the master is silent (watch), or we were (lease).
///
/// Private and without a stable symbol name: the verifier takes only a static function.
#[inline(never)]
extern "C" fn expired(_map: *mut c_void, key: *const RouterKey, value: *mut RouterValue) -> i64 {
    // SAFETY: the kernel calls this with an element of the map the timer belongs to.
    let (key, role, gate, epoch) = unsafe {
        if goes_on(value) {
            return 0;
        }
        (*key, (*value).role, (*value).gate, (*value).epoch)
    };
    let kind = match role {
        ROUTER_WATCH => {
            maps::count(Counter::MasterDown);
            EVENT_MASTER_DOWN
        }
        ROUTER_LEASE => {
            // A gate fenced before by a better advert has had its event.
            if gate != ALWAYS_OPEN && !maps::fence(gate) {
                return 0;
            }
            maps::count(Counter::LeaseLost);
            EVENT_LEASE_LOST
        }
        _ => return 0,
    };
    maps::emit(&Event {
        kind,
        epoch,
        key,
        at: now(),
    });
    0
}

/// Starts the timer again for what is left since the last advert. False when nothing is.
///
/// # Safety
/// As of [`start`].
#[inline(always)]
unsafe fn goes_on(router: *mut RouterValue) -> bool {
    // SAFETY: the caller's.
    unsafe {
        let end = (*router).last_seen.saturating_add((*router).interval);
        let at = now();
        if (*router).heartbeats != 0 && end > at && start(router, end - at) == 0 {
            return true;
        }
        (*router).deadline = 0;
    }
    false
}
