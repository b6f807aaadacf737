//! The typed model: what a configuration means, with every default applied.
//!
//! Values that cannot be legal cannot be built. Serialisable because the parent hands the model to its
//! children.

pub mod address;
pub mod bfd;
pub mod global;
pub mod network;
mod newtypes;
pub mod process;
pub mod route;
pub mod rule;
pub mod ssl;
pub mod track;

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use self::{
    address::{AddressLine, AddressOptions},
    bfd::BfdInstance,
    network::{GarpGroup, InterfaceDelay, Linkbeat, LinkbeatMethod},
    process::ProcessOptions,
    route::Route,
    rule::Rule,
    ssl::Ssl,
    track::{TrackFile, TrackGroup, TrackProcess, VrrpScript},
};
pub use self::{
    global::{GlobalDefs, JsonVersion},
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

words!(DataPlane { Auto = "auto", Xdp = "xdp" });
words!(InitialState { Master = "MASTER", Backup = "BACKUP" });
words!(JsonVersion { V1 = "1", V2 = "2" });
words!(Version { V2 = "2", V3 = "3" });
words!(Protocol { Tcp = "TCP", Udp = "UDP" });
words!(Scheduler { RoundRobin = "rr", MaglevHash = "mh" });
words!(LinkbeatMethod { Mii = "MII", Ethtool = "ETHTOOL", Ioctl = "IOCTL" });
words!(ForwardMethod { Nat = "NAT", DirectRoute = "DR" });

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
    /// What else the lines of `addresses` say, in the same order; apart, because an address is the same one
    /// whatever its label.
    pub address_options: Vec<AddressOptions>,
    /// `virtual_ipaddress_excluded`: addresses of any family that adverts do not carry.
    pub excluded: Vec<AddressLine>,
    /// `virtual_routes`.
    pub routes: Vec<Route>,
    /// `virtual_rules`.
    pub rules: Vec<Rule>,
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
            address_options: Vec::new(),
            excluded: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
            preempt: true,
            withheld: Vec::new(),
        }
    }

    /// The lines of `virtual_ipaddress`, with the defaults of those that have no options.
    pub fn lines(&self) -> impl Iterator<Item = AddressLine> {
        let options = self.address_options.iter().map(Some);
        let options = options.chain(std::iter::repeat(None));
        let lines = self.addresses.iter().zip(options);
        lines.map(|(address, options)| {
            let line = AddressLine::new(address.clone());
            AddressLine {
                options: options.cloned().unwrap_or(line.options),
                address: line.address,
            }
        })
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

/// `virtual_server ADDRESS PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualServer {
    /// Virtual address.
    pub address: IpAddr,
    /// Virtual port.
    pub port: u16,
    /// `protocol`.
    pub protocol: Protocol,
    /// `lb_algo`.
    pub scheduler: Scheduler,
    /// `lb_kind`.
    pub method: ForwardMethod,
    /// `delay_loop`: time between two checks.
    pub delay_loop: Duration,
    /// `real_server` blocks in the order of the file.
    pub real_servers: Vec<RealServer>,
    /// What nothing acts on yet and forbids to act on the virtual server: keywords, in quotes.
    pub withheld: Vec<String>,
}

impl VirtualServer {
    /// A virtual server with every default and no real server.
    #[must_use]
    pub const fn new(
        address: IpAddr,
        port: u16,
        protocol: Protocol,
        scheduler: Scheduler,
        method: ForwardMethod,
    ) -> Self {
        Self {
            address,
            port,
            protocol,
            scheduler,
            method,
            delay_loop: Duration::from_secs(60),
            real_servers: Vec::new(),
            withheld: Vec::new(),
        }
    }
}

/// Transport protocol of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// IP protocol number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

/// `lb_algo`: how new flows are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheduler {
    /// `rr`: each live real server in turn; weights count only as zero or not (as IPVS's `rr`).
    RoundRobin,
    /// `mh`: Maglev hashing, weighted.
    MaglevHash,
}

/// `lb_kind`: how packets reach the real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForwardMethod {
    /// `NAT`.
    Nat,
    /// `DR`.
    DirectRoute,
}

/// `real_server ADDRESS PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealServer {
    /// Real address.
    pub address: IpAddr,
    /// Real port.
    pub port: u16,
    /// `weight`; 0 takes no new flows.
    pub weight: Weight,
    /// Checks, all of which must pass; a real server without any is always up.
    pub checks: Vec<TcpCheck>,
}

impl RealServer {
    /// A real server with every default and no check.
    #[must_use]
    pub const fn new(address: IpAddr, port: u16) -> Self {
        Self {
            address,
            port,
            weight: Weight::ONE,
            checks: Vec::new(),
        }
    }
}

/// `TCP_CHECK`: up when connect() completes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpCheck {
    /// `connect_ip`; the real server's address by default.
    pub address: IpAddr,
    /// `connect_port`; the real server's port by default.
    pub port: u16,
    /// `connect_timeout`.
    pub connect_timeout: Duration,
    /// `retry`: failures after the first before the real server is down.
    pub retry: u32,
    /// `delay_before_retry`.
    pub delay_before_retry: Duration,
    /// `delay_loop`; the virtual server's by default.
    pub delay_loop: Duration,
    /// `warmup`: the first check starts at a random time within it.
    pub warmup: Duration,
}
