//! Event loops: one per process.

pub mod bfd;
pub mod channel;
pub mod checker;
mod failure;
pub mod keepalive;
mod links;
mod parent;
pub mod vrrp;
