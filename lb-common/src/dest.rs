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
    /// Ethernet destination: the real server or the gateway towards it.
    pub next_hop: Mac,
    /// Ethernet source: the address of `ifindex`.
    pub source: Mac,
    /// Zero.
    pub pad: [u8; 20],
}

/// `lb_kind DR`: only the Ethernet header changes.
pub const FORWARD_DIRECT_ROUTE: u8 = 1;
/// `lb_kind NAT`: destination address and port change, and back on replies.
pub const FORWARD_NAT: u8 = 2;

/// The dest may carry flows: its checks pass and the configuration has it.
pub const DEST_USABLE: u32 = 1;
/// `next_hop`, `source` and `ifindex` are known.
pub const DEST_RESOLVED: u32 = 2;

/// Key of the reverse table of NAT: a real server's own address, port and protocol. 20 bytes.
///
/// The same shape as [`crate::service::ServiceKey`]; a type of its own so the two cannot be mixed.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
pub struct NatSourceKey {
    /// Real server address, IPv4-mapped for IPv4.
    pub address: Address,
    /// Real server port, network byte order.
    pub port: [u8; 2],
    /// IP protocol number.
    pub protocol: u8,
    /// Zero.
    pub pad: u8,
}

/// Most NAT services that may share one real server address and port.
pub const NAT_SERVICES: usize = 4;

/// The services whose replies may come from a [`NatSourceKey`]: dest ids, 0 ends the list. 8 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct NatSourceValue {
    /// Dest ids; the dest's service has the virtual address and port to put back.
    pub dests: [u16; NAT_SERVICES],
}

/// What NAT puts back into replies: the front of a service, by service id. 24 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct FrontValue {
    /// Virtual address, IPv4-mapped for IPv4.
    pub address: Address,
    /// Virtual port, network byte order.
    pub port: [u8; 2],
    /// Zero.
    pub pad: [u8; 2],
    /// Index into `gates`.
    pub gate: u32,
}

shape!(
    DestValue = 64,
    NatSourceKey = 20,
    NatSourceValue = 8,
    FrontValue = 24
);
