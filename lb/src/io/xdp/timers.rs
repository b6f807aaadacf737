//! Programs run for their answer: starting router timers, reading the kernel's tick count, sweeping flow tables.

use std::{io, time::Duration};

use aya::{
    maps::{Array, MapData},
    programs::{SchedClassifier, TestRun, TestRunOptions},
};
use bytemuck::Zeroable;
use lb_common::{
    bfd::SessionTimerRequest,
    connection::{SWEEP_BUCKETS, SWEPT_LEFT, SweepRequest},
    flow::{FlowBucket4, FlowBucket6},
    maps, programs,
    router::{RouterKey, TIMER_CANCEL, TIMER_START, TimerRequest},
};
use nix::{
    libc::ENOMEM,
    time::{ClockId, clock_getres},
    unistd::pipe,
};

use super::{Pins, XdpError, maps::open};
use crate::io::clock::nanoseconds;

/// How often a timer is tried to be started; what a pipe leaves at hand, others may take first.
const TRIES: usize = 4;

/// Starts and cancels the timers of `routers` entries from userspace, so that there is no window
/// between the write of an entry and its first packet. A call takes some microseconds and does not block.
#[derive(Debug)]
pub struct Timers(Query);

impl Timers {
    /// Opens the pinned `lb_timer`.
    ///
    /// # Errors
    /// When it is not pinned: the kernel has no BPF timers, see
    /// [`Capabilities::timers`](super::Capabilities::timers).
    pub fn open(pins: &Pins) -> Result<Self, XdpError> {
        Ok(Self(Query::open(pins, programs::TIMER)?))
    }

    /// Starts or restarts the timer of the entry `key`; it fires `after` from now.
    ///
    /// # Errors
    /// When there is no such entry or the kernel refuses.
    pub fn start(&self, key: &RouterKey, after: Duration) -> Result<(), XdpError> {
        self.request(key, TIMER_START, nanoseconds(after))
    }

    /// Cancels the timer of the entry `key`. Removing the entry does the same.
    ///
    /// # Errors
    /// When there is no such entry or the kernel refuses.
    pub fn cancel(&self, key: &RouterKey) -> Result<(), XdpError> {
        self.request(key, TIMER_CANCEL, 0)
    }

    fn request(&self, key: &RouterKey, operation: u32, after: u64) -> Result<(), XdpError> {
        let request = TimerRequest {
            key: *key,
            operation,
            after,
            ..TimerRequest::zeroed()
        };
        let answer = self.0.ask_for_timer(bytemuck::bytes_of(&request));
        done(answer?, || format!("virtual router {}", key.vrid))
    }
}

/// Starts the timers of `bfd_sessions` entries from userspace, likewise.
#[derive(Debug)]
pub struct SessionTimers(Query);

impl SessionTimers {
    /// Opens the pinned `lb_bfd_timer`.
    ///
    /// # Errors
    /// When it is not pinned, as of [`Timers::open`].
    pub fn open(pins: &Pins) -> Result<Self, XdpError> {
        Ok(Self(Query::open(pins, programs::BFD_TIMER)?))
    }

    /// Starts or restarts the timer of the entry with this discriminator, as it is in packets; it fires `after` nanoseconds from now.
    ///
    /// # Errors
    /// When there is no such entry or the kernel refuses.
    pub fn start(&self, discriminator: u32, after: u64) -> Result<(), XdpError> {
        let request = SessionTimerRequest {
            after,
            discriminator,
            pad: 0,
        };
        let answer = self.0.ask_for_timer(bytemuck::bytes_of(&request));
        let name = u32::from_be(discriminator);
        done(answer?, || format!("BFD session {name:#010x}"))
    }
}

/// What an answer about a timer means.
fn done(answer: u32, what: impl FnOnce() -> String) -> Result<(), XdpError> {
    match answer {
        programs::TIMER_DONE => Ok(()),
        errno => Err(XdpError::Timer {
            what: what(),
            source: io::Error::from_raw_os_error(errno.cast_signed()),
        }),
    }
}

/// Makes room for more timers. The kernel takes their memory without waiting, and only from the slab that this processor
/// has at hand (`kmalloc_nolock`): 21 timers in a row use it up, and it makes no other. What a pipe is made of comes from
/// a slab of the same size, and waits for it: a pipe made and closed leaves one with room.
fn replenish() {
    drop(pipe());
}

