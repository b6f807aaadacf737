//! Netlink: links, addresses, routes, neighbours.

pub mod next_hop;
