//! Raw sockets that carry adverts (RFC 9568 §5.1): one per place, family and protocol.

mod lost;
mod receive;
mod send;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd, BorrowedFd},
};

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

pub use self::{
    receive::{Datagram, Inbox},
    send::Outgoing,
};
use crate::{
    config::model::{Family, InterfaceName},
    vrrp::{
        advert::{TRAFFIC_CLASS, TTL},
        wire::Carrier,
    },
};

/// Where a socket listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// On an interface: what arrives there, to groups and to addresses of this machine.
    Interface(InterfaceName),
    /// At an address, wherever packets to it arrive: unicast without `interface`.
    Address {
        /// The address.
        address: IpAddr,
        /// Whose routes count; the main table's by default.
        vrf: Option<InterfaceName>,
    },
}

/// What tells sockets of one place apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// IPv4 or IPv6.
    pub family: Family,
    /// Protocol 112 or 51.
    pub carrier: Carrier,
}

/// What the instances of one socket need of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Groups to join.
    pub groups: BTreeSet<IpAddr>,
    /// Size of the receive buffer in bytes, `SO_RCVBUF`; the kernel's default where not given.
    pub receive_buffer: Option<u32>,
    /// Some instance has a source of its own, which the machine may not have.
    pub any_source: bool,
}

/// A non-blocking raw socket.
#[derive(Debug)]
pub struct VrrpSocket {
    socket: Socket,
    kind: Kind,
    /// 0 where the routes decide.
    ifindex: u32,
}

impl AsFd for VrrpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl VrrpSocket {
    /// Datagrams it had no room for since it was opened. Wraps around.
    #[must_use]
    pub fn lost(&self) -> u32 {
        lost::lost(self.as_fd())
    }

    /// Opens a socket; `ifindex` is that of the interface, or 0. Needs CAP_NET_RAW, and CAP_NET_ADMIN for sources that the
    /// machine does not have.
    ///
    /// # Errors
    /// Without the capability, or when the interface is gone.
    pub fn open(place: &Place, kind: Kind, ifindex: u32, needs: &Needs) -> io::Result<Self> {
        let domain = match kind.family {
            Family::V4 => Domain::IPV4,
            Family::V6 => Domain::IPV6,
        };
        let protocol = Protocol::from(i32::from(kind.carrier.protocol()));
        let socket = Socket::new(domain, Type::RAW.nonblocking(), Some(protocol))?;
        match kind.family {
            Family::V4 => set_up_v4(&socket, kind.carrier, needs)?,
            Family::V6 => set_up_v6(&socket, needs)?,
        }
        match place {
            Place::Interface(interface) => {
                socket.bind_device(Some(interface.as_str().as_bytes()))?;
            }
            Place::Address { address, vrf } => {
                let vrf = vrf.as_ref().map(|vrf| vrf.as_str().as_bytes());
                socket.bind_device(vrf)?;
                socket.bind(&SocketAddr::new(*address, 0).into())?;
            }
        }
        for group in &needs.groups {
            join(&socket, *group, ifindex)?;
        }
        if let Some(bytes) = needs.receive_buffer {
            let bytes = bytes as usize;
            // Beyond net.core.rmem_max where that is allowed.
            setsockopt(&socket, sockopt::RcvBufForce, &bytes)
                .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &bytes))?;
        }
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        Ok(Self {
            socket,
            kind,
            ifindex,
        })
    }
}

fn set_up_v4(socket: &Socket, carrier: Carrier, needs: &Needs) -> io::Result<()> {
    socket.set_multicast_ttl_v4(TTL.into())?;
    socket.set_multicast_loop_v4(false)?;
    socket.set_tos_v4(TRAFFIC_CLASS.into())?;
    if needs.any_source {
        socket.set_ip_transparent_v4(true)?;
    }
    if carrier == Carrier::Header {
        // The proof covers the IPv4 header, so it comes with the packet.
        socket.set_header_included_v4(true)?;
    }
    Ok(())
}

fn set_up_v6(socket: &Socket, needs: &Needs) -> io::Result<()> {
    socket.set_multicast_hops_v6(TTL.into())?;
    socket.set_multicast_loop_v6(false)?;
    socket.set_tclass_v6(TRAFFIC_CLASS.into())?;
    socket.set_recv_hoplimit_v6(true)?;
    setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    if needs.any_source {
        socket.set_freebind_v6(true)?;
    }
    Ok(())
}

fn join(socket: &Socket, group: IpAddr, ifindex: u32) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => {
            socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(ifindex))
        }
        IpAddr::V6(group) => socket.join_multicast_v6(&group, ifindex),
    }
}
