//! What validation asks of the machine.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use super::{LoadError, model::InterfaceName};

/// What validation needs to know of the machine.
pub trait System {
    /// An interface by name; `None` where there is none.
    fn interface(&self, name: &InterfaceName) -> Option<Interface>;

    /// The names of all interfaces, for what may have been meant.
    fn interface_names(&self) -> Vec<&str>;

    /// What else there is; `None` where nobody knows, and then nothing is said of it.
    fn local(&self) -> Option<&dyn Local> {
        None
    }
}

/// What validation needs to know of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// VRRP refuses to run on it.
    pub is_loopback: bool,
    /// Whether it is a VRF; `None` where nobody knows.
    pub is_vrf: Option<bool>,
    /// The largest packet it takes, in bytes; `None` where nobody knows.
    pub mtu: Option<u32>,
}

impl System for BTreeMap<String, Interface> {
    fn interface(&self, name: &InterfaceName) -> Option<Interface> {
        self.get(name.as_str()).copied()
    }

    fn interface_names(&self) -> Vec<&str> {
        self.keys().map(String::as_str).collect()
    }
}

/// Files: facts, which the rules judge.
pub trait Files {
    /// What is at an absolute path, without following a link at its end.
    ///
    /// # Errors
    /// When nothing is there, or it cannot be seen.
    fn entry(&self, path: &Path) -> Result<Entry, LoadError>;

    /// The directory that relative paths start from.
    fn working_directory(&self) -> PathBuf;

    /// Where programs without a `/` in their name are looked for, in this order.
    fn search_path(&self) -> Vec<PathBuf>;
}

/// Users and names beside the files.
pub trait Local: Files {
    /// The UID of a user; `None` where there is no such user.
    fn user(&self, name: &str) -> Option<u32>;

    /// The GID of a group; `None` where there is no such group.
    fn group(&self, name: &str) -> Option<u32>;

    /// The names of one of iproute2's lists.
    fn names(&self, list: NameList) -> Vec<String>;
}

/// A file, or what else a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, with the sticky bit.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Bytes in it.
    pub size: u64,
}

impl Entry {
    /// Whether anybody may execute it.
    pub(crate) const fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link to this path.
    Link(PathBuf),
    /// A device, a pipe, a socket.
    Other,
}

/// A list of iproute2: names for numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameList {
    /// Routing tables.
    Tables,
    /// Who made a route.
    Protocols,
    /// How far an address or a destination is.
    Scopes,
    /// Realms of routes.
    Realms,
    /// Values of the DS field.
    DsField,
    /// Groups of interfaces.
    Groups,
}

impl NameList {
    /// The name of its file.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Tables => "rt_tables",
            Self::Protocols => "rt_protos",
            Self::Scopes => "rt_scopes",
            Self::Realms => "rt_realms",
            Self::DsField => "rt_dsfield",
            Self::Groups => "group",
        }
    }
}

impl fmt::Display for NameList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tables => "routing table",
            Self::Protocols => "routing protocol",
            Self::Scopes => "scope",
            Self::Realms => "realm",
            Self::DsField => "value of the DS field",
            Self::Groups => "group of interfaces",
        })
    }
}
