//! Sending: all that is due at once in one system call per source and TTL.

use std::{
    collections::BTreeMap,
    io::{self, IoSlice},
    net::{IpAddr, SocketAddrV4, SocketAddrV6},
    os::fd::AsRawFd,
};

use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, sendmmsg,
};

use super::VrrpSocket;
use crate::vrrp::wire::{Carrier, Packet};

/// A packet and where it leaves from.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Source address.
    pub source: IpAddr,
    /// The packet.
    pub packet: &'a Packet,
}

impl VrrpSocket {
    /// Sends packets, and tells of each in order whether it left.
    pub fn send(&self, packets: &[Outgoing<'_>]) -> Vec<io::Result<()>> {
        let mut results: Vec<io::Result<()>> = packets.iter().map(|_| Ok(())).collect();
        // Source and TTL are options of the call.
        let mut calls: BTreeMap<(IpAddr, u8), Vec<usize>> = BTreeMap::new();
        for (at, outgoing) in packets.iter().enumerate() {
            let call = (outgoing.source, outgoing.packet.ttl);
            calls.entry(call).or_default().push(at);
        }
        for ((source, ttl), members) in calls {
            let mut rest = &members[..];
            while let Some((first, others)) = rest.split_first() {
                let batch = rest.iter().filter_map(|at| packets.get(*at));
                let batch: Vec<&Packet> = batch.map(|outgoing| outgoing.packet).collect();
                match self.send_alike(source, ttl, &batch) {
                    Ok(sent) if sent > 0 => rest = rest.get(sent..).unwrap_or_default(),
                    outcome => {
                        // The first is the one that the kernel refused.
                        let error = outcome.err();
                        if let Some(result) = results.get_mut(*first) {
                            *result = Err(error.unwrap_or_else(|| io::ErrorKind::WriteZero.into()));
                        }
                        rest = others;
                    }
                }
            }
        }
        results
    }

    /// Returns how many left.
    fn send_alike(&self, source: IpAddr, ttl: u8, packets: &[&Packet]) -> io::Result<usize> {
        // Where it is given for a packet the kernel wants it above 0; either does not reach beyond the link.
        let ttl = i32::from(ttl.max(1));
        match source {
            IpAddr::V4(source) => {
                let info = libc::in_pktinfo {
                    ipi_ifindex: self.ifindex.cast_signed(),
                    ipi_spec_dst: libc::in_addr {
                        s_addr: u32::from_ne_bytes(source.octets()),
                    },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                let control = [
                    ControlMessage::Ipv4PacketInfo(&info),
                    ControlMessage::Ipv4Ttl(&ttl),
                ];
                // An empty rest of the space would be no control message.
                let (control, space) = match self.kind.carrier {
                    Carrier::Plain => {
                        let space = nix::cmsg_space!(libc::in_pktinfo, libc::c_int);
                        (&control[..], space)
                    }
                    // The packet itself says its TTL.
                    Carrier::Header => (&control[..1], nix::cmsg_space!(libc::in_pktinfo)),
                };
                self.send_to(packets, control, space, |destination| match destination {
                    IpAddr::V4(to) => Some(SockaddrIn::from(SocketAddrV4::new(to, 0))),
                    IpAddr::V6(_) => None,
                })
            }
            IpAddr::V6(source) => {
                let info = libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr {
                        s6_addr: source.octets(),
                    },
                    ipi6_ifindex: self.ifindex,
                };
                let control = [
                    ControlMessage::Ipv6PacketInfo(&info),
                    ControlMessage::Ipv6HopLimit(&ttl),
                ];
                let space = nix::cmsg_space!(libc::in6_pktinfo, libc::c_int);
                self.send_to(packets, &control, space, |destination| match destination {
                    IpAddr::V6(to) => {
                        let scope = if to.is_multicast() || to.is_unicast_link_local() {
                            self.ifindex
                        } else {
                            0
                        };
                        Some(SockaddrIn6::from(SocketAddrV6::new(to, 0, 0, scope)))
                    }
                    IpAddr::V4(_) => None,
                })
            }
        }
    }

    fn send_to<S: SockaddrLike + Copy>(
        &self,
        packets: &[&Packet],
        control: &[ControlMessage<'_>],
        space: Vec<u8>,
        to: impl Fn(IpAddr) -> Option<S>,
    ) -> io::Result<usize> {
        let addresses: Vec<Option<S>> = packets
            .iter()
            .map(|packet| to(packet.destination))
            .collect();
        let slices: Vec<[IoSlice<'_>; 1]> = packets
            .iter()
            .map(|packet| [IoSlice::new(&packet.bytes)])
            .collect();
        let mut headers = MultiHeaders::preallocate(packets.len(), Some(space));
        let sent = sendmmsg(
            self.socket.as_raw_fd(),
            &mut headers,
            slices.iter(),
            addresses,
            control,
            MsgFlags::empty(),
        )?;
        Ok(sent.count())
    }
}
