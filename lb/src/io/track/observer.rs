//! A thread that watches the world on behalf of an event loop.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::{
        Arc,
        mpsc::{self as orders, TryRecvError},
    },
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::eventfd::{EfdFlags, EventFd},
};
use tokio::sync::mpsc as news;

/// Facts that wait for the event loop; with more the thread waits.
const BACKLOG: usize = 256;
/// Memory of the thread's stack, which `mlockall` keeps resident.
const STACK: usize = 256 * 1024;

/// The event loop's end: gives orders of type `O`, takes news of type `N`. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct Observer<O, N> {
    orders: Option<orders::Sender<O>>,
    wake: Arc<EventFd>,
    news: news::Receiver<N>,
}

/// The thread's end.
#[derive(Debug)]
pub(super) struct Desk<O, N> {
    orders: orders::Receiver<O>,
    wake: Arc<EventFd>,
    news: news::Sender<N>,
}

/// The event loop is gone: the thread ends.
#[derive(Debug)]
pub(super) struct Gone;

impl<O: Send + 'static, N: Send + 'static> Observer<O, N> {
    /// Starts a thread of this name, of at most 15 bytes, that runs `work` until that returns.
    pub(super) fn start(
        name: &str,
        work: impl FnOnce(&Desk<O, N>) + Send + 'static,
    ) -> io::Result<Self> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let wake = Arc::new(EventFd::from_flags(flags)?);
        let (give_order, take_order) = orders::channel();
        let (give_news, take_news) = news::channel(BACKLOG);
        let desk = Desk {
            orders: take_order,
            wake: Arc::clone(&wake),
            news: give_news,
        };
        thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK)
            .spawn(move || work(&desk))?;
        Ok(Self {
            orders: Some(give_order),
            wake,
            news: take_news,
        })
    }

    /// Gives an order.
    pub(super) fn order(&self, order: O) {
        if let Some(orders) = &self.orders {
            // Where the thread has ended, nobody listens.
            let _ = orders.send(order);
        }
        self.wake();
    }

    fn wake(&self) {
        // The counter is full only after 2^64 calls without a reader.
        let _ = self.wake.write(1);
    }
}

impl<O, N> Observer<O, N> {
    /// The next piece of news; for ever when the thread has ended. Safe to cancel.
    pub(super) async fn next(&mut self) -> N {
        match self.news.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }
}

impl<O, N> Drop for Observer<O, N> {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.wake.write(1);
    }
}

impl<O, N> Desk<O, N> {
    /// The last order given since the last call.
    pub(super) fn order(&self) -> Result<Option<O>, Gone> {
        let _ = self.wake.read();
        let mut last = None;
        loop {
            match self.orders.try_recv() {
                Ok(order) => last = Some(order),
                Err(TryRecvError::Empty) => return Ok(last),
                Err(TryRecvError::Disconnected) => return Err(Gone),
            }
        }
    }

    /// Waits for an order, for `other` to be readable, or for `patience` to pass.
    pub(super) fn wait(
        &self,
        other: Option<BorrowedFd<'_>>,
        patience: Option<Duration>,
    ) -> io::Result<()> {
        let wake = PollFd::new(self.wake.as_fd(), PollFlags::POLLIN);
        let mut fds = vec![wake];
        fds.extend(other.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        let timeout = patience.map_or(PollTimeout::NONE, |patience| {
            PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives news, waiting while too much of it waits already.
    pub(super) fn tell(&self, news: N) -> Result<(), Gone> {
        self.news.blocking_send(news).map_err(|_| Gone)
    }
}
