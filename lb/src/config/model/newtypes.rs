//! Values with a legal range.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::Family;

/// A value outside its legal range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value} is not a legal {what}: {legal}")]
pub struct InvalidValue {
    /// What the value was meant to be.
    pub what: &'static str,
    /// The value as given.
    pub value: String,
    /// The legal range in words.
    pub legal: &'static str,
}

impl InvalidValue {
    pub(super) fn new(what: &'static str, value: impl fmt::Display, legal: &'static str) -> Self {
        Self {
            what,
            value: value.to_string(),
            legal,
        }
    }
}

macro_rules! newtype {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name($inner);

        impl $name {
            /// The plain value.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$name> for i64 {
            fn from(value: $name) -> Self {
                Self::from(value.0)
            }
        }
    };
}

newtype!(
    /// Virtual router identifier, 1 to 255 (RFC 9568 §5.2.3).
    Vrid(u8)
);

impl TryFrom<i64> for Vrid {
    type Error = InvalidValue;

    fn try_from(value: i64) -> Result<Self, InvalidValue> {
        match u8::try_from(value) {
            Ok(vrid @ 1..) => Ok(Self(vrid)),
            _ => Err(InvalidValue::new("virtual_router_id", value, "1 to 255")),
        }
    }
}

newtype!(
    /// Configured priority, 1 to 255; 255 is the address owner (RFC 9568 §5.2.4).
    Priority(u8)
);

impl Priority {
    /// The address owner's priority.
    pub const OWNER: Self = Self(255);
    /// Default of a router that backs up (RFC 9568 §6.1).
    pub const DEFAULT: Self = Self(100);

    /// True for the address owner.
    #[must_use]
    pub const fn is_owner(self) -> bool {
        self.0 == 255
    }
}

impl TryFrom<i64> for Priority {
    type Error = InvalidValue;

    fn try_from(value: i64) -> Result<Self, InvalidValue> {
        match u8::try_from(value) {
            Ok(priority @ 1..) => Ok(Self(priority)),
            _ => Err(InvalidValue::new("priority", value, "1 to 255")),
        }
    }
}

newtype!(
    /// Prefix length, 0 to 128; the family's limit is checked where the address is known.
    PrefixLength(u8)
);

impl PrefixLength {
    /// That of a single address.
    #[must_use]
    pub const fn whole(family: Family) -> Self {
        match family {
            Family::V4 => Self(32),
            Family::V6 => Self(128),
        }
    }
}

impl TryFrom<i64> for PrefixLength {
    type Error = InvalidValue;

    fn try_from(value: i64) -> Result<Self, InvalidValue> {
        match u8::try_from(value) {
            Ok(length @ 0..=128) => Ok(Self(length)),
            _ => Err(InvalidValue::new("prefix length", value, "0 to 128")),
        }
    }
}

newtype!(
    /// Weight of a real server, 0 to 2147483647 (keepalived.conf(5)).
    Weight(u32)
);

impl Weight {
    /// The default weight.
    pub const ONE: Self = Self(1);
}

impl TryFrom<i64> for Weight {
    type Error = InvalidValue;

    fn try_from(value: i64) -> Result<Self, InvalidValue> {
        match u32::try_from(value) {
            Ok(weight @ 0..=0x7fff_ffff) => Ok(Self(weight)),
            _ => Err(InvalidValue::new("weight", value, "0 to 2147483647")),
        }
    }
}

/// Advertisement_Interval, 10 ms to 255 s in steps of 10 ms (v3 stops at 40.95 s, v2 counts whole
/// seconds: checked where the version is known).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Duration", into = "Duration")]
pub struct AdvertInterval(Duration);

impl AdvertInterval {
    /// One second (RFC 9568 §6.1).
    pub const DEFAULT: Self = Self(Duration::from_secs(1));

    /// From hundredths of a second, the unit of VRRPv3's wire.
    ///
    /// # Errors
    /// When outside 1 to 25500.
    pub fn from_centiseconds(value: u64) -> Result<Self, InvalidValue> {
        Self::try_from(Duration::from_millis(value.saturating_mul(10)))
    }

    /// As a duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    /// Hundredths of a second, the unit of VRRPv3's wire.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "at most 25500")]
    pub const fn centiseconds(self) -> u16 {
        (self.0.as_millis() / 10) as u16
    }
}

impl TryFrom<Duration> for AdvertInterval {
    type Error = InvalidValue;

    fn try_from(value: Duration) -> Result<Self, InvalidValue> {
        let legal = value >= Duration::from_millis(10)
            && value <= Duration::from_secs(255)
            && value.subsec_nanos().is_multiple_of(10_000_000);
        if legal {
            Ok(Self(value))
        } else {
            Err(InvalidValue::new(
                "advert_int",
                format_args!("{} s", value.as_secs_f64()),
                "0.01 to 255 seconds in steps of 0.01",
            ))
        }
    }
}

impl From<AdvertInterval> for Duration {
    fn from(value: AdvertInterval) -> Self {
        value.0
    }
}

/// A time of at most an hour in whole microseconds: a quarter of a `Duration`, as there may be a million of them.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "Duration", into = "Duration")]
pub struct Micros(u32);

impl Micros {
    /// None at all.
    pub const ZERO: Self = Self(0);
    /// The longest.
    pub const MAX: Self = Self(3_600_000_000);

    /// As a duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        Duration::from_micros(self.0 as u64)
    }
}

/// Cuts off what is below a microsecond.
impl TryFrom<Duration> for Micros {
    type Error = InvalidValue;

    fn try_from(value: Duration) -> Result<Self, InvalidValue> {
        match u32::try_from(value.as_micros()) {
            Ok(micros) if micros <= Self::MAX.0 => Ok(Self(micros)),
            _ => Err(InvalidValue::new(
                "time",
                format_args!("{} s", value.as_secs_f64()),
                "0 to 3600 seconds",
            )),
        }
    }
}

impl From<Micros> for Duration {
    fn from(value: Micros) -> Self {
        value.get()
    }
}

/// Name of a network interface: 1 to 15 bytes without `/`, white space or `:` (`dev_valid_name`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InterfaceName(String);

impl InterfaceName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for InterfaceName {
    type Error = InvalidValue;

    fn try_from(value: String) -> Result<Self, InvalidValue> {
        let legal = (1..=15).contains(&value.len())
            && value != "."
            && value != ".."
            && !value
                .chars()
                .any(|c| c == '/' || c == ':' || c.is_whitespace() || c.is_control());
        if legal {
            Ok(Self(value))
        } else {
            Err(InvalidValue::new(
                "interface name",
                value,
                "1 to 15 bytes without / : or blanks",
            ))
        }
    }
}

impl From<InterfaceName> for String {
    fn from(value: InterfaceName) -> Self {
        value.0
    }
}
