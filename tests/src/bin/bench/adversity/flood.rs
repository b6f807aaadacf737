//! Adverts that change nothing: forged, broken, replayed, of strangers.

use std::{
    io,
    time::{Duration, Instant},
};

use tests::packet::{Packet, advert_every};
use xtask::lab::{Namespace, probe::Frames};

/// The virtual router of the lab's file.
const VRID: u8 = 51;
/// Its advert interval, in centiseconds.
const INTERVAL: u16 = 10;
/// Different frames that are sent over and over.
const KINDS: usize = 4096;

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// Both.
pub(super) const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

impl Family {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }

    const fn group_mac(self) -> [u8; 6] {
        match self {
            Self::V4 => [0x01, 0, 0x5e, 0, 0, 18],
            Self::V6 => [0x33, 0x33, 0, 0, 0, 0x12],
        }
    }

    /// The source of a stranger, of whom there are many.
    fn stranger(self, random: &mut fastrand::Rng) -> String {
        match self {
            Self::V4 => format!("192.0.2.{}", random.u8(130..250)),
            Self::V6 => format!("fe80::5e:{:x}", random.u16(0x1000..)),
        }
    }

    const fn master(self) -> &'static str {
        match self {
            Self::V4 => "192.0.2.11",
            Self::V6 => "fe80::ff:fe00:11",
        }
    }

    const fn addresses(self) -> &'static [&'static str] {
        match self {
            Self::V4 => &["192.0.2.100", "192.0.2.101", "198.51.100.1"],
            Self::V6 => &["fe80::5e:100", "2001:db8::100", "2001:db8::101"],
        }
    }
}

/// A way into the segment, and what goes there.
pub(super) struct Flood {
    out: Frames,
    frames: Vec<Vec<u8>>,
}

impl Flood {
    /// From the `eth0` of a namespace.
    pub(super) fn new(namespace: &Namespace, family: Family) -> anyhow::Result<Self> {
        let mut random = fastrand::Rng::with_seed(1);
        let frames = (0..KINDS).map(|number| frame(family, number, &mut random));
        Ok(Self {
            out: Frames::open(namespace, "eth0")?,
            frames: frames.collect(),
        })
    }

    /// Sends so many as fast as they leave; how long that took.
    pub(super) fn send(&self, count: usize) -> anyhow::Result<Duration> {
        let start = Instant::now();
        for frame in self.frames.iter().cycle().take(count) {
            loop {
                match self.out.send(frame) {
                    Ok(()) => break,
                    Err(error) if error.raw_os_error() == Some(nix::libc::ENOBUFS) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(start.elapsed())
    }
}

/// None of them may change who is MASTER: what is right in every respect is of a router that is worse than the backup.
fn frame(family: Family, number: usize, random: &mut fastrand::Rng) -> Vec<u8> {
    let stranger = family.stranger(random);
    let mut packet = advert(VRID, random.u8(1..100), &stranger, family);
    match number % 8 {
        // Right, and worse.
        0 => {}
        // A better one with a wrong checksum.
        1 => {
            packet = advert(VRID, 254, &stranger, family);
            packet.payload[6] ^= random.u8(1..);
        }
        // The master resigns, says somebody who is not on the segment.
        2 => {
            packet = advert(VRID, 0, family.master(), family);
            packet.ttl = random.u8(1..255);
        }
        // A virtual router that is not here.
        3 => packet = advert(random.u8(100..200), 254, &stranger, family),
        // Cut off.
        4 => packet.payload.truncate(random.usize(0..8)),
        // More addresses than there are.
        5 => packet.payload[3] = random.u8(4..),
        // Another version, type or priority; the checksum is the old one.
        6 => packet.payload[0] = random.u8(..) & 0x7f,
        // Anything.
        _ => {
            for byte in &mut packet.payload {
                *byte = random.u8(..);
            }
        }
    }
    packet.bytes()
}

fn advert(vrid: u8, priority: u8, source: &str, family: Family) -> Packet {
    let mut packet = advert_every(INTERVAL, 3, vrid, priority, source, family.addresses());
    packet.to_mac = family.group_mac();
    packet
}
