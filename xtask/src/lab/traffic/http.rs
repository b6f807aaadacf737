//! A web client that does one thing: GET, on a connection of its own.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use socket2::{Domain, Socket, Type};

/// One GET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Where to.
    pub to: SocketAddr,
    /// What.
    pub path: &'a str,
    /// Bound of the whole exchange.
    pub patience: Duration,
    /// Source port; 0 lets the kernel choose.
    pub local_port: u16,
}

impl<'a> Request<'a> {
    /// A GET of `/` within five seconds.
    #[must_use]
    pub const fn new(to: SocketAddr) -> Self {
        Self {
            to,
            path: "/",
            patience: Duration::from_secs(5),
            local_port: 0,
        }
    }

    /// Performs it and returns the body.
    ///
    /// # Errors
    /// When the connection fails, the answer is not 200, or the body is shorter than promised.
    pub fn body(&self) -> anyhow::Result<Vec<u8>> {
        let deadline = Instant::now() + self.patience;
        let mut stream = self.send()?;
        let mut answer = Vec::new();
        let mut chunk = [0; 16384];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("no whole answer within {:?}", self.patience);
            }
            stream.set_read_timeout(Some(left))?;
            match stream.read(&mut chunk).context("read the answer")? {
                0 => break,
                length => answer.extend_from_slice(&chunk[..length]),
            }
        }
        let (length, start) = head(&answer)?.context("the answer ends within its head")?;
        let body = answer.split_off(start);
        if body.len() as u64 != length {
            bail!("{} of {length} bytes came", body.len());
        }
        Ok(body)
    }

    /// Performs it and returns the server's name, which is what `/` holds.
    ///
    /// # Errors
    /// As [`body`](Self::body).
    pub fn server_name(&self) -> anyhow::Result<String> {
        let body = self.body()?;
        Ok(String::from_utf8_lossy(&body).trim_end().to_owned())
    }

    /// Performs it `count` times on `workers` threads.
    #[must_use]
    pub fn many(&self, count: usize, workers: usize) -> Tally {
        let next = AtomicUsize::new(0);
        let start = Instant::now();
        let work = || {
            let mut tally = Tally::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return tally;
                }
                tally.add(self.server_name().with_context(|| {
                    format!(
                        "request {number}, {} ms after the first",
                        start.elapsed().as_millis()
                    )
                }));
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            let mut sum = Tally::default();
            for worker in workers {
                match worker.join() {
                    Ok(tally) => sum.merge(tally),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            sum
        })
    }

    /// Connects and sends the request.
    pub(super) fn send(&self) -> anyhow::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(self.to), Type::STREAM, None)?;
        if self.local_port != 0 {
            let any = match self.to {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            socket.set_reuse_address(true)?;
            socket
                .bind(&SocketAddr::new(any, self.local_port).into())
                .with_context(|| format!("bind port {}", self.local_port))?;
        }
        socket
            .connect_timeout(&self.to.into(), self.patience)
            .with_context(|| format!("connect to {}", self.to))?;
        let mut stream = TcpStream::from(socket);
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n",
            self.path
        );
        stream
            .write_all(request.as_bytes())
            .context("send the request")?;
        Ok(stream)
    }
}

/// Who answered how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answers by server.
    pub served: BTreeMap<String, usize>,
    /// Why requests failed.
    pub failed: Vec<String>,
}

impl Tally {
    /// Adds one outcome.
    pub fn add(&mut self, outcome: anyhow::Result<String>) {
        match outcome {
            Ok(server) => *self.served.entry(server).or_default() += 1,
            Err(error) => self.failed.push(format!("{error:#}")),
        }
    }

    /// Each server's share of the answers, in percent.
    #[must_use]
    pub fn shares(&self) -> BTreeMap<&str, f64> {
        let all: usize = self.served.values().sum();
        self.served
            .iter()
            .map(|(server, count)| (server.as_str(), *count as f64 * 100.0 / all as f64))
            .collect()
    }

    fn merge(&mut self, other: Self) {
        for (server, count) in other.served {
            *self.served.entry(server).or_default() += count;
        }
        self.failed.extend(other.failed);
    }
}

/// Reads the head of a 200 answer: length of the body and where it starts; `None` while the head is incomplete.
pub(super) fn head(answer: &[u8]) -> anyhow::Result<Option<(u64, usize)>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&answer[..end]).context("the answer's head is no text")?;
    if !head.starts_with("HTTP/1.1 200 ") {
        bail!("answer: {}", head.lines().next().unwrap_or_default());
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .context("the answer has no Content-Length")?;
    Ok(Some((length.parse()?, end + 4)))
}

#[cfg(test)]
mod tests;
