//! A packet socket on one interface.

use std::{io, os::fd::AsRawFd as _, time::Duration};

use anyhow::Context as _;
use nix::{
    net::if_::if_nametoindex,
    sys::socket::{LinkAddr, SockaddrLike as _, bind},
};
use socket2::{Domain, Protocol, Socket, Type};

/// EtherType of IPv4.
pub(super) const ETH_P_IP: u16 = 0x0800;
/// EtherType of ARP.
pub(super) const ETH_P_ARP: u16 = 0x0806;

/// Opens a raw packet socket for one EtherType, bound to `interface` of the namespace the thread is in. Reads time out
/// after 20 ms, so that readers can look whether they are to end.
pub(super) fn open(interface: &str, ether_type: u16) -> anyhow::Result<Socket> {
    let index = if_nametoindex(interface).with_context(|| format!("find interface {interface}"))?;
    let socket = Socket::new(
        Domain::PACKET,
        Type::RAW,
        Some(Protocol::from(i32::from(ether_type.to_be()))),
    )
    .context("open a packet socket")?;
    let address = link_address(index, ether_type).context("packet socket address")?;
    bind(socket.as_raw_fd(), &address).context("bind a packet socket")?;
    socket.set_read_timeout(Some(Duration::from_millis(20)))?;
    socket.set_recv_buffer_size(4 << 20)?;
    Ok(socket)
}

/// Whether a read ended for want of packets.
pub(super) fn nothing_yet(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

fn link_address(index: u32, ether_type: u16) -> Option<LinkAddr> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: ether_type.to_be(),
        sll_ifindex: index.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the pointer is to a whole `sockaddr_ll` that lives through the call, and `length` is its size;
    // `from_raw` copies it.
    unsafe { LinkAddr::from_raw((&raw const address).cast(), Some(length)) }
}
