//! Receiving: what waits, several datagrams in one system call, into buffers that are used again.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv6Addr},
    os::fd::AsRawFd,
    time::Duration,
};

use nix::{
    sys::{
        socket::{
            ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrIn, SockaddrIn6, recvmmsg,
        },
        time::TimeSpec,
    },
    time::{ClockId, clock_gettime},
};
use smallvec::SmallVec;

use super::VrrpSocket;
use crate::{
    config::model::Family,
    vrrp::wire::{Carrier, Incoming},
};

/// Larger than any advert: 255 IPv6 addresses, headers and proofs.
const DATAGRAM_MAX: usize = 4608;
/// Datagrams of one system call.
const BATCH: usize = 16;
/// An IPv4 header without options (RFC 791 §3.1).
const IP_HEADER: usize = 20;

/// A datagram as it arrived. Common adverts need no memory of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Which protocol it came by.
    pub carrier: Carrier,
    /// How long it waited in the socket.
    pub waited: Duration,
    header: SmallVec<[u8; IP_HEADER]>,
    payload: SmallVec<[u8; 96]>,
}

impl Datagram {
    /// The packet to be judged.
    #[must_use]
    pub fn packet(&self) -> Incoming<'_> {
        Incoming {
            source: self.source,
            destination: self.destination,
            ttl: self.ttl,
            carrier: self.carrier,
            header: &self.header,
            payload: &self.payload,
        }
    }
}

/// Buffers for receiving, shared by all sockets.
#[derive(Debug)]
pub struct Inbox {
    /// One datagram after the other. Memory that is zero from the start is not there before something is received into it.
    bytes: Vec<u8>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            bytes: vec![0; BATCH * DATAGRAM_MAX],
        }
    }
}

impl VrrpSocket {
    /// Receives what waits, at most `budget` and never more than a few at once, and adds it to `datagrams`. A datagram whose
    /// IP header makes no sense counts and is passed over. Returns how many were taken off the socket.
    ///
    /// # Errors
    /// `WouldBlock` when there is none.
    pub fn receive(
        &self,
        inbox: &mut Inbox,
        budget: usize,
        datagrams: &mut Vec<Datagram>,
    ) -> io::Result<usize> {
        let count = budget.clamp(1, BATCH);
        let carrier = self.kind.carrier;
        let fd = self.socket.as_raw_fd();
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = inbox
            .bytes
            .chunks_mut(DATAGRAM_MAX)
            .take(count)
            .map(|buffer| [IoSliceMut::new(buffer)])
            .collect();
        let before = datagrams.len();
        let mut taken = 0;
        match self.kind.family {
            Family::V4 => {
                let space = nix::cmsg_space!(TimeSpec);
                let mut headers = MultiHeaders::<SockaddrIn>::preallocate(count, Some(space));
                let flags = MsgFlags::empty();
                for message in recvmmsg(fd, &mut headers, slices.iter_mut(), flags, None)? {
                    taken += 1;
                    datagrams.extend(read_v4(&message, carrier));
                }
            }
            Family::V6 => {
                let space = nix::cmsg_space!(libc::in6_pktinfo, libc::c_int, TimeSpec);
                let mut headers = MultiHeaders::<SockaddrIn6>::preallocate(count, Some(space));
                let flags = MsgFlags::empty();
                for message in recvmmsg(fd, &mut headers, slices.iter_mut(), flags, None)? {
                    taken += 1;
                    datagrams.extend(read_v6(&message, carrier));
                }
            }
        }
        debug_assert!(datagrams.len() - before <= taken);
        Ok(taken)
    }
}

/// A raw IPv4 socket delivers the IP header too.
fn read_v4(message: &RecvMsg<'_, '_, SockaddrIn>, carrier: Carrier) -> Option<Datagram> {
    let waited = message.cmsgs().ok()?.find_map(|item| match item {
        ControlMessageOwned::ScmTimestampns(arrival) => Some(since(arrival)),
        _ => None,
    });
    let datagram = strip_ipv4(message.iovs().next()?, carrier)?;
    Some(Datagram {
        waited: waited.unwrap_or_default(),
        ..datagram
    })
}

fn read_v6(message: &RecvMsg<'_, '_, SockaddrIn6>, carrier: Carrier) -> Option<Datagram> {
    let (mut ttl, mut destination, mut waited) = (None, None, Duration::ZERO);
    for item in message.cmsgs().ok()? {
        match item {
            ControlMessageOwned::Ipv6HopLimit(limit) => ttl = u8::try_from(limit).ok(),
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                destination = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr));
            }
            ControlMessageOwned::ScmTimestampns(arrival) => waited = since(arrival),
            _ => {}
        }
    }
    Some(Datagram {
        source: message.address?.ip().into(),
        destination: destination?.into(),
        ttl: ttl?,
        carrier,
        waited,
        header: SmallVec::new(),
        payload: SmallVec::from_slice(message.iovs().next().unwrap_or_default()),
    })
}

/// Time since the kernel took the datagram in; zero when the wall clock was set back meanwhile.
fn since(arrival: TimeSpec) -> Duration {
    let now = clock_gettime(ClockId::CLOCK_REALTIME).unwrap_or(arrival);
    Duration::from(now).saturating_sub(Duration::from(arrival))
}

/// Splits what a raw IPv4 socket delivers into header facts and payload (RFC 791 §3.1).
pub(super) fn strip_ipv4(bytes: &[u8], carrier: Carrier) -> Option<Datagram> {
    let header = bytes.first_chunk::<IP_HEADER>()?;
    let header_length = (usize::from(header[0] & 0x0f) * 4).max(IP_HEADER);
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let payload = bytes.get(header_length..total.min(bytes.len()))?;
    let address =
        |at: usize| IpAddr::from([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    Some(Datagram {
        source: address(12),
        destination: address(16),
        ttl: header[8],
        carrier,
        waited: Duration::ZERO,
        header: SmallVec::from_slice(bytes.get(..header_length)?),
        payload: SmallVec::from_slice(payload),
    })
}
