//! Settings of the kernel below `/proc/sys/net`, in the network namespace of this process.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::file;
use crate::config::model::InterfaceName;

/// Where they are.
const ROOT: &str = "/proc/sys/net";

/// One of them: its path below `/proc/sys/net`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Setting(String);

impl Setting {
    /// `net.ipv4.conf.INTERFACE.NAME`.
    #[must_use]
    pub fn of_v4(interface: &InterfaceName, name: &str) -> Self {
        Self(format!("ipv4/conf/{interface}/{name}"))
    }

    /// `net.ipv6.conf.INTERFACE.NAME`.
    #[must_use]
    pub fn of_v6(interface: &InterfaceName, name: &str) -> Self {
        Self(format!("ipv6/conf/{interface}/{name}"))
    }

    /// `net.ipv4.conf.all.NAME`, which counts for every interface.
    #[must_use]
    pub fn of_all_v4(name: &str) -> Self {
        Self(format!("ipv4/conf/all/{name}"))
    }

    /// `net.ipv4.conf.default.NAME`, which interfaces have that are made from now on.
    #[must_use]
    pub fn of_new_v4(name: &str) -> Self {
        Self(format!("ipv4/conf/default/{name}"))
    }

    /// `net.ipv4.NAME`.
    #[must_use]
    pub fn of_node_v4(name: &str) -> Self {
        Self(format!("ipv4/{name}"))
    }

    /// `net.PATH`, with a path below `/proc/sys/net`.
    #[must_use]
    pub fn of_net(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// The interface it belongs to.
    #[must_use]
    pub fn interface(&self) -> Option<&str> {
        let (_, rest) = self.0.split_once("/conf/")?;
        rest.split('/').next()
    }

    /// Its value.
    ///
    /// # Errors
    /// When there is no such setting or interface.
    pub fn read(&self) -> io::Result<String> {
        Ok(fs::read_to_string(self.path())?.trim().to_owned())
    }

    /// Sets it.
    ///
    /// # Errors
    /// When there is no such setting or interface, or without the right.
    pub fn write(&self, value: &str) -> io::Result<()> {
        // Never made: what is not there is no setting.
        let mut file = fs::OpenOptions::new().write(true).open(self.path())?;
        io::Write::write_all(&mut file, value.as_bytes())
    }

    fn path(&self) -> PathBuf {
        Path::new(ROOT).join(&self.0)
    }
}

impl TryFrom<String> for Setting {
    type Error = String;

    fn try_from(path: String) -> Result<Self, String> {
        let mut parts = Path::new(&path).components();
        match parts.all(|part| matches!(part, Component::Normal(_))) {
            true => Ok(Self(path)),
            false => Err(format!("{path} is no setting below {ROOT}")),
        }
    }
}

impl From<Setting> for String {
    fn from(setting: Setting) -> Self {
        setting.0
    }
}

impl fmt::Display for Setting {
    /// As sysctl(8) spells it, names with dots too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("net.")?;
        self.0.chars().try_for_each(|letter| match letter {
            '/' => f.write_str("."),
            '.' => f.write_str("/"),
            letter => write!(f, "{letter}"),
        })
    }
}

/// Reads the values that settings had before an earlier process changed them; none where it has put them back.
///
/// # Errors
/// When the file cannot be read, or is not what [`keep`] writes.
pub fn kept(file: &Path) -> io::Result<BTreeMap<Setting, String>> {
    match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        text => Ok(serde_json::from_slice(&text?)?),
    }
}

/// Writes them for the next process, should this one not put them back: whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn keep(path: &Path, before: &BTreeMap<Setting, String>) -> io::Result<()> {
    if before.is_empty() {
        return file::remove(path);
    }
    file::replace(path, serde_json::to_vec(before)?)
}

#[cfg(test)]
mod tests;
