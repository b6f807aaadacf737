//! Events from the programs.

use std::{
    marker::PhantomData,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
};

use aya::maps::{MapData, RingBuf};
use bytemuck::AnyBitPattern;
use lb_common::{bfd::Silence, event::Event, maps};

use super::{Pins, XdpError};

/// The consumer of a ring buffer of records `T`; there must be one at a time.
///
/// The descriptor is readable while events wait: hand it to the event loop, then drain [`Self::next_event`].
pub struct Events<T = Event>(RingBuf<MapData>, PhantomData<T>);

impl Events {
    /// Opens `events` below `pins`.
    ///
    /// # Errors
    /// When it is not pinned there.
    pub fn open(pins: &Pins) -> Result<Self, XdpError> {
        Ok(Self(super::maps::open(pins, &maps::EVENTS)?, PhantomData))
    }
}

impl Events<Silence> {
    /// Opens `bfd_events` below `pins`.
    ///
    /// # Errors
    /// When it is not pinned there.
    pub fn of_sessions(pins: &Pins) -> Result<Self, XdpError> {
        Ok(Self(
            super::maps::open(pins, &maps::BFD_EVENTS)?,
            PhantomData,
        ))
    }
}

impl<T: AnyBitPattern> Events<T> {
    /// Takes the next event; `None` when there is none now.
    pub fn next_event(&mut self) -> Option<T> {
        loop {
            let item = self.0.next()?;
            // A record of another length is not ours: the ring buffer of a future version.
            if let Ok(event) = bytemuck::try_pod_read_unaligned(&item) {
                return Some(event);
            }
        }
    }
}

impl<T> std::fmt::Debug for Events<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Events").field(&self.as_raw_fd()).finish()
    }
}

impl<T> AsFd for Events<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl<T> AsRawFd for Events<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
