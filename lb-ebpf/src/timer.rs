//! Timers of what is heard again and again: armed by `lb_timer` and `lb_bfd_timer` for the daemon, restarted by `lb_xdp` and `lb_tc`.
//!
//! Only those two have the callbacks. A timer keeps its own, and the program it is in, through restarts by other
//! programs, so those need neither the callback nor the map.

use core::ffi::c_void;

use aya_ebpf::helpers::{
    bpf_timer_cancel, bpf_timer_init, bpf_timer_set_callback, bpf_timer_start,
};
use lb_common::{
    bfd::{REPRIEVE, STANDSTILL, SessionTimerRequest, SessionValue, Silence},
    counter::Counter,
    event::{EVENT_LEASE_LOST, EVENT_MASTER_DOWN, Event},
    gate::ALWAYS_OPEN,
    pulse::Pulse,
    router::{
        ROUTER_LEASE, ROUTER_WATCH, RouterKey, RouterValue, TIMER_CANCEL, TIMER_START, TimerRequest,
    },
};

use crate::{clock::now, frame::Frame, maps, outcome::TimerOutcome};

/// `CLOCK_MONOTONIC`.
const CLOCK_MONOTONIC: u64 = 1;
/// `-EBUSY`: the timer has been started before.
const INITIALISED: i64 = -16;

/// Does what the request in `frame` asks for a virtual router.
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
                    0 => start(router.cast(), request.after),
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
    answered(answer)
}

/// Starts the timer of the BFD session that the request in `frame` names.
#[inline(always)]
pub fn serve_session(frame: &Frame) -> TimerOutcome {
    let Some(request) = frame.get::<[u8; size_of::<SessionTimerRequest>()]>(0) else {
        return TimerOutcome::Invalid;
    };
    let request: SessionTimerRequest = bytemuck::cast(*request);
    let Some(session) = maps::session(request.discriminator) else {
        return TimerOutcome::Unknown;
    };
    // SAFETY: `session` is an entry of `bfd_sessions`, so `timer` is a timer of that map.
    let answer = unsafe {
        let timer = (&raw mut (*session).timer).cast();
        match bpf_timer_init(timer, maps::sessions_map(), CLOCK_MONOTONIC) {
            0 | INITIALISED => match bpf_timer_set_callback(timer, silent as *mut c_void) {
                0 => start(session.cast(), request.after),
                refused => refused,
            },
            refused => refused,
        }
    };
    answered(answer)
}

/// Cancelling answers 1 where the timer was running.
#[inline(always)]
const fn answered(answer: i64) -> TimerOutcome {
    if answer < 0 {
        TimerOutcome::Refused(answer)
    } else {
        TimerOutcome::Done
    }
}

/// Notes that something was heard; the timer goes on from there when it ends. False when no timer runs, because the daemon
/// has not armed it yet or it has ended, so that the daemon's own timers count.
///
/// # Safety
/// `pulse` begins a value of a map, of which one CPU at a time takes packets.
#[inline(always)]
pub unsafe fn beat(pulse: *mut Pulse) -> bool {
    // SAFETY: the caller's.
    unsafe {
        let (deadline, interval) = ((*pulse).deadline, (*pulse).interval);
        if deadline == 0 {
            return false;
        }
        let at = now();
        (*pulse).last_seen = at;
        (*pulse).heartbeats += 1;
        // The first beat may make the time shorter.
        at.saturating_add(interval) >= deadline || start(pulse, interval) == 0
    }
}

/// [`beat`], by which the timer is put off before it ends: what beats many times in each interval would wake a processor for
/// nothing as often as it is let end.
///
/// # Safety
/// As of [`beat`].
#[inline(always)]
pub unsafe fn beat_and_put_off(pulse: *mut Pulse) -> bool {
    // SAFETY: the caller's.
    unsafe {
        let is_running = beat(pulse);
        let (at, interval) = ((*pulse).last_seen, (*pulse).interval);
        if is_running && (*pulse).deadline.saturating_sub(at) < interval / 2 {
            return start(pulse, interval) == 0;
        }
        is_running
    }
}

/// Has the timer, if it runs, end within `time` nanoseconds unless something is heard; once for all calls until then.
///
/// # Safety
/// As of [`beat`].
#[inline(always)]
pub unsafe fn end_within(pulse: *mut Pulse, time: u64) {
    // SAFETY: the caller's.
    unsafe {
        let end = now().saturating_add(time);
        let interval = (*pulse).interval;
        if (*pulse).deadline != 0 && (*pulse).last_seen.wrapping_add(interval) > end {
            // Before the machine began, where it has not run for as long: wraps as it is added again.
            (*pulse).last_seen = end.wrapping_sub(interval);
            start(pulse, time);
        }
    }
}

/// Starts the timer of `pulse`, which has its callback, to end `after` nanoseconds from now; answers as the kernel does.
///
/// # Safety
/// `pulse` begins a value of a map.
#[inline(always)]
unsafe fn start(pulse: *mut Pulse, after: u64) -> i64 {
    // SAFETY: the caller's; its words are read by programs on other CPUs as old or new.
    unsafe {
        (*pulse).deadline = now().saturating_add(after);
        let answer = bpf_timer_start((&raw mut (*pulse).timer).cast(), after, 0);
        if answer != 0 {
            (*pulse).deadline = 0;
        }
        answer
    }
}

/// Starts the timer again for what is left since the last beat. False when nothing is.
///
/// # Safety
/// As of [`start`].
#[inline(always)]
unsafe fn goes_on(pulse: *mut Pulse) -> bool {
    // SAFETY: the caller's.
    unsafe {
        let end = (*pulse).last_seen.wrapping_add((*pulse).interval);
        let at = now();
        if (*pulse).heartbeats != 0 && end > at && start(pulse, end - at) == 0 {
            return true;
        }
        (*pulse).deadline = 0;
    }
    false
}

/// The timer of `value` ran out: the master is silent (watch), or we were (lease).
///
/// Private and without a stable symbol name: the verifier takes only a static function.
#[inline(never)]
extern "C" fn expired(_map: *mut c_void, key: *const RouterKey, value: *mut RouterValue) -> i64 {
    // SAFETY: the kernel calls this with an element of the map the timer belongs to.
    let (key, role, gate, epoch) = unsafe {
        if goes_on(value.cast()) {
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

/// Nothing was heard of the BFD session `value` for its detection time.
///
/// Private and without a stable symbol name, as [`expired`].
#[inline(never)]
extern "C" fn silent(_map: *mut c_void, key: *const u32, value: *mut SessionValue) -> i64 {
    // SAFETY: the kernel calls this with an element of the map the timer belongs to.
    let (discriminator, epoch) = unsafe {
        let late = now().saturating_sub((*value).deadline);
        if goes_on(value.cast()) {
            return 0;
        }
        let beat = ((*value).heartbeats as u32).wrapping_add(1);
        if late > STANDSTILL && (*value).reprieved != beat {
            (*value).reprieved = beat;
            if start(value.cast(), REPRIEVE) == 0 {
                return 0;
            }
        }
        (*key, (*value).epoch)
    };
    maps::count(Counter::BfdSilent);
    maps::emit_silence(&Silence {
        discriminator,
        epoch,
        at: now(),
    });
    0
}
