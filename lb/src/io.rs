//! The only place with file descriptors: sockets, netlink, BPF maps, probes.

pub mod mirror;
pub mod netlink;
pub mod probe;
pub mod socket;
pub mod xdp;
