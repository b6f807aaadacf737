//! Asks "who has the virtual address?" all the time and records who answers.
//!
//! Each question carries another sender address, one of 64, which the answer repeats: so answers belong to questions.
//! The questions leave from the switch, which has no address and no neighbour cache, so that they refresh nobody's.

use std::{
    collections::BTreeSet,
    fmt,
    io::{Read as _, Write as _},
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use socket2::Socket;

use super::packet;
use crate::lab::{namespace::Namespace, topology::BRIDGE};

const INTERVAL: Duration = Duration::from_millis(1);
const ASKERS: usize = 64;
const FIRST_ASKER: u8 = 128;
const SWITCH_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0xff];

/// A hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A running probe.
#[derive(Debug)]
pub struct ArpProbe {
    stop: Arc<AtomicBool>,
    asker: JoinHandle<Vec<Instant>>,
    listener: JoinHandle<Vec<Answer>>,
}

#[derive(Clone, Copy, Debug)]
struct Answer {
    at: Instant,
    asker: usize,
    mac: Mac,
}

impl ArpProbe {
    /// Starts to ask for `address` once a millisecond.
    ///
    /// # Errors
    /// When the sockets cannot be had.
    pub fn start(switch: &Namespace, address: Ipv4Addr) -> anyhow::Result<Self> {
        let socket = switch.run(|| packet::open(BRIDGE, packet::ETH_P_ARP))?;
        let sender = socket.try_clone().context("packet socket")?;
        let stop = Arc::new(AtomicBool::new(false));
        let (ends, ended) = (Arc::clone(&stop), Arc::clone(&stop));
        Ok(Self {
            stop,
            asker: thread::Builder::new()
                .name("arp-ask".to_owned())
                .spawn(move || ask(&sender, address, &ends))?,
            listener: thread::Builder::new()
                .name("arp-listen".to_owned())
                .spawn(move || listen(&socket, address, &ended))?,
        })
    }

    /// Ends the probe.
    ///
    /// # Errors
    /// When one of its threads panicked.
    pub fn finish(self) -> anyhow::Result<ArpReport> {
        self.stop.store(true, Ordering::Relaxed);
        let panicked = |_| anyhow::anyhow!("the ARP probe panicked");
        let asked = self.asker.join().map_err(panicked)?;
        let answers = self.listener.join().map_err(panicked)?;
        Ok(ArpReport::new(&asked, &answers))
    }
}

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArpReport {
    /// Each question with those who answered it.
    questions: Vec<(Instant, BTreeSet<Mac>)>,
}

impl ArpReport {
    fn new(asked: &[Instant], answers: &[Answer]) -> Self {
        let mut questions: Vec<_> = asked.iter().map(|at| (*at, BTreeSet::new())).collect();
        for answer in answers {
            // The latest question before the answer that carried this asker's address.
            let newest = asked.partition_point(|at| *at <= answer.at);
            let question = (0..newest)
                .rev()
                .take(ASKERS)
                .find(|place| place % ASKERS == answer.asker);
            if let Some(place) = question {
                questions[place].1.insert(answer.mac);
            }
        }
        Self { questions }
    }

    /// Questions asked.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.questions.len()
    }

    /// Everybody who answered after `since`.
    #[must_use]
    pub fn owners(&self, since: Instant) -> BTreeSet<Mac> {
        self.after(since)
            .flat_map(|(_, macs)| macs.iter().copied())
            .collect()
    }

    /// For how long after `since` two or more answered the same question.
    #[must_use]
    pub fn dual_owner(&self, since: Instant) -> Duration {
        self.after(since)
            .zip(self.after(since).skip(1))
            .filter(|((_, macs), _)| macs.len() > 1)
            .map(|((at, _), (next, _))| next.duration_since(*at))
            .sum()
    }

    fn after(&self, since: Instant) -> impl Iterator<Item = &(Instant, BTreeSet<Mac>)> {
        self.questions.iter().filter(move |(at, _)| *at >= since)
    }
}

fn ask(mut socket: &Socket, address: Ipv4Addr, stop: &AtomicBool) -> Vec<Instant> {
    let mut asked = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let frame = question(asked.len() % ASKERS, address);
        let at = Instant::now();
        // A full queue loses the question; it then counts as unanswered.
        let _lost = socket.write(&frame);
        asked.push(at);
        thread::sleep(INTERVAL.saturating_sub(at.elapsed()));
    }
    asked
}

fn listen(mut socket: &Socket, address: Ipv4Addr, stop: &AtomicBool) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut frame = [0; 128];
    loop {
        match socket.read(&mut frame) {
            Ok(length) => answers.extend(answer(&frame[..length], address, Instant::now())),
            Err(_) if stop.load(Ordering::Relaxed) => return answers,
            Err(error) if packet::nothing_yet(&error) => {}
            Err(_) => return answers,
        }
    }
}

/// A broadcast ARP request for `address`.
fn question(asker: usize, address: Ipv4Addr) -> [u8; 42] {
    let mut frame = [0; 42];
    frame[..6].fill(0xff);
    frame[6..12].copy_from_slice(&SWITCH_MAC);
    frame[12..22].copy_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame[22..28].copy_from_slice(&SWITCH_MAC);
    frame[28..32].copy_from_slice(&[192, 0, 2, FIRST_ASKER + asker as u8]);
    frame[38..42].copy_from_slice(&address.octets());
    frame
}

/// A reply that claims `address` for its sender.
fn answer(frame: &[u8], address: Ipv4Addr, at: Instant) -> Option<Answer> {
    let is_reply = frame.get(20..22)? == [0, 2];
    if !is_reply || frame.get(28..32)? != address.octets() {
        return None;
    }
    let asker = frame.get(38..42)?[3].checked_sub(FIRST_ASKER)?;
    Some(Answer {
        at,
        asker: usize::from(asker),
        mac: Mac(frame[22..28].try_into().ok()?),
    })
}

#[cfg(test)]
mod tests;
