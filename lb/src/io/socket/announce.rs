//! Gratuitous ARP and unsolicited neighbour advertisements: telling the segment who has an address now.

use std::{
    io,
    mem::size_of,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV6},
    os::fd::AsRawFd,
};

use lb_common::Mac;
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrIn6, sendmsg};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// All nodes of the link (RFC 4291 §2.7.1).
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Neighbour Advertisement (RFC 4861 §4.4).
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// Router and override flags of a neighbour advertisement: a host that uses the address as its gateway must keep it in
/// its list of routers (RFC 9568 §6.4.2, RFC 4861 §7.2.5).
const ROUTER_OVERRIDE: u8 = 0xa0;

/// Sends announcements on any interface. Needs CAP_NET_RAW.
#[derive(Debug)]
pub struct Announcer {
    arp: Socket,
    ndisc: Socket,
}

impl Announcer {
    /// Opens both sockets.
    ///
    /// # Errors
    /// Without the capability.
    pub fn open() -> io::Result<Self> {
        // Protocol 0: the packet socket receives nothing.
        let arp = Socket::new(Domain::PACKET, Type::RAW.nonblocking(), None)?;
        let ndisc = Socket::new(
            Domain::IPV6,
            Type::RAW.nonblocking(),
            Some(Protocol::ICMPV6),
        )?;
        ndisc.set_multicast_hops_v6(255)?;
        ndisc.set_multicast_loop_v6(false)?;
        Ok(Self { arp, ndisc })
    }

    /// Sends one announcement of `address` on the interface with the given index and hardware address.
    ///
    /// # Errors
    /// When the link is down, or the IPv6 address is not on it.
    pub fn send(&self, ifindex: u32, mac: Mac, address: IpAddr) -> io::Result<()> {
        match address {
            IpAddr::V4(address) => self
                .arp
                .send_to(&gratuitous_arp(mac, address), &packet_address(ifindex)?)
                .map(drop),
            IpAddr::V6(address) => self.send_advertisement(ifindex, mac, address),
        }
    }

    fn send_advertisement(&self, ifindex: u32, mac: Mac, address: Ipv6Addr) -> io::Result<()> {
        let info = libc::in6_pktinfo {
            ipi6_addr: libc::in6_addr {
                s6_addr: address.octets(),
            },
            ipi6_ifindex: ifindex,
        };
        let message = unsolicited_advertisement(mac, address);
        let to = SockaddrIn6::from(SocketAddrV6::new(ALL_NODES, 0, 0, ifindex));
        sendmsg(
            self.ndisc.as_raw_fd(),
            &[io::IoSlice::new(&message)],
            &[ControlMessage::Ipv6PacketInfo(&info)],
            MsgFlags::empty(),
            Some(&to),
        )
        .map(drop)
        .map_err(io::Error::from)
    }
}

/// An Ethernet broadcast ARP request with sender = target = `address` and target hardware address all ones, as keepalived
/// sends it (RFC 5227 §2.3 calls it an ARP announcement). 42 bytes.
fn gratuitous_arp(mac: Mac, address: Ipv4Addr) -> [u8; 42] {
    const HEAD: [u8; 8] = [0, 1, 8, 0, 6, 4, 0, 1];
    let ip = address.octets();
    let mut frame = [0xff; 42];
    frame[6..12].copy_from_slice(&mac);
    frame[12..14].copy_from_slice(&0x0806_u16.to_be_bytes());
    frame[14..22].copy_from_slice(&HEAD);
    frame[22..28].copy_from_slice(&mac);
    frame[28..32].copy_from_slice(&ip);
    frame[38..42].copy_from_slice(&ip);
    frame
}

/// An ICMPv6 neighbour advertisement with the router and override flags and the target link-layer address option (RFC 4861 §4.4,
/// §7.2.6). 32 bytes; the kernel fills in the checksum.
fn unsolicited_advertisement(mac: Mac, address: Ipv6Addr) -> [u8; 32] {
    let mut message = [0; 32];
    message[0] = NEIGHBOUR_ADVERTISEMENT;
    message[4] = ROUTER_OVERRIDE;
    message[8..24].copy_from_slice(&address.octets());
    message[24] = 2;
    message[25] = 1;
    message[26..32].copy_from_slice(&mac);
    message
}

/// Address of an interface for a packet socket (packet(7)).
fn packet_address(ifindex: u32) -> io::Result<SockAddr> {
    // SAFETY: the closure writes a whole `sockaddr_ll` into zeroed storage that is larger, and says so.
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, length| {
            let link = libc::sockaddr_ll {
                sll_family: libc::AF_PACKET as u16,
                sll_protocol: (libc::ETH_P_ARP as u16).to_be(),
                sll_ifindex: ifindex.cast_signed(),
                sll_hatype: 0,
                sll_pkttype: 0,
                sll_halen: 6,
                sll_addr: [0xff; 8],
            };
            storage.cast::<libc::sockaddr_ll>().write(link);
            *length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            Ok(())
        })?
    };
    Ok(address)
}

#[cfg(test)]
mod tests;
