//! Pings the virtual address a thousand times a second and finds the longest silence.

use std::{
    collections::BTreeSet,
    io::Read as _,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use socket2::{Domain, Protocol, Socket, Type};

use super::packet;
use crate::lab::namespace::Namespace;

const INTERVAL: Duration = Duration::from_millis(1);
const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;

/// A running probe.
#[derive(Debug)]
pub struct PingProbe {
    stop: Arc<AtomicBool>,
    sender: JoinHandle<Vec<Instant>>,
    receiver: JoinHandle<BTreeSet<u32>>,
}

impl PingProbe {
    /// Starts to ping `target` from the client.
    ///
    /// # Errors
    /// When the sockets cannot be had.
    pub fn start(client: &Namespace, target: Ipv4Addr) -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);

        let identifier = NEXT.fetch_add(1, Ordering::Relaxed) as u16;
        let socket = client.run(|| {
            Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))
                .context("open an ICMP socket")
        })?;
        socket.connect(&SocketAddr::from((target, 0)).into())?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        socket.set_recv_buffer_size(4 << 20)?;
        let outgoing = socket.try_clone().context("ICMP socket")?;
        let stop = Arc::new(AtomicBool::new(false));
        let (ends, ended) = (Arc::clone(&stop), Arc::clone(&stop));
        Ok(Self {
            stop,
            sender: thread::Builder::new()
                .name("ping-send".to_owned())
                .spawn(move || send(&outgoing, identifier, &ends))?,
            receiver: thread::Builder::new()
                .name("ping-receive".to_owned())
                .spawn(move || receive(&socket, identifier, &ended))?,
        })
    }

    /// Ends the probe.
    ///
    /// # Errors
    /// When one of its threads panicked.
    pub fn finish(self) -> anyhow::Result<PingReport> {
        self.stop.store(true, Ordering::Relaxed);
        let panicked = |_| anyhow::anyhow!("the ping probe panicked");
        let sent = self.sender.join().map_err(panicked)?;
        let answered = self.receiver.join().map_err(panicked)?;
        Ok(PingReport { sent, answered })
    }
}

/// Which pings were answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingReport {
    sent: Vec<Instant>,
    answered: BTreeSet<u32>,
}

impl PingReport {
    /// Pings sent.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.sent.len()
    }

    /// Pings answered.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.answered.len()
    }

    /// Pings without an answer among those sent within a silence: what a client loses, however late the probe itself was.
    #[must_use]
    pub fn lost(&self, gap: &Gap) -> usize {
        let within = |at: &Instant| gap.from < *at && *at < gap.to;
        let sent = (0u32..).zip(&self.sent).filter(|(_, at)| within(at));
        sent.filter(|(place, _)| !self.answered.contains(place))
            .count()
    }

    /// The longest silence that ended at or after `since`: between two answered pings, by when they were sent, or up to
    /// the last ping sent. `None` when nothing was sent.
    #[must_use]
    pub fn longest_gap(&self, since: Instant) -> Option<Gap> {
        let (first, last) = (self.sent.first()?, self.sent.last()?);
        let mut answered: Vec<_> = self
            .answered
            .iter()
            .filter_map(|place| self.sent.get(*place as usize))
            .collect();
        if answered.is_empty() {
            answered.push(first);
        }
        let ended = answered.windows(2).map(|pair| Gap {
            from: *pair[0],
            to: *pair[1],
            ended: true,
        });
        let open = answered.last().map(|from| Gap {
            from: **from,
            to: *last,
            ended: false,
        });
        ended
            .chain(open)
            .filter(|gap| gap.to >= since)
            .max_by_key(Gap::length)
    }
}

/// A silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// When the last answered ping before it was sent.
    pub from: Instant,
    /// When the first answered ping after it was sent, or the last one.
    pub to: Instant,
    /// Whether answers came back.
    pub ended: bool,
}

impl Gap {
    /// How long it was.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.to.duration_since(self.from)
    }
}

fn send(socket: &Socket, identifier: u16, stop: &AtomicBool) -> Vec<Instant> {
    let mut sent = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let at = Instant::now();
        // Unreachable while nobody answers ARP; the ping then counts as unanswered.
        let _lost = socket.send(&request(identifier, sent.len() as u32));
        sent.push(at);
        thread::sleep(INTERVAL.saturating_sub(at.elapsed()));
    }
    sent
}

fn receive(mut socket: &Socket, identifier: u16, stop: &AtomicBool) -> BTreeSet<u32> {
    let mut answered = BTreeSet::new();
    let mut packet = [0; 256];
    loop {
        match socket.read(&mut packet) {
            Ok(length) => answered.extend(reply(&packet[..length], identifier)),
            Err(error) if packet::nothing_yet(&error) && stop.load(Ordering::Relaxed) => {
                return answered;
            }
            // Host unreachable and the like: reported once, then the socket goes on.
            Err(_) => {}
        }
    }
}

/// An echo request that carries `place` as data.
fn request(identifier: u16, place: u32) -> [u8; 12] {
    let mut packet = [0; 12];
    packet[0] = ECHO_REQUEST;
    packet[4..6].copy_from_slice(&identifier.to_be_bytes());
    packet[6..8].copy_from_slice(&(place as u16).to_be_bytes());
    packet[8..12].copy_from_slice(&place.to_be_bytes());
    let sum: u32 = packet
        .chunks_exact(2)
        .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !((folded & 0xffff) + (folded >> 16)) as u16;
    packet[2..4].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// Reads the place from an echo reply, which comes with its IP header.
fn reply(packet: &[u8], identifier: u16) -> Option<u32> {
    let header = usize::from(packet.first()? & 15) * 4;
    let icmp = packet.get(header..header + 12)?;
    let ours = icmp[0] == ECHO_REPLY && icmp[4..6] == identifier.to_be_bytes();
    ours.then(|| u32::from_be_bytes([icmp[8], icmp[9], icmp[10], icmp[11]]))
}

#[cfg(test)]
mod tests;
