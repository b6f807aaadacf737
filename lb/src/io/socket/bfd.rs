//! UDP sockets of BFD: one to receive for each family and port (RFC 5881 §4, RFC 5883 §5), one to send for each session.

use std::{
    cell::Cell,
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrIn, SockaddrIn6, SockaddrLike,
    recvmmsg, setsockopt, sockopt,
};
use smallvec::SmallVec;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::{
    bfd::SOURCE_PORTS,
    config::model::{Family, bfd::BfdInstance},
};
use lb_common::bfd::{MULTIHOP_PORT, SINGLE_HOP_PORT};

/// Larger than any packet: 24 bytes and an authentication section of at most 28.
const DATAGRAM_MAX: usize = 256;
/// Datagrams of one system call.
const BATCH: usize = 32;
/// Room for what waits while this process does not run: a thousand sessions at 10 ms for a second.
const RECEIVE_BUFFER: usize = 32 << 20;
/// A socket to send with receives nothing that matters.
const NO_BUFFER: usize = 1;
/// Network control (RFC 2474): what a router drops last.
const TRAFFIC_CLASS: u32 = 0xc0;
/// Ports that are tried before there is said to be none.
const ATTEMPTS: usize = 64;

/// What tells receiving sockets apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inlet {
    /// IPv4 or IPv6.
    pub family: Family,
    /// Whether it is for sessions over several hops.
    pub is_multihop: bool,
}

impl Inlet {
    /// Where the packets of a session arrive.
    #[must_use]
    pub fn of(config: &BfdInstance) -> Self {
        Self {
            family: Family::of(config.neighbor),
            is_multihop: config.multihop,
        }
    }

    /// The UDP port.
    #[must_use]
    pub const fn port(self) -> u16 {
        if self.is_multihop {
            MULTIHOP_PORT
        } else {
            SINGLE_HOP_PORT
        }
    }
}

/// A datagram as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// The payload.
    pub payload: SmallVec<[u8; 56]>,
}

/// A non-blocking socket that receives.
#[derive(Debug)]
pub struct BfdReceiver {
    socket: Socket,
    inlet: Inlet,
}

impl AsFd for BfdReceiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl BfdReceiver {
    /// Opens a socket at every address of this machine.
    ///
    /// # Errors
    /// When somebody else has the port.
    pub fn open(inlet: Inlet) -> io::Result<Self> {
        let socket = udp(inlet.family)?;
        let any: IpAddr = match inlet.family {
            Family::V4 => {
                setsockopt(&socket, sockopt::Ipv4RecvTtl, &true)?;
                setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
                Ipv4Addr::UNSPECIFIED.into()
            }
            Family::V6 => {
                socket.set_only_v6(true)?;
                socket.set_recv_hoplimit_v6(true)?;
                setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
                Ipv6Addr::UNSPECIFIED.into()
            }
        };
        // Beyond net.core.rmem_max where that is allowed.
        setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER)
            .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER))?;
        socket.bind(&SocketAddr::new(any, inlet.port()).into())?;
        Ok(Self { socket, inlet })
    }

    /// Receives what waits, a batch at most, and adds it to `datagrams`. Returns how many were taken off the socket; one without TTL
    /// or destination counts and is passed over.
    ///
    /// # Errors
    /// `WouldBlock` when there is none.
    pub fn receive(&self, datagrams: &mut Vec<Datagram>) -> io::Result<usize> {
        match self.inlet.family {
            Family::V4 => {
                let space = nix::cmsg_space!(libc::c_int, libc::in_pktinfo);
                let source = |from: &SockaddrIn| from.ip().into();
                self.receive_from(space, source, datagrams)
            }
            Family::V6 => {
                let space = nix::cmsg_space!(libc::c_int, libc::in6_pktinfo);
                let source = |from: &SockaddrIn6| from.ip().into();
                self.receive_from(space, source, datagrams)
            }
        }
    }

    fn receive_from<S: Copy + SockaddrLike + 'static>(
        &self,
        space: Vec<u8>,
        source: impl Fn(&S) -> IpAddr,
        datagrams: &mut Vec<Datagram>,
    ) -> io::Result<usize> {
        let mut bytes = [0; BATCH * DATAGRAM_MAX];
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = bytes
            .chunks_mut(DATAGRAM_MAX)
            .map(|buffer| [IoSliceMut::new(buffer)])
            .collect();
        let mut headers = MultiHeaders::<S>::preallocate(BATCH, Some(space));
        let (fd, flags) = (self.socket.as_raw_fd(), MsgFlags::empty());
        let mut taken = 0;
        for message in recvmmsg(fd, &mut headers, slices.iter_mut(), flags, None)? {
            taken += 1;
            datagrams.extend(read(&message, &source));
        }
        Ok(taken)
    }
}

