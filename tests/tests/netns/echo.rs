//! Services that return every byte.

use std::net::IpAddr;

use xtask::lab::{
    Node, Server,
    plan::{DR_V4, DR_V6, NAT_V4, NAT_V6},
    traffic::EchoServer,
};

use crate::arena::Arena;

/// Their port.
pub(crate) const ECHO: u16 = 7;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Echo {
    /// Virtual address.
    pub(crate) address: IpAddr,
    scheduler: &'static str,
    method: &'static str,
    /// The real servers' addresses up to the host.
    network: &'static str,
}

impl Echo {
    /// By direct routing with Maglev, IPv4.
    pub(crate) const DIRECT_V4: Self = Self {
        address: DR_V4,
        scheduler: "mh\nmh-port",
        method: "DR",
        network: "192.0.2.",
    };
    /// By NAT in turns, IPv4.
    pub(crate) const NAT_V4: Self = Self {
        address: NAT_V4,
        scheduler: "wrr",
        method: "NAT",
        network: "198.51.100.",
    };
    /// By direct routing with Maglev, IPv6.
    pub(crate) const DIRECT_V6: Self = Self {
        address: DR_V6,
        network: "2001:db8::",
        ..Self::DIRECT_V4
    };
    /// By NAT to the one with the fewest connections, IPv6.
    pub(crate) const NAT_V6: Self = Self {
        address: NAT_V6,
        scheduler: "wlc",
        network: "2001:db8:1::",
        ..Self::NAT_V4
    };
    /// Every one.
    pub(crate) const ALL: [Self; 4] =
        [Self::DIRECT_V4, Self::NAT_V4, Self::DIRECT_V6, Self::NAT_V6];

    /// The virtual server with these weights of the three servers.
    pub(crate) fn text(self, weights: [u8; 3]) -> String {
        self.text_of("TCP", weights)
    }

    /// The same for UDP.
    pub(crate) fn datagrams(self) -> String {
        self.text_of("UDP", [1, 1, 1])
    }

    fn text_of(self, protocol: &str, weights: [u8; 3]) -> String {
        let Self {
            address,
            scheduler,
            method,
            network,
        } = self;
        let hosts = [21, 22, 23].into_iter().zip(weights);
        let servers: String = hosts
            .map(|(host, weight)| {
                format!(
                    "real_server {network}{host} {ECHO} {{\nweight {weight}\nTCP_CHECK {{\n}}\n}}\n"
                )
            })
            .collect();
        format!(
            "virtual_server {address} {ECHO} {{\ndelay_loop 1\nlb_algo {scheduler}\nlb_kind {method}\n\
             protocol {protocol}\n{servers}}}\n"
        )
    }
}

/// The addresses of a host without their prefix lengths.
pub(crate) fn own_addresses(node: Node) -> Vec<IpAddr> {
    let own = node.addresses().into_iter();
    own.map(|address| address.split('/').next().unwrap().parse().unwrap())
        .collect()
}

/// Starts the three servers; they end when dropped.
pub(crate) fn serve(arena: &Arena) -> Vec<EchoServer> {
    let namespaces = arena.servers().iter().map(Server::namespace);
    let start = |(number, namespace)| {
        let own = own_addresses(Node::Server(number));
        let addresses = [own, vec![DR_V4, DR_V6]].concat();
        EchoServer::start(namespace, ECHO, &addresses).unwrap()
    };
    (1..).zip(namespaces).map(start).collect()
}
