//! Connections that checks keep: `KEEPALIVE_CHECK`. The kernel's keepalive asks, and nobody wakes up for an answer.

use std::{
    collections::HashMap,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::{
    io::AsyncReadExt as _,
    net::TcpStream,
    sync::{Semaphore, oneshot},
    time::sleep,
};

use super::origin;
use crate::{
    checker::{Answer, ConnectionId, Kept, ProbeError, ProbeResult},
    config::model::check::Probe,
    tcp_keepalive::values::Guarded,
};

/// Bytes that are read at once, and thrown away: greetings.
const BUFFER: usize = 512;

/// The connections of all checks that keep one.
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<HashMap<ConnectionId, Entry>>);

/// A check that keeps a connection.
#[derive(Debug)]
struct Entry {
    /// Its connection, while nobody waits for its end.
    stream: Option<Open>,
    /// Dropped, it ends who is at it.
    _end: oneshot::Sender<()>,
}

/// A connection and since when it is there.
#[derive(Debug)]
struct Open {
    stream: TcpStream,
    since: Instant,
    /// The server had ended the one before.
    is_again: bool,
}

impl Connections {
    fn entries(&self) -> MutexGuard<'_, HashMap<ConnectionId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the connection of a check that is gone.
    pub(super) fn close(&self, id: ConnectionId) {
        self.entries().remove(&id);
    }

    /// Connects, or waits for the end of the connection there is.
    pub(super) async fn ask(
        &self,
        probe: &Probe<Guarded>,
        kept: Kept,
        slots: &Semaphore,
    ) -> ProbeResult {
        let (end, ended) = oneshot::channel();
        let entry = Entry {
            stream: None,
            _end: end,
        };
        let before = self.entries().insert(kept.id, entry);
        let open = before.and_then(|entry| entry.stream);
        tokio::select! {
            result = self.carry_out(probe, kept, open, slots) => result,
            // Nobody hears it.
            _gone = ended => Ok(Answer::Well),
        }
    }

    async fn carry_out(
        &self,
        probe: &Probe<Guarded>,
        kept: Kept,
        open: Option<Open>,
        slots: &Semaphore,
    ) -> ProbeResult {
        let open = open.filter(|_| kept.awaits_end);
        let is_again = open.is_some();
        if let Some(open) = open {
            wait_for_end(open.stream).await?;
            // Whether it still listens is asked at once; but of a server that ends all of them no more often than by a check
            // that connects each time.
            if open.is_again {
                let pause = probe.connection.schedule.delay_loop;
                sleep(pause.saturating_sub(open.since.elapsed())).await;
            }
        }
        // The semaphore is never closed; without a permit the probe would only be unbounded.
        let slot = slots.acquire().await.ok();
        let stream = origin::connect_guarded(&probe.connection, &probe.settings).await?;
        drop(slot);
        if let Some(entry) = self.entries().get_mut(&kept.id) {
            entry.stream = Some(Open {
                stream,
                since: Instant::now(),
                is_again,
            });
        }
        Ok(Answer::Well)
    }
}

/// Waits until the server ends the connection, in whatever way, or is found to be gone, which is the error.
async fn wait_for_end(mut stream: TcpStream) -> Result<(), ProbeError> {
    let mut bytes = [0; BUFFER];
    loop {
        match stream.read(&mut bytes).await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // Whether it listens still is seen by connecting again.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
