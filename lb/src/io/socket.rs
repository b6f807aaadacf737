//! Raw sockets: VRRP adverts, gratuitous ARP, unsolicited neighbour advertisements.

pub mod announce;
pub mod vrrp;
