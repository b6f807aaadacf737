//! Values that are written as a few words: when a process runs, how it is ready, where it goes.

use std::{fmt, net::SocketAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use super::text::split;

/// When a process runs on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RunOn {
    /// Always.
    #[default]
    Always,
    /// While this `vrrp_instance` is MASTER here.
    Master(String),
    /// While it is BACKUP here.
    Backup(String),
}

impl RunOn {
    /// The virtual router it depends on.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        match self {
            Self::Always => None,
            Self::Master(name) | Self::Backup(name) => Some(name),
        }
    }

    pub(super) fn is_always(&self) -> bool {
        *self == Self::Always
    }
}

impl fmt::Display for RunOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::Master(name) => write!(f, "master {name}"),
            Self::Backup(name) => write!(f, "backup {name}"),
        }
    }
}

impl FromStr for RunOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match *text.split_whitespace().collect::<Vec<_>>() {
            ["always"] => Ok(Self::Always),
            ["master", name] => Ok(Self::Master(name.to_owned())),
            ["backup", name] => Ok(Self::Backup(name.to_owned())),
            _ => Err(format!(
                "`{text}` is none of `always`, `master INSTANCE`, `backup INSTANCE`"
            )),
        }
    }
}

/// How a process tells that it is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Readiness {
    /// It is as soon as it runs.
    #[default]
    None,
    /// It says `READY=1` (sd_notify(3)).
    Notify,
    /// This port takes connections.
    Tcp(SocketAddr),
    /// This command ends with 0; it runs as the process's user.
    Command(Vec<String>),
}

impl Readiness {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Notify => f.write_str("notify"),
            Self::Tcp(address) => write!(f, "tcp {address}"),
            Self::Command(words) => {
                f.write_str("command")?;
                for word in words {
                    let word = word.replace('\\', "\\\\").replace('"', "\\\"");
                    write!(f, " \"{word}\"")?;
                }
                Ok(())
            }
        }
    }
}

impl FromStr for Readiness {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = split(text)?.into_iter();
        match (words.next().as_deref(), words.as_slice()) {
            (Some("none"), []) => Ok(Self::None),
            (Some("notify"), []) => Ok(Self::Notify),
            (Some("tcp"), [address]) => address
                .parse()
                .map(Self::Tcp)
                .map_err(|_| format!("tcp `{address}`: ADDRESS:PORT")),
            (Some("command"), [program, ..]) if program.starts_with('/') => {
                Ok(Self::Command(words.collect()))
            }
            _ => Err(format!(
                "`{text}` is none of `none`, `notify`, `tcp ADDRESS:PORT`, `command /PROGRAM ARGUMENT…`"
            )),
        }
    }
}

/// Where a process goes when it has died (`-Z`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MovePolicy {
    /// To the favored node: away from any other.
    #[serde(rename = "F_node")]
    Favored,
    /// Nowhere: it is started where it was.
    #[default]
    #[serde(rename = "last_node")]
    Last,
    /// To the next node.
    #[serde(rename = "round_robin")]
    RoundRobin,
}

impl MovePolicy {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Serde's way to and from the words above.
macro_rules! as_words {
    ($($type:ty),*) => {$(
        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    )*};
}

as_words!(RunOn, Readiness);
