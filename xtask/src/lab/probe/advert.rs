//! Hears the VRRP adverts over IPv4 and tells who is master.

use std::{
    io::Read as _,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use socket2::Socket;

use super::packet;
use crate::lab::{namespace::Namespace, topology::BRIDGE};

/// An advert as heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert {
    /// When.
    pub at: Instant,
    /// From whom.
    pub source: Ipv4Addr,
    /// 2 or 3.
    pub version: u8,
    /// Virtual router identifier.
    pub vrid: u8,
    /// Priority; 0 tells that the master leaves.
    pub priority: u8,
}

/// Listens until dropped.
#[derive(Debug)]
pub struct AdvertWatch {
    heard: Arc<Mutex<Vec<Advert>>>,
    stop: Arc<AtomicBool>,
}

impl AdvertWatch {
    /// Starts to listen in the switch.
    ///
    /// # Errors
    /// When the socket cannot be had.
    pub fn start(switch: &Namespace) -> anyhow::Result<Self> {
        let socket = switch.run(|| packet::open(BRIDGE, packet::ETH_P_IP))?;
        let watch = Self {
            heard: Arc::default(),
            stop: Arc::default(),
        };
        let (heard, stop) = (Arc::clone(&watch.heard), Arc::clone(&watch.stop));
        thread::Builder::new()
            .name("adverts".to_owned())
            .spawn(move || listen(&socket, &heard, &stop))?;
        Ok(watch)
    }

    /// Everything heard.
    #[must_use]
    pub fn all(&self) -> Vec<Advert> {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Everything heard since `since`.
    #[must_use]
    pub fn since(&self, since: Instant) -> Vec<Advert> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let first = heard.partition_point(|advert| advert.at < since);
        heard[first..].to_vec()
    }

    /// The longest time without an advert since then; `None` with less than two.
    #[must_use]
    pub fn longest_gap(&self, since: Instant) -> Option<Duration> {
        let heard = self.since(since);
        let gaps = heard.windows(2).map(|pair| pair[1].at - pair[0].at);
        gaps.max()
    }

    /// The next advert from `source` after now.
    ///
    /// # Errors
    /// When none comes within `patience`.
    pub fn next_from(&self, source: Ipv4Addr, patience: Duration) -> anyhow::Result<Advert> {
        let start = Instant::now();
        while start.elapsed() < patience {
            if let Some(advert) = self
                .since(start)
                .into_iter()
                .find(|advert| advert.source == source)
            {
                return Ok(advert);
            }
            thread::sleep(Duration::from_micros(200));
        }
        bail!("no advert from {source} within {patience:?}")
    }

    /// Waits until `master` has been the only one to advertise for four of its adverts.
    ///
    /// # Errors
    /// When that does not come about within `patience`; who was heard last is in the error.
    pub fn wait_for_master(&self, master: Ipv4Addr, patience: Duration) -> anyhow::Result<()> {
        let start = Instant::now();
        while start.elapsed() < patience {
            let heard = self.since(start);
            let alone = heard
                .iter()
                .rev()
                .take_while(|advert| advert.source == master && advert.priority > 0)
                .count();
            if alone >= 4 {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(2));
        }
        let last = self.since(start).pop();
        bail!("{master} is not the only master after {patience:?}; last advert: {last:?}")
    }
}

impl Drop for AdvertWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn listen(mut socket: &Socket, heard: &Mutex<Vec<Advert>>, stop: &AtomicBool) {
    let mut frame = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        let Ok(length) = socket.read(&mut frame) else {
            continue;
        };
        if let Some(advert) = parse(&frame[..length], Instant::now()) {
            heard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(advert);
        }
    }
}

fn parse(frame: &[u8], at: Instant) -> Option<Advert> {
    let ip = frame.get(14..)?;
    let header = usize::from(ip.first()? & 15) * 4;
    if *ip.get(9)? != 112 {
        return None;
    }
    let vrrp = ip.get(header..header + 3)?;
    Some(Advert {
        at,
        source: Ipv4Addr::new(ip[12], ip[13], ip[14], ip[15]),
        version: vrrp[0] >> 4,
        vrid: vrrp[1],
        priority: vrrp[2],
    })
}
