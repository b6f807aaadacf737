//! A download that runs while things happen, compared with the file byte by byte.

use std::{
    fs,
    io::{BufReader, Read},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context as _, bail};

use super::http::{self, Request};
use crate::lab::{namespace::Namespace, server};

/// A running download of `/big`.
#[derive(Debug)]
pub struct Download {
    received: Arc<AtomicU64>,
    reader: JoinHandle<anyhow::Result<u64>>,
}

impl Download {
    /// Starts it from the client. Silence of more than `patience` is failure.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub fn start(client: &Namespace, to: SocketAddr, patience: Duration) -> anyhow::Result<Self> {
        let received = Arc::new(AtomicU64::new(0));
        let progress = Arc::clone(&received);
        let reader = client.thread("download", move || {
            let request = Request {
                path: "/big",
                patience,
                ..Request::new(to)
            };
            let stream = request.send()?;
            stream.set_read_timeout(Some(patience))?;
            compare(stream, &progress)
        })?;
        Ok(Self { received, reader })
    }

    /// Bytes of the body so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Waits for the end; returns how many bytes came, all of them equal to the file's.
    ///
    /// # Errors
    /// When the connection breaks, ends early, falls silent, or a byte differs.
    pub fn finish(self) -> anyhow::Result<u64> {
        match self.reader.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn compare(mut stream: TcpStream, received: &AtomicU64) -> anyhow::Result<u64> {
    let mut file = BufReader::new(fs::File::open(server::big_file()?)?);
    let mut answer = vec![0; 1 << 16];
    let mut expected = vec![0; 1 << 16];
    let mut filled = 0;
    let (length, start) = loop {
        let more = stream
            .read(&mut answer[filled..])
            .context("read the head")?;
        filled += more;
        match http::head(&answer[..filled])? {
            Some(head) => break head,
            None if more == 0 => bail!("the answer ends within its head"),
            None => {}
        }
    };
    answer.copy_within(start..filled, 0);
    filled -= start;
    let mut place = 0;
    while filled > 0 {
        file.read_exact(&mut expected[..filled])
            .context("more came than the file holds")?;
        if answer[..filled] != expected[..filled] {
            bail!(
                "a byte between {place} and {} differs",
                place + filled as u64
            );
        }
        place += filled as u64;
        received.store(place, Ordering::Relaxed);
        filled = stream
            .read(&mut answer)
            .with_context(|| format!("after {place} bytes"))?;
    }
    if place != length {
        bail!("the connection ended after {place} of {length} bytes");
    }
    Ok(place)
}
