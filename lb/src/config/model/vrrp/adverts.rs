//! Where adverts come from and go to.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::config::model::Family;

/// Where adverts come from and go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adverts {
    /// `mcast_src_ip`, `unicast_src_ip`; the interface's own address by default.
    pub source: Option<IpAddr>,
    /// `track_src_ip`: FAULT while the machine does not have the source.
    pub track_source: bool,
    /// To whom.
    pub destination: Destination,
    /// `v3_checksum_as_v2`: IPv4 adverts of version 3 are summed without the pseudo header.
    pub v3_checksum_as_v2: bool,
}

impl Adverts {
    /// Those of RFC 9568 §5.1.
    #[must_use]
    pub const fn new(family: Family) -> Self {
        Self {
            source: None,
            track_source: false,
            destination: Destination::Multicast(Self::group(family)),
            v3_checksum_as_v2: false,
        }
    }

    /// The multicast group of RFC 9568 §5.1.1.2 and §5.1.2.2.
    #[must_use]
    pub const fn group(family: Family) -> IpAddr {
        match family {
            Family::V4 => IpAddr::V4(std::net::Ipv4Addr::new(224, 0, 0, 18)),
            Family::V6 => IpAddr::V6(std::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
        }
    }
}

/// To whom adverts go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// `mcast_dst_ip`: everyone on the link.
    Multicast(IpAddr),
    /// `unicast_peer` and what belongs to it.
    Unicast(Unicast),
}

impl Destination {
    /// What unicast adverts need; `None` with multicast.
    #[must_use]
    pub const fn unicast(&self) -> Option<&Unicast> {
        match self {
            Self::Multicast(_) => None,
            Self::Unicast(unicast) => Some(unicast),
        }
    }

    /// The group; `None` with unicast.
    #[must_use]
    pub const fn group(&self) -> Option<IpAddr> {
        match self {
            Self::Multicast(group) => Some(*group),
            Self::Unicast(_) => None,
        }
    }
}

/// Adverts to one router after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unicast {
    /// `unicast_peer`, in the order of the file; none is FAULT (`unicast_fault_no_peer`).
    pub peers: Vec<Peer>,
    /// `unicast_ttl`: TTL or hop limit of adverts.
    pub ttl: u8,
    /// `check_unicast_src`: adverts count only from peers.
    pub check_source: bool,
    /// `old_unicast_checksum`.
    pub old_checksum: OldChecksum,
}

/// A line of `unicast_peer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// `min_ttl`: the smallest TTL or hop limit that its adverts may come with.
    pub min_ttl: u8,
    /// `max_ttl`: the largest.
    pub max_ttl: u8,
}

impl Peer {
    /// A peer whose adverts may come with any TTL.
    #[must_use]
    pub const fn new(address: IpAddr) -> Self {
        Self {
            address,
            min_ttl: 0,
            max_ttl: u8::MAX,
        }
    }

    /// Whether some TTLs are refused.
    #[must_use]
    pub const fn checks_ttl(&self) -> bool {
        self.min_ttl > 0 || self.max_ttl < u8::MAX
    }
}

/// `old_unicast_checksum`: the checksum of keepalived up to 1.3.6 in version 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OldChecksum {
    /// Once a peer has shown that it uses it.
    #[default]
    Detect,
    /// From the start.
    Always,
    /// `never`.
    Never,
}
