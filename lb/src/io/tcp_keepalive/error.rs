//! What can go wrong with keepalive in the kernel.

use std::{io, path::PathBuf};

use aya::{EbpfError, maps::MapError, pin::PinError, programs::ProgramError};
use thiserror::Error;

use crate::io::{sysctl::Setting, xdp::XdpError};

/// A failed operation.
#[derive(Debug, Error)]
pub enum KeepaliveError {
    /// A setting that cannot be read.
    #[error("cannot read {setting}: {why}")]
    Unreadable {
        /// Which.
        setting: Setting,
        /// Why.
        why: io::Error,
    },
    /// A setting that the kernel does not take. Those set before it are as they were.
    #[error("cannot set {setting} to {value}: {why}; nothing was changed")]
    Refused {
        /// Which.
        setting: Setting,
        /// To what.
        value: u32,
        /// Why.
        why: io::Error,
    },
    /// A setting that has another value when it is read again.
    #[error("{setting} is {read} after it was set to {value}; nothing was changed")]
    Different {
        /// Which.
        setting: Setting,
        /// What it was set to.
        value: u32,
        /// What it is.
        read: u32,
    },
    /// A setting that could not be put back after another one failed.
    #[error("{failure}; and {setting} could not be put back to {value}: {why}")]
    Stuck {
        /// What failed before.
        failure: Box<Self>,
        /// Which.
        setting: Setting,
        /// What it was.
        value: u32,
        /// Why.
        why: io::Error,
    },
    /// A file that is not ours.
    #[error("{path} was not written by `lb tcp-keepalive persist`: move it away, or name another file with --file", path = .0.display())]
    Foreign(PathBuf),
    /// A file or directory.
    #[error("{path}: {why}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// No cgroup v2 is mounted.
    #[error(
        "no cgroup v2 is mounted here, only version 1, to which no socket program can be attached: boot with \
         systemd.unified_cgroup_hierarchy=1, or `mount -t cgroup2 none /sys/fs/cgroup/unified`"
    )]
    NoCgroup2,
    /// Not a group of it.
    #[error("{path} is no control group of version 2: its groups are directories below {mount}", path = path.display(), mount = mount.display())]
    NoGroup {
        /// What was given.
        path: PathBuf,
        /// Where they are.
        mount: PathBuf,
    },
    /// Nothing is attached there.
    #[error("nothing is attached to {path}: `lb tcp-keepalive attach --cgroup {path}` does that", path = .0.display())]
    NotAttached(PathBuf),
    /// The kernel cannot tell what programs asked for.
    #[error(
        "this kernel cannot tell which programs ask for keepalive themselves, which takes Linux 6.1: attach with --force"
    )]
    CannotRespect,
    /// The kernel takes no such program.
    #[error(
        "this kernel gives no keepalive by control group ({0}): `lb tcp-keepalive set` is for programs that ask for it, and the \
         library libkeepalive for dynamic ones that do not"
    )]
    Unsupported(String),
    /// The BPF file system.
    #[error(transparent)]
    Mount(#[from] XdpError),
    /// The object.
    #[error("cannot load the programs: {0}")]
    Load(#[from] Box<EbpfError>),
    /// A map.
    #[error("map {name}: {why}")]
    Map {
        /// Which.
        name: &'static str,
        /// Why.
        why: MapError,
    },
    /// A program.
    #[error("program {name}: {why}")]
    Program {
        /// Which.
        name: &'static str,
        /// Why.
        why: ProgramError,
    },
    /// A pin.
    #[error("cannot pin {path}: {why}", path = path.display())]
    Pin {
        /// Where.
        path: PathBuf,
        /// Why.
        why: PinError,
    },
    /// The kernel does not list sockets.
    #[error("the kernel does not list its TCP sockets (sock_diag): {0}")]
    Diag(io::Error),
}

impl KeepaliveError {
    pub(super) fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |why| Self::File { path, why }
    }
}
