//! Sockets of protocols: VRRP adverts, gratuitous ARP, unsolicited neighbour advertisements, BFD.

pub mod announce;
pub mod bfd;
pub mod vrrp;
