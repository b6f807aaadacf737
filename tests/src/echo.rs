//! Services of the lab that return every byte.

use std::net::IpAddr;

use xtask::lab::{
    Lab, Node, Server,
    plan::{DR_V4, DR_V6, NAT_V4, NAT_V6},
    traffic::EchoServer,
};

/// Their port.
pub const ECHO: u16 = 7;

/// That of those behind tunnels.
pub const TUNNELLED: u16 = 9;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// Virtual address.
    pub address: IpAddr,
    /// Virtual port, and that of the servers.
    pub port: u16,
    scheduler: &'static str,
    method: &'static str,
    /// The real servers' addresses up to the host.
    network: &'static str,
}

impl Echo {
    /// By direct routing with Maglev, IPv4.
    pub const DIRECT_V4: Self = Self {
        address: DR_V4,
        port: ECHO,
        scheduler: "mh\nmh-port",
        method: "DR",
        network: "192.0.2.",
    };
    /// By NAT in turns, IPv4.
    pub const NAT_V4: Self = Self {
        address: NAT_V4,
        port: ECHO,
        scheduler: "wrr",
        method: "NAT",
        network: "198.51.100.",
    };
    /// By direct routing with Maglev, IPv6.
    pub const DIRECT_V6: Self = Self {
        address: DR_V6,
        network: "2001:db8::",
        ..Self::DIRECT_V4
    };
    /// By NAT to the one with the fewest connections, IPv6.
    pub const NAT_V6: Self = Self {
        address: NAT_V6,
        scheduler: "wlc",
        network: "2001:db8:1::",
        ..Self::NAT_V4
    };
    /// IP in IP in turns, IPv4; see [`decapsulate`].
    pub const TUNNEL_V4: Self = Self {
        port: TUNNELLED,
        scheduler: "rr",
        method: "TUN",
        ..Self::DIRECT_V4
    };
    /// The same to the one with the fewest connections, IPv6.
    pub const TUNNEL_V6: Self = Self {
        port: TUNNELLED,
        scheduler: "lc",
        method: "TUN",
        ..Self::DIRECT_V6
    };
    /// Every one that needs no tunnel.
    pub const ALL: [Self; 4] = [Self::DIRECT_V4, Self::NAT_V4, Self::DIRECT_V6, Self::NAT_V6];

    /// The virtual server with the first of the three servers, as many as there are weights.
    #[must_use]
    pub fn text(self, weights: &[u8]) -> String {
        self.text_of("TCP", weights)
    }

    /// The same for UDP, with all of them.
    #[must_use]
    pub fn datagrams(self) -> String {
        self.text_of("UDP", &[1, 1, 1])
    }

    fn text_of(self, protocol: &str, weights: &[u8]) -> String {
        let Self {
            address,
            port,
            scheduler,
            method,
            network,
        } = self;
        let hosts = [21, 22, 23].into_iter().zip(weights);
        let servers: String = hosts
            .map(|(host, weight)| {
                format!(
                    "real_server {network}{host} {port} {{\nweight {weight}\nTCP_CHECK {{\n}}\n}}\n"
                )
            })
            .collect();
        format!(
            "virtual_server {address} {port} {{\ndelay_loop 1\nlb_algo {scheduler}\nlb_kind {method}\n\
             protocol {protocol}\n{servers}}}\n"
        )
    }
}

/// The addresses of a host without their prefix lengths.
#[must_use]
pub fn own_addresses(node: Node) -> Vec<IpAddr> {
    let own = node.addresses().into_iter();
    own.filter_map(|address| address.split('/').next()?.parse().ok())
        .collect()
}

/// Starts one of each server at `port`; they end when dropped. Each marks the bytes of connections with its number.
///
/// # Panics
/// When one does not start.
#[must_use]
pub fn serve(lab: &Lab, port: u16) -> Vec<EchoServer> {
    let namespaces = lab.servers().iter().map(Server::namespace);
    let start = |(number, namespace)| {
        let own = own_addresses(Node::Server(number));
        let addresses = [own, vec![DR_V4, DR_V6]].concat();
        EchoServer::start(namespace, port, &addresses, number).expect("an echo server starts")
    };
    (1..).zip(namespaces).map(start).collect()
}

/// Has the servers take out of tunnels what directors put into them. Takes a kernel with ipip and ip6_tunnel.
///
/// # Panics
/// When it has neither.
pub fn decapsulate(lab: &Lab) {
    for (number, server) in (1..).zip(lab.servers()) {
        let host = Node::Server(number).host();
        let batch = format!(
            "link add tunnel4 type ipip local 192.0.2.{host}\n\
             link add tunnel6 type ip6tnl mode ip6ip6 local 2001:db8::{host}\n\
             link set tunnel4 up\n\
             link set tunnel6 up\n"
        );
        let made = server.namespace().ip(&batch);
        made.expect("the kernel has ipip and ip6_tunnel");
    }
}
