//! Events from the programs.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use aya::maps::{MapData, RingBuf};
use lb_common::{event::Event, maps};

use super::{Pins, XdpError};

/// The consumer of the `events` ring buffer; there must be one at a time.
///
/// The descriptor is readable while events wait: hand it to the event loop, then drain [`Self::next_event`].
pub struct Events(RingBuf<MapData>);

impl Events {
    /// Opens the ring buffer below `pins`.
    ///
    /// # Errors
    /// When it is not pinned there.
    pub fn open(pins: &Pins) -> Result<Self, XdpError> {
        Ok(Self(super::maps::open(pins, &maps::EVENTS)?))
    }

    /// Takes the next event; `None` when there is none now.
    pub fn next_event(&mut self) -> Option<Event> {
        loop {
            let item = self.0.next()?;
            // A record of another length is not ours: the ring buffer of a future version.
            if let Ok(event) = bytemuck::try_pod_read_unaligned(&item) {
                return Some(event);
            }
        }
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Events").field(&self.as_raw_fd()).finish()
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Events {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
