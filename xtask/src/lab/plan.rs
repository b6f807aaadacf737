//! Who has which name and address in the lab.
//!
//! One Ethernet segment carries two networks: the front (192.0.2.0/24, 2001:db8::/64) with the client, the directors
//! and the servers, and the back (198.51.100.0/24, 2001:db8:1::/64) of the servers behind NAT.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Front address of the direct-routing services, IPv4.
pub const DR_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 100));
/// Front address of the direct-routing services, IPv6.
pub const DR_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100));
/// Front address of the NAT services, IPv4.
pub const NAT_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 101));
/// Front address of the NAT services, IPv6.
pub const NAT_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x101));
/// The virtual interfaces that a director may have been killed with.
pub const VIRTUAL_INTERFACES: [&str; 2] = ["vrrp.51", "front"];
/// Every address the master holds, as `ip address` spells it.
pub const VIRTUAL_ADDRESSES: [&str; 7] = [
    "192.0.2.100/32",
    "192.0.2.101/32",
    "198.51.100.1/32",
    "fe80::5e:100/128",
    "2001:db8::100/128",
    "2001:db8::101/128",
    "2001:db8:1::1/128",
];

/// One host of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// Sends the requests.
    Client,
    /// Director 1 or 2.
    Director(u8),
    /// Server 1, 2 or 3.
    Server(u8),
}

impl Node {
    /// Every host, in the order they are built.
    pub const ALL: [Self; 6] = [
        Self::Client,
        Self::Director(1),
        Self::Director(2),
        Self::Server(1),
        Self::Server(2),
        Self::Server(3),
    ];

    /// The last part of all its addresses: decimal in IPv4, the same digits in IPv6 and in the MAC.
    #[must_use]
    pub const fn host(self) -> u8 {
        match self {
            Self::Client => 1,
            Self::Director(n) => 10 + n,
            Self::Server(n) => 20 + n,
        }
    }

    /// Address in the front network, IPv4.
    #[must_use]
    pub const fn front_v4(self) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, self.host())
    }

    /// Hardware address.
    #[must_use]
    pub fn mac(self) -> String {
        format!("02:00:00:00:00:{:02}", self.host())
    }

    /// Addresses with prefix lengths; the client has none in the back network.
    #[must_use]
    pub fn addresses(self) -> Vec<String> {
        let host = self.host();
        let mut addresses = vec![format!("192.0.2.{host}/24"), format!("2001:db8::{host}/64")];
        if self != Self::Client {
            addresses.push(format!("198.51.100.{host}/24"));
            addresses.push(format!("2001:db8:1::{host}/64"));
        }
        addresses
    }
}

/// `client`, `d1`, `s3`: the name of the namespace's last part and of the switch's port.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("client"),
            Self::Director(n) => write!(f, "d{n}"),
            Self::Server(n) => write!(f, "s{n}"),
        }
    }
}
