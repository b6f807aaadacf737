//! Readiness of file descriptors in tokio's loop. Every descriptor that is not a tokio type goes through [`Watch`].

use std::{
    io,
    os::fd::{AsFd, AsRawFd, RawFd},
    task::{Context, Poll, ready},
};

use tokio::io::{Interest, unix::AsyncFd};

/// Gives any descriptor owner the raw form tokio asks for.
#[derive(Debug)]
struct Registered<T>(T);

impl<T: AsFd> AsRawFd for Registered<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// A descriptor registered for reading. The descriptor must be non-blocking.
#[derive(Debug)]
pub struct Watch<T: AsFd>(AsyncFd<Registered<T>>);

impl<T: AsFd> Watch<T> {
    /// Registers `inner`. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the kernel cannot poll such a descriptor.
    pub fn new(inner: T) -> io::Result<Self> {
        // SAFETY: `inner` owns its descriptor and is never handed out mutably while registered, so the descriptor
        // stays open and the same until the registration is dropped.
        let watched =
            unsafe { AsyncFd::register_with_interest(Registered(inner), Interest::READABLE) };
        watched.map(Self).map_err(io::Error::from)
    }

    /// The descriptor's owner.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.0.get_ref().0
    }

    /// Waits until the descriptor may be read, and forgets the readiness when `read` says it would block. Safe to
    /// cancel: nothing is read unless the future completes.
    ///
    /// # Errors
    /// What `read` returns, other than `WouldBlock`.
    pub async fn read<R>(&self, mut read: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        loop {
            let mut ready = self.0.readable().await?;
            match ready.try_io(|watched| read(&watched.get_ref().0)) {
                Ok(result) => return result,
                Err(_would_block) => {}
            }
        }
    }

    /// As [`Self::read`], for a loop that watches many descriptors at once.
    ///
    /// # Errors
    /// What `read` returns, other than `WouldBlock`.
    pub fn poll_read<R>(
        &self,
        cx: &mut Context<'_>,
        mut read: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let mut ready = ready!(self.0.poll_read_ready(cx))?;
            match ready.try_io(|watched| read(&watched.get_ref().0)) {
                Ok(result) => return Poll::Ready(result),
                Err(_would_block) => {}
            }
        }
    }

    /// Waits until the descriptor may be read, forgets the readiness, and lends its owner, who must then take all
    /// there is. Safe to cancel.
    ///
    /// # Errors
    /// When the descriptor cannot be polled.
    pub async fn ready(&mut self) -> io::Result<&mut T> {
        self.0.readable_mut().await?.clear_ready();
        Ok(&mut self.0.get_mut().0)
    }
}