fn read<S>(message: &RecvMsg<'_, '_, S>, source: impl Fn(&S) -> IpAddr) -> Option<Datagram> {
    let (mut ttl, mut destination) = (None, None);
    for item in message.cmsgs().ok()? {
        match item {
            ControlMessageOwned::Ipv4Ttl(found) | ControlMessageOwned::Ipv6HopLimit(found) => {
                ttl = u8::try_from(found).ok();
            }
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                let octets = info.ipi_addr.s_addr.to_ne_bytes();
                destination = Some(IpAddr::from(octets));
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                destination = Some(IpAddr::from(info.ipi6_addr.s6_addr));
            }
            _ => {}
        }
    }
    Some(Datagram {
        source: source(message.address.as_ref()?),
        destination: destination?,
        ttl: ttl?,
        payload: SmallVec::from_slice(message.iovs().next().unwrap_or_default()),
    })
}

/// A non-blocking socket that sends the packets of one session, all from one port.
#[derive(Debug)]
pub struct BfdSender {
    socket: Socket,
    to: SockAddr,
    /// The source is the configuration's, so that it may be connected: the kernel looks the way up once, not for each packet.
    keeps_source: bool,
    is_connected: Cell<bool>,
}

impl BfdSender {
    /// Opens a socket; `choose` gives ports to try.
    ///
    /// # Errors
    /// When this machine does not have the source address, or all ports that were tried are taken.
    pub fn open(config: &BfdInstance, mut choose: impl FnMut() -> u16) -> io::Result<Self> {
        let inlet = Inlet::of(config);
        let socket = udp(inlet.family)?;
        let any: IpAddr = match inlet.family {
            Family::V4 => {
                socket.set_ttl_v4(config.ttl.into())?;
                socket.set_tos_v4(TRAFFIC_CLASS)?;
                Ipv4Addr::UNSPECIFIED.into()
            }
            Family::V6 => {
                socket.set_only_v6(true)?;
                socket.set_unicast_hops_v6(config.ttl.into())?;
                socket.set_tclass_v6(TRAFFIC_CLASS)?;
                Ipv6Addr::UNSPECIFIED.into()
            }
        };
        setsockopt(&socket, sockopt::RcvBuf, &NO_BUFFER)?;
        let source = config.source.unwrap_or(any);
        let mut bound = Err(io::ErrorKind::AddrInUse.into());
        for _ in 0..ATTEMPTS {
            bound = socket.bind(&SocketAddr::new(source, choose()).into());
            if !matches!(&bound, Err(error) if error.kind() == io::ErrorKind::AddrInUse) {
                break;
            }
        }
        bound?;
        Ok(Self {
            socket,
            to: SocketAddr::new(config.neighbor, inlet.port()).into(),
            keeps_source: config.source.is_some(),
            is_connected: Cell::new(false),
        })
    }

    /// Sends a packet.
    ///
    /// # Errors
    /// When there is no route, or no room.
    pub fn send(&self, payload: &[u8]) -> io::Result<()> {
        if !self.is_connected.get() && self.keeps_source {
            self.is_connected.set(self.socket.connect(&self.to).is_ok());
        }
        if self.is_connected.get() && self.socket.send(payload).is_ok() {
            return Ok(());
        }
        // A connected socket tells first what became of an earlier packet, which is that one's loss.
        self.socket.send_to(payload, &self.to).map(drop)
    }
}

/// A port to send from.
pub fn source_port(rng: &mut fastrand::Rng) -> u16 {
    rng.u16(SOURCE_PORTS)
}

fn udp(family: Family) -> io::Result<Socket> {
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))
}

#[cfg(test)]
mod tests;
