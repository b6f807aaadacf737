//! One timer per event loop, with the kernel's precision instead of tokio's millisecond wheel.

use std::{
    io,
    time::{Duration, Instant},
};

use nix::sys::{
    time::TimeSpec,
    timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
};

use super::watch::Watch;

/// A re-armable deadline.
#[derive(Debug)]
pub struct Timer {
    fd: Watch<TimerFd>,
    deadline: Option<Instant>,
}

impl Timer {
    /// Makes a timer that is not armed. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let fd = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        Ok(Self {
            fd: Watch::new(fd)?,
            deadline: None,
        })
    }

    /// Arms the timer for `deadline`, or disarms it. Arming for the same deadline costs nothing.
    ///
    /// # Errors
    /// Never in practice: the kernel accepts every time.
    pub fn set(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        if self.deadline == deadline {
            return Ok(());
        }
        self.deadline = deadline;
        match deadline {
            None => self.fd.get().unset()?,
            Some(deadline) => {
                // Zero would disarm; a deadline in the past fires at once.
                let wait = deadline
                    .saturating_duration_since(Instant::now())
                    .max(Duration::from_nanos(1));
                self.fd.get().set(
                    Expiration::OneShot(TimeSpec::from_duration(wait)),
                    TimerSetTimeFlags::empty(),
                )?;
            }
        }
        Ok(())
    }

    /// Waits for the deadline; for ever when there is none. Safe to cancel.
    ///
    /// # Errors
    /// When the descriptor fails.
    pub async fn expired(&mut self) -> io::Result<()> {
        self.fd
            .read(|fd| {
                let mut count = [0; 8];
                nix::unistd::read(fd, &mut count).map_err(io::Error::from)
            })
            .await?;
        self.deadline = None;
        Ok(())
    }
}
