//! What an address line says besides the address and its interface.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use serde::{Deserialize, Serialize};

use super::{Family, PrefixLength, VirtualAddress, route::Named};

/// One line of `static_ipaddress` or `virtual_ipaddress_excluded`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressLine {
    /// The address and where it goes.
    pub address: VirtualAddress,
    /// Everything else.
    pub options: AddressOptions,
}

impl AddressLine {
    /// A line without options.
    #[must_use]
    pub fn new(address: VirtualAddress) -> Self {
        let options = AddressOptions::of(Family::of(address.address), address.prefix);
        Self { address, options }
    }
}

/// `brd`: the broadcast address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Broadcast {
    /// None.
    #[default]
    None,
    /// `brd ADDRESS`.
    Address(Ipv4Addr),
    /// `brd +`: the address with all host bits set.
    HostBitsSet,
    /// `brd -`: the address with all host bits clear.
    HostBitsClear,
}

/// How long an address is preferred as a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lifetime {
    /// So many seconds; 0 is never.
    Seconds(u32),
    /// `forever`.
    Forever,
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => seconds.fmt(f),
            Self::Forever => f.write_str("forever"),
        }
    }
}

/// What an address line says besides the address and its interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressOptions {
    /// `brd` (IPv4).
    pub broadcast: Broadcast,
    /// `scope` (IPv4); 0 is global.
    pub scope: Named<u8>,
    /// `label` (IPv4).
    pub label: Option<String>,
    /// `peer`: the other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// Flags of the address.
    pub flags: AddressFlags,
    /// `preferred_lft`.
    pub preferred_lifetime: Lifetime,
    /// False with `no_track`: nothing happens when somebody removes the address.
    pub is_tracked: bool,
    /// `track_group`: the instances that go to FAULT when a static address vanishes.
    pub track_group: Option<String>,
    /// `use_vmac`: a virtual address goes to the interface with the virtual MAC address.
    pub use_vmac: bool,
}

impl AddressOptions {
    /// The defaults: a single IPv6 address is never a source by itself.
    #[must_use]
    pub fn of(family: Family, prefix: PrefixLength) -> Self {
        Self {
            broadcast: Broadcast::None,
            scope: Named::Number(0),
            label: None,
            peer: None,
            flags: AddressFlags::default(),
            preferred_lifetime: if family == Family::V6 && prefix.get() == 128 {
                Lifetime::Seconds(0)
            } else {
                Lifetime::Forever
            },
            is_tracked: true,
            track_group: None,
            use_vmac: false,
        }
    }
}

/// Flags of an address (`IFA_F_…`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AddressFlags {
    /// `home`: of mobile IPv6.
    pub home: bool,
    /// `-nodad`: duplicate address detection runs, which it does not by default.
    pub detect_duplicates: bool,
    /// `mngtmpaddr`: a template of temporary addresses.
    pub manage_temporary: bool,
    /// `noprefixroute`: no route to the prefix comes with it.
    pub no_prefix_route: bool,
    /// `autojoin`: joins the multicast group.
    pub auto_join: bool,
}
