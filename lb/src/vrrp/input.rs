//! Every input of [`Router`] as a value, so that a session can be written down and fed again.

use std::{
    borrow::Cow,
    net::IpAddr,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    LinkState, Router, RxMeta,
    advert::Advertisement,
    object::{Object, ObjectKey, Operation},
    output::{InstanceId, Standing},
};
use crate::config::model::{
    Config, InterfaceName, SyncGroup, VrrpInstance,
    global::Announce,
    network::{GarpGroup, InterfaceDelay},
};

/// One call of a method of [`Router`], which says what it means. Times are relative to the `now` it comes with. What the
/// method borrows is borrowed here: most sessions are not written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input<'a> {
    /// [`Router::handle_settings`].
    Settings(Box<Settings>),
    /// [`Router::handle_config`].
    Config {
        /// The instances there should be.
        instances: Cow<'a, [VrrpInstance]>,
        /// Their groups.
        groups: Cow<'a, [SyncGroup]>,
    },
    /// [`Router::hold_until`].
    Hold {
        /// How long no instance begins.
        time: Duration,
    },
    /// [`Router::handle_stop`].
    Stop,
    /// [`Router::handle_link`].
    Link {
        /// The interface.
        interface: Cow<'a, InterfaceName>,
        /// Its state; nothing when it is not there.
        state: Option<LinkState>,
    },
    /// [`Router::handle_standing`].
    Standing {
        /// The name of the instance.
        name: Cow<'a, str>,
        /// What tracking adds up to.
        standing: Cow<'a, Standing>,
    },
    /// [`Router::handle_advert_of`], or [`Router::handle_advert`] without an instance.
    Advert {
        /// Whom it is meant for.
        instance: Option<InstanceId>,
        /// Where it came from.
        rx: Cow<'a, RxMeta>,
        /// What it says.
        advert: Cow<'a, Advertisement>,
    },
    /// What one instance is told.
    Told {
        /// Which.
        instance: InstanceId,
        /// What.
        news: News<'a>,
    },
    /// [`Router::handle_address`].
    Address {
        /// Where it is.
        interface: Cow<'a, InterfaceName>,
        /// The address.
        address: IpAddr,
        /// Its prefix length.
        prefix: u8,
        /// Whether the kernel has it.
        present: bool,
    },
    /// [`Router::handle_object`].
    Object {
        /// Which.
        key: Cow<'a, ObjectKey>,
        /// Whether the kernel has it.
        present: bool,
    },
    /// [`Router::handle_withdrawn`].
    Withdrawn {
        /// Which.
        key: Cow<'a, ObjectKey>,
    },
    /// [`Router::handle_yield`].
    Yield {
        /// The name of the instance.
        name: Cow<'a, str>,
        /// For how long; until it is withdrawn without it.
        time: Option<Duration>,
    },
    /// [`Router::handle_release`].
    Release {
        /// The name of the instance.
        name: Cow<'a, str>,
    },
    /// [`Router::handle_timeout`].
    Timeout,
}

/// What the kernel answers or tells of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News<'a> {
    /// [`Router::handle_refusal`].
    Refusal {
        /// The counter.
        counter: Cow<'static, str>,
    },
    /// [`Router::handle_advert_sent`].
    Sent(bool),
    /// [`Router::handle_guard`].
    Guard {
        /// Which guard.
        epoch: u32,
        /// Whether the kernel has it.
        taken: bool,
    },
    /// [`Router::handle_guard_possible`].
    GuardPossible,
    /// [`Router::handle_overflow`].
    Overflow,
    /// [`Router::handle_peer_silent`].
    PeerSilent {
        /// The peer's address.
        peer: IpAddr,
    },
    /// [`Router::handle_master_down`].
    MasterDown {
        /// Of which guard.
        epoch: u32,
    },
    /// [`Router::handle_lease_lost`].
    LeaseLost {
        /// Of which guard.
        epoch: u32,
    },
    /// [`Router::handle_yielded`].
    Yielded {
        /// Of which guard.
        epoch: u32,
    },
    /// [`Router::handle_heartbeat`].
    Heartbeat {
        /// Of which guard.
        epoch: u32,
        /// Time since the kernel last absorbed an advert.
        age: Duration,
    },
    /// [`Router::handle_adopted`].
    Adopted,
    /// [`Router::handle_applied`].
    Applied {
        /// The object.
        object: Cow<'a, Object>,
        /// What was to be done.
        operation: Operation,
        /// Whether it was, else why not.
        result: Result<(), String>,
    },
}

/// What of the configuration concerns the node, not one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// `interface_up_down_delays`.
    pub interface_delays: Vec<InterfaceDelay>,
    /// `vrrp_garp_interval` and `vrrp_gna_interval`.
    pub announce: Announce,
    /// `garp_group`.
    pub garp_groups: Vec<GarpGroup>,
}

impl Settings {
    /// The settings in a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            interface_delays: config.interface_delays.clone(),
            announce: config.global.vrrp.announce.clone(),
            garp_groups: config.garp_groups.clone(),
        }
    }
}

impl Router {
    /// Takes any input.
    pub fn handle(&mut self, input: &Input<'_>, now: Instant) {
        match input {
            Input::Settings(settings) => self.adopt_settings(settings, now),
            Input::Config { instances, groups } => self.handle_config(instances, groups, now),
            Input::Hold { time } => self.hold_until(now + *time),
            Input::Stop => self.handle_stop(now),
            Input::Link { interface, state } => self.handle_link(interface, *state, now),
            Input::Standing { name, standing } => self.handle_standing(name, standing, now),
            Input::Advert {
                instance,
                rx,
                advert,
            } => match instance {
                Some(id) => self.handle_advert_of(*id, rx, advert, now),
                None => self.handle_advert(rx, advert, now),
            },
            Input::Told { instance, news } => self.handle_news(*instance, news, now),
            Input::Address {
                interface,
                address,
                prefix,
                present,
            } => self.handle_address(interface, *address, *prefix, *present, now),
            Input::Object { key, present } => self.handle_object(key, *present, now),
            Input::Withdrawn { key } => self.handle_withdrawn(key, now),
            Input::Yield { name, time } => drop(self.handle_yield(name, *time, now)),
            Input::Release { name } => drop(self.handle_release(name, now)),
            Input::Timeout => self.handle_timeout(now),
        }
    }

    fn handle_news(&mut self, id: InstanceId, news: &News<'_>, now: Instant) {
        match news {
            News::Refusal { counter } => self.handle_refusal(id, counter.clone(), now),
            News::Sent(sent) => self.handle_advert_sent(id, *sent, now),
            News::Guard { epoch, taken } => self.handle_guard(id, *epoch, *taken, now),
            News::GuardPossible => self.handle_guard_possible(id, now),
            News::Overflow => self.handle_overflow(id, now),
            News::PeerSilent { peer } => self.handle_peer_silent(id, *peer, now),
            News::MasterDown { epoch } => self.handle_master_down(id, *epoch, now),
            News::LeaseLost { epoch } => self.handle_lease_lost(id, *epoch, now),
            News::Yielded { epoch } => self.handle_yielded(id, *epoch, now),
            News::Heartbeat { epoch, age } => {
                let last_seen = now.checked_sub(*age).unwrap_or(now);
                self.handle_heartbeat(id, *epoch, last_seen, now);
            }
            News::Adopted => self.handle_adopted(id, now),
            News::Applied {
                object,
                operation,
                result,
            } => self.handle_applied(id, object, *operation, result.clone(), now),
        }
    }
}