/// The kernel's tick count, in which the programs measure the age of flows.
#[derive(Debug)]
pub(super) struct Clock {
    query: Query,
    per_second: u32,
}

impl Clock {
    pub(super) fn open(pins: &Pins) -> Result<Self, XdpError> {
        Ok(Self {
            query: Query::open(pins, programs::CLOCK)?,
            per_second: jiffies_per_second()?,
        })
    }

    /// Low 32 bits of jiffies.
    pub(super) fn jiffies(&self) -> Result<u32, XdpError> {
        self.query.ask(&[0; 14])
    }

    pub(super) const fn per_second(&self) -> u32 {
        self.per_second
    }
}

/// Flow entries that were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// They had ended.
    pub freed: u32,
    /// They go on.
    pub left: u32,
}

/// Sweeps ended flows out of the flow tables, a piece at a time.
#[derive(Debug)]
pub struct Sweeper {
    query: Query,
    /// Buckets of `flows4` and `flows6`.
    buckets: [u32; 2],
    /// Where it goes on: a bucket of the one, then of the other.
    at: u32,
}

impl Sweeper {
    /// Opens the pinned `lb_sweep`.
    ///
    /// # Errors
    /// When it or a flow table is not pinned.
    pub fn open(pins: &Pins) -> Result<Self, XdpError> {
        let v4: Array<MapData, FlowBucket4> = open(pins, &maps::FLOWS4)?;
        let v6: Array<MapData, FlowBucket6> = open(pins, &maps::FLOWS6)?;
        Ok(Self {
            query: Query::open(pins, programs::SWEEP)?,
            buckets: [v4.len(), v6.len()],
            at: 0,
        })
    }

    /// Sweeps the next 1/`parts` of both tables, in calls of some microseconds each.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn sweep(&mut self, parts: u32) -> Result<Swept, XdpError> {
        let [v4, v6] = self.buckets;
        let mut left = (v4 + v6).div_ceil(parts.max(1));
        let mut swept = Swept::default();
        while left > 0 {
            let (family, from, len) = if self.at < v4 {
                (4, self.at, v4)
            } else {
                (6, self.at - v4, v6)
            };
            let count = left.min(SWEEP_BUCKETS).min(len - from);
            let request = SweepRequest {
                family,
                from,
                count,
                pad: 0,
            };
            let answer = self.query.ask(bytemuck::bytes_of(&request))?;
            swept.freed += answer % SWEPT_LEFT;
            swept.left += answer / SWEPT_LEFT;
            left -= count;
            self.at = (self.at + count) % (v4 + v6);
        }
        Ok(swept)
    }
}

/// `CONFIG_HZ`: the coarse clocks advance once per tick, and say so.
pub(super) fn jiffies_per_second() -> Result<u32, XdpError> {
    let tick = clock_getres(ClockId::CLOCK_MONOTONIC_COARSE).map_err(XdpError::Tick)?;
    let tick = Duration::from(tick).max(Duration::from_micros(100));
    // TICK_NSEC is rounded, so the quotient is rounded back: at most 10000.
    Ok((1.0 / tick.as_secs_f64()).round() as u32)
}

/// A pinned tc program that is never attached; its return value is the answer.
#[derive(Debug)]
struct Query {
    name: &'static str,
    program: SchedClassifier,
}

impl Query {
    fn open(pins: &Pins, name: &'static str) -> Result<Self, XdpError> {
        let program =
            SchedClassifier::from_pin(pins.program(name)).map_err(|source| XdpError::Program {
                program: name,
                source,
            })?;
        Ok(Self { name, program })
    }

    /// [`Self::ask`], until there is memory for a timer.
    fn ask_for_timer(&self, request: &[u8]) -> Result<u32, XdpError> {
        let mut answer = self.ask(request)?;
        for _ in 1..TRIES {
            if answer != ENOMEM.cast_unsigned() {
                break;
            }
            replenish();
            answer = self.ask(request)?;
        }
        Ok(answer)
    }

    fn ask(&self, packet: &[u8]) -> Result<u32, XdpError> {
        let options = TestRunOptions {
            data_in: Some(packet),
            ..TestRunOptions::new()
        };
        self.program
            .test_run(options)
            .map(|result| result.return_value)
            .map_err(|source| XdpError::Program {
                program: self.name,
                source,
            })
    }
}
