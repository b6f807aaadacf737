//! Netlink: links, addresses, routes, neighbours.
