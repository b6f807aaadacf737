//! A stream of numbered datagrams that come back.

use std::{
    io,
    net::{Ipv6Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;

use crate::lab::namespace::Namespace;

/// Bytes of a datagram.
const LENGTH: usize = 1000;
/// Those that leave at once.
const BURST: u64 = 4;
/// From burst to burst.
const PERIOD: Duration = Duration::from_millis(2);
/// How long the last may be on their way.
const RETURN: Duration = Duration::from_millis(500);

/// Datagrams to a server that returns them, 2000 a second of 1000 bytes.
#[derive(Debug)]
pub struct Datagrams {
    stop: Arc<AtomicBool>,
    driver: JoinHandle<anyhow::Result<DatagramReport>>,
}

/// How they fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatagramReport {
    /// Sent.
    pub sent: u64,
    /// Back, every byte of them as it was sent.
    pub returned: u64,
    /// Back with other bytes.
    pub corrupted: u64,
}

impl Datagrams {
    /// Starts to send from the client.
    ///
    /// # Errors
    /// When there is no socket to be had.
    pub fn start(client: &Namespace, to: SocketAddr) -> anyhow::Result<Self> {
        let socket = client.run(|| {
            let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?;
            let mapped = match to {
                SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped(), v4.port()).into(),
                SocketAddr::V6(_) => to,
            };
            socket.connect(mapped).context("connect")?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        })?;
        let stop = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&stop);
        let driver = thread::Builder::new()
            .name("datagrams".to_owned())
            .spawn(move || exchange(&socket, &ends))?;
        Ok(Self { stop, driver })
    }

    /// Ends the stream, and waits for the last.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn finish(self) -> anyhow::Result<DatagramReport> {
        self.stop.store(true, Ordering::Relaxed);
        match self.driver.join() {
            Ok(report) => report,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn exchange(socket: &UdpSocket, stop: &AtomicBool) -> anyhow::Result<DatagramReport> {
    let mut report = DatagramReport::default();
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..BURST {
            match socket.send(&datagram(report.sent)) {
                Ok(_) => report.sent += 1,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("send a datagram"),
            }
        }
        receive(socket, &mut report)?;
        thread::sleep(PERIOD);
    }
    let end = Instant::now() + RETURN;
    while Instant::now() < end && report.returned + report.corrupted < report.sent {
        receive(socket, &mut report)?;
        thread::sleep(PERIOD);
    }
    Ok(report)
}

fn receive(socket: &UdpSocket, report: &mut DatagramReport) -> anyhow::Result<()> {
    let mut bytes = [0; LENGTH + 1];
    loop {
        match socket.recv(&mut bytes) {
            Ok(length) => {
                let number = bytes
                    .first_chunk()
                    .map_or(0, |head| u64::from_be_bytes(*head));
                if number < report.sent && bytes[..length] == datagram(number)[..] {
                    report.returned += 1;
                } else {
                    report.corrupted += 1;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error).context("receive a datagram"),
        }
    }
}

/// The datagram of this number: the number, then bytes that only it has.
fn datagram(number: u64) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    let words = 1..=(LENGTH / 8 - 1) as u64;
    bytes.extend(
        words.flat_map(|word| (number ^ word.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes()),
    );
    bytes
}
