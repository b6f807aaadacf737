//! Event loops: one per process.

pub mod bfd;
pub mod channel;
pub mod checker;
mod failure;
pub mod keepalive;
mod links;
mod parent;
pub(crate) mod settings;
mod signals;
pub mod succession;
pub mod vrrp;
