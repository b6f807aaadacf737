//! TCP keepalive in the kernel: settings of a network namespace, programs of control groups, sockets.

mod error;
mod group;
mod link;
mod programs;
mod settings;
mod sockets;

pub use self::{
    error::KeepaliveError,
    group::Group,
    programs::{Attachment, Outcome, Programs},
    settings::{Kernel, Persisted, SettingsFile},
    sockets::{Counts, Existing},
};
