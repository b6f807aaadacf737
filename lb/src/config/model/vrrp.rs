//! `vrrp_instance` and `vrrp_sync_group`.

mod adverts;
mod authentication;
mod link;
pub mod size;
mod track;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::{
    adverts::{Adverts, Destination, OldChecksum, Peer, Unicast},
    authentication::{
        AntiReplay, Authentication, AuthenticationType, Hmac, HmacKey, HmacMode, KeySource, Secret,
    },
    link::{Device, Ipvlan, IpvlanMode, Link, MacAddress, Vmac},
    track::{Track, TrackedInterface, Tracks},
};
use super::{
    AdvertInterval, Family, InterfaceName, Priority, Version, VirtualAddress, Vrid,
    address::{AddressLine, AddressOptions},
    command::Command,
    global::ExtraAnnounce,
    route::Route,
    rule::Rule,
};

/// `vrrp_instance`: one virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrrpInstance {
    /// The block's name, unique in the file.
    pub name: String,
    /// `state`: the initial wish.
    pub state: InitialState,
    /// `interface`; without one, where addresses go that name none: see [`Link::routed`].
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
    /// Who becomes MASTER, and what it accepts.
    pub election: Election,
    /// Interfaces, real and virtual.
    pub link: Link,
    /// Where adverts come from and go to.
    pub adverts: Adverts,
    /// `authentication`.
    pub authentication: Option<Authentication>,
    /// `auth_hmac`.
    pub hmac: Option<Hmac>,
    /// Gratuitous ARP and unsolicited NA.
    pub announce: Announcements,
    /// What moves the priority, or ends in FAULT.
    pub tracks: Tracks,
    /// Who is told of changes of state.
    pub notify: StateNotify,
    /// What else the lines of `addresses` say, in the same order; apart, because an address is the same one
    /// whatever its label.
    pub address_options: Vec<AddressOptions>,
    /// `virtual_ipaddress_excluded`: addresses of any family that adverts do not carry.
    pub excluded: Vec<AddressLine>,
    /// `virtual_routes`.
    pub routes: Vec<Route>,
    /// `virtual_rules`.
    pub rules: Vec<Rule>,
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
            election: Election::default(),
            link: Link::default(),
            adverts: Adverts::new(family),
            authentication: None,
            hmac: None,
            announce: Announcements::default(),
            tracks: Tracks::default(),
            notify: StateNotify::default(),
            address_options: Vec::new(),
            excluded: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// The addresses that are here while it is MASTER, those that adverts do not carry included.
    pub fn all_addresses(&self) -> impl Iterator<Item = &VirtualAddress> {
        let excluded = self.excluded.iter().map(|line| &line.address);
        self.addresses.iter().chain(excluded)
    }

    /// Every address with its options, those that adverts do not carry included.
    pub fn all_lines(&self) -> impl Iterator<Item = AddressLine> {
        self.lines().chain(self.excluded.iter().cloned())
    }

    /// The interface adverts leave by, once the virtual interfaces have their names.
    #[must_use]
    pub const fn transmits_on(&self) -> &InterfaceName {
        match &self.link.device {
            Device::Vmac(Vmac {
                name: Some(name), ..
            }) if !self.link.transmit_on_base => name,
            Device::Interface | Device::Vmac(_) | Device::Ipvlan(_) => &self.interface,
        }
    }

    /// Every address with its options, to be put on another interface.
    pub fn lines_mut(
        &mut self,
    ) -> impl Iterator<Item = (&mut VirtualAddress, &mut AddressOptions)> {
        for address in self.addresses.iter().skip(self.address_options.len()) {
            let line = AddressLine::new(address.clone());
            self.address_options.push(line.options);
        }
        let lines = self.addresses.iter_mut().zip(&mut self.address_options);
        let excluded = self.excluded.iter_mut();
        lines.chain(excluded.map(|line| (&mut line.address, &mut line.options)))
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

/// Who becomes MASTER, and what it accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Election {
    /// `preempt_delay`: how long a MASTER of lower priority is left in place.
    pub preempt_delay: Duration,
    /// `strict_mode`: nothing the RFC does not allow.
    pub strict: bool,
    /// False with `no_accept`: only the address owner takes packets to the addresses.
    pub accept: bool,
    /// `owner_ignore_adverts`: the address owner stays MASTER whatever it hears.
    pub owner_ignore_adverts: bool,
    /// `lower_prio_no_advert`: an advert of lower priority is not answered.
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`: one more advert when a better MASTER appears.
    pub higher_prio_send_advert: bool,
    /// `down_timer_adverts`: adverts missed before a take-over.
    pub down_timer_adverts: u8,
    /// `skip_check_adv_addr`: the addresses of an advert are not compared again while its sender stays.
    pub skip_check_addresses: bool,
    /// `timer_expired_backup`.
    pub late: OnLateTimer,
}

impl Default for Election {
    fn default() -> Self {
        Self {
            preempt_delay: Duration::ZERO,
            strict: false,
            accept: true,
            owner_ignore_adverts: false,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            down_timer_adverts: 3,
            skip_check_addresses: false,
            late: OnLateTimer::default(),
        }
    }
}

/// `timer_expired_backup`: what a MASTER does that finds its own timers late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnLateTimer {
    /// It stays.
    #[default]
    Stay,
    /// It becomes BACKUP.
    StepDown,
    /// It becomes BACKUP with this priority, 1 to 254.
    StepDownTo(Priority),
}

/// Gratuitous ARP and unsolicited neighbour advertisements of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Announcements {
    /// `garp_master_delay`: until the second set; zero is no second set.
    pub delay: Duration,
    /// `garp_master_repeat`: messages of a set.
    pub repeat: u32,
    /// `garp_master_refresh`: time between sets while MASTER; zero is never.
    pub refresh: Duration,
    /// `garp_master_refresh_repeat`.
    pub refresh_repeat: u32,
    /// `garp_lower_prio_delay`.
    pub lower_prio_delay: Duration,
    /// `garp_lower_prio_repeat`.
    pub lower_prio_repeat: u32,
    /// `garp_extra_if`.
    pub extra: Option<ExtraAnnounce>,
}

impl Default for Announcements {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            repeat: 5,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            lower_prio_delay: Duration::from_secs(5),
            lower_prio_repeat: 5,
            extra: None,
        }
    }
}

/// Who is told of changes of state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StateNotify {
    /// `notify_master`.
    pub master: Option<Command>,
    /// `notify_backup`.
    pub backup: Option<Command>,
    /// `notify_fault`.
    pub fault: Option<Command>,
    /// `notify_stop`.
    pub stop: Option<Command>,
    /// `notify_deleted`.
    pub deleted: OnDelete,
    /// `notify`: after the others, with kind, name, state and priority as further arguments.
    pub any: Option<Command>,
    /// `notify_master_rx_lower_pri`: a MASTER heard an advert of lower priority.
    pub lower_priority: Option<Command>,
    /// `notify_priority_changes`: FIFOs are told of new priorities too.
    pub priority_changes: bool,
    /// `smtp_alert`.
    pub mail: bool,
}

impl StateNotify {
    /// Every script.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        let deleted = match &self.deleted {
            OnDelete::Run(command) => Some(command),
            OnDelete::Fault | OnDelete::Deleted => None,
        };
        let states = [&self.master, &self.backup, &self.fault, &self.stop];
        let others = [&self.any, &self.lower_priority];
        let given = states.into_iter().chain(others);
        given.filter_map(Option::as_ref).chain(deleted)
    }
}

/// `notify_deleted`: what is told of an instance that a reload removes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnDelete {
    /// FAULT, as if it had failed.
    #[default]
    Fault,
    /// DELETED.
    Deleted,
    /// DELETED, and this runs.
    Run(Command),
}

/// `vrrp_sync_group`: instances that change state together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncGroup {
    /// The block's name, unique in the file.
    pub name: String,
    /// `group`: names of its instances.
    pub members: Vec<String>,
    /// What all its members track.
    pub tracks: Tracks,
    /// Who is told of changes of state.
    pub notify: StateNotify,
    /// `sync_group_tracking_weight`: members keep their own weights.
    pub tracking_weight: bool,
}

impl SyncGroup {
    /// A group with every default and no member.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            members: Vec::new(),
            tracks: Tracks::default(),
            notify: StateNotify::default(),
            tracking_weight: false,
        }
    }
}
