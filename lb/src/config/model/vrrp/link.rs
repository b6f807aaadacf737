//! The interfaces of an instance, real and virtual.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::config::model::{Family, InterfaceName, PrefixLength, Vrid, Word};

/// Interfaces, real and virtual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Link {
    /// There is no `interface`: unicast adverts go where the routes lead.
    pub routed: bool,
    /// `vrf`: whose routes those are; the main table's by default.
    pub vrf: Option<InterfaceName>,
    /// `use_vmac`, `use_ipvlan`.
    pub device: Device,
    /// `use_vmac_addr`: addresses on other interfaces have virtual MACs too.
    pub vmac_for_addresses: bool,
    /// `vmac_xmit_base`: adverts leave by the interface below.
    pub transmit_on_base: bool,
    /// False with `dont_track_primary`: the interface may be down.
    pub track_primary: bool,
    /// `promote_secondaries`.
    pub promote_secondaries: bool,
    /// `linkbeat_use_polling`.
    pub linkbeat_polling: bool,
    /// `kernel_rx_buf_size`, in bytes; by `vrrp_rx_bufs_policy` when not given.
    pub receive_buffer: Option<u32>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            routed: false,
            vrf: None,
            device: Device::Interface,
            vmac_for_addresses: false,
            transmit_on_base: false,
            track_primary: true,
            promote_secondaries: false,
            linkbeat_polling: false,
            receive_buffer: None,
        }
    }
}

/// What the addresses are put on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Device {
    /// The interface itself.
    #[default]
    Interface,
    /// A macvlan on it with a MAC of its own.
    Vmac(Vmac),
    /// An ipvlan on it.
    Ipvlan(Ipvlan),
}

impl Device {
    /// Its name, where it is given or found.
    #[must_use]
    pub const fn name(&self) -> Option<&InterfaceName> {
        match self {
            Self::Interface => None,
            Self::Vmac(vmac) => vmac.name.as_ref(),
            Self::Ipvlan(ipvlan) => ipvlan.name.as_ref(),
        }
    }
}

/// `use_vmac`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vmac {
    /// Its name; made of `vmac_prefix` and the VRID when not given.
    pub name: Option<InterfaceName>,
    /// Its address; that of the virtual router when not given.
    pub mac: MacAddress,
    /// `netlink_notify_msg`.
    pub netlink_notify: bool,
    /// `group`: name or number of an interface group.
    pub group: Option<String>,
}

/// `use_ipvlan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ipvlan {
    /// Its name; made of `vmac_prefix` and the VRID when not given.
    pub name: Option<InterfaceName>,
    /// The source of adverts; IPv6 has its link-local address by default.
    pub address: Option<(IpAddr, PrefixLength)>,
    /// How it is separated from its siblings.
    pub mode: IpvlanMode,
    /// `group`: name or number of an interface group.
    pub group: Option<String>,
}

/// Separation of the ipvlans of one interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum IpvlanMode {
    /// They reach each other.
    #[default]
    Bridge,
    /// They do not.
    Private,
    /// They do by way of the switch.
    Vepa,
}

impl Word for IpvlanMode {
    const VALUES: &'static [Self] = &[Self::Bridge, Self::Private, Self::Vepa];
    const WORDS: &'static [&'static str] = &["bridge", "private", "vepa"];
}

/// A MAC address of one station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MacAddress([u8; 6]);

impl MacAddress {
    /// That of a virtual router (RFC 9568 §7.3).
    #[must_use]
    pub const fn of_router(family: Family, vrid: Vrid) -> Self {
        let family = match family {
            Family::V4 => 1,
            Family::V6 => 2,
        };
        Self([0x00, 0x00, 0x5e, 0x00, family, vrid.get()])
    }

    /// The octets.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Whether it belongs to some virtual router.
    #[must_use]
    pub const fn is_of_router(self) -> bool {
        matches!(self.0, [0x00, 0x00, 0x5e, 0x00, 1 | 2, _])
    }

    /// Whether it is no station's but a group's.
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl From<[u8; 6]> for MacAddress {
    fn from(octets: [u8; 6]) -> Self {
        Self(octets)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for MacAddress {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let octets = text.split(':').map(|octet| {
            let digits = (1..=2).contains(&octet.len())
                && octet.bytes().all(|digit| digit.is_ascii_hexdigit());
            digits.then(|| u8::from_str_radix(octet, 16).ok()).flatten()
        });
        let octets: Option<Vec<u8>> = octets.collect();
        let octets: [u8; 6] = octets.ok_or(())?.try_into().map_err(drop)?;
        Ok(Self(octets))
    }
}
