//! The raw socket that carries adverts of one family on one interface (RFC 9568 §5.1).

use std::{
    io::{self, IoSlice, IoSliceMut},
    net::{IpAddr, Ipv6Addr, SocketAddrV6},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    time::Duration,
};

use nix::{
    sys::{
        socket::{
            ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrIn6, recvmsg,
            sendmsg, setsockopt, sockopt,
        },
        time::TimeSpec,
    },
    time::{ClockId, clock_gettime},
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    config::model::{Family, InterfaceName},
    vrrp::advert::{GROUP_V4, GROUP_V6, PROTOCOL, TTL},
};

/// Internetwork control, as keepalived marks adverts.
const TRAFFIC_CLASS: u32 = 0xc0;
/// Larger than any advert: 255 IPv6 addresses and headers.
const DATAGRAM_MAX: usize = 8192;

/// A datagram as it arrived: the VRRP payload and what the IP header said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// How long it waited in the socket.
    pub waited: Duration,
    /// The payload.
    pub payload: Vec<u8>,
}

/// A non-blocking raw socket bound to an interface and joined to the VRRP group.
#[derive(Debug)]
pub struct VrrpSocket {
    socket: Socket,
    family: Family,
    ifindex: u32,
}

impl AsFd for VrrpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl VrrpSocket {
    /// Opens the socket. Needs CAP_NET_RAW.
    ///
    /// # Errors
    /// Without the capability, or when the interface is gone.
    pub fn open(family: Family, interface: &InterfaceName, ifindex: u32) -> io::Result<Self> {
        let domain = match family {
            Family::V4 => Domain::IPV4,
            Family::V6 => Domain::IPV6,
        };
        let socket = Socket::new(
            domain,
            Type::RAW.nonblocking(),
            Some(Protocol::from(i32::from(PROTOCOL))),
        )?;
        socket.bind_device(Some(interface.as_str().as_bytes()))?;
        match family {
            Family::V4 => {
                socket.join_multicast_v4_n(
                    &GROUP_V4,
                    &socket2::InterfaceIndexOrAddress::Index(ifindex),
                )?;
                socket.set_multicast_ttl_v4(TTL.into())?;
                socket.set_multicast_loop_v4(false)?;
                socket.set_tos_v4(TRAFFIC_CLASS)?;
            }
            Family::V6 => {
                socket.join_multicast_v6(&GROUP_V6, ifindex)?;
                socket.set_multicast_hops_v6(TTL.into())?;
                socket.set_multicast_loop_v6(false)?;
                socket.set_tclass_v6(TRAFFIC_CLASS)?;
                socket.set_recv_hoplimit_v6(true)?;
                setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            }
        }
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        Ok(Self {
            socket,
            family,
            ifindex,
        })
    }

    /// Sends `payload` from `source` to the group.
    ///
    /// # Errors
    /// When the link is down or `source` is not an address of this host.
    pub fn send(&self, source: IpAddr, payload: &[u8]) -> io::Result<()> {
        let fd = self.socket.as_raw_fd();
        let payload = [IoSlice::new(payload)];
        let sent = match source {
            IpAddr::V4(source) => {
                let info = libc::in_pktinfo {
                    ipi_ifindex: self.ifindex.cast_signed(),
                    ipi_spec_dst: libc::in_addr {
                        s_addr: u32::from_ne_bytes(source.octets()),
                    },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                let group = SockaddrIn::from(std::net::SocketAddrV4::new(GROUP_V4, 0));
                let control = [ControlMessage::Ipv4PacketInfo(&info)];
                sendmsg(fd, &payload, &control, MsgFlags::empty(), Some(&group))
            }
            IpAddr::V6(source) => {
                let info = libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr {
                        s6_addr: source.octets(),
                    },
                    ipi6_ifindex: self.ifindex,
                };
                let group = SockaddrIn6::from(SocketAddrV6::new(GROUP_V6, 0, 0, self.ifindex));
                let control = [ControlMessage::Ipv6PacketInfo(&info)];
                sendmsg(fd, &payload, &control, MsgFlags::empty(), Some(&group))
            }
        };
        sent.map(drop).map_err(io::Error::from)
    }

    /// Receives one datagram; `None` for one whose IP header makes no sense.
    ///
    /// # Errors
    /// `WouldBlock` when there is none.
    pub fn receive(&self) -> io::Result<Option<Datagram>> {
        match self.family {
            Family::V4 => self.receive_v4(),
            Family::V6 => self.receive_v6(),
        }
    }

    /// A raw IPv4 socket delivers the IP header too.
    fn receive_v4(&self) -> io::Result<Option<Datagram>> {
        let mut buffer = vec![0; DATAGRAM_MAX];
        let mut control = nix::cmsg_space!(TimeSpec);
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let message = recvmsg::<SockaddrIn>(
            self.socket.as_raw_fd(),
            &mut slices,
            Some(&mut control),
            MsgFlags::empty(),
        )?;
        let waited = message.cmsgs()?.find_map(|item| match item {
            ControlMessageOwned::ScmTimestampns(arrival) => Some(since(arrival)),
            _ => None,
        });
        let length = message.bytes;
        let datagram = strip_ipv4(&buffer[..length]);
        Ok(datagram.map(|datagram| Datagram {
            waited: waited.unwrap_or_default(),
            ..datagram
        }))
    }

    fn receive_v6(&self) -> io::Result<Option<Datagram>> {
        let mut buffer = vec![0; DATAGRAM_MAX];
        let mut control = nix::cmsg_space!(libc::in6_pktinfo, libc::c_int, TimeSpec);
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let message = recvmsg::<SockaddrIn6>(
            self.socket.as_raw_fd(),
            &mut slices,
            Some(&mut control),
            MsgFlags::empty(),
        )?;
        let (mut ttl, mut destination, mut waited) = (None, None, Duration::ZERO);
        for item in message.cmsgs()? {
            match item {
                ControlMessageOwned::Ipv6HopLimit(limit) => ttl = u8::try_from(limit).ok(),
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    destination = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr));
                }
                ControlMessageOwned::ScmTimestampns(arrival) => waited = since(arrival),
                _ => {}
            }
        }
        let source = message.address.map(|address| address.ip());
        let length = message.bytes;
        let (Some(source), Some(destination), Some(ttl)) = (source, destination, ttl) else {
            return Ok(None);
        };
        buffer.truncate(length);
        Ok(Some(Datagram {
            source: source.into(),
            destination: destination.into(),
            ttl,
            waited,
            payload: buffer,
        }))
    }
}

/// Time since the kernel took the datagram in; zero when the wall clock was set back meanwhile.
fn since(arrival: TimeSpec) -> Duration {
    let now = clock_gettime(ClockId::CLOCK_REALTIME).unwrap_or(arrival);
    Duration::from(now).saturating_sub(Duration::from(arrival))
}

/// Splits what a raw IPv4 socket delivers into header facts and payload (RFC 791 §3.1).
fn strip_ipv4(bytes: &[u8]) -> Option<Datagram> {
    let header = bytes.first_chunk::<20>()?;
    let header_length = usize::from(header[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let payload = bytes.get(header_length.max(20)..total.min(bytes.len()))?;
    let address =
        |at: usize| IpAddr::from([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    Some(Datagram {
        source: address(12),
        destination: address(16),
        ttl: header[8],
        waited: Duration::ZERO,
        payload: payload.to_vec(),
    })
}

#[cfg(test)]
mod tests;
