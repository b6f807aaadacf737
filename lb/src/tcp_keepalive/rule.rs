//! Which connections get keepalive, and which: the first rule that fits decides.
//!
//! A rule is words in any order: `local PREFIX`, `remote PREFIX`, `local-port PORT`, `remote-port PORT` say whom it fits, and `idle
//! TIME`, `interval TIME`, `probes NUMBER`, `user-timeout TIME|auto|none`, `respect` or `force` what those get; or `leave`.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU16,
    str::FromStr,
};

use lb_common::tcp_keepalive::{
    RULE_LEAVES, RULE_RESPECTS, RULE_USED, RULES, RuleValue as KernelRule,
};
use serde::Serialize;
use thiserror::Error;

use super::values::{
    Idle, Interval, Keepalive, Probes, UserTimeout, UserTimeoutChoice, ValueError,
};

/// Rules there may be.
pub const MOST: usize = RULES as usize;

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RuleError {
    /// No such word.
    #[error(
        "{0:?} is no word of a rule: local, remote, local-port, remote-port, idle, interval, probes, user-timeout, respect, force \
         or leave"
    )]
    Word(String),
    /// Something should follow.
    #[error("nothing follows {0}")]
    Missing(&'static str),
    /// Said before.
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// Not a prefix.
    #[error("{0:?} is no prefix: write an address, or an address, a slash and a length")]
    Prefix(String),
    /// Bits beyond the length.
    #[error("{given} has bits beyond its length: write {meant}")]
    Bits {
        /// As written.
        given: String,
        /// Without them.
        meant: Prefix,
    },
    /// Not a port.
    #[error("{0:?} is no port: 1 to 65535")]
    Port(String),
    /// The two ends of a connection are of one family.
    #[error("local {local} and remote {remote} are of different families: no connection fits")]
    Families {
        /// The local prefix.
        local: Prefix,
        /// The remote one.
        remote: Prefix,
    },
    /// A value the kernel does not take.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// `leave` with values, or `respect` with `force`.
    #[error("{0} and {1} contradict each other")]
    Conflict(&'static str, &'static str),
}

/// Why a text is no list of rules.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ListError {
    /// A line that is no rule.
    #[error("line {line}: {error}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        error: RuleError,
    },
    /// Too many.
    #[error("{0} rules are too many: the kernel looks at {MOST}")]
    TooMany(usize),
}

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    const ALL_V6: Self = Self {
        address: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        length: 0,
    };

    const fn is_v4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Address and mask as the kernel's program compares them.
    fn bytes(&self) -> ([u8; 16], [u8; 16]) {
        let (address, length) = match self.address {
            IpAddr::V4(address) => (address.to_ipv6_mapped(), u32::from(self.length) + 96),
            IpAddr::V6(address) => (address, u32::from(self.length)),
        };
        let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
        (address.octets(), mask.to_be_bytes())
    }

    /// What an address and a mask of the kernel's program mean; none where nothing of the address counts.
    fn of_kernel(family: u32, address: [u8; 16], mask: [u8; 16]) -> Option<Self> {
        let length = u128::from_be_bytes(mask).leading_ones();
        let address = Ipv6Addr::from(address);
        let v4 = address.to_ipv4_mapped().filter(|_| family == 4);
        let (address, beyond) = v4.map_or((IpAddr::V6(address), 0), |v4| (IpAddr::V4(v4), 96));
        let length = u8::try_from(length.checked_sub(beyond)?).ok()?;
        (mask != [0; 16]).then_some(Self { address, length })
    }
}

/// The address without the bits beyond a length.
fn cut(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4((u32::from(address) & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(address) & mask))
        }
    }
}

impl FromStr for Prefix {
    type Err = RuleError;

