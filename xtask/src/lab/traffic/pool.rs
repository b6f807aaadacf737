//! Many connections that exchange a byte now and then, and must not break.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;

use crate::lab::namespace::Namespace;

const PERIOD: Duration = Duration::from_millis(50);
const TICK: Duration = Duration::from_millis(5);
const SILENCE: Duration = Duration::from_secs(10);

/// Open connections to an [`EchoServer`](super::EchoServer).
#[derive(Debug)]
pub struct ConnectionPool {
    stop: Arc<AtomicBool>,
    broken: Arc<AtomicUsize>,
    driver: JoinHandle<anyhow::Result<PoolReport>>,
}

/// How the connections fared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolReport {
    /// Why connections broke, one line each.
    pub broken: Vec<String>,
    /// Bytes that went there and back.
    pub exchanged: u64,
    /// The longest wait for a byte.
    pub longest_wait: Duration,
}

impl ConnectionPool {
    /// Opens `count` connections from the client and starts the exchange: a byte every 50 ms on each. A byte that is not
    /// back after ten seconds counts as a broken connection.
    ///
    /// # Errors
    /// When a connection cannot be opened.
    pub fn open(client: &Namespace, to: SocketAddr, count: usize) -> anyhow::Result<Self> {
        let open = || TcpStream::connect_timeout(&to, Duration::from_secs(5));
        let streams: Vec<_> = client.run(|| {
            (0..count)
                .map(|_| open().with_context(|| format!("connect to {to}")))
                .collect()
        })?;
        let stop = Arc::new(AtomicBool::new(false));
        let broken = Arc::new(AtomicUsize::new(0));
        let (ends, breaks) = (Arc::clone(&stop), Arc::clone(&broken));
        let driver = thread::Builder::new()
            .name("pool".to_owned())
            .spawn(move || exchange(streams, &ends, &breaks))?;
        Ok(Self {
            stop,
            broken,
            driver,
        })
    }

    /// How many connections are broken so far.
    #[must_use]
    pub fn broken(&self) -> usize {
        self.broken.load(Ordering::Relaxed)
    }

    /// Ends the exchange.
    ///
    /// # Errors
    /// When the sockets cannot be set up.
    pub fn finish(self) -> anyhow::Result<PoolReport> {
        self.stop.store(true, Ordering::Relaxed);
        match self.driver.join() {
            Ok(report) => report,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

struct Connection {
    stream: TcpStream,
    /// When the byte under way left.
    waiting: Option<Instant>,
    next: Instant,
    byte: u8,
}

fn exchange(
    streams: Vec<TcpStream>,
    stop: &AtomicBool,
    broken: &AtomicUsize,
) -> anyhow::Result<PoolReport> {
    let start = Instant::now();
    let spread = PERIOD / streams.len().max(1) as u32;
    let mut connections = Vec::new();
    for (place, stream) in streams.into_iter().enumerate() {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        connections.push(Connection {
            stream,
            waiting: None,
            next: start + spread * place as u32,
            byte: 0,
        });
    }
    let mut report = PoolReport::default();
    while !stop.load(Ordering::Relaxed) {
        connections.retain_mut(|connection| match connection.step(&mut report) {
            Ok(()) => true,
            Err(error) => {
                report.broken.push(error.to_string());
                false
            }
        });
        broken.store(report.broken.len(), Ordering::Relaxed);
        thread::sleep(TICK);
    }
    Ok(report)
}

impl Connection {
    fn step(&mut self, report: &mut PoolReport) -> io::Result<()> {
        let now = Instant::now();
        let Some(since) = self.waiting else {
            if now >= self.next {
                self.byte = self.byte.wrapping_add(1);
                self.stream.write_all(&[self.byte])?;
                self.waiting = Some(now);
                self.next = now + PERIOD;
            }
            return Ok(());
        };
        let waited = now.duration_since(since);
        report.longest_wait = report.longest_wait.max(waited);
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(1) if byte[0] == self.byte => {
                report.exchanged += 1;
                self.waiting = None;
                Ok(())
            }
            Ok(0) => Err(io::Error::other("the other side closed")),
            Ok(_) => Err(io::Error::other("another byte came back")),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            Err(_) if waited > SILENCE => Err(io::Error::other("no answer for ten seconds")),
            Err(_) => Ok(()),
        }
    }
}
