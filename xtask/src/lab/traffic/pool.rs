//! Many connections that exchange a byte now and then, and must not break.

use std::{
    collections::BTreeMap,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use nix::sys::socket::{setsockopt, sockopt};

use crate::lab::{namespace::Namespace, slowness};

const PERIOD: Duration = Duration::from_millis(50);
const TICK: Duration = Duration::from_millis(5);
const SILENCE: Duration = Duration::from_secs(10);
/// A connection that is closed is no more.
const AT_ONCE: libc::linger = libc::linger {
    l_onoff: 1,
    l_linger: 0,
};

/// Open connections to an [`EchoServer`](super::EchoServer).
#[derive(Debug)]
pub struct ConnectionPool {
    seen: Arc<Seen>,
    clients: Vec<SocketAddr>,
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
    /// How many connections each server had, by its mark.
    pub owners: BTreeMap<u8, usize>,
}

impl ConnectionPool {
    /// Opens `count` connections from the client and starts the exchange: a byte every 50 ms on each. A byte that is not back after ten
    /// seconds, or comes back from another server than the one before, counts as a broken connection. All of it is slower on a slow machine.
    ///
    /// # Errors
    /// When a connection cannot be opened.
    pub fn open(client: &Namespace, to: SocketAddr, count: usize) -> anyhow::Result<Self> {
        Self::open_every(client, to, count, PERIOD)
    }

    /// The same with a byte every `period`.
    ///
    /// # Errors
    /// When a connection cannot be opened.
    pub fn open_every(
        client: &Namespace,
        to: SocketAddr,
        count: usize,
        period: Duration,
    ) -> anyhow::Result<Self> {
        let open = || TcpStream::connect_timeout(&to, Duration::from_secs(5));
        let streams: Vec<_> = client.run(|| {
            (0..count)
                .map(|_| open().with_context(|| format!("connect to {to}")))
                .collect()
        })?;
        let clients = streams
            .iter()
            .map(TcpStream::local_addr)
            .collect::<Result<_, _>>()?;
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        let driver = thread::Builder::new()
            .name("pool".to_owned())
            .spawn(move || exchange(streams, period * slowness(), &shared))?;
        Ok(Self {
            seen,
            clients,
            driver,
        })
    }

    /// How many connections are broken so far.
    #[must_use]
    pub fn broken(&self) -> usize {
        self.why_broken().len()
    }

    /// Why, one line each.
    #[must_use]
    pub fn why_broken(&self) -> Vec<String> {
        self.seen.broken().clone()
    }

    /// The bytes that have come back on each connection that is not broken, at least.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.seen.rounds.load(Ordering::Relaxed)
    }

    /// The connections' own addresses.
    #[must_use]
    pub fn clients(&self) -> &[SocketAddr] {
        &self.clients
    }

    /// Ends the exchange.
    ///
    /// # Errors
    /// When the sockets cannot be set up.
    pub fn finish(self) -> anyhow::Result<PoolReport> {
        self.seen.stop.store(true, Ordering::Relaxed);
        match self.driver.join() {
            Ok(report) => report,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// What the driver and the owner of a pool share.
#[derive(Debug, Default)]
struct Seen {
    stop: AtomicBool,
    broken: Mutex<Vec<String>>,
    rounds: AtomicU64,
}

impl Seen {
    fn broken(&self) -> MutexGuard<'_, Vec<String>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Connection {
    stream: TcpStream,
    /// When the byte under way left.
    waiting: Option<Instant>,
    next: Instant,
    byte: u8,
    /// Bytes that have come back.
    rounds: u64,
    /// The mark of the server that answers.
    owner: Option<u8>,
}

fn exchange(streams: Vec<TcpStream>, period: Duration, seen: &Seen) -> anyhow::Result<PoolReport> {
    let start = Instant::now();
    let spread = period / streams.len().max(1) as u32;
    let mut connections = Vec::new();
    for (place, stream) in streams.into_iter().enumerate() {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        // Ended by a reset, which no load balancer remembers for long.
        setsockopt(&stream, sockopt::Linger, &AT_ONCE)?;
        connections.push(Connection {
            stream,
            waiting: None,
            next: start + spread * place as u32,
            byte: 0,
            rounds: 0,
            owner: None,
        });
    }
    let mut report = PoolReport::default();
    while !seen.stop.load(Ordering::Relaxed) {
        connections.retain_mut(|connection| match connection.step(period, &mut report) {
            Ok(()) => true,
            Err(error) => {
                seen.broken().push(error.to_string());
                false
            }
        });
        let rounds = connections.iter().map(|connection| connection.rounds);
        seen.rounds
            .store(rounds.min().unwrap_or_default(), Ordering::Relaxed);
        thread::sleep(TICK * slowness());
    }
    report.broken.clone_from(&seen.broken());
    for owner in connections.iter().filter_map(|connection| connection.owner) {
        *report.owners.entry(owner).or_default() += 1;
    }
    Ok(report)
}

impl Connection {
    fn step(&mut self, period: Duration, report: &mut PoolReport) -> io::Result<()> {
        let now = Instant::now();
        let Some(since) = self.waiting else {
            if now >= self.next {
                self.byte = self.byte.wrapping_add(1);
                self.stream.write_all(&[self.byte])?;
                self.waiting = Some(now);
                self.next = now + period;
            }
            return Ok(());
        };
        let waited = now.duration_since(since);
        report.longest_wait = report.longest_wait.max(waited);
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(1) if *self.owner.get_or_insert(byte[0] ^ self.byte) == byte[0] ^ self.byte => {
                report.exchanged += 1;
                self.rounds += 1;
                self.waiting = None;
                Ok(())
            }
            Ok(0) => Err(io::Error::other("the other side closed")),
            Ok(_) => Err(io::Error::other(
                "another byte came back, or another server's",
            )),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            Err(_) if waited > SILENCE * slowness() => {
                Err(io::Error::other("no answer for too long"))
            }
            Err(_) => Ok(()),
        }
    }
}
