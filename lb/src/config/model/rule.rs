//! `static_rules` and `virtual_rules`: policy rules as ip-rule(8) writes them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Family, InterfaceName,
    route::{Named, Prefix, RTPROT_KEEPALIVED, Realms},
};

/// What a rule does with packets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleAction {
    /// `table`: looks them up there.
    Table(Named<u32>),
    /// `l3mdev`: looks them up in the table of their interface's VRF.
    L3mdev,
    /// `goto`: goes on at the rule of this preference.
    Goto(u32),
    /// `nop`.
    Nop,
    /// Drops them in silence.
    Blackhole,
    /// Drops them with "administratively prohibited".
    Prohibit,
    /// Drops them with "network unreachable".
    Unreachable,
}

/// `fwmark MARK[/MASK]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FirewallMark {
    /// The mark.
    pub mark: u32,
    /// The bits that count; all where there is none.
    pub mask: Option<u32>,
}

impl fmt::Display for FirewallMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.mark)?;
        self.mask.map_or(Ok(()), |mask| write!(f, "/{mask}"))
    }
}

/// `FIRST-LAST`, both included; the last is never below the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Range<N> {
    /// The first.
    pub first: N,
    /// The last.
    pub last: N,
}

impl<N: fmt::Display> fmt::Display for Range<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// One line of `static_rules` or `virtual_rules`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// Its family.
    pub family: Family,
    /// `preference`: rules of lower numbers come first.
    pub preference: u32,
    /// Which packets.
    pub selector: Selector,
    /// What is done with them.
    pub action: RuleAction,
    /// `suppress_prefixlength`: routes of at most this length are not taken.
    pub suppress_prefix_length: Option<u32>,
    /// `suppress_ifgroup`: routes through interfaces of this group are not taken.
    pub suppress_group: Option<Named<u32>>,
    /// `realms` (IPv4).
    pub realms: Option<Realms>,
    /// `protocol`: who made the rule.
    pub protocol: u8,
    /// False with `no_track`: nothing happens when somebody removes the rule.
    pub is_tracked: bool,
    /// `track_group`: the instances that go to FAULT when a static rule vanishes.
    pub track_group: Option<String>,
}

impl Rule {
    /// A rule for all packets.
    #[must_use]
    pub fn new(family: Family, preference: u32, action: RuleAction) -> Self {
        Self {
            family,
            preference,
            selector: Selector::default(),
            action,
            suppress_prefix_length: None,
            suppress_group: None,
            realms: None,
            protocol: RTPROT_KEEPALIVED,
            is_tracked: true,
            track_group: None,
        }
    }
}

/// The packets a rule is for: those that have everything given.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Selector {
    /// `not`: all others.
    pub is_inverted: bool,
    /// `from`.
    pub from: Option<Prefix>,
    /// `to`.
    pub to: Option<Prefix>,
    /// `tos`.
    pub tos: Option<Named<u8>>,
    /// `fwmark`.
    pub mark: Option<FirewallMark>,
    /// `iif`: where they come in.
    pub input: Option<InterfaceName>,
    /// `oif`: where sockets send them.
    pub output: Option<InterfaceName>,
    /// `ipproto`: number of the transport protocol.
    pub ip_protocol: Option<u8>,
    /// `sport`.
    pub source_ports: Option<Range<u16>>,
    /// `dport`.
    pub destination_ports: Option<Range<u16>>,
    /// `uidrange`: users whose sockets send them.
    pub users: Option<Range<u32>>,
    /// `tunnel-id`.
    pub tunnel_id: Option<u64>,
}
