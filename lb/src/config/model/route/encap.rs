//! `encap`: tunnels that a route makes without an interface.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::Named;

/// `encap`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encap {
    /// `encap ip`.
    Ip(IpEncap),
    /// `encap ip6`.
    Ip6(Ip6Encap),
    /// `encap mpls`: labels, the outermost first.
    Mpls(Vec<MplsLabel>),
    /// `encap ila`: the locator, the upper half of an IPv6 address.
    Ila(u64),
}

/// `encap ip`; an address or an id is always there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IpEncap {
    /// `id`: the tunnel's.
    pub id: Option<u64>,
    /// `dst`.
    pub destination: Option<Ipv4Addr>,
    /// `src`.
    pub source: Option<Ipv4Addr>,
    /// `tos`.
    pub tos: Option<Named<u8>>,
    /// `ttl`.
    pub ttl: Option<u8>,
    /// `flags`.
    pub flags: Option<u16>,
}

/// `encap ip6`; an address or an id is always there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ip6Encap {
    /// `id`: the tunnel's.
    pub id: Option<u64>,
    /// `dst`.
    pub destination: Option<Ipv6Addr>,
    /// `src`.
    pub source: Option<Ipv6Addr>,
    /// `tc`: traffic class.
    pub traffic_class: Option<Named<u8>>,
    /// `hoplimit`.
    pub hop_limit: Option<u8>,
    /// `flags`.
    pub flags: Option<u16>,
}

/// An MPLS label, 20 bits (RFC 3032 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct MplsLabel(u32);

impl TryFrom<u32> for MplsLabel {
    type Error = String;

    fn try_from(value: u32) -> Result<Self, String> {
        if value < 1 << 20 {
            Ok(Self(value))
        } else {
            Err(format!("{value} is not a label of 20 bits"))
        }
    }
}

impl From<MplsLabel> for u32 {
    fn from(label: MplsLabel) -> Self {
        label.0
    }
}
