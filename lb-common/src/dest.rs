//! Dests: real servers as the data plane sees them, one per (service, real server).

use bytemuck::{Pod, Zeroable};

use crate::{Address, Mac, shape};

/// A dest with everything needed to forward a packet to it, in one cache line. 64 bytes.
///
/// Index 0 is never a dest.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct DestValue {
    /// Real server address, IPv4-mapped for IPv4.
    pub address: Address,
    /// Real server port, network byte order.
    pub port: [u8; 2],
    /// Changes whenever the index is given to another dest, so that old flow entries stop matching.
    pub generation: u8,
    /// One of the `FORWARD_*` constants.
    pub method: u8,
    /// `DEST_*` bits.
    pub flags: u32,
    /// Id of the service this dest belongs to.
    pub service: u32,
    /// Interface the packet leaves by.
    pub ifindex: u32,
    /// Tunnels and full NAT: the address of this host that packets come from, IPv4-mapped for IPv4; zero for all others.
    pub local: Address,
    /// Ethernet destination: the real server or the gateway towards it.
    pub next_hop: Mac,
    /// Ethernet source: the address of `ifindex`.
    pub source: Mac,
    /// Tunnels: bytes of the longest IP packet on the way to the real server; zero for all others.
    pub mtu: u16,
    /// `FORWARD_GUE`: UDP port of the real server's end, network byte order; zero for all others.
    pub tunnel_port: [u8; 2],
}

/// `lb_kind DR`: only the Ethernet header changes.
pub const FORWARD_DIRECT_ROUTE: u8 = 1;
/// `lb_kind NAT`: destination address and port change, and back on replies.
pub const FORWARD_NAT: u8 = 2;
/// `lb_kind TUN type ipip`: an outer IP header (RFC 2003, RFC 2473).
pub const FORWARD_IPIP: u8 = 3;
/// `lb_kind TUN type gue`: an outer IP and UDP header and one of Generic UDP Encapsulation.
pub const FORWARD_GUE: u8 = 4;
/// `lb_kind TUN type gre`: an outer IP header and one of GRE (RFC 2784).
pub const FORWARD_GRE: u8 = 5;
/// `lb_kind FULLNAT`: as NAT, and the client's end becomes one of this host's, see [`crate::local_port`].
pub const FORWARD_FULLNAT: u8 = 6;

/// The dest may carry flows: its checks pass and the configuration has it.
pub const DEST_USABLE: u32 = 1;
/// `next_hop`, `source` and `ifindex` are known.
pub const DEST_RESOLVED: u32 = 2;
/// The header between the outer and the inner one has a checksum.
pub const DEST_TUNNEL_CHECKSUM: u32 = 4;
/// The dest has an `upper` in [`DestLimits`](crate::connection::DestLimits).
pub const DEST_LIMITED: u32 = 8;
/// An operator empties the dest: templates lead there no more.
pub const DEST_DRAINING: u32 = 16;
/// The service has every port, and packets keep theirs.
pub const DEST_KEEPS_PORT: u32 = 32;
/// The real server is this host: its packets are the kernel's. Without `DEST_RESOLVED`, since nothing leaves.
pub const DEST_LOCAL: u32 = 64;

/// Key of the reverse table of NAT: a real server's own address, port and protocol. 20 bytes.
///
/// The same shape as [`crate::service::ServiceKey`]; a type of its own so the two cannot be mixed.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
pub struct NatSourceKey {
    /// Real server address, IPv4-mapped for IPv4.
    pub address: Address,
    /// Real server port, network byte order; 0 where packets keep theirs.
    pub port: [u8; 2],
    /// IP protocol number.
    pub protocol: u8,
    /// Zero.
    pub pad: u8,
}

/// Words of `nat_filter`; a power of two.
pub const FILTER_WORDS: u32 = 4096;

/// Most NAT services that may share one real server address and port.
pub const NAT_SERVICES: usize = 4;

/// The services whose replies may come from a [`NatSourceKey`]: dest ids, 0 ends the list. 8 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct NatSourceValue {
    /// Dest ids; the dest's service has the virtual address and port to put back.
    pub dests: [u16; NAT_SERVICES],
}

/// What else there is to know of a service, by its id: what NAT puts back into replies, and persistence. 28 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct FrontValue {
    /// Virtual address, IPv4-mapped for IPv4.
    pub address: Address,
    /// Virtual port, network byte order; 0 is every port, which packets keep.
    pub port: [u8; 2],
    /// `SERVICE_*` bits.
    pub flags: u8,
    /// The bits in which clients are alike that `persistence` keeps together.
    pub granularity: u8,
    /// Index into `gates`.
    pub gate: u32,
    /// Seconds for which a client stays with its real server after its last flow began; 0 is without.
    pub persistence: u32,
}

shape!(
    DestValue = 64,
    NatSourceKey = 20,
    NatSourceValue = 8,
    FrontValue = 28
);

/// True for the methods that change the real server's end of packets, and back on replies.
#[must_use]
#[inline(always)]
pub const fn is_nat(method: u8) -> bool {
    matches!(method, FORWARD_NAT | FORWARD_FULLNAT)
}

/// True for the methods that send packets from an address of this host.
#[must_use]
#[inline(always)]
pub const fn has_local(method: u8) -> bool {
    is_tunnel(method) || method == FORWARD_FULLNAT
}

/// True for the methods that put packets behind an outer header.
#[must_use]
#[inline(always)]
pub const fn is_tunnel(method: u8) -> bool {
    matches!(method, FORWARD_IPIP | FORWARD_GUE | FORWARD_GRE)
}