    fn from_str(word: &str) -> Result<Self, RuleError> {
        let wrong = || RuleError::Prefix(word.to_owned());
        let (address, length) = match word.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (word, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| wrong())?
            }
            Some(_) => return Err(wrong()),
            None => most,
        };
        if length > most {
            return Err(wrong());
        }
        // A mapped address is one of IPv4 to the program, too.
        let (address, length) = match address {
            IpAddr::V6(v6) if length >= 96 => v6
                .to_ipv4_mapped()
                .map_or((address, length), |v4| (IpAddr::V4(v4), length - 96)),
            _ => (address, length),
        };
        let meant = Self {
            address: cut(address, length),
            length,
        };
        if meant.address != address {
            return Err(RuleError::Bits {
                given: word.to_owned(),
                meant,
            });
        }
        Ok(meant)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.to_string()
    }
}

/// Whose choice counts where a program asks for keepalive itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Precedence {
    /// The program's.
    #[default]
    Respect,
    /// The rule's.
    Force,
}

/// What connections get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Treatment {
    /// The values.
    pub keepalive: Keepalive,
    /// When unacknowledged data gives a connection up.
    pub user_timeout: UserTimeoutChoice,
    /// Whose choice counts.
    pub precedence: Precedence,
}

impl Default for Treatment {
    fn default() -> Self {
        Self {
            keepalive: Keepalive::OURS,
            user_timeout: UserTimeoutChoice::Auto,
            precedence: Precedence::Respect,
        }
    }
}

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The local address; any without one.
    pub local: Option<Prefix>,
    /// The peer's address.
    pub remote: Option<Prefix>,
    /// The local port.
    pub local_port: Option<NonZeroU16>,
    /// The peer's port.
    pub remote_port: Option<NonZeroU16>,
    /// What connections that fit get; `None` leaves them alone.
    pub treatment: Option<Treatment>,
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Local address and port.
    pub local: (IpAddr, u16),
    /// The peer's.
    pub remote: (IpAddr, u16),
}

impl Rule {
    /// One for all connections.
    #[must_use]
    pub const fn of_all(treatment: Treatment) -> Self {
        Self {
            local: None,
            remote: None,
            local_port: None,
            remote_port: None,
            treatment: Some(treatment),
        }
    }

    /// Reads a rule; what it does not say of values is as in `otherwise`.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str, otherwise: &Treatment) -> Result<Self, RuleError> {
        let mut words = text.split_whitespace();
        let mut draft = Draft::default();
        while let Some(word) = words.next() {
            draft.take(word, &mut words)?;
        }
        draft.finish(otherwise)
    }

    /// What a rule of the kernel's program means.
    #[must_use]
    pub fn of_kernel(kernel: &KernelRule) -> Self {
        let port = |port: u32| u16::try_from(port).ok().and_then(NonZeroU16::new);
        let values = || {
            Some(Keepalive {
                idle: kernel.idle.try_into().ok()?,
                interval: kernel.interval.try_into().ok()?,
                probes: kernel.probes.try_into().ok()?,
            })
        };
        let leaves = kernel.flags & RULE_LEAVES != 0;
        let treatment = values().filter(|_| !leaves).map(|keepalive| Treatment {
            keepalive,
            user_timeout: UserTimeout::try_from(kernel.user_timeout)
                .map_or(UserTimeoutChoice::None, UserTimeoutChoice::After),
            precedence: if kernel.flags & RULE_RESPECTS != 0 {
                Precedence::Respect
            } else {
                Precedence::Force
            },
        });
        let local = Prefix::of_kernel(kernel.family, kernel.local, kernel.local_mask);
        let remote = Prefix::of_kernel(kernel.family, kernel.remote, kernel.remote_mask);
        // Of a prefix of length 0 the family alone is left.
        let all = (kernel.family == 6 && local.is_none()).then_some(Prefix::ALL_V6);
        Self {
            local,
            remote: remote.or(all),
            local_port: port(kernel.local_port),
            remote_port: port(kernel.remote_port),
            treatment,
        }
    }

    /// As the kernel's program reads it.
    #[must_use]
    pub fn kernel(&self) -> KernelRule {
        let (local, local_mask) = self.local.map_or_else(Default::default, |it| it.bytes());
        let (remote, remote_mask) = self.remote.map_or_else(Default::default, |it| it.bytes());
        let port = |port: Option<NonZeroU16>| port.map_or(0, |port| port.get().into());
        let family = self.local.or(self.remote);
        let mut kernel = KernelRule {
            local,
            local_mask,
            remote,
            remote_mask,
            local_port: port(self.local_port),
            remote_port: port(self.remote_port),
            family: family.map_or(0, |prefix| if prefix.is_v4() { 4 } else { 6 }),
            flags: RULE_USED,
            ..KernelRule::default()
        };
        let Some(treatment) = self.treatment else {
            kernel.flags |= RULE_LEAVES;
            return kernel;
        };
        if treatment.precedence == Precedence::Respect {
            kernel.flags |= RULE_RESPECTS;
        }
        let values = &treatment.keepalive;
        let user_timeout = treatment.user_timeout.of(values);
        kernel.idle = values.idle.get();
        kernel.interval = values.interval.get();
        kernel.probes = values.probes.get();
        kernel.user_timeout = user_timeout.map_or(0, |time| time.get());
        kernel
    }
}

