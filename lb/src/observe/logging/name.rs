//! Names by which operators know the log: keepalived's, because a drop-in is grepped for those.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::cli::Role;

/// A syslog facility (RFC 5424 §6.2.1) that keepalived knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Facility {
    /// `user`.
    User,
    /// `daemon`.
    #[default]
    Daemon,
    /// `local0` to `local7`.
    Local(u8),
}

impl Facility {
    /// Its number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::User => 1,
            Self::Daemon => 3,
            Self::Local(number) => 16 + number,
        }
    }
}

/// A word that is no facility.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no log facility: 0 to 7, local0 to local7, user or daemon")]
pub struct NoFacility(String);

impl FromStr for Facility {
    type Err = NoFacility;

    fn from_str(word: &str) -> Result<Self, NoFacility> {
        let local = |word: &str| word.parse().ok().filter(|number| *number < 8);
        match word {
            "user" => Ok(Self::User),
            "daemon" => Ok(Self::Daemon),
            _ => local(word.strip_prefix("local").unwrap_or(word))
                .map(Self::Local)
                .ok_or_else(|| NoFacility(word.to_owned())),
        }
    }
}

/// What keepalived calls a child in its log, behind the name of the parent.
const fn suffix(role: Option<Role>) -> &'static str {
    match role {
        None => "",
        Some(Role::Vrrp) => "_vrrp",
        Some(Role::Checkers) => "_healthcheckers",
        Some(Role::Bfd) => "_bfd",
    }
}

/// The name of a process in the log: `Keepalived`, `Keepalived_vrrp`, `Keepalived_healthcheckers_blue_one`.
#[must_use]
pub fn ident(role: Option<Role>, namespace: Option<&str>, instance: Option<&str>) -> String {
    let daemon = [namespace, instance];
    let daemon = daemon.into_iter().flatten().map(|name| format!("_{name}"));
    format!("Keepalived{}{}", suffix(role), daemon.collect::<String>())
}

/// The log file of a process: the same, before the extension.
#[must_use]
pub fn file_of(
    file: &Path,
    role: Option<Role>,
    namespace: Option<&str>,
    instance: Option<&str>,
) -> PathBuf {
    let mut name = OsString::from(file.file_stem().unwrap_or_default());
    name.push(suffix(role));
    for daemon in [namespace, instance].into_iter().flatten() {
        name.push(format!("_{}", daemon.replace('/', "_")));
    }
    if let Some(extension) = file.extension() {
        name.push(".");
        name.push(extension);
    }
    file.with_file_name(name)
}
