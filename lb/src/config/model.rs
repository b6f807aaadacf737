//! The typed model: what a configuration means, with every default applied.
//!
//! Values that cannot be legal cannot be built. Serialisable because the parent hands the model to its
//! children.

pub mod check;
pub mod command;
pub mod global;
pub mod lvs;
mod newtypes;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use self::{
    check::{Check, Connection, Schedule},
    command::Command,
    global::{GlobalDefs, JsonVersion},
    lvs::{
        ForwardMethod, Protocol, RealServer, Scheduler, SorryServer, Tunnel, VirtualServer,
        VirtualServerGroup, VirtualService,
    },
    newtypes::{AdvertInterval, InterfaceName, InvalidValue, PrefixLength, Priority, Vrid, Weight},
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

words!(DataPlane { Auto = "auto", Xdp = "xdp" });
words!(InitialState { Master = "MASTER", Backup = "BACKUP" });
words!(JsonVersion { V1 = "1", V2 = "2" });
words!(Version { V2 = "2", V3 = "3" });

/// A whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// `global_defs`.
    pub global: GlobalDefs,
    /// `vrrp_instance` blocks in the order of the file.
    pub vrrp_instances: Vec<VrrpInstance>,
    /// `virtual_server_group` blocks in the order of the file.
    pub virtual_server_groups: Vec<VirtualServerGroup>,
    /// `virtual_server` blocks in the order of the file.
    pub virtual_servers: Vec<VirtualServer>,
}

impl Config {
    /// The part that is acted on: without the blocks that something is withheld for, which was said when the
    /// configuration was read.
    #[must_use]
    pub fn acted(mut self) -> Self {
        self.vrrp_instances
            .retain(|instance| instance.withheld.is_empty());
        self.virtual_servers
            .retain(|server| server.withheld.is_empty());
        self
    }
}

/// `data_plane auto|xdp`: what forwards (extension).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataPlane {
    /// The best the kernel has: today XDP.
    #[default]
    Auto,
    /// XDP alone.
    Xdp,
}

/// `vrrp_instance`: one virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrrpInstance {
    /// The block's name, unique in the file.
    pub name: String,
    /// `state`: the initial wish.
    pub state: InitialState,
    /// `interface`.
    pub interface: InterfaceName,
    /// `virtual_router_id`.
    pub vrid: Vrid,
    /// `priority`; 255 is the address owner.
    pub priority: Priority,
    /// `version`.
    pub version: Version,
    /// Address family of the adverts: that of the first virtual address.
    pub family: Family,
    /// `advert_int`.
    pub advert_interval: AdvertInterval,
    /// `virtual_ipaddress`, in the order of the file, which is the order on the wire.
    pub addresses: Vec<VirtualAddress>,
    /// False with `nopreempt`.
    pub preempt: bool,
    /// What nothing acts on yet and forbids to act on the instance: keywords, in quotes.
    pub withheld: Vec<String>,
}

impl VrrpInstance {
    /// An instance with every default.
    #[must_use]
    pub fn new(name: &str, interface: InterfaceName, vrid: Vrid, family: Family) -> Self {
        Self {
            name: name.to_owned(),
            state: InitialState::default(),
            interface,
            vrid,
            priority: Priority::DEFAULT,
            version: match family {
                Family::V4 => Version::V2,
                Family::V6 => Version::V3,
            },
            family,
            advert_interval: AdvertInterval::DEFAULT,
            addresses: Vec::new(),
            preempt: true,
            withheld: Vec::new(),
        }
    }
}

/// `state` of a `vrrp_instance`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum InitialState {
    /// Wait for the master-down interval.
    #[default]
    Backup,
    /// With priority 255 start as MASTER, else wait one advert interval plus skew.
    Master,
}

/// VRRP protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Version {
    /// RFC 3768.
    V2,
    /// RFC 9568 and RFC 5798.
    V3,
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