/// Prints what [`Rule::parse`] reads.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends: [(&str, Option<&dyn fmt::Display>); 4] = [
            ("local", self.local.as_ref().map(|it| it as _)),
            ("remote", self.remote.as_ref().map(|it| it as _)),
            ("local-port", self.local_port.as_ref().map(|it| it as _)),
            ("remote-port", self.remote_port.as_ref().map(|it| it as _)),
        ];
        for (name, value) in ends {
            if let Some(value) = value {
                write!(f, "{name} {value} ")?;
            }
        }
        let Some(treatment) = &self.treatment else {
            return f.write_str("leave");
        };
        let Treatment {
            keepalive,
            user_timeout,
            precedence,
        } = treatment;
        let precedence = match precedence {
            Precedence::Respect => "respect",
            Precedence::Force => "force",
        };
        write!(
            f,
            "idle {} interval {} probes {} user-timeout {user_timeout} {precedence}",
            keepalive.idle, keepalive.interval, keepalive.probes
        )
    }
}

/// Whether a rule of the kernel's program fits, as that sees it.
#[must_use]
pub fn fits(rule: &KernelRule, ends: &Ends) -> bool {
    let bytes = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    };
    let within = |address, prefix, mask| {
        let different = u128::from_be_bytes(address) ^ u128::from_be_bytes(prefix);
        different & u128::from_be_bytes(mask) == 0
    };
    let is = |port: u32, other: u16| port == 0 || port == u32::from(other);
    let (local, remote) = (bytes(ends.local.0), bytes(ends.remote.0));
    let is_v4 = Ipv6Addr::from(remote).to_ipv4_mapped().is_some();
    (rule.family == 0 || rule.family == if is_v4 { 4 } else { 6 })
        && is(rule.local_port, ends.local.1)
        && is(rule.remote_port, ends.remote.1)
        && within(local, rule.local, rule.local_mask)
        && within(remote, rule.remote, rule.remote_mask)
}

/// Reads rules, one a line; `#` begins a comment.
///
/// # Errors
/// With the first line that is none, and when there are more than the kernel looks at.
pub fn list(text: &str, otherwise: &Treatment) -> Result<Vec<Rule>, ListError> {
    let lines = text.lines().enumerate();
    let lines = lines.map(|(place, line)| (place, line.split('#').next().unwrap_or_default()));
    let rules = lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(place, line)| {
            let line_error = |error| ListError::Line {
                line: place + 1,
                error,
            };
            Rule::parse(line, otherwise).map_err(line_error)
        })
        .collect::<Result<Vec<_>, _>>()?;
    if rules.len() > MOST {
        return Err(ListError::TooMany(rules.len()));
    }
    Ok(rules)
}

