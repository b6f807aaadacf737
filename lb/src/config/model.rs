//! The typed model: what a configuration means, with every default applied.
//!
//! Values that cannot be legal cannot be built. Serialisable because the parent hands the model to its
//! children.

pub mod address;
pub mod bfd;
pub mod check;
pub mod command;
pub mod global;
pub mod lvs;
pub mod network;
mod newtypes;
pub mod process;
pub mod route;
pub mod rule;
pub mod ssl;
pub mod track;
pub mod vrrp;

use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize};

use self::{
    address::AddressLine,
    bfd::BfdInstance,
    network::{GarpGroup, InterfaceDelay, Linkbeat, LinkbeatMethod},
    process::ProcessOptions,
    route::Route,
    rule::Rule,
    ssl::Ssl,
    track::{TrackFile, TrackGroup, TrackProcess, VrrpScript},
};
pub use self::{
    check::{Check, Connection, FileCheck, FileWeight, Http, Schedule},
    command::Command,
    global::{Absorb, GlobalDefs, JsonVersion, VmacMode},
    lvs::{
        ForwardMethod, Protocol, RealServer, Scheduler, SorryServer, Tunnel, VirtualServer,
        VirtualServerGroup, VirtualService,
    },
    newtypes::{
        AdvertInterval, InterfaceName, InvalidValue, Micros, PrefixLength, Priority, Vrid, Weight,
    },
    vrrp::{InitialState, SyncGroup, VrrpInstance},
};

/// A choice of the language: every value has a word.
pub trait Word: Copy + PartialEq + Sized + 'static {
    /// The values, in the order of [`Self::WORDS`].
    const VALUES: &'static [Self];
    /// What the configuration says for each value.
    const WORDS: &'static [&'static str];

    /// The value of the word at `place`.
    #[must_use]
    fn at(place: usize) -> Option<Self> {
        Self::VALUES.get(place).copied()
    }

    /// The value's word.
    #[must_use]
    fn word(self) -> &'static str {
        let word = self.place().and_then(|place| Self::WORDS.get(place));
        word.copied().unwrap_or_default()
    }

    /// Where the value's word is.
    #[must_use]
    fn place(self) -> Option<usize> {
        Self::VALUES.iter().position(|value| *value == self)
    }
}

macro_rules! words {
    ($name:ident { $($value:ident = $word:literal),+ $(,)? }) => {
        impl Word for $name {
            const VALUES: &'static [Self] = &[$(Self::$value),+];
            const WORDS: &'static [&'static str] = &[$($word),+];
        }
    };
}
use words;

words!(DataPlane { Auto = "auto", Xdp = "xdp", Ipvs = "ipvs" });
words!(InitialState { Master = "MASTER", Backup = "BACKUP" });
words!(JsonVersion { V1 = "1", V2 = "2" });
words!(Version { V2 = "2", V3 = "3" });
words!(Absorb { Auto = "auto", Off = "off" });
words!(VmacMode { Macvlan = "macvlan", Bpf = "bpf" });
words!(LinkbeatMethod { Mii = "MII", Ethtool = "ETHTOOL", Ioctl = "IOCTL" });

/// Reads a list without room for more: there may be thousands of lists, most of them of one element.
fn exact<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let mut list = Vec::deserialize(from)?;
    list.shrink_to_fit();
    Ok(list)
}

/// A whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Words of the top level about the processes themselves.
    pub process: ProcessOptions,
    /// `global_defs`.
    pub global: GlobalDefs,
    /// `linkbeat_interfaces`.
    pub linkbeat: Vec<Linkbeat>,
    /// `interface_up_down_delays`.
    pub interface_delays: Vec<InterfaceDelay>,
    /// `garp_group` blocks in the order of the file.
    pub garp_groups: Vec<GarpGroup>,
    /// `track_group` blocks in the order of the file.
    pub track_groups: Vec<TrackGroup>,
    /// `static_ipaddress`.
    pub static_addresses: Vec<AddressLine>,
    /// `static_routes`.
    pub static_routes: Vec<Route>,
    /// `static_rules`.
    pub static_rules: Vec<Rule>,
    /// `vrrp_script` blocks in the order of the file.
    pub scripts: Vec<VrrpScript>,
    /// `vrrp_track_process` blocks in the order of the file.
    pub track_processes: Vec<TrackProcess>,
    /// `track_file` blocks in the order of the file.
    pub track_files: Vec<TrackFile>,
    /// `bfd_instance` blocks in the order of the file.
    pub bfd_instances: Vec<BfdInstance>,
    /// `SSL`.
    pub ssl: Option<Ssl>,
    /// `vrrp_instance` blocks in the order of the file.
    pub vrrp_instances: Vec<VrrpInstance>,
    /// `vrrp_sync_group` blocks in the order of the file.
    pub sync_groups: Vec<SyncGroup>,
    /// `virtual_server_group` blocks in the order of the file.
    pub virtual_server_groups: Vec<VirtualServerGroup>,
    /// `virtual_server` blocks in the order of the file.
    #[serde(deserialize_with = "exact")]
    pub virtual_servers: Vec<VirtualServer>,
}

impl Config {
    /// Whether the kernel has something for good.
    #[must_use]
    pub fn has_statics(&self) -> bool {
        !(self.static_addresses.is_empty()
            && self.static_routes.is_empty()
            && self.static_rules.is_empty())
    }

    /// Whether the kernel may watch BFD sessions.
    #[must_use]
    pub fn watches_bfd(&self) -> bool {
        self.global.bfd_xdp == Absorb::Auto && !self.bfd_instances.is_empty()
    }
}

/// `data_plane auto|xdp|ipvs`: what forwards (extension).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataPlane {
    /// IPVS where the kernel has it, and before it XDP for the virtual servers that both carry.
    #[default]
    Auto,
    /// XDP alone.
    Xdp,
    /// IPVS alone.
    Ipvs,
}

/// VRRP protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Version {
    /// RFC 3768.
    V2,
    /// RFC 9568 and RFC 5798.
    V3,
}

impl Version {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

/// Address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The version of IP.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V4 => 4,
            Self::V6 => 6,
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }

    /// Bytes of an address.
    #[must_use]
    pub const fn address_len(self) -> usize {
        match self {
            Self::V4 => 4,
            Self::V6 => 16,
        }
    }
}

/// One line of `virtual_ipaddress`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VirtualAddress {
    /// The address.
    pub address: IpAddr,
    /// Prefix length; 32 or 128 when the line has none.
    pub prefix: PrefixLength,
    /// `dev`: where the address goes; the instance's interface when the line has none.
    pub interface: InterfaceName,
}