/// A rule as far as it is read.
#[derive(Debug, Default)]
struct Draft {
    local: Option<Prefix>,
    remote: Option<Prefix>,
    local_port: Option<NonZeroU16>,
    remote_port: Option<NonZeroU16>,
    idle: Option<Idle>,
    interval: Option<Interval>,
    probes: Option<Probes>,
    user_timeout: Option<UserTimeoutChoice>,
    precedence: Option<Precedence>,
    leaves: Option<()>,
}

impl Draft {
    fn take<'t>(
        &mut self,
        word: &str,
        rest: &mut impl Iterator<Item = &'t str>,
    ) -> Result<(), RuleError> {
        match word {
            "local" => put(&mut self.local, "local", value("local", rest)?),
            "remote" => put(&mut self.remote, "remote", value("remote", rest)?),
            "local-port" => put(
                &mut self.local_port,
                "local-port",
                port("local-port", rest)?,
            ),
            "remote-port" => put(
                &mut self.remote_port,
                "remote-port",
                port("remote-port", rest)?,
            ),
            "idle" => put(&mut self.idle, "idle", value("idle", rest)?),
            "interval" => put(&mut self.interval, "interval", value("interval", rest)?),
            "probes" => put(&mut self.probes, "probes", value("probes", rest)?),
            "user-timeout" => put(
                &mut self.user_timeout,
                "user-timeout",
                value("user-timeout", rest)?,
            ),
            "respect" => put(
                &mut self.precedence,
                "respect or force",
                Precedence::Respect,
            ),
            "force" => put(&mut self.precedence, "respect or force", Precedence::Force),
            "leave" => put(&mut self.leaves, "leave", ()),
            other => Err(RuleError::Word(other.to_owned())),
        }
    }

    fn finish(self, otherwise: &Treatment) -> Result<Rule, RuleError> {
        if let (Some(local), Some(remote)) = (self.local, self.remote)
            && local.is_v4() != remote.is_v4()
        {
            return Err(RuleError::Families { local, remote });
        }
        let given = [
            ("idle", self.idle.is_some()),
            ("interval", self.interval.is_some()),
            ("probes", self.probes.is_some()),
            ("user-timeout", self.user_timeout.is_some()),
            ("respect or force", self.precedence.is_some()),
        ];
        if self.leaves.is_some()
            && let Some((name, _)) = given.into_iter().find(|(_, given)| *given)
        {
            return Err(RuleError::Conflict("leave", name));
        }
        let values = otherwise.keepalive;
        let treatment = Treatment {
            keepalive: Keepalive {
                idle: self.idle.unwrap_or(values.idle),
                interval: self.interval.unwrap_or(values.interval),
                probes: self.probes.unwrap_or(values.probes),
            },
            user_timeout: self.user_timeout.unwrap_or(otherwise.user_timeout),
            precedence: self.precedence.unwrap_or(otherwise.precedence),
        };
        Ok(Rule {
            local: self.local,
            remote: self.remote,
            local_port: self.local_port,
            remote_port: self.remote_port,
            treatment: self.leaves.is_none().then_some(treatment),
        })
    }
}

fn put<T>(place: &mut Option<T>, name: &'static str, value: T) -> Result<(), RuleError> {
    match place.replace(value) {
        Some(_) => Err(RuleError::Twice(name)),
        None => Ok(()),
    }
}

fn value<'t, T: FromStr<Err: Into<RuleError>>>(
    name: &'static str,
    rest: &mut impl Iterator<Item = &'t str>,
) -> Result<T, RuleError> {
    let word = rest.next().ok_or(RuleError::Missing(name))?;
    word.parse().map_err(Into::into)
}

fn port<'t>(
    name: &'static str,
    rest: &mut impl Iterator<Item = &'t str>,
) -> Result<NonZeroU16, RuleError> {
    let word = rest.next().ok_or(RuleError::Missing(name))?;
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let port = word.parse().ok().filter(|_| digits);
    port.ok_or_else(|| RuleError::Port(word.to_owned()))
}
